package task

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestRest: who leaves out the answers that win everywhere reads the others, where these are as
// they were; a model that knows nothing has nothing to read.
func TestRest(t *testing.T) {
	t.Parallel()
	const n, classes = 2000, 10
	rng := rand.New(rand.NewPCG(1, 2))
	logits := func(change func(i, label int, row []float32)) (nd.Array, nd.Array) {
		y, truth := nd.New(nd.Float32, n, classes), nd.New(nd.Int64, n)
		for i := range n {
			label := i % classes
			truth.Int64s()[i] = int64(label)
			row := y.Float32s()[i*classes : (i+1)*classes]
			for k := range row {
				row[k] = rng.Float32()
			}
			row[label] += 2
			change(i, label, row)
		}
		return y, truth
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name     string
		change   func(i, label int, row []float32)
		without  []int
		accuracy float64
	}{
		{"the original", func(int, int, []float32) {}, []int{0}, 0.9},
		{"one answer wins", func(_, _ int, row []float32) { row[4] += 9 }, []int{4}, 0.9},
		{"two answers win", func(i, _ int, row []float32) { row[4] += 9; row[7] += 9 }, nil, 0.8},
		{"it knows nothing", func(_, label int, row []float32) { row[label] -= 2 }, nil, 0.1},
		{"no numbers", func(_, _ int, row []float32) {
			for k := range row {
				row[k] = nan
			}
		}, nil, 0},
	} {
		for _, task := range []Task{Classification{}, Tagging{}, Language{}, Segmentation{Last: true}} {
			y, truth := logits(c.change)
			if task.Name() != "classification" {
				y.Shape, truth.Shape = []int{n / 10, 10, classes}, []int{n / 10, 10}
			}
			tally := task.NewTally()
			if err := tally.Add([]nd.Array{y}, truth); err != nil {
				t.Fatal(err)
			}
			rest := tally.Score().Rest
			if c.without != nil && !slices.Equal(rest.Without, c.without) || math.Abs(rest.Accuracy-c.accuracy) > 0.03 {
				t.Errorf("%s, %s: %+v, want %v and about %v", c.name, task.Name(), rest, c.without, c.accuracy)
			}
			beyond := rest.Accuracy - 0.1
			if task.Name() != "classification" {
				beyond = max(0, beyond/0.9) // kappa
			}
			if math.Abs(rest.Beyond-beyond) > 1e-9 {
				t.Errorf("%s, %s: %v beyond", c.name, task.Name(), rest.Beyond)
			}
		}
	}
	if r := restOf(nil, NewCounts(2)); r.Without != nil {
		t.Errorf("of two classes none is left out: %+v", r)
	}
}

// TestRestOfMany: where most answers are one, always giving that is worth nothing, and what is
// right on the others is much.
func TestRestOfMany(t *testing.T) {
	t.Parallel()
	const n, classes = 400, 5
	for _, knows := range []bool{true, false} {
		for _, task := range []Task{Tagging{}, Segmentation{Last: true}, Language{}} {
			y, truth := nd.New(nd.Float32, n/10, 10, classes), nd.New(nd.Int64, n/10, 10)
			for i := range n {
				if i%10 == 0 {
					truth.Int64s()[i] = int64(i / 10 % 4)
				}
				row := y.Float32s()[i*classes : (i+1)*classes]
				if row[4] = 9; knows { // which is nobody's label
					row[truth.Int64s()[i]] = 2
				} else {
					row[0] = 2
				}
			}
			tally := task.NewTally()
			if err := tally.Add([]nd.Array{y}, truth); err != nil {
				t.Fatal(err)
			}
			rest := tally.Score().Rest
			if knows && (rest.Accuracy != 1 || rest.Beyond != 1 || !slices.Equal(rest.Without, []int{4})) || !knows && rest.Beyond > 0.01 {
				t.Errorf("%s, knows %v: %+v", task.Name(), knows, rest)
			}
		}
	}
}

// TestRestOfTexts: who leaves out a character that is read everywhere reads the others.
func TestRestOfTexts(t *testing.T) {
	t.Parallel()
	const n, steps, classes = 60, 8, 7 // of which 0 is the blank
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name   string
		change func(row []float32)
		beyond bool
	}{
		{"a character wins", func(row []float32) { row[6] = 9 }, true},
		{"it knows nothing", func(row []float32) { clear(row); row[6] = 9; row[rng.IntN(6)] = 1 }, false},
	} {
		y, truth := nd.New(nd.Float32, n, steps, classes), nd.New(nd.Int64, n, steps)
		for i := range n * steps {
			row := y.Float32s()[i*classes : (i+1)*classes]
			if truth.Int64s()[i] = -1; i%2 == 0 {
				truth.Int64s()[i] = int64(1 + rng.IntN(5))
				row[truth.Int64s()[i]] = 2
			} else {
				row[0] = 2
			}
			c.change(row)
		}
		tally := CTC{}.NewTally()
		if err := tally.Add([]nd.Array{y}, truth); err != nil {
			t.Fatal(err)
		}
		rest := tally.Score().Rest
		if (rest.Beyond > 0.5) != c.beyond || c.beyond && (rest.Accuracy < 0.99 || rest.Without[0] != 6) {
			t.Errorf("%s: %+v", c.name, rest)
		}
	}
}

// TestEveryAnswer: an objective that counts every answer does not fall because one wins.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	y, truth := nd.New(nd.Float32, 4, 6, 5), nd.New(nd.Int64, 4, 6)
	for i := range 24 {
		truth.Int64s()[i] = int64(1 + i%3)
		y.Float32s()[i*5+1+i%3], y.Float32s()[i*5+4] = 3, 9
	}
	for _, task := range []Task{Tagging{}, Segmentation{Last: true}, Language{}, CTC{}} {
		every, ok := EveryAnswer(task)
		if !ok || every.Name() != task.Name() {
			t.Errorf("%s: %v", task.Name(), ok)
			continue
		}
		for _, one := range []struct {
			task      Task
			low, high float64
		}{{task, 0, 0.2}, {every, 0.4, 1}} {
			seeds := []nd.Array{nd.New(nd.Float32, 4, 6, 5)}
			v, err := one.task.Objective(truth, 1)([]nd.Array{y}, seeds)
			if err != nil || v < one.low || v > one.high {
				t.Errorf("%s: %v, %v, want %v to %v", task.Name(), v, err, one.low, one.high)
			}
		}
	}
	for _, task := range []Task{Outputs{}, Embedding{}, Binary{}} {
		if _, ok := EveryAnswer(task); ok {
			t.Errorf("%s has answers", task.Name())
		}
	}
}
