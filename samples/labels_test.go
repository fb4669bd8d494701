package samples

import (
	"math"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// TestMostly: a hundred samples of which eight have the rarer answer are enough to compare
// samples with each other, be it one question or several; to tell classes apart they are not.
func TestMostly(t *testing.T) {
	const n = 100
	set, err := dataset.FromArrays(map[string]nd.Array{"x": nd.New(nd.Float32, n, 1)}, "x")
	if err != nil {
		t.Fatal(err)
	}
	two, ten := nd.New(nd.Int64, n), nd.New(nd.Int64, n)
	for i := range n {
		two.Int64s()[i], ten.Int64s()[i] = int64(i%2), int64(i%10)
	}
	for _, c := range []struct {
		task  task.Task
		truth nd.Array
		want  float64
	}{
		{task.Binary{}, two, 0.92},
		{task.MultiLabel{}, two, 0.92},
		{task.Classification{}, two, 2.0 / 3},
		{task.Classification{}, ten, 0.5},
	} {
		p := &Prepared{Head: &Head{Task: c.task}, Set: set.WithTruth(c.truth)}
		if have := p.mostly(); math.Abs(have-c.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", c.task.Name(), have, c.want)
		}
	}
}

// TestMarksNothing: a model that says no everywhere is told from one that says yes somewhere, and
// from one whose numbers say neither.
func TestMarksNothing(t *testing.T) {
	set, err := dataset.FromArrays(map[string]nd.Array{"x": nd.New(nd.Float32, 2, 1)}, "x")
	if err != nil {
		t.Fatal(err)
	}
	looks := map[bool]task.Outlook{}
	for marks, path := range map[bool]string{true: "../testdata/heads/vad.onnx", false: "../testdata/heads/denoise.onnx"} {
		m, err := onnxio.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if looks[marks], err = task.Look(m, ""); err != nil || looks[marks].Marks() != marks {
			t.Fatalf("%s: %v, marks %v, want %v", path, err, looks[marks].Marks(), marks)
		}
	}
	for _, c := range []struct {
		task    task.Task
		marks   bool
		outputs []float32
		want    bool
	}{
		{task.Outputs{}, true, []float32{0.1, 0.2, 0, 0.01}, true},
		{task.Image{}, true, []float32{0.1, 0.2, 0, 0.01}, true},
		{task.Outputs{}, true, []float32{0.1, 0.7, 0, 0.01}, false},
		{task.Outputs{}, true, []float32{0.1, -0.2, 0, 0.01}, false}, // another output has other numbers
		{task.Outputs{}, false, []float32{0.1, 0.2, 0, 0.01}, false},
		{task.Regression{}, true, []float32{0.1, 0.2, 0, 0.01}, false}, // labels, not answers
	} {
		p := &Prepared{Head: &Head{Task: c.task, Look: looks[c.marks]}, Set: set.WithTruth(nd.Of(c.outputs, 2, 2))}
		if most, nothing := p.marksNothing(); nothing != c.want || nothing && most != 0.2 {
			t.Errorf("%s, %v, sigmoid %v: %v, %v", c.task.Name(), c.outputs, c.marks, most, nothing)
		}
	}
}

// TestFoundNothing: a detector of which most boxes have no size gives something else than boxes.
func TestFoundNothing(t *testing.T) {
	set, err := dataset.FromArrays(map[string]nd.Array{"x": nd.New(nd.Float32, 2, 1)}, "x")
	if err != nil {
		t.Fatal(err)
	}
	none, box, offsets := []float32{-1, 0, 0, 0, 0, 0}, []float32{0, 1, 1, 3, 2, 0.9}, []float32{0, 2.5, 2, -3.5, -2.8, 0.9}
	for _, c := range []struct {
		rows [4][]float32
		want string
	}{
		{[4][]float32{none, none, none, none}, "the model finds no object in any sample"},
		{[4][]float32{box, none, offsets, none}, ""},
		{[4][]float32{box, offsets, offsets, none}, "2 of 3 boxes that the model finds have no size, so that its outputs are no boxes yet"},
	} {
		truth := nd.New(nd.Float32, 2, 2, 6)
		for i, row := range c.rows {
			copy(truth.Float32s()[6*i:], row)
		}
		p := &Prepared{Head: &Head{Task: task.Detection{}}, Set: set.WithTruth(truth)}
		if have := p.FoundNothing(); have != c.want {
			t.Errorf("%v: %q, want %q", c.rows, have, c.want)
		}
		p.Task = task.Outputs{}
		if have := p.FoundNothing(); have != "" {
			t.Errorf("no detector: %q", have)
		}
	}
}
