//go:build unix

package advparams_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/onnxio"
)

// failing is a writer to a full disk.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestJournalGoes: a change in place that fails before it has begun leaves no journal, which
// would keep others from reading the model.
func TestJournalGoes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeRegression("model.onnx"); err != nil {
		t.Fatal(err)
	}
	before := read(t, "model.onnx")
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		ctx  context.Context
		opt  advparams.ProtectOptions
		want error
	}{
		{t.Context(), advparams.ProtectOptions{KeyTo: failing{}}, syscall.ENOSPC},
		{ctx, advparams.ProtectOptions{Key: "model.key", Progress: func(p advparams.Progress) {
			if p.Stage == "computing digests" {
				cancel()
			}
		}}, context.Canceled},
	} {
		c.opt.Model, c.opt.Profile, c.opt.InPlace, c.opt.PlainKey = "model.onnx", advparams.Sealed, true, true
		if _, err := advparams.Protect(c.ctx, c.opt); !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
		if _, err := os.Lstat("model.onnx" + onnxio.JournalSuffix); err == nil {
			t.Error("the journal stays")
		}
		if !bytes.Equal(read(t, "model.onnx"), before) {
			t.Error("the model is changed")
		}
	}
}

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
