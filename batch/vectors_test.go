package batch

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestStateVectors reads the records and takes the locks of testdata/vectors/batch, which
// are for every program that reads the state folder.
func TestStateVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", "batch", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Vectors []struct{ Kind, About, Text, Result string }
	}
	if err := json.Unmarshal(text, &index); err != nil || len(index.Vectors) < 20 {
		t.Fatalf("%d vectors, %v", len(index.Vectors), err)
	}
	for _, v := range index.Vectors {
		result := map[string]func(*testing.T, []byte) string{"record": recordResult, "lock": lockResult}[v.Kind]
		if result == nil {
			t.Errorf("%s: kind %q", v.About, v.Kind)
			continue
		}
		if got := result(t, []byte(v.Text)); got != v.Result {
			t.Errorf("%s, %s: %s, want %s", v.Kind, v.About, got, v.Result)
		}
	}
}

func recordResult(t *testing.T, text []byte) string {
	j := fuzzedJob(t, ".json", text)
	r, err := j.readRecord(t.Context(), nil)
	if err != nil {
		return err.Error()
	}
	if err := r.write(t.Context(), nil, j); err != nil {
		return err.Error()
	}
	// The empty record names the job's model, and has nothing else.
	if len(r.Steps) == 0 && len(r.Inputs)+len(r.Ours)+len(r.Locked) == 0 && r.Model == j.Model {
		return "none"
	}
	return "read"
}

func lockResult(t *testing.T, text []byte) string {
	j := fuzzedJob(t, ".lock", text)
	folder, err := j.openState(false)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	l, err := acquire(folder, baseOf(j.Output)+".lock", nil)
	if _, held := errors.AsType[*heldError](err); held {
		return "held"
	}
	if err != nil {
		return err.Error()
	}
	l.release()
	return "taken"
}
