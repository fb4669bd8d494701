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

// TestProtectRuntime: Protect measures the locked model in onnxruntime before it writes it, for
// several outputs with a task each too.
func TestProtectRuntime(t *testing.T) {
	python := pythonWithRuntime(t)
	heads, err := advparams.ParseTask("digit=classification,bold=binary")
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]advparams.Task{"both": heads, "lines": nil} {
		dir := t.TempDir()
		p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: filepath.Join("testdata", "heads", name+".onnx"), Data: advparams.Data{Path: filepath.Join("testdata", "heads", name+".npz")},
			Task: kind, Locked: filepath.Join(dir, "locked.onnx"), Key: filepath.Join(dir, "key"), PlainKey: true,
			Runtime: advparams.OnnxRuntime, Python: python,
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.Runtime == nil || len(p.Runtime.Metrics) != len(p.Metrics) {
			t.Fatalf("%s: found %+v", name, p.Runtime)
		}
		for i, m := range p.Runtime.Metrics {
			if want := p.Metrics[i]; m.Name != want.Name || math.Abs(m.Locked-want.Locked) > 0.05 { // probabilities that saturate are ties there
				t.Errorf("%s: %s is %v in onnxruntime, %v here", name, m.Name, m.Locked, want.Locked)
			}
		}
	}
}

// TestNoRuntimeToProtect: what is missing is said before the search.
func TestNoRuntimeToProtect(t *testing.T) {
	dir := t.TempDir()
	opt := advparams.ProtectOptions{
		Model: filepath.Join("testdata", "heads", "shapes.onnx"), Data: advparams.Data{Path: filepath.Join("testdata", "heads", "shapes.npz")},
		Locked: filepath.Join(dir, "locked.onnx"), Key: filepath.Join(dir, "key"), PlainKey: true,
		Runtime: advparams.OnnxRuntime, Python: "no-such-python",
	}
	if _, err := advparams.Protect(t.Context(), opt); !errors.As(err, new(*advparams.RuntimeError)) {
		t.Errorf("no Python: %v", err)
	}
	opt.Runtime = "other"
	var wrong *advparams.OptionError
	if _, err := advparams.Protect(t.Context(), opt); !errors.As(err, &wrong) || wrong.Option != "Runtime" {
		t.Errorf("another program: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("files were written: %v, %v", entries, err)
	}
}
