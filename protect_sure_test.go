package advparams

import (
	"path/filepath"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// TestSaturated: where a search is stuck by probabilities that are nearly 0 or 1, what they are computed
// from is compared, and not where they tell something or have been left behind already.
func TestSaturated(t *testing.T) {
	m, err := onnxio.Open(filepath.Join("testdata", "heads", "events.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	look, err := task.Look(m, "")
	if err != nil || !look.Marks() {
		t.Fatalf("the model does not end in a Sigmoid, %v", err)
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": nd.New(nd.Float32, 4, 1)}, "none")
	if err != nil {
		t.Fatal(err)
	}
	stuck := &perturb.TargetError{Stuck: true}
	for _, c := range []struct {
		truth []float32
		task  task.Task
		err   error
		want  bool
	}{
		{[]float32{0, 1e-9, 1, 0.5}, task.Outputs{}, stuck, true},
		{[]float32{0, 1e-9, 0.5, 0.5}, task.Outputs{}, stuck, false},
		{[]float32{0, 1e-9, 1, 0.5}, task.Outputs{Logits: true}, stuck, false},
		{[]float32{0, 1e-9, 1, 0.5}, task.Binary{}, stuck, false},
		{[]float32{0, 1e-9, 1, 0.5}, task.Outputs{}, &perturb.TargetError{Spent: true}, false},
		{[]float32{0, 1e-9, 1, 0.5}, task.Outputs{}, nil, false},
	} {
		l := &locking{samples: &prepared{head: &head{model: m, task: c.task, look: look}, set: set.WithTruth(nd.Of(c.truth, 4, 1))}}
		if got := l.saturated(c.err); got != c.want {
			t.Errorf("%v as %s after %v: %v", c.truth, c.task.Name(), c.err, got)
		}
	}
	if traits := (task.Outputs{Logits: true}).Traits(); !traits.Logits || !traits.MeasureLogits {
		t.Error("logits are not compared")
	}
}
