package minimal

import (
	"strings"
	"testing"
)

// TestMadeUpErrorText: what a lock leaves is said with what was compared.
func TestMadeUpErrorText(t *testing.T) {
	e := &MadeUpError{Model: "m.onnx", Families: []FamilyScore{
		{Family: "shapes", By: "answers", Agreement: 0.01},
		{Family: "fields", By: "renamed answers", Agreement: 0.25, Intact: true},
	}}
	if text := e.Error(); !strings.HasSuffix(text, "but not on others: fields (renamed answers: 25 %)") {
		t.Error(text)
	}
}
