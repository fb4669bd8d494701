package task

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Several is several outputs of a model with a task each. The truth is a matrix with a row a
// sample, which has the truth about each output one after the other (Join). A model is
// useless if it is for each of the outputs.
type Several struct {
	Heads []Head
}

// Head is an output with its task.
type Head struct {
	Output string
	Task   Task

	labels Labelling // of the truth
	tau    float64   // scale of the objective; 0 if it is not known
}

// Labelling says what the truth about one sample looks like.
type Labelling struct {
	Shape    []int // of one sample
	Integers bool  // whether it has integers
}

// Parse reads the name of a task, as ByName does, or several outputs with a task each, as in
// digit=classification,parity=binary. The error is an *UnknownError or a *HeadError.
func Parse(text string) (Task, error) {
	if !strings.Contains(text, "=") {
		return ByName(text)
	}
	var t Several
	for one := range strings.SplitSeq(text, ",") {
		k := strings.LastIndex(one, "=")
		if k <= 0 {
			return nil, &HeadError{Text: one}
		}
		kind, err := ByName(one[k+1:])
		if err != nil {
			return nil, err
		}
		output := one[:k]
		again := slices.ContainsFunc(t.Heads, func(h Head) bool { return h.Output == output })
		if _, is := kind.(Detection); is || again {
			return nil, &HeadError{Text: one, Again: again, Task: kind.Name()}
		}
		t.Heads = append(t.Heads, Head{Output: output, Task: kind})
	}
	return t, nil
}

// Name returns the outputs with their tasks, as Parse reads them.
func (t Several) Name() string {
	var list []string
	for _, h := range t.Heads {
		list = append(list, h.Output+"="+h.Task.Name())
	}
	return strings.Join(list, ",")
}

// Outputs returns the names of the outputs.
func (t Several) Outputs() []string {
	var list []string
	for _, h := range t.Heads {
		list = append(list, h.Output)
	}
	return list
}

// Traits implements Task.
func (t Several) Traits() Traits {
	all := Traits{Quality: "quality", AllOutputs: true, Together: 1, OriginalAnswers: len(t.Heads) > 0, Raw: map[string]bool{}, MeasureRaw: map[string]bool{}}
	for _, h := range t.Heads {
		own := h.Task.Traits()
		all.Together, all.Calibration = max(all.Together, own.Together), max(all.Calibration, own.Calibration)
		all.OriginalAnswers = all.OriginalAnswers && own.OriginalAnswers
		all.Logits, all.MeasureLogits = all.Logits || own.Logits, all.MeasureLogits || own.MeasureLogits
		all.Raw[h.Output], all.MeasureRaw[h.Output] = !own.Logits, !own.MeasureLogits
	}
	return all
}

// With returns the task with what graphs say about the outputs. look returns it for one.
func (t Several) With(look func(output string) Outlook) Several {
	heads := slices.Clone(t.Heads)
	for k, h := range heads {
		o := look(h.Output)
		o.Named = true
		heads[k].Task = For(h.Task, o)
	}
	return Several{heads}
}

// Labelled returns the task for a truth of which the labels of each output look so.
func (t Several) Labelled(list []Labelling) Several {
	heads := slices.Clone(t.Heads)
	for k := range heads {
		heads[k].labels = list[k]
	}
	return Several{heads}
}

// Join returns the matrix with the truths about all outputs, and what they look like.
func Join(truths []nd.Array) (joined nd.Array, list []Labelling, err error) {
	width, n := 0, -1
	for _, a := range truths {
		if len(a.Shape) == 0 || n >= 0 && a.Shape[0] != n {
			return nd.Array{}, nil, fmt.Errorf("labels of shape %v for %d samples", a.Shape, n)
		}
		n = a.Shape[0]
		list = append(list, Labelling{Shape: a.Shape[1:], Integers: a.DType() != nd.Float32})
		width += nd.Size(a.Shape[1:])
	}
	joined = nd.New(nd.Float32, max(n, 0), width)
	at := 0
	for _, a := range truths {
		own := nd.Size(a.Shape[1:])
		for i, v := range floats(a) {
			joined.Float32s()[i/own*width+at+i%own] = v
		}
		at += own
	}
	return joined, list, nil
}

