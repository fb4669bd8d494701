package verify

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// TestDigestText: what is no SHA-256 is an error, whatever its length. Records of batches lie in
// folders where others may write.
func TestDigestText(t *testing.T) {
	good := strings.Repeat("0f", 32)
	for text, ok := range map[string]bool{good: true, "": false, good[2:]: false, good[1:]: false, good + "00": false, strings.Repeat("zz", 32): false} {
		var f File
		err := json.Unmarshal([]byte(`{"sha256":"`+text+`"}`), &f)
		if (err == nil) != ok || ok && f.SHA256.String() != text {
			t.Errorf("%q: %v, %v", text, f.SHA256, err)
		}
	}
}

// TestConfusionOfLargeClasses: answers that are the largest numbers there are make no matrix.
func TestConfusionOfLargeClasses(t *testing.T) {
	c := confusion(pairs{{Label: 0, Answer: 1}: 2}, pairs{{Label: 0, Answer: math.MaxInt}: 1})
	if c == nil || c.Locked != nil || len(c.Frequent) != 1 || c.Frequent[0].Answer != math.MaxInt {
		t.Errorf("%+v", c)
	}
}
