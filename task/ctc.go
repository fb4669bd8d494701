package task

import (
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// CTC is the task of models that read lines or speech step by step: one of several
// characters or the blank for each step, [N,T,C], without saying where a character begins.
// Steps that repeat a character count once, and blanks are left out (Graves et al. 2006).
// The truth is the text, [N,L]: classes of characters. Negative numbers and blanks are
// padding.
//
// A model whose blank always wins says nothing, but somebody who lowers the blank reads
// everything again. So texts are also read with the blank lowered or raised.
type CTC struct {
	// Blank is the class of the blank; if it is negative, it counts from the end.
	Blank int
	// Given says that Blank was given. Otherwise Settle finds it.
	Given bool
	// First says that classes are on axis 1, and not on the last one.
	First bool
	// Ahead is as in Classification, of characters.
	Ahead int
}

// Name returns "ctc".
func (CTC) Name() string { return "ctc" }

// Traits implements Task.
func (CTC) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: 1, Calibration: fewSamples}
}

// steps are the values of an output as numbers of n × t steps and their classes.
type steps struct {
	positions
	t, blank int
	logits   []float32 // [n·t, classes]
	slopes   []float32 // derivatives of logits by the output; nil if they are the output
}

// steps reads the first output.
func (c CTC) steps(outputs []nd.Array) (*steps, error) {
	y, err := first(outputs)
	if err != nil {
		return nil, err
	}
	p, err := positionsOf(y.Shape, nil, !c.First)
	if err != nil {
		return nil, err
	}
	s := &steps{positions: p, t: nd.Size(p.place), blank: c.Blank, logits: p.gather(y.Float32s())}
	if s.blank < 0 {
		s.blank += p.classes
	}
	if p.single || p.classes < 2 || s.blank < 0 || s.blank >= p.classes {
		return nil, &BlankError{Output: y.Shape, Blank: c.Blank}
	}
	if probabilities(s.logits, p.classes) {
		logits := make([]float32, len(s.logits))
		s.slopes = make([]float32, len(s.logits))
		for i, v := range s.logits {
			logits[i], s.slopes[i] = float32(math.Log(float64(v)+leastProbability)), 1/(v+leastProbability)
		}
		s.logits = logits
	}
	return s, nil
}

const leastProbability = 1e-6

// probabilities reports whether every row of numbers between 0 and 1 has the sum 1.
func probabilities(x []float32, width int) bool {
	for lo := 0; lo+width <= len(x); lo += width {
		sum := float32(0)
		for _, v := range x[lo : lo+width] {
			if !(v >= 0 && v <= 1) {
				return false
			}
			sum += v
		}
		if sum < 0.99 || sum > 1.01 {
			return false
		}
	}
	return true
}

// row returns the logits of a step, counted over all samples.
func (s *steps) row(k int) []float32 { return s.logits[k*s.classes : (k+1)*s.classes] }

// character returns the likeliest class of a step that is not the blank, and by how much the
// blank is likelier.
func (s *steps) character(k int) (class int, margin float32) {
	row := s.row(k)
	class = -1
	for i, v := range row {
		if i != s.blank && (class < 0 || v > row[class]) {
			class = i
		}
	}
	return class, row[s.blank] - row[class]
}

// texts returns the text of each sample.
func (c CTC) texts(truth nd.Array, s *steps) ([][]int, error) {
	if truth.Data == nil {
		return nil, ErrNoLabels
	}
	if len(truth.Shape) != 2 || truth.Shape[0] > s.samples {
		return nil, &ShapeError{Labels: truth.Shape, Output: []int{s.samples, s.t, s.classes}, Text: true}
	}
	labels, err := labelsOf(truth)
	if err != nil {
		return nil, err
	}
	texts := make([][]int, truth.Shape[0])
	for i, label := range labels {
		if label < 0 || label == s.blank {
			continue
		}
		row := i / truth.Shape[1]
		if label >= s.classes {
			return nil, &LabelError{Sample: row, Label: float32(label), Classes: s.classes}
		}
		texts[row] = append(texts[row], label)
	}
	return texts, nil
}

// everyAnswer is for EveryAnswer: the likeliest other answer does not count.
func (c CTC) everyAnswer() Task {
	c.Ahead = 1
	return c
}

// Objective returns the mean over the characters of the soft accuracy at the steps where the
// text has them: σ of the distance of a character's logit from the largest other, divided by
// tau, weighted by the probability that the step says this character of the text. Half of it
// is with the outputs as they are, half with the blank shifted so that as many steps as the
// texts are long have a character. Weights and the shift are treated as constants.
func (c CTC) Objective(truth nd.Array, tau float64) gradient.Loss {
	return c.loss(truth, func(s *steps, texts [][]int, rows []float32) float64 {
		shifts := []float32{0, s.shift(texts, 1)}
		total, share := 0.0, 1/float64(max(length(texts), 1)*len(shifts))
		for i, text := range texts {
			for _, shift := range shifts {
				a := newAlignment(s, i, text, shift, tau)
				if logp := a.forward(); !math.IsInf(logp, -1) && logp == logp {
					total += share * a.softAccuracy(logp, share, rows, c.Ahead)
				}
			}
		}
		return total
	})
}