// split returns the truth about each output.
func (t Several) split(truth nd.Array) ([]nd.Array, error) {
	if truth.Data == nil {
		return nil, ErrNoLabels
	}
	width := 0
	for _, h := range t.Heads {
		width += nd.Size(h.labels.Shape)
	}
	if len(truth.Shape) != 2 || truth.Shape[1] != width {
		return nil, &ShapeError{Labels: truth.Shape, Output: []int{-1, width}}
	}
	n, at := truth.Shape[0], 0
	var list []nd.Array
	for _, h := range t.Heads {
		own := nd.Size(h.labels.Shape)
		shape := append([]int{n}, h.labels.Shape...)
		part := nd.New(nd.Float32, shape...)
		for i := range part.Float32s() {
			part.Float32s()[i] = floats(truth)[i/own*width+at+i%own]
		}
		if h.labels.Integers {
			whole := nd.New(nd.Int64, shape...)
			for i, v := range part.Float32s() {
				whole.Int64s()[i] = int64(v)
			}
			part = whole
		}
		list = append(list, part)
		at += own
	}
	return list, nil
}

// Scaled returns the task with the scale that a tally has found for each output.
func (t Several) Scaled(tally Tally) Task {
	heads := slices.Clone(t.Heads)
	for k, one := range tally.(*severalTally).list {
		heads[k].tau = one.Scale()
	}
	return Several{heads}
}

// Objective returns the root mean square of the objectives of the outputs, each with its own
// scale (Scaled), or tau if that is not known.
func (t Several) Objective(truth nd.Array, tau float64) gradient.Loss {
	return t.loss(truth, func(h Head, truth nd.Array) gradient.Loss {
		if h.tau != 0 {
			return h.Task.Objective(truth, h.tau)
		}
		return h.Task.Objective(truth, tau)
	}, func(values []float64) (total float64, shares []float64) {
		n := float64(len(values))
		for _, v := range values {
			total += v * v / n
		}
		total = math.Sqrt(total)
		for _, v := range values {
			shares = append(shares, v/max(total*n, math.SmallestNonzeroFloat64))
		}
		return total, shares
	})
}

// Training returns the sum of the training losses of the outputs.
func (t Several) Training(truth nd.Array) gradient.Loss {
	return t.loss(truth, func(h Head, truth nd.Array) gradient.Loss { return h.Task.Training(truth) }, func(values []float64) (total float64, shares []float64) {
		for _, v := range values {
			total, shares = total+v, append(shares, 1)
		}
		return total, shares
	})
}

// loss joins losses of the outputs. join returns their sum and its derivatives.
func (t Several) loss(truth nd.Array, of func(h Head, truth nd.Array) gradient.Loss, join func(values []float64) (float64, []float64)) gradient.Loss {
	truths, err := t.split(truth)
	if err != nil {
		return failing(err)
	}
	losses := make([]gradient.Loss, len(t.Heads))
	for k, h := range t.Heads {
		losses[k] = of(h, truths[k])
	}
	return func(outputs, seeds []nd.Array) (float64, error) {
		if len(outputs) < len(losses) {
			return 0, errNoFloats
		}
		gradient.ClearSeeds(seeds)
		values := make([]float64, len(losses))
		for k, loss := range losses {
			if values[k], err = loss(outputs[k:k+1], seeds[min(k, len(seeds)):min(k+1, len(seeds))]); err != nil {
				return 0, fmt.Errorf("output %q: %w", t.Heads[k].Output, err)
			}
		}
		total, shares := join(values)
		for k := range losses {
			if k < len(seeds) && seeds[k].Data != nil {
				seed := seeds[k].Float32s()
				for i := range seed {
					seed[i] *= float32(shares[k])
				}
			}
		}
		return total, nil
	}
}

