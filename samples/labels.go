package samples

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// nextTokens returns the set with the next token of every position as labels.
func nextTokens(set *dataset.Set) (*dataset.Set, error) {
	inputs, err := set.Batch(0, set.Len())
	if err != nil {
		return nil, err
	}
	truth, err := task.NextTokens(inputs)
	if err != nil {
		return nil, err
	}
	return set.WithTruth(truth), nil
}

// masked returns the set with labels of -1 for tokens that an input with a mask leaves out.
func masked(set *dataset.Set) (*dataset.Set, error) {
	inputs, err := set.Batch(0, set.Len())
	if err != nil {
		return nil, err
	}
	return set.WithTruth(task.Mask(set.Truth(0, set.Len()), inputs)), nil
}

// settledSamples is the number of samples that tell what a task leaves open.
const settledSamples = 64

// settleTask finds out what the task leaves open, such as which class is the blank, from the
// labels and from what the model answers.
func (p *Prepared) settleTask(w *gradient.Workers) error {
	t, open := p.Task.(task.Settler)
	if !open {
		return nil
	}
	few := First(p.Set, min(p.Set.Len(), settledSamples))
	weights := p.Unlocked // what a locked model answers tells nothing
	var err error
	if weights == nil {
		if weights, err = weightsWith(p.Model, nil); err != nil {
			return err
		}
	}
	session, err := p.sessionWith(p.Model, weights, few, w)
	if err != nil {
		return err
	}
	var truth nd.Array
	if !p.AskOriginal {
		truth = p.Set.Truth(0, p.Set.Len())
	}
	var choices []task.Choice
	var tallies []task.Tally
	done := false
	err = session.Forward(few, func(lo, n int, outputs []nd.Array) error {
		if !done {
			if p.Task, p.Settled, err = t.Settle(truth, outputs); err != nil {
				return err
			}
			done = true
			if c, is := p.Task.(task.Chooser); is && truth.Data != nil {
				if choices, err = c.Choices(truth, outputs); err != nil {
					return p.labelError(err)
				}
			}
			if len(choices) < 2 {
				return errDone
			}
			for _, c := range choices {
				tallies = append(tallies, c.Task.NewTally())
			}
		}
		for _, t := range tallies {
			if err := t.Add(outputs, few.Truth(lo, lo+n)); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	if err != nil || len(choices) == 0 {
		return err
	}
	best, quality := 0, 0.0
	for i, t := range tallies {
		if q := t.Score().Quality; q > quality {
			best, quality = i, q
		}
	}
	p.Task = choices[best].Task
	if why := choices[best].Why; why != "" {
		p.Settled = strings.TrimPrefix(p.Settled+"; "+why, "; ")
	}
	return nil
}

// errDone ends a run that has shown enough.
var errDone = errors.New("done")

// labelError names the file of the sample whose label is wrong.
func (p *Prepared) labelError(err error) error {
	bad, is := errors.AsType[*task.LabelError](err)
	if !is || bad.Sample < 0 || bad.Classes == 0 {
		return err
	}
	return &dataset.LabelError{Sample: bad.Sample, Name: p.Set.SampleName(bad.Sample), Label: int(bad.Label), Classes: bad.Classes}
}

// Answered replaces the labels by the answers of a model.
func (p *Prepared) Answered(ctx context.Context, m *onnxio.Model, w *gradient.Workers, progress func(done int)) error {
	session, err := p.Session(m, nil, p.Set, w)
	if err != nil {
		return err
	}
	answers, err := (&task.Evaluator{Task: p.Task, Session: session}).Answers(ctx, p.Set, progress)
	if err != nil {
		return err
	}
	set, err := finite(p.Set.WithTruth(answers), m.Path())
	if err != nil {
		return err
	}
	p.Set = set
	if p.Task.Traits().Classes {
		p.Set, err = p.Set.Classified(0)
	}
	return err
}

// finite leaves out samples that a model answers with what is no number, such as a mean over nothing
// where a sample has a mask of zeros: no lock can be told from the original on these. Where most are
// of that kind it is the output that has such places, and only samples without any number are left out.
func finite(set *dataset.Set, model string) (*dataset.Set, error) {
	truth := set.Truth(0, set.Len())
	x, ok := truth.Data.([]float32)
	if !ok || len(x) == 0 {
		return set, nil
	}
	width := len(x) / truth.Shape[0]
	unsaid := func(v float32) bool { return v-v != 0 }
	var all, some []int // samples whose numbers are all finite, and those that have such a number
	for i := range truth.Shape[0] {
		switch row := x[i*width : (i+1)*width]; {
		case !slices.ContainsFunc(row, unsaid):
			all, some = append(all, i), append(some, i)
		case slices.ContainsFunc(row, func(v float32) bool { return !unsaid(v) }):
			some = append(some, i)
		}
	}
	kept := all
	if 2*len(all) <= truth.Shape[0] {
		kept = some
	}
	switch len(kept) {
	case 0:
		return nil, &NoNumbersError{model, truth.Shape[0]}
	case truth.Shape[0]:
		return set, nil
	}
	return set.Subset(kept), nil
}

// NoNumbersError means that a model answers all samples with what is no number.
type NoNumbersError struct {
	Model   string // the path of its file
	Samples int
}

func (e *NoNumbersError) Error() string {
	return fmt.Sprintf("%s: the model answers all %d samples with what is no number (NaN or infinite)", e.Model, e.Samples)
}

// Hint says what to do.
func (e *NoNumbersError) Hint() string {
	return "give samples such as the model was trained on: a logarithm or a root may have none of these numbers"
}

// NoLabelsError means that the task needs labels and the data has none. It wraps
// task.ErrNoLabels.
type NoLabelsError struct {
	Data   string // where they are missing
	Output string // the output that they are missing for, if several have a task each
}

func (e *NoLabelsError) Error() string {
	if e.Output != "" {
		return fmt.Sprintf("%s: no array %q with the labels of that output", e.Data, e.Output)
	}
	return e.Data + ": no labels"
}

// Unwrap returns task.ErrNoLabels.
func (e *NoLabelsError) Unwrap() error { return task.ErrNoLabels }

// FewClassesError means that samples are of too few classes to tell what a classifier is
// worth.
type FewClassesError struct {
	Model   string // the path of its file
	Classes int    // of the model; 0 if that is not known
	Seen    int    // of the samples
	Samples int
	Class   int  // one of those seen
	Answers bool // whether these are the model's own answers, and not labels of the data
}

func (e *FewClassesError) Error() string {
	switch {
	case e.Answers:
		return fmt.Sprintf("%s: the model answers class %d to all %d samples", e.Model, e.Class, e.Samples)
	case e.Seen == 1:
		return fmt.Sprintf("%s: all %d samples have the label %d", e.Model, e.Samples, e.Class)
	}
	return fmt.Sprintf("%s: the %d samples are of %d classes, the model tells %d apart", e.Model, e.Samples, e.Seen, e.Classes)
}

// SameOutputsError means that a model computes the same for all samples.
type SameOutputsError struct {
	Model   string // the path of its file
	Samples int
}

func (e *SameOutputsError) Error() string {
	return fmt.Sprintf("%s: the outputs are the same for all %d samples", e.Model, e.Samples)
}

// mostly returns the share of the most frequent answer above which answers say little
// about what a model is worth: two thirds of two classes, a half of more. Where samples are compared
// with each other, as those of yes and no are, a few of either are enough.
func (p *Prepared) mostly() float64 {
	if p.Task.Traits().Together > 1 {
		return 1 - 8/float64(max(16, p.Set.Len()))
	}
	ids, _ := p.Set.Truth(0, p.Set.Len()).Data.([]int64)
	if len(ids) > 0 && slices.Max(ids) <= 1 {
		return 2.0 / 3
	}
	return 0.5
}

// skewed returns the share of the most frequent answer, of all samples and positions; 0 if
// answers are no classes.
func (p *Prepared) skewed() (class int, share float64) {
	ids, _ := p.Set.Truth(0, p.Set.Len()).Data.([]int64)
	counts, n := map[int64]int{}, 0
	most := int64(0)
	for _, label := range ids {
		if label < 0 {
			continue // it does not count
		}
		n++
		if counts[label]++; counts[label] > counts[most] {
			most = label
		}
	}
	return int(most), float64(counts[most]) / float64(max(1, n))
}

// MostlyOne says why the model's answers say little, if most of them are one; "" otherwise.
func (p *Prepared) MostlyOne() string {
	class, share := p.skewed()
	if share <= p.mostly() {
		return ""
	}
	return fmt.Sprintf("%.0f %% of the model's answers are %d, so that they say little about others", 100*share, class)
}

// Varied returns an error if labels or answers do not vary enough to tell what the model
// is worth.
func (p *Prepared) Varied(m *onnxio.Model) error {
	n := p.Set.Len()
	if p.Task.Traits().Classes {
		seen := map[int]bool{}
		class := 0
		for _, label := range p.Set.Labels() {
			seen[label], class = true, label
		}
		e := &FewClassesError{m.Path(), max(p.Look.Classes(), 0), len(seen), n, class, p.AskOriginal}
		few := !p.AskOriginal && e.Classes > 4 && (e.Seen <= 2 || 2*e.Seen < e.Classes && n >= 2*e.Classes)
		if n > 1 && (e.Seen == 1 || few) {
			return e
		}
		return nil
	}
	truth := p.Set.Truth(0, n)
	x, ok := truth.Data.([]float32)
	if !ok || !p.AskOriginal || n < 2 {
		return nil
	}
	width := len(x) / n
	for i := width; i < len(x); i++ {
		if x[i] != x[i%width] {
			return nil
		}
	}
	return &SameOutputsError{m.Path(), n}
}

// FoundNothing says why what a detector has found in the samples says little about it: there
// is nothing, or most boxes have no size, as numbers from which a program outside of the model
// has yet to compute boxes. It is "" otherwise.
func (p *Prepared) FoundNothing() string {
	if _, is := p.Task.(task.Detection); !is {
		return ""
	}
	truth := p.Set.Truth(0, p.Set.Len())
	x, _ := truth.Data.([]float32)
	width := truth.Shape[len(truth.Shape)-1]
	found, empty := 0, 0
	for row := range slices.Chunk(x, width) {
		if row[0] < 0 {
			continue
		}
		if found++; row[3] <= row[1] || row[4] <= row[2] {
			empty++
		}
	}
	switch {
	case found == 0:
		return "the model finds no object in any sample"
	case 2*empty > found:
		return fmt.Sprintf("%d of %d boxes that the model finds have no size, so that its outputs are no boxes yet", empty, found)
	}
	return ""
}

// Unscaled reports whether images look like bytes that nobody has scaled: neither the data
// nor the first operator of the model.
func (p *Prepared) Unscaled(m *onnxio.Model) bool {
	batch, err := p.Set.Batch(0, min(p.Set.Len(), 32))
	if err != nil {
		return false
	}
	for name, a := range batch {
		x, ok := a.Data.([]float32)
		if !ok || len(a.Shape) != 4 || len(x) == 0 {
			continue
		}
		if low, high := slices.Min(x), slices.Max(x); low < 0 || high <= 16 || high > 255 {
			continue
		}
		for _, n := range m.Proto().GetGraph().GetNode() {
			if slices.Contains(n.GetInput(), name) && n.GetOpType() == "Conv" {
				return true
			}
		}
	}
	return false
}