// Training returns the mean over the samples of -log(p)/L, where p is the probability of the
// text and L its length. Texts that do not fit into the steps count as 0.
func (c CTC) Training(truth nd.Array) gradient.Loss {
	return c.loss(truth, func(s *steps, texts [][]int, rows []float32) float64 {
		total := 0.0
		for i, text := range texts {
			share := 1 / float64(len(texts)*max(len(text), 1))
			a := newAlignment(s, i, text, 0, 1)
			logp := a.forward()
			if math.IsInf(logp, -1) || logp != logp {
				continue
			}
			total -= logp * share
			if rows != nil {
				a.backward(logp, -share, rows)
			}
		}
		return total
	})
}

// loss returns a loss that f computes from the steps and texts. f adds the gradient by the
// logits to rows, unless they are nil.
func (c CTC) loss(truth nd.Array, f func(s *steps, texts [][]int, rows []float32) float64) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		s, err := c.steps(outputs)
		if err != nil {
			return 0, err
		}
		texts, err := c.texts(truth, s)
		if err != nil {
			return 0, err
		}
		seed := seedOf(seeds)
		if seed == nil {
			return f(s, texts, nil), nil
		}
		rows := make([]float32, len(s.logits))
		value := f(s, texts, rows)
		for i := range s.slopes {
			rows[i] *= s.slopes[i]
		}
		if s.inPlace() {
			copy(seed, rows)
		} else {
			s.scatter(rows, seed)
		}
		return value, nil
	}
}

// shift returns by how much the blank has to be lowered for as many steps to have a character
// as the texts have, times a factor.
func (s *steps) shift(texts [][]int, factor float64) float32 {
	margins := make([]float32, 0, len(texts)*s.t)
	for k := range len(texts) * s.t {
		_, m := s.character(k)
		margins = append(margins, m)
	}
	return quantile(margins, factor*float64(length(texts)))
}

// quantile sorts numbers and returns one that k of them are below.
func quantile(x []float32, k float64) float32 {
	slices.Sort(x)
	at := min(max(int(k), 1), len(x)-1)
	if at < 1 {
		return 0
	}
	return (x[at-1] + x[at]) / 2
}

func length(texts [][]int) int {
	n := 0
	for _, text := range texts {
		n += len(text)
	}
	return n
}

// Settle finds the blank, if it was not given: the first class or the last. The labels tell
// it, because they have no blanks, or the answers of the original model, if outputs are
// these: the blank is the more frequent one. why says what told it.
func (c CTC) Settle(truth nd.Array, outputs []nd.Array) (settled Task, why string, err error) {
	if c.Given {
		return c, "", nil
	}
	c.Blank = 0
	s, err := c.steps(outputs)
	if err != nil {
		return c, "", err
	}
	last := s.classes - 1
	if truth.Data != nil {
		labels, err := labelsOf(truth)
		if err != nil {
			return c, "", err
		}
		switch zero, end := slices.Contains(labels, 0), slices.Contains(labels, last); {
		case zero && !end:
			c.Blank, c.Given = last, true
			return c, fmt.Sprintf("the blank is the last class, %d: labels have class 0 and not that", last), nil
		case end && !zero:
			c.Given = true
			return c, fmt.Sprintf("the blank is class 0: labels have class %d and not that", last), nil
		}
	}
	var counts [2]int
	for k := range s.rows() {
		switch gradient.ArgMax(s.row(k)) {
		case 0:
			counts[0]++
		case last:
			counts[1]++
		}
	}
	c.Given = true
	if counts[1] > counts[0] {
		c.Blank = last
		return c, fmt.Sprintf("the blank is the last class, %d, which more steps have than class 0", last), nil
	}
	return c, "the blank is class 0", nil
}

// Answers returns the texts that a model reads, [N,T], with -1 behind the end.
func (c CTC) Answers(outputs []nd.Array) (nd.Array, error) {
	s, err := c.steps(outputs)
	if err != nil {
		return nd.Array{}, err
	}
	out := nd.New(nd.Int64, s.samples, s.t)
	for i := range out.Int64s() {
		out.Int64s()[i] = -1
	}
	for i := range s.samples {
		r := s.reading(i)
		for k, class := range r.text(0) {
			out.Int64s()[i*s.t+k] = int64(class)
		}
	}
	return out, nil
}
