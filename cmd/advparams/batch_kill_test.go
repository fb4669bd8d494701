package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/models"
)

// longVariable makes tests run in full that `make test` shortens.
const longVariable = "ADVPARAMS_LONG_TESTS"

// TestBatchKilled runs a batch of models, some of which are broken in different ways.
// It kills the batch again and again, and compares the files in the end with those
// of a run that was left alone.
func TestBatchKilled(t *testing.T) {
	long := os.Getenv(longVariable) != ""
	count, kills := 18, 3
	switch {
	case long:
		count, kills = 200, 10
	case testing.Short():
		t.Skip("starts hundreds of processes")
	}
	calm, killed := t.TempDir(), t.TempDir()
	var want map[string]int
	for _, dir := range []string{calm, killed} {
		var entries string
		want = map[string]int{}
		if long {
			entries = addShared(t, dir, want)
		}
		if err := makeZoo(dir, count-len(want), want); err != nil {
			t.Fatal(err)
		}
		if err := appendFile(filepath.Join(dir, "zoo.yaml"), entries); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	runBatch(t, calm, want)
	took := time.Since(start)

	// The work is spread over all runs, so each run gets a share of the time.
	rng := rand.New(rand.NewPCG(1, 2))
	landed := 0
	for range kills {
		cmd, _ := batchCommand(killed)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(took) / int64(kills+1) * 3 / 2)))
		cmd.Process.Kill()
		if cmd.Wait(); cmd.ProcessState.ExitCode() < 0 {
			landed++
		}
	}
	if landed == 0 {
		t.Error("no run was killed")
	}
	t.Logf("%d models in %v, then killed %d times", count, took, landed)
	runBatch(t, killed, want)
	compareOutputs(t, calm, killed)
}

