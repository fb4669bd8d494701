package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fuzzedJob returns a job in a folder, with a file in its state folder.
func fuzzedJob(t *testing.T, ending string, text []byte) *Job {
	t.Helper()
	dir := t.TempDir()
	j := &Job{Model: filepath.Join(dir, "model.onnx"), Output: filepath.Join(dir, "locked.onnx"), Key: filepath.Join(dir, "locked.key")}
	path := j.state(ending)
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o777), os.WriteFile(path, text, 0o666)); err != nil {
		t.Fatal(err)
	}
	return j
}

// FuzzRecord reads a record that somebody else may have left. A record that can be read
// stays the same when it is written, and settles no step whose outputs are not there.
func FuzzRecord(f *testing.F) {
	now := time.Unix(1e9, 0).UTC()
	whole, err := json.Marshal(&record{
		Version: 1, Model: "m.onnx", Inputs: []FileState{{Path: "../m.onnx", Size: 3, SHA256: "00"}}, Locked: []FileState{{Path: "l"}},
		Ours: []string{"locked.onnx", "../../x"}, PeakMemory: 1 << 40,
		Steps: map[string]*stepRecord{
			"protect": {Fingerprint: "f", State: stateDone, Started: now, Outputs: []FileState{{Path: "locked.onnx", Size: 1}}, Result: json.RawMessage(`{"sha256":{}}`)},
			"verify":  {Fingerprint: "f", State: stateFailed, Status: 4, Error: "no", Hint: "none", Result: json.RawMessage(`null`)},
			"attack":  {Fingerprint: "f", State: stateStarted, Unclean: true},
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), "", "null", "[]", `{"version":2}`, `{"version":1,"steps":{"protect":null}}`, `{"version":1,"steps":{"":{"state":"done","outputs":[{"path":""}]}}}`, `{"version":1,"steps":{},"ours":["s3://b/k","/etc/passwd"]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		j := fuzzedJob(t, ".json", text)
		r, err := j.readRecord(t.Context(), nil)
		if err != nil {
			return
		}
		if r.Version != 1 || r.Steps == nil {
			t.Fatalf("record %+v", r)
		}
		for name, s := range r.Steps {
			done := r.settled(t.Context(), nil, name, s.Fingerprint, false)
			for _, out := range s.Outputs {
				if _, err := os.Stat(out.Path); done != nil && err != nil {
					t.Fatalf("step %q is settled, and %q is not there", name, out.Path)
				}
			}
		}
		if err := r.write(t.Context(), nil, j); err != nil {
			t.Fatal(err)
		}
		again, err := j.readRecord(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		first, err1 := json.Marshal(r)
		second, err2 := json.Marshal(again)
		if errors.Join(err1, err2) != nil || !bytes.Equal(clean(t, r), clean(t, again)) {
			t.Fatalf("%s became %s (%v)", first, second, errors.Join(err1, err2))
		}
	})
}

// clean returns a record as text, with clean paths.
func clean(t *testing.T, r *record) []byte {
	t.Helper()
	c := r.clone()
	c.paths(absolute)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// FuzzLock takes a lock whose file holds anything. It is taken at once, or somebody on
// another host holds it; whoever takes it leaves nothing behind.
func FuzzLock(f *testing.F) {
	host, err := os.Hostname()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", "null", "{}", `{"host":"elsewhere","pid":1,"seen":"2026-01-02T03:04:05Z"}`, `{"host":"elsewhere","pid":-1,"seen":"9999-12-31T23:59:59Z"}`,
		fmt.Sprintf(`{"host":%q,"pid":1,"process":"x"}`, host), `{"host":"elsewhere","process":"1/2/3"}`, "{\"host\":\"\u009b\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		j := fuzzedJob(t, ".lock", text)
		folder, err := j.openState(false)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		l, err := acquire(folder, baseOf(j.Output)+".lock", nil)
		if err != nil {
			held, ok := errors.AsType[*heldError](err)
			if !ok || held.owner.Host == host || held.Error() == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		l.release()
		left, err := os.ReadDir(folder.Name())
		if err != nil || len(left) > 0 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	})
}
