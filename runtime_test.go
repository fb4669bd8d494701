package advparams_test

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams"
)

// pythonWithRuntime returns a Python that has onnxruntime, or skips the test.
func pythonWithRuntime(t *testing.T) string {
	t.Helper()
	python := os.Getenv(advparams.PythonVariable)
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import numpy, onnxruntime").Run(); err != nil {
		t.Skipf("no onnxruntime in %s: %v; name another Python in %s", python, err, advparams.PythonVariable)
	}
	return python
}

// TestVerifyRuntime: onnxruntime finds the figures that Verify finds, also where samples
// are not on axis 0.
func TestVerifyRuntime(t *testing.T) {
	python := pythonWithRuntime(t)
	dir := t.TempDir()
	model := filepath.Join("testdata", "heads", "shapes.onnx")
	data := advparams.Data{Path: filepath.Join("testdata", "heads", "shapes.npz")}
	locked, key := filepath.Join(dir, "locked.onnx"), filepath.Join(dir, "key")
	if _, err := advparams.Protect(t.Context(), advparams.ProtectOptions{Model: model, Data: data, Locked: locked, Key: key, PlainKey: true, Beam: 4}); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{model, locked} {
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: model, Locked: file, Data: data, Runtime: advparams.OnnxRuntime, Python: python})
		if err != nil {
			t.Fatal(err)
		}
		if v.Runtime == nil || v.Runtime.Version == "" || len(v.Runtime.Metrics) != len(v.Metrics) {
			t.Fatalf("found %+v", v.Runtime)
		}
		for i, m := range v.Runtime.Metrics {
			if want := *v.Metrics[i].Locked; m.Name != v.Metrics[i].Name || math.Abs(m.Locked-want) > 0.005 {
				t.Errorf("%s: %s is %v in onnxruntime, %v here", file, m.Name, m.Locked, want)
			}
		}
	}
}

// TestNoRuntime: what is missing is said.
func TestNoRuntime(t *testing.T) {
	model := filepath.Join("testdata", "heads", "shapes.onnx")
	data := advparams.Data{Path: filepath.Join("testdata", "heads", "shapes.npz"), Limit: 20}
	_, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: model, Data: data, Runtime: advparams.OnnxRuntime, Python: "no-such-python"})
	e, ok := errors.AsType[*advparams.RuntimeError](err)
	if !ok || !e.Missing || e.Hint() == "" {
		t.Errorf("no Python: %v", err)
	}
	var wrong *advparams.OptionError
	if _, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: model, Data: data, Runtime: "other"}); !errors.As(err, &wrong) || wrong.Option != "Runtime" {
		t.Errorf("another program: %v", err)
	}
}
