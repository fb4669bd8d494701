package advparams_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/onnxio"
)

// TestTruncatedMeanwhile: a model that is cut off during a run is an error.
func TestTruncatedMeanwhile(t *testing.T) {
	m, dir := testmodel.Demo(t)
	o := advparams.ProtectOptions{Model: m.Path(), Locked: filepath.Join(dir, "out.onnx"), Key: filepath.Join(dir, "out.key"), PlainKey: true}
	o.Data = advparams.Data{Path: filepath.Join(dir, models.DataFolder), Limit: 100}
	o.Progress = func(p advparams.Progress) {
		if err := os.Truncate(m.Path(), 100); err != nil {
			t.Error(err)
		}
	}
	_, err := advparams.Protect(t.Context(), o)
	var truncated *onnxio.TruncatedError
	var changed *onnxio.PathError
	if !errors.As(err, &truncated) && !errors.As(err, &changed) {
		t.Errorf("%v, want an error that names the file", err)
	}
}
