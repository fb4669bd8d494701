package task

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// patterned returns logits [1,6,4] as the goldens of TestCTCLoss were computed from.
func patterned() nd.Array {
	a := nd.New(nd.Float32, 1, 6, 4)
	for i := range a.Float32s() {
		t, c := i/4, i%4
		a.Float32s()[i] = float32((t*5+c*3+t*c)%7) / 3
	}
	return a
}

// TestCTCLoss: the training loss and its gradient are those of torch.nn.functional.ctc_loss
// (PyTorch 2.15, float64, reduction "mean").
func TestCTCLoss(t *testing.T) {
	for _, c := range []struct {
		text  []int64
		blank int
		loss  float64
		grad  []float64 // by the logits of the third step
	}{
		{[]int64{1, 2, 2}, 0, 1.535782758053516, []float64{-0.038337753491232536, 0.02167489334871823, -0.06600613120594756, 0.08266899134846188}},
		{[]int64{3, -1}, 0, 6.923033272863856, []float64{-0.10988076394639237, 0.09123666429937236, 0.4830516065724144, -0.4644075069253944}},
		{[]int64{0, 1}, -1, 2.882853166105641, []float64{-0.1400656674114506, 0.030055799880966735, 0.2415258032862073, -0.13151593575572346}},
	} {
		logits, seeds := patterned(), []nd.Array{nd.New(nd.Float32, 1, 6, 4)}
		got, err := CTC{Blank: c.blank}.Training(nd.Of(c.text, 1, len(c.text)))([]nd.Array{logits}, seeds)
		if err != nil || math.Abs(got-c.loss) > 1e-6 {
			t.Errorf("text %v: %v, %v, want %v", c.text, got, err, c.loss)
		}
		for k, want := range c.grad {
			if g := float64(seeds[0].Float32s()[8+k]); math.Abs(g-want) > 1e-6 {
				t.Errorf("text %v: gradient %d is %v, want %v", c.text, k, g, want)
			}
		}
	}
}

// spoken returns logits of steps that say the characters, with a blank of class 0.
func spoken(classes int, steps ...int) nd.Array {
	a := nd.New(nd.Float32, 1, len(steps), classes)
	for i, c := range steps {
		a.Float32s()[i*classes+c] = 5
	}
	return a
}

