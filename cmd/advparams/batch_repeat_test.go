package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBatchRepeated runs a batch. In another folder it then runs the commands that the
// dry run and the logs show. Files and figures have to be the same.
func TestBatchRepeated(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are quoted for a POSIX shell")
	}
	const manifest = `version: 1
defaults:
  data: {path: data.npz, limit: 90, seed: 3}
  samples: 80
  seal: {plain: true}
  verify: {data: {limit: 60}}
  attack: {test: {path: test.npz, limit: 50}, fraction: 0.5, attacks: [fine-tune], grid: ["sgd:0.05", "adam:0.001"], epochs: 2, batch: 16}
models:
  - {path: a.onnx, output: "out/it's a.onnx", max_params: 3, allow_partial: true, target_accuracy: 0.2, exclude: ["*/bias"], steps: [protect, verify, attack]}
  - {path: b.onnx, output: out/b.onnx, max_params: 100, report: "", data: {labels: model}}
  - {path: c.onnx, output: out/c.onnx, samples: 0, include: ["layer2*"], bounds: none, attack: {key: true, attacks: [fine-tune, repair]}, steps: [protect, attack]}
`
	byBatch, byHand := t.TempDir(), t.TempDir()
	for _, dir := range []string{byBatch, byHand} {
		for i, name := range []string{"a.onnx", "b.onnx", "c.onnx"} {
			if err := writeModel(filepath.Join(dir, name), classifier(uint64(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"data.npz", "test.npz"} {
			if err := writeSamples(filepath.Join(dir, name), 100, 0, true); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "m.yaml"), []byte(manifest), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "out", ".advparams-batch"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	run := func(dir, line string) []byte {
		t.Helper()
		cmd := exec.Command("sh", "-c", "advparams "+line+" --json --quiet")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && stdout.Len() == 0 {
			t.Fatalf("%s: %v: %s", line, err, &stderr)
		}
		return stdout.Bytes()
	}
	var plan struct {
		Models []struct {
			Model    string
			Commands []string
		}
	}
	var did struct{ Models []map[string]any }
	decode := func(text []byte, v any) {
		t.Helper()
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	decode(run(byBatch, "batch m.yaml --dry-run"), &plan)
	decode(run(byBatch, "batch m.yaml"), &did)
	for i, m := range plan.Models {
		log, err := os.ReadFile(filepath.Join(byBatch, did.Models[i]["log"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range m.Commands {
			if !strings.Contains(string(log), "$ advparams "+line+"\n") {
				t.Errorf("%s: the log has no line %s:\n%s", m.Model, line, log)
			}
			step, _, _ := strings.Cut(line, " ")
			var byCommand map[string]any
			decode(run(byHand, line), &byCommand)
			delete(byCommand, "evidence") // which the report of a batch has, and its records leave out
			if diff := cmp.Diff(timeless(did.Models[i][step]), timeless(byCommand)); diff != "" {
				t.Errorf("%s: batch and command differ (-batch +command):\n%s\n%s", m.Model, line, diff)
			}
		}
	}
	for _, pattern := range []string{"out/*.onnx", "out/*.key"} {
		files, _ := filepath.Glob(filepath.Join(byBatch, pattern))
		if len(files) != 3 {
			t.Errorf("%d files %s", len(files), pattern)
		}
		for _, file := range files {
			name, _ := filepath.Rel(byBatch, file)
			a, _ := os.ReadFile(file)
			b, err := os.ReadFile(filepath.Join(byHand, name))
			if err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: %v, equal %v", name, err, bytes.Equal(a, b))
			}
		}
	}
}

// timeless returns JSON without what differs from run to run.
func timeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		rest := map[string]any{}
		for name, value := range v {
			if name != "seconds" {
				rest[name] = timeless(value)
			}
		}
		return rest
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = timeless(v[i])
		}
		return list
	}
	return v
}
