package advparams_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
)

// TestTooAlike: a reader of lines that reads the same in all samples, because nothing is written
// there, is locked by all that it computes. A task that was asked for is refused then.
func TestTooAlike(t *testing.T) {
	x := nd.New(nd.Float32, 64, 1, 8, 32)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64()) * 0.02
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "empty lines")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ task, want string }{{"", ""}, {"ctc", "too alike for the task ctc"}} {
		var locked, key bytes.Buffer
		var notices []string
		opt := advparams.ProtectOptions{
			Model: "testdata/heads/lines.onnx", Data: advparams.Data{Samples: set, Labels: advparams.LabelsOfModel},
			LockedTo: &locked, KeyTo: &key, PlainKey: true,
			Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
		}
		if c.task != "" {
			if opt.Task, err = advparams.ParseTask(c.task); err != nil {
				t.Fatal(err)
			}
		}
		p, err := advparams.Protect(t.Context(), opt)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || locked.Len() > 0 {
				t.Errorf("task %q: %v, want %s", c.task, err, c.want)
			}
			continue
		}
		if err != nil || p.Task != "outputs" {
			t.Errorf("task %q: %v, %v; %s", c.task, p, err, strings.Join(notices, "; "))
		}
		if text := strings.Join(notices, "; "); !strings.Contains(text, "the task is outputs: as ctc, answers to different samples would agree on ") {
			t.Errorf("task %q: %s", c.task, text)
		}
	}
}
