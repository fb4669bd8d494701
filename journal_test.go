//go:build unix

package advparams_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/onnxio"
)

// TestJournalOfStrangers: whoever can make files beside a model does not decide with a
// journal what is written to it.
func TestJournalOfStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	t.Chdir(t.TempDir())
	if err := writeRegression("model.onnx"); err != nil {
		t.Fatal(err)
	}
	before := read(t, "model.onnx")
	journal := "model.onnx" + onnxio.JournalSuffix
	for _, c := range []struct {
		owner   int // of the journal
		refused bool
	}{{12345, true}, {0, false}} {
		if err := os.WriteFile(journal, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(journal, c.owner, 0); err != nil {
			t.Skip(err)
		}
		_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: "model.onnx", Profile: advparams.Sealed, InPlace: true, Key: "model.key", PlainKey: true,
		})
		var strange *guard.Error
		if c.refused != (errors.As(err, &strange) && strange.Reason == "belongs to another user") || c.refused == (err == nil) {
			t.Errorf("owner %d: %v", c.owner, err)
		}
		if c.refused && !bytes.Equal(read(t, "model.onnx"), before) {
			t.Error("the model is changed")
		}
	}
	if _, err := os.Stat(journal); err == nil {
		t.Error("the journal stays")
	}
}
