package advparams

import (
	"strings"
	"testing"

	"github.com/advparams/advparams/task"
)

// TestVerdictRenamed: a model whose answers only have other names is not locked, though its
// accuracy is that of guesses.
func TestVerdictRenamed(t *testing.T) {
	for translated, ok := range map[float64]bool{0.05: true, 0.5: false} {
		v := &verifier{opt: &VerifyOptions{}}
		v.report.Locked = &task.Score{Quality: 0.1, Chance: 0.1, Translated: translated, Classes: make([]task.Class, 10)}
		got, missed := v.judge()
		if got.OK != ok || len(missed) > 0 || !ok && !strings.Contains(got.Reasons[0], "renaming its answers brings the accuracy to 0.5000 above") {
			t.Errorf("renaming gives back %v: %+v, %q", translated, got, missed)
		}
	}
}