// Settle settles the tasks of the outputs. Without labels, it learns what answers look like.
func (t Several) Settle(truth nd.Array, outputs []nd.Array) (settled Task, why string, err error) {
	if len(outputs) < len(t.Heads) {
		return t, "", errNoFloats
	}
	var truths []nd.Array
	if truth.Data != nil {
		if truths, err = t.split(truth); err != nil {
			return t, "", err
		}
	}
	heads := slices.Clone(t.Heads)
	var found []string
	for k, h := range heads {
		own := outputs[k : k+1]
		if s, open := h.Task.(Settler); open {
			var labels nd.Array
			if truths != nil {
				labels = truths[k]
			}
			var what string
			if heads[k].Task, what, err = s.Settle(labels, own); err != nil {
				return t, "", fmt.Errorf("output %q: %w", h.Output, err)
			}
			if what != "" {
				found = append(found, fmt.Sprintf("output %q: %s", h.Output, what))
			}
		}
		if truths != nil {
			continue
		}
		answers, err := heads[k].Task.Answers(own)
		if err != nil {
			return t, "", fmt.Errorf("output %q: %w", h.Output, err)
		}
		heads[k].labels = Labelling{Shape: answers.Shape[1:], Integers: answers.DType() != nd.Float32}
	}
	return Several{heads}, strings.Join(found, "; "), nil
}

// Answers returns the matrix with the answers of all outputs.
func (t Several) Answers(outputs []nd.Array) (nd.Array, error) {
	if len(outputs) < len(t.Heads) {
		return nd.Array{}, errNoFloats
	}
	var list []nd.Array
	for k, h := range t.Heads {
		answers, err := h.Task.Answers(outputs[k : k+1])
		if err != nil {
			return nd.Array{}, fmt.Errorf("output %q: %w", h.Output, err)
		}
		list = append(list, answers)
	}
	joined, _, err := Join(list)
	return joined, err
}

// NewTally implements Task.
func (t Several) NewTally() Tally {
	s := &severalTally{task: t}
	for _, h := range t.Heads {
		s.list = append(s.list, h.Task.NewTally())
	}
	return s
}

type severalTally struct {
	task Several
	list []Tally
}

func (t *severalTally) Add(outputs []nd.Array, truth nd.Array) error {
	truths, err := t.task.split(truth)
	if err != nil {
		return err
	}
	if len(outputs) < len(t.list) {
		return errNoFloats
	}
	for k, one := range t.list {
		if err := one.Add(outputs[k:k+1], truths[k]); err != nil {
			return fmt.Errorf("output %q: %w", t.task.Heads[k].Output, err)
		}
	}
	return nil
}

// Scale returns 1: Scaled takes those of the outputs.
func (t *severalTally) Scale() float64 { return 1 }

// Score returns a score whose quality is that of the output which is farthest from being
// useless: beyond chance, in shares of what is beyond it at most. Metrics are those of all.
func (t *severalTally) Score() Score {
	var all Score
	first := true
	for k, one := range t.list {
		s, name := one.Score(), t.task.Heads[k].Output
		quality, luck := 0.0, 0.0
		if s.Chance < 1 {
			quality, luck = (s.Quality-s.Chance)/(1-s.Chance), s.Luck/(1-s.Chance)
		}
		if first || quality-luck > all.Quality-all.Luck {
			all.Quality, all.Luck, first = quality, luck, false
		}
		all.Parts = append(all.Parts, Part{Output: name, Task: t.task.Heads[k].Task.Name(), Score: s})
		for _, m := range s.Metrics {
			m.Name = name + " " + m.Name
			all.Metrics = append(all.Metrics, m)
		}
	}
	return all
}

// HeadError means that a text is not an output with a task.
type HeadError struct {
	Text  string
	Again bool   // the output has another task already
	Task  string // the name of the task, if it is none for one output
}

func (e *HeadError) Error() string {
	switch {
	case e.Again:
		return fmt.Sprintf("%q: the output has a task already", e.Text)
	case e.Task != "":
		return fmt.Sprintf("%q: %s looks at several outputs together", e.Text, e.Task)
	}
	return fmt.Sprintf("%q is not OUTPUT=TASK", e.Text)
}

// Hint says what to write.
func (e *HeadError) Hint() string {
	return "name each output once, as in digit=classification,parity=binary"
}