// TestBatchStopped tells a batch to stop while it works. The batch ends in good order,
// and the same command continues it.
func TestBatchStopped(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	dir := t.TempDir()
	want := map[string]int{}
	if err := makeZoo(dir, 12, want); err != nil {
		t.Fatal(err)
	}
	cmd, stdout := batchCommand(dir)
	cmd.Args = append(cmd.Args, "--workers", "2") // so that some have to wait
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := false; !begun; time.Sleep(5 * time.Millisecond) {
		found, _ := filepath.Glob(filepath.Join(dir, "out", "*", batch.StateFolder, "*.log"))
		begun = len(found) > 0
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	var s batch.Summary
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if status := cmd.ProcessState.ExitCode(); status != exitcode.Interrupted || s.Counts[batch.Waiting] == 0 || s.Counts[batch.Interrupted] == 0 {
		t.Errorf("exit status %d, %v", status, s.Counts)
	}
	for _, pattern := range []string{"out/*/.advparams-*.tmp", "out/*/" + batch.StateFolder + "/*.tmp", "out/*/" + batch.StateFolder + "/*.lock"} {
		if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	runBatch(t, dir, want)
}

func batchCommand(dir string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command("advparams", "batch", "zoo.yaml", "--json", "--quiet", "--results", "results.jsonl", "--index", "index.html")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	return cmd, &stdout
}

// runBatch runs the batch in dir to its end and checks the outcome of each model.
func runBatch(t *testing.T, dir string, want map[string]int) {
	t.Helper()
	cmd, stdout := batchCommand(dir)
	cmd.Run()
	if status := cmd.ProcessState.ExitCode(); status != exitcode.Failed {
		t.Errorf("exit status %d, want 1: some models may be worth a retry", status)
	}
	var s struct {
		Models []struct {
			Model  string `json:"model"`
			Status int    `json:"status"`
			Error  string `json:"error"`
			Verify struct {
				BitExact bool `json:"bit_exact"`
			} `json:"verify"`
		} `json:"models"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Models) != len(want) {
		t.Errorf("%d models, want %d", len(s.Models), len(want))
	}
	for _, m := range s.Models {
		status, ok := want[filepath.ToSlash(m.Model)]
		if !ok || m.Status != status || (status == 0) != (m.Error == "") {
			t.Errorf("%s: status %d, want %d: %s", m.Model, m.Status, status, m.Error)
		}
		if status == exitcode.Done && !m.Verify.BitExact {
			t.Errorf("%s: not verified bit by bit", m.Model)
		}
	}
}

// compareOutputs compares the outputs of two runs, except for contents that have times
// in them.
func compareOutputs(t *testing.T, calm, killed string) {
	t.Helper()
	sealed := func(name string) bool {
		return strings.HasPrefix(name, "sealed") || strings.HasPrefix(name, "stranger")
	}
	outputs := func(dir string) map[string]string {
		found := map[string]string{}
		err := filepath.WalkDir(filepath.Join(dir, "out"), func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel(dir, path)
			switch ext := filepath.Ext(path); {
			case err != nil:
				return err
			case ext == ".lock" || d.IsDir() && ext == ".tmp":
				t.Errorf("%s is left", name)
			case ext == ".onnx" || ext == ".data" || ext == ".key" && !sealed(d.Name()):
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				found[name] = string(text)
			case ext == ".html" || ext == ".key":
				found[name] = "" // with times or random numbers in it
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	a, b := outputs(calm), outputs(killed)
	for name, text := range a {
		if other, ok := b[name]; !ok || other != text {
			t.Errorf("%s: in both %v, equal %v", name, ok, other == text)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s is there only after kills", name)
		}
	}
}

func appendFile(path, text string) error {
	return alter(path, func(data []byte) []byte { return append(data, text...) })
}

// makeZoo writes models and a manifest. It adds the status that each model should have
// to want.
func makeZoo(dir string, count int, want map[string]int) error {
	zoo := filepath.Join(dir, "zoo")
	if err := os.MkdirAll(zoo, 0o777); err != nil {
		return err
	}
	if err := writeSamples(filepath.Join(dir, "data.npz"), 100, 0, true); err != nil {
		return err
	}
	if err := writeSamples(filepath.Join(dir, "wrong.npz"), 100, 9, true); err != nil {
		return err
	}
	var sealed string
	for i, name := range []string{"me.txt", "other.txt"} { // keys are sealed to one, opened with the other
		text, err := exec.Command("advparams", "keygen").Output()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
		if i == 0 {
			_, rest, _ := strings.Cut(string(text), "# public key: ")
			sealed, _, _ = strings.Cut(rest, "\n")
		}
	}
	kinds := []struct {
		name   string
		status int
		write  func(path string, seed uint64) error
	}{
		{"plain", exitcode.Done, func(path string, seed uint64) error { return writeModel(path, classifier(seed)) }},
		{"external", exitcode.Done, func(path string, seed uint64) error { return writeExternal(path, classifier(seed)) }},
		{"sealed", exitcode.Done, func(path string, seed uint64) error { return writeModel(path, classifier(seed)) }},
		{"softmax", exitcode.Done, func(path string, seed uint64) error {
			m := classifier(seed)
			m.Graph.Node = append(m.Graph.Node, node("Softmax", "p", "y"))
			m.Graph.Output[0] = tensorValue("p", 0, classes)
			return writeModel(path, m)
		}},
		{"text", exitcode.Failed, func(path string, _ uint64) error { return os.WriteFile(path, []byte("no model\n"), 0o666) }},
		{"empty", exitcode.Failed, func(path string, _ uint64) error { return os.WriteFile(path, nil, 0o666) }},
		{"cut", exitcode.Failed, func(path string, seed uint64) error {
			if err := writeModel(path, classifier(seed)); err != nil {
				return err
			}
			return os.Truncate(path, 1000)
		}},
		{"labels", exitcode.Failed, func(path string, seed uint64) error { return writeModel(path, classifier(seed)) }},
		{"selection", exitcode.Usage, func(path string, seed uint64) error { return writeModel(path, classifier(seed)) }},
		{"hard", exitcode.Target, func(path string, seed uint64) error { return writeModel(path, classifier(seed)) }},
		{"stranger", exitcode.Key, func(path string, seed uint64) error { return writeModel(path, classifier(seed)) }},
		{"unknown", exitcode.Unsupported, func(path string, seed uint64) error {
			m := classifier(seed)
			m.Graph.Node[1].OpType = proto.String("Frobnicate")
			return writeModel(path, m)
		}},
	}
	for i := range count {
		k := kinds[i%len(kinds)]
		if i >= 2*len(kinds) { // the rest is good
			k = kinds[i%4]
		}
		name := fmt.Sprintf("zoo/%s-%03d.onnx", k.name, i)
		if err := k.write(filepath.Join(dir, name), uint64(i)); err != nil {
			return err
		}
		want[name] = k.status
	}
	// A model whose file is missing, and the demo, with its own data.
	want["zoo/missing.onnx"], want["story/glyphs.onnx"] = exitcode.Failed, exitcode.Done
	if err := models.Install(filepath.Join(dir, "story"), false); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "zoo.yaml"), fmt.Appendf(nil, `version: 1
defaults:
  data: {path: data.npz}
  samples: 100
  seal: {plain: true}
  output: out/{{.Dir}}/{{.Stem}}.locked.onnx
models:
  - zoo/*.onnx
  - zoo/missing.onnx
  - {path: zoo/labels-*.onnx, data: {path: wrong.npz}}
  - {path: zoo/selection-*.onnx, include: ["nothing of this name"]}
  - {path: zoo/hard-*.onnx, max_params: 1}
  - {path: zoo/sealed-*.onnx, seal: {recipients: [%[1]s]}, verify: {identities: [me.txt]}}
  - {path: zoo/stranger-*.onnx, seal: {recipients: [%[1]s]}, verify: {identities: [other.txt]}}
  - {path: story/glyphs.onnx, data: {path: story/data}, verify: {data: {limit: 200}}}
`, sealed), 0o666)
}
