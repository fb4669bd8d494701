package task

import (
	"errors"
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
)

// softScene returns the scene as boxes and scores with a class for no object, as logits of
// Softmax: the first class or the last.
func softScene(background Background) (outputs []nd.Array, truth nd.Array) {
	y, truth := scene()
	boxes, scores := nd.New(nd.Float32, 2, 8, 4), nd.New(nd.Float32, 2, 8, 3)
	for i := range 2 {
		for a := range 8 {
			get := func(c int) float32 { return y.Float32s()[(i*6+c)*8+a] }
			rest := float32(1)
			for c := range 2 {
				rest -= get(4 + c)
			}
			p := []float32{get(4), get(5), max(rest, 0.005)}
			if background == FirstBackground {
				p = []float32{p[2], p[0], p[1]}
			}
			for c := range 4 {
				boxes.Float32s()[(i*8+a)*4+c] = get(c) / 100
			}
			for c, v := range p {
				scores.Float32s()[(i*8+a)*3+c] = float32(math.Log(float64(v))) + 3
			}
		}
	}
	return []nd.Array{scores, boxes}, truth
}

// settledBy does what a run does: it settles the task and takes the best of its choices.
func settledBy(t *testing.T, d Detection, truth nd.Array, outputs ...nd.Array) Detection {
	t.Helper()
	s, _, err := d.Settle(truth, outputs)
	if err != nil {
		t.Fatal(err)
	}
	choices, err := s.(Chooser).Choices(truth, outputs)
	if err != nil {
		t.Fatal(err)
	}
	best := choices[0].Task.(Detection)
	for _, c := range choices {
		if measured(t, c.Task.(Detection), truth, outputs...).Quality > measured(t, best, truth, outputs...).Quality {
			best = c.Task.(Detection)
		}
	}
	return best
}

// TestBackground: a class of no object is found and left out, and gradients are those of the
// logits.
func TestBackground(t *testing.T) {
	for _, background := range []Background{FirstBackground, LastBackground} {
		outputs, truth := softScene(background)
		d := settledBy(t, hundred, truth, outputs...)
		if d.Background != background || d.Counting != FromZero {
			t.Errorf("found %+v, want %q", d, background)
		}
		wantMetric(t, measured(t, d, truth, outputs...), "mAP@0.5", 1)
		loss := d.Objective(truth, 2)
		seeds := []nd.Array{nd.New(nd.Float32, 2, 8, 3), nd.New(nd.Float32, 2, 8, 4)}
		if _, err := loss(outputs, seeds); err != nil {
			t.Fatal(err)
		}
		x, some := outputs[0].Float32s(), false
		for i := range x {
			const h = 1e-2
			was := x[i]
			x[i] = was + h
			high, _ := loss(outputs, nil)
			x[i] = was - h
			low, _ := loss(outputs, nil)
			x[i] = was
			want, got := (high-low)/(2*h), float64(seeds[0].Float32s()[i])
			if math.Abs(got-want) > 1e-3 {
				t.Errorf("%s: element %d: %v, want %v", background, i, got, want)
			}
			some = some || math.Abs(want) > 1e-3
		}
		if !some {
			t.Error("no gradient at all")
		}
	}
	// Sigmoids: most logits are negative, and no class stands for nothing.
	outputs, truth := softScene(LastBackground)
	for i := range outputs[0].Float32s() {
		outputs[0].Float32s()[i] -= 9
	}
	if d := settledBy(t, hundred, truth, outputs...); d.Background != NoBackground {
		t.Errorf("found %q among sigmoids", d.Background)
	}
}

// torchvision returns the first sample of the scene as three outputs, boxes in pixels.
func torchvision(first int64, d int) []nd.Array {
	y, _ := scene()
	boxes, labels, scores := nd.New(nd.Float32, 1, d, 4), nd.New(nd.Int64, 1, d), nd.New(nd.Float32, 1, d)
	for a := range d {
		get := func(c int) float32 { return y.Float32s()[c*8+a] }
		copy(boxes.Float32s()[a*4:], []float32{get(0) - get(2)/2, get(1) - get(3)/2, get(0) + get(2)/2, get(1) + get(3)/2})
		scores.Float32s()[a] = get(4)
		labels.Int64s()[a] = first
	}
	return []nd.Array{boxes, labels, scores}
}

// TestThreeOutputs: boxes, labels and scores in any order, and none at all; labels count from
// 1 or by the numbers of the data set.
func TestThreeOutputs(t *testing.T) {
	_, truth := scene()
	truth = truth.Rows(0, 1)
	for _, first := range []int64{0, 1, 7} {
		o := torchvision(first, 4)
		d := hundred
		d.IDs = []int{7, 9}
		d = settledBy(t, d, truth, o...)
		if want := map[int64]Counting{0: FromZero, 1: FromOne, 7: ByID}[first]; d.Counting != want {
			t.Errorf("label %d: counts %q, want %q", first, d.Counting, want)
		}
		for _, order := range [][]nd.Array{o, {o[2], o[0], o[1]}, {o[0], o[2], o[1]}} {
			wantMetric(t, measured(t, d, truth, order...), "mAP@0.5", 1)
		}
	}
	floats := torchvision(1, 4)
	floats[1] = nd.Of([]float32{2, 1, 1, 1}, 1, 4) // TensorFlow has labels as floats
	floats[1].Float32s()[0] = 1
	floats[1].Float32s()[3] = 2
	wantMetric(t, measured(t, Detection{Width: 100, Height: 100, Counting: FromOne}, truth, floats[1], floats[0], floats[2]), "mAP@0.5", 1)

	tally := hundred.NewTally()
	if err := tally.Add(torchvision(1, 0), truth); err != nil {
		t.Fatal(err)
	}
	if s := tally.Score(); s.Metrics[0].Value != 0 {
		t.Errorf("%+v of no boxes", s)
	}
	seeds := []nd.Array{nd.New(nd.Float32, 1, 4, 4), {}, nd.New(nd.Float32, 1, 4)}
	if _, err := (Detection{Width: 100, Height: 100}).Training(truth)(torchvision(0, 4), seeds); err != nil || seeds[2].Float32s()[0] == 0 {
		t.Errorf("gradient %v, %v", seeds[2].Data, err)
	}
}

// TestTooManyClasses: a label of no class is named by its sample.
func TestTooManyClasses(t *testing.T) {
	y, truth := scene()
	truth.Float32s()[5*3] = 5
	_, err := hundred.Choices(truth, []nd.Array{y})
	if e, ok := errors.AsType[*LabelError](err); !ok || e.Sample != 1 || e.Label != 5 || e.Classes != 2 {
		t.Errorf("%v", err)
	}
}