func TestReading(t *testing.T) {
	for _, c := range []struct {
		steps []int
		want  []int64
	}{
		{[]int{0, 1, 1, 0, 1, 2, 2, 0}, []int64{1, 1, 2, -1, -1, -1, -1, -1}},
		{[]int{0, 0, 0}, []int64{-1, -1, -1}},
		{[]int{3, 3, 3}, []int64{3, -1, -1}},
	} {
		got, err := CTC{}.Answers([]nd.Array{spoken(4, c.steps...)})
		if err != nil || !slices.Equal(got.Int64s(), c.want) {
			t.Errorf("%v is read as %v, %v, want %v", c.steps, got.Data, err, c.want)
		}
	}
	first := nd.Of([]float32{0, 5, 0, 5, 0, 0, 0, 0, 5}, 1, 3, 3) // classes on axis 1
	if got, err := (CTC{First: true}).Answers([]nd.Array{first}); err != nil || !slices.Equal(got.Int64s(), []int64{1, 2, -1}) {
		t.Errorf("classes on axis 1: %v, %v", got.Data, err)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0}} {
		runes := func(s string) (out []int) {
			for _, r := range s {
				out = append(out, int(r))
			}
			return out
		}
		if got := Distance(runes(c.a), runes(c.b)); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// texts returns n random texts with the logits that say them, in eight steps of six classes
// each, of which class 0 is the blank.
func randomTexts(n int) (logits, truth nd.Array) {
	rng := rand.New(rand.NewPCG(6, 6))
	logits, truth = nd.New(nd.Float32, n, 8, 6), nd.New(nd.Int64, n, 4)
	for i := range n {
		for k := range 4 {
			class := 1 + rng.IntN(5)
			truth.Int64s()[i*4+k] = int64(class)
			logits.Float32s()[(i*8+2*k)*6+class] = 4
			logits.Float32s()[(i*8+2*k+1)*6] = 4
		}
	}
	return logits, truth
}

// TestCTCUseless: a model whose blank always wins, or whose blank never wins, can still be
// read. One that gives each sample the text of another is useless.
func TestCTCUseless(t *testing.T) {
	logits, truth := randomTexts(60)
	raised := func(by float32) nd.Array {
		return map1(logits, func(i int, v float32) float32 {
			if i%6 == 0 {
				return v + by
			}
			return v
		})
	}
	other := nd.Of(slices.Concat(logits.Float32s()[48*7:], logits.Float32s()[:48*7]), logits.Shape...)
	for _, c := range []struct {
		name    string
		outputs nd.Array
		useless bool
		cer     float64
	}{
		{"right", logits, false, 0}, {"all blank", raised(50), false, 1}, {"no blank", raised(-50), false, 0.9},
		{"texts of other samples", other, true, 0.6}, {"constant", map1(logits, func(i int, _ float32) float32 { return float32(i % 6) }), true, 0.8},
	} {
		s := score(t, CTC{}, c.outputs, truth)
		if useless := s.Quality <= s.Useless(); useless != c.useless {
			t.Errorf("%s: quality %.3f, chance %.3f, luck %.3f", c.name, s.Quality, s.Chance, s.Luck)
		}
		if cer := s.Metrics[0].Value; cer < c.cer-0.25 || cer > c.cer+1.5 || c.cer == 0 && cer != 0 {
			t.Errorf("%s: CER %.3f", c.name, cer)
		}
	}
	probabilities := nd.New(nd.Float32, logits.Shape...)
	for lo := 0; lo < logits.Len(); lo += 6 {
		sum := 0.0
		for _, v := range logits.Float32s()[lo : lo+6] {
			sum += math.Exp(float64(v))
		}
		for k, v := range logits.Float32s()[lo : lo+6] {
			probabilities.Float32s()[lo+k] = float32(math.Exp(float64(v)) / sum)
		}
	}
	a, err1 := CTC{}.Objective(truth, 2)([]nd.Array{logits}, nil)
	b, err2 := CTC{}.Objective(truth, 2)([]nd.Array{probabilities}, nil)
	if err1 != nil || err2 != nil || math.Abs(a-b) > 1e-3 {
		t.Errorf("the objective is %v of logits and %v of probabilities, %v, %v", a, b, err1, err2)
	}
}

// TestBlank: labels tell which class is the blank, or the answers do.
func TestBlank(t *testing.T) {
	out := []nd.Array{spoken(4, 3, 1, 3, 2, 3)} // the last class is the blank
	none := nd.Array{}
	for _, c := range []struct {
		name  string
		task  CTC
		truth nd.Array
		want  int
	}{
		{"labels from 0", CTC{}, nd.Of([]int64{0, 1, 2, -1}, 1, 4), 3},
		{"labels from 1", CTC{}, nd.Of([]int64{3, 1, 2, -1}, 1, 4), 0},
		{"labels that do not tell", CTC{}, nd.Of([]int64{1, 2}, 1, 2), 3},
		{"no labels", CTC{}, none, 3},
		{"given", CTC{Blank: 1, Given: true}, none, 1},
	} {
		got, _, err := c.task.Settle(c.truth, out)
		if got, ok := got.(CTC); !ok || err != nil || got.Blank != c.want {
			t.Errorf("%s: %+v, %v, want %d", c.name, got, err, c.want)
		}
	}
	for text, want := range map[string]CTC{"ctc": {}, "ctc:0": {Given: true}, "ctc:-1": {Blank: -1, Given: true}, "ctc:36": {Blank: 36, Given: true}} {
		if got, err := ByName(text); err != nil || got != Task(want) {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	if _, err := ByName("ctc:x"); !errors.As(err, new(*UnknownError)) {
		t.Errorf("ctc:x: %v", err)
	}
}

// TestCTCErrors: what is no text or no output for texts is an error.
func TestCTCErrors(t *testing.T) {
	y := []nd.Array{spoken(4, 1, 0, 2)}
	for _, c := range []struct {
		task    CTC
		outputs []nd.Array
		truth   nd.Array
		want    any
	}{
		{CTC{}, y, nd.Array{}, ErrNoLabels},
		{CTC{}, y, nd.Of([]int64{1}, 1), new(*ShapeError)},
		{CTC{}, y, nd.Of([]int64{4}, 1, 1), new(*LabelError)},
		{CTC{}, y, nd.Of([]int64{1, 2, 1, 2}, 1, 4), errLongText},
		{CTC{Blank: 4}, y, nd.Of([]int64{1}, 1, 1), nil},
		{CTC{}, []nd.Array{nd.New(nd.Float32, 2)}, nd.Of([]int64{1}, 1, 1), nil},
	} {
		err := c.task.NewTally().Add(c.outputs, c.truth)
		target, sentinel := c.want.(error)
		switch {
		case err == nil, sentinel && !errors.Is(err, target), !sentinel && c.want != nil && !errors.As(err, c.want):
			t.Errorf("%+v, %v: %v, want %T", c.task, c.truth.Data, err, c.want)
		}
	}
}

// TestAlignment compares the probability of a text, and the gradient of the objective, with
// sums over all ways to say it.
func TestAlignment(t *testing.T) {
	s, err := CTC{}.steps([]nd.Array{patterned()})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]int{{}, {1}, {1, 1}, {2, 3, 1}, {3, 3, 3}} {
		a := newAlignment(s, 0, text, 0.3, 0.7)
		sum := 0.0
		for way := range 1 << (2 * 6) { // 4 classes, 6 steps
			p, read, last := 1.0, []int(nil), 0
			for step := range 6 {
				c := way >> (2 * step) & 3
				p *= math.Exp(a.logit(step, c) - a.logSum(step))
				if c != 0 && c != last {
					read = append(read, c)
				}
				last = c
			}
			if slices.Equal(read, text) {
				sum += p
			}
		}
		if got := math.Exp(a.forward()); math.Abs(got-sum) > 1e-12 {
			t.Errorf("text %v: %v, want %v", text, got, sum)
		}
	}
	rows := make([]float32, len(s.logits))
	a := newAlignment(s, 0, []int{1, 2}, 0, 1)
	if v := a.softAccuracy(a.forward(), 1, rows, 0); !(v > 0 && v < 2) {
		t.Errorf("soft accuracy of two characters: %v", v)
	}
	sum := float32(0)
	for _, g := range rows {
		sum += g
	}
	if math.Abs(float64(sum)) > 1e-5 || gradient.ArgMax(rows) < 0 || slices.Max(rows) <= 0 {
		t.Errorf("gradient %v", fmt.Sprint(rows))
	}
}
