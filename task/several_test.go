package task

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestParse(t *testing.T) {
	got, err := Parse("a=classification,b=1=ctc:3,c=regression")
	want := Several{[]Head{{Output: "a", Task: Classification{}}, {Output: "b=1", Task: CTC{Blank: 3, Given: true}}, {Output: "c", Task: Regression{}}}}
	if several, ok := got.(Several); err != nil || !ok || len(several.Heads) != 3 || several.Heads[1].Output != "b=1" || several.Heads[1].Task != want.Heads[1].Task {
		t.Errorf("%+v, %v", got, err)
	} else if name := several.Name(); name != "a=classification,b=1=ctc,c=regression" {
		t.Errorf("name %q", name)
	}
	if got, err := Parse("image"); err != nil || got != Task(Image{}) {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]any{
		"a=poetry": new(*UnknownError), "a=image,a=binary": new(*HeadError), "a=image,": new(*HeadError), "=image": new(*HeadError),
		"a=detection": new(*HeadError), "poetry": new(*UnknownError),
	} {
		if _, err := Parse(text); !errors.As(err, want) {
			t.Errorf("%q: %v, want %T", text, err, want)
		}
	}
}

// heads returns a task of two outputs for labels like these, and the joined labels.
func heads(t *testing.T, labels ...nd.Array) (Several, nd.Array) {
	t.Helper()
	joined, list, err := Join(labels)
	if err != nil {
		t.Fatal(err)
	}
	return Several{[]Head{{Output: "class", Task: Classification{}}, {Output: "numbers", Task: Regression{}}}}.Labelled(list), joined
}

// TestSeveralLosses: losses and gradients are those of the tasks, joined.
func TestSeveralLosses(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	labels, numbers := classes(rng, 0, 4, 12), normal(rng, 12, 2)
	several, truth := heads(t, labels, numbers)
	y := []nd.Array{normal(rng, 14, 4), normal(rng, 14, 2)} // filled up
	seeds := func() []nd.Array { return []nd.Array{nd.New(nd.Float32, 14, 4), nd.New(nd.Float32, 14, 2)} }
	own := []Task{Classification{}, Regression{}}
	truths := []nd.Array{labels, numbers}
	for _, objective := range []bool{true, false} {
		loss := several.Training(truth)
		if objective {
			loss = several.Objective(truth, 0.8)
		}
		got := seeds()
		value, err := loss(y, got)
		if err != nil {
			t.Fatal(err)
		}
		values, parts := make([]float64, 2), seeds()
		for k, one := range own {
			f := one.Training(truths[k])
			if objective {
				f = one.Objective(truths[k], 0.8)
			}
			if values[k], err = f(y[k:k+1], parts[k:k+1]); err != nil {
				t.Fatal(err)
			}
		}
		want := values[0] + values[1]
		if objective {
			want = math.Hypot(values[0], values[1]) / math.Sqrt2
		}
		if math.Abs(value-want) > 1e-12 {
			t.Errorf("loss %v, want %v", value, want)
		}
		for k := range parts {
			share := 1.0
			if objective {
				share = values[k] / (2 * want)
			}
			for i, g := range parts[k].Float32s() {
				if math.Abs(float64(got[k].Float32s()[i])-share*float64(g)) > 1e-6 {
					t.Fatalf("output %d: gradients %v, want %v times %v", k, got[k].Data, share, parts[k].Data)
				}
			}
		}
	}
}

// TestSeveralScore: a model is as useless as its best output, and metrics have its name.
func TestSeveralScore(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	const n = 200
	labels, numbers := classes(rng, 0, 4, n), normal(rng, n, 1)
	logits := nd.New(nd.Float32, n, 4)
	for i, c := range labels.Int64s() {
		logits.Float32s()[i*4+int(c)] = 3
	}
	several, truth := heads(t, labels, numbers)
	for _, c := range []struct {
		name    string
		outputs []nd.Array
		useless bool
	}{
		{"both right", []nd.Array{logits, numbers}, false},
		{"one right", []nd.Array{nd.New(nd.Float32, n, 4), numbers}, false},
		{"the other right", []nd.Array{logits, normal(rng, n, 1)}, false},
		{"none right", []nd.Array{nd.New(nd.Float32, n, 4), normal(rng, n, 1)}, true},
	} {
		tally := several.NewTally()
		if err := tally.Add(c.outputs, truth); err != nil {
			t.Fatal(err)
		}
		s := tally.Score()
		if useless := s.Quality <= s.Useless(); useless != c.useless || len(s.Parts) != 2 || s.Metrics[0].Name != "class accuracy" {
			t.Errorf("%s: %+v", c.name, s)
		}
		if scaled := several.Scaled(tally).(Several); scaled.Heads[0].tau != tally.(*severalTally).list[0].Scale() {
			t.Errorf("%s: scale %v", c.name, scaled.Heads[0].tau)
		}
	}
	// The answers of the original as labels.
	settled, _, err := Several{several.Heads}.Settle(nd.Array{}, []nd.Array{logits, numbers})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := settled.Answers([]nd.Array{logits, numbers})
	if err != nil || !slices.Equal(answers.Float32s(), truth.Float32s()) {
		t.Errorf("answers differ from labels: %v", err)
	}
	if err := several.NewTally().Add([]nd.Array{logits, numbers}, nd.New(nd.Float32, n, 3)); !errors.As(err, new(*ShapeError)) {
		t.Errorf("labels of another width: %v", err)
	}
}
