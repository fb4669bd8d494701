package task

import (
	"strconv"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Task is a kind of question that models answer. Its methods take the outputs of a model
// for some samples and the truth about them. The first axis of both counts samples.
// Outputs may have more rows than the truth, where a batch was filled up; these rows do
// not count. Only the first output plays a part, unless Traits.AllOutputs is set.
type Task interface {
	// Name identifies the task; ByName takes it.
	Name() string
	// Traits returns what differs from task to task in how models are used.
	Traits() Traits
	// Objective returns the loss that a search lowers: a differentiable measure of how
	// much outputs tell about the truth, between 0 (nothing) and 1. Unlike the training
	// loss, it does not reward making wrong answers worse. tau is the scale of the
	// original model's outputs (Tally.Scale).
	Objective(truth nd.Array, tau float64) gradient.Loss
	// Training returns the loss that such models are trained with.
	Training(truth nd.Array) gradient.Loss
	// NewTally returns an empty tally.
	NewTally() Tally
	// Answers returns the answers that outputs stand for, in the form of the truth, so
	// that a model's own answers can stand for labels.
	Answers(outputs []nd.Array) (nd.Array, error)
}

// Traits describe how models of a task are measured and searched.
type Traits struct {
	// Quality is the word for Score.Quality: "accuracy", or "quality" where it is
	// no accuracy.
	Quality string
	// Classes says that each sample belongs to one of several classes: the truth is
	// [N], and the answer is the largest of the output's values [N,K].
	Classes bool
	// Logits says that Objective and Training want outputs without the Softmax or
	// Sigmoid that a model ends in (gradient.Config.Logits), and MeasureLogits that
	// a Tally does.
	Logits, MeasureLogits bool
	// Unsquashed says that both want outputs without an activation that holds them between two
	// ends (gradient.Config.Unsquashed).
	Unsquashed bool
	// Raw and MeasureRaw name outputs that Logits and MeasureLogits do not apply to; nil for
	// none.
	Raw, MeasureRaw map[string]bool
	// Together is the number of samples that Objective has to see at a time to be
	// useful. It is more than 1 where samples are compared with each other.
	Together int
	// Calibration is the number of samples that gradients are computed on, unless
	// each sample has many answers (see Calibration).
	Calibration int
	// NextTokens says that the truth follows from the inputs where data has no
	// labels (see NextTokens).
	NextTokens bool
	// Padding says that tokens which an input with a mask leaves out do not count (Mask).
	Padding bool
	// AllOutputs says that the task looks at all outputs of a floating-point type, and
	// not at the first alone.
	AllOutputs bool
	// OriginalAnswers says that the truth is always what the original model answers,
	// so that data needs no labels and whoever lacks the original has no truth.
	OriginalAnswers bool
}

// Settler is a task that leaves something open which samples tell.
type Settler interface {
	Task
	// Settle returns the task with what was open, given the labels of all samples, if there
	// are any, and the outputs of the original model for some. why says in a sentence what
	// was found, and is empty if nothing was open.
	Settle(truth nd.Array, outputs []nd.Array) (settled Task, why string, err error)
}

// Chooser is a task that samples can be measured by in several ways, of which one is right for
// a model.
type Chooser interface {
	Task
	// Choices returns the ways, the usual one first, given the labels of all samples and the
	// outputs of the original model for some. The one by which that model is worth most is
	// right, and of several the first.
	Choices(truth nd.Array, outputs []nd.Array) ([]Choice, error)
}

// Choice is one of several ways to measure. Why says in a sentence what is special about it;
// it is empty for the usual one.
type Choice struct {
	Task Task
	Why  string
}

// Scaler is a task that takes more of a tally than its Scale.
type Scaler interface {
	Task
	// Scaled returns the task with the scales that a tally of the original model's outputs has
	// found.
	Scaled(Tally) Task
}

// Tally scores outputs batch by batch.
type Tally interface {
	// Add adds the outputs for a batch. It is an error if the truth does not fit.
	Add(outputs []nd.Array, truth nd.Array) error
	// Score returns the score of all outputs so far.
	Score() Score
	// Scale returns the tau of Objective at which most of the outputs so far are on the
	// slope of its sigmoid, where gradients do not vanish.
	Scale() float64
}

// all has all tasks, in the order of the documentation.
var all = []Task{Classification{}, Binary{}, MultiLabel{}, Regression{}, Language{}, Tagging{}, Segmentation{}, CTC{}, Image{}, Embedding{}, Detection{}, Outputs{}}

// Names returns the names of all tasks.
func Names() []string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name()
	}
	return names
}

// ByName returns the task of a name, or an *UnknownError. ctc:K is CTC with the class K as the
// blank, which counts from the end if it is negative.
func ByName(name string) (Task, error) {
	if class, ok := strings.CutPrefix(name, CTC{}.Name()+":"); ok {
		if k, err := strconv.Atoi(class); err == nil {
			return CTC{Blank: k, Given: true}, nil
		}
	}
	for _, t := range all {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, &UnknownError{name}
}

// Samples are inputs with the truth about them. *dataset.Set implements it.
type Samples interface {
	gradient.Source
	// Labels returns the classes of all samples; nil if the truth has another form or
	// is not known.
	Labels() []int
}

// Truth returns the truth about samples [lo, hi): what their method
// Truth(lo, hi int) nd.Array returns, or their labels if they have no such method. It is
// the zero Array if the truth is not known.
func Truth(s Samples, lo, hi int) nd.Array {
	if t, ok := s.(interface{ Truth(lo, hi int) nd.Array }); ok {
		return t.Truth(lo, hi)
	}
	labels := s.Labels()
	if labels == nil {
		return nd.Array{}
	}
	out := nd.New(nd.Int64, hi-lo)
	for i, label := range labels[lo:hi] {
		out.Int64s()[i] = int64(label)
	}
	return out
}

// first returns the first output. It is an error if that is not of type float32.
func first(outputs []nd.Array) (nd.Array, error) {
	if len(outputs) == 0 || outputs[0].DType() != nd.Float32 {
		return nd.Array{}, errNoFloats
	}
	return outputs[0], nil
}

// seedOf clears all seeds and returns the one that the gradient by the first output goes
// to; nil if no gradient is wanted.
func seedOf(seeds []nd.Array) []float32 {
	gradient.ClearSeeds(seeds)
	if len(seeds) == 0 {
		return nil
	}
	return seeds[0].Float32s()
}

// floats returns the elements of a truth as numbers.
func floats(a nd.Array) []float32 {
	switch x := a.Data.(type) {
	case []float32:
		return x
	case []int64:
		out := make([]float32, len(x))
		for i, v := range x {
			out[i] = float32(v)
		}
		return out
	case []bool:
		out := make([]float32, len(x))
		for i, v := range x {
			if v {
				out[i] = 1
			}
		}
		return out
	}
	return nil
}

// integers returns the elements of a truth as classes. It is an error if one is not an
// integer.
func integers(a nd.Array) ([]int64, error) {
	switch x := a.Data.(type) {
	case []int64:
		return x, nil
	case nil:
		return nil, ErrNoLabels
	}
	x := floats(a)
	out := make([]int64, len(x))
	for i, v := range x {
		if out[i] = int64(v); float32(out[i]) != v {
			return nil, &LabelError{Sample: i, Label: v}
		}
	}
	return out, nil
}

// failing returns a loss that returns an error.
func failing(err error) gradient.Loss {
	return func(_, _ []nd.Array) (float64, error) { return 0, err }
}
