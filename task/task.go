package task

import (
	"fmt"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Task is a kind of question that models answer. Methods take the outputs of a
// model for some samples and the truth about them, whose first axis counts
// samples as well. Outputs may have more rows than the truth, where a batch was
// filled up; those do not count. Only the first output plays a part.
type Task interface {
	// Name identifies the task; ByName takes it.
	Name() string
	// Traits are what users of a task have to treat differently from task to task.
	Traits() Traits
	// Objective returns what a search lowers: a soft measure of how much outputs
	// tell about the truth, differentiable and between 0 (nothing) and 1.
	// Unlike the loss of training it does not reward making worse what is bad
	// already. tau is the scale of the intact model's outputs, see Tally.Scale.
	Objective(truth nd.Array, tau float64) gradient.Loss
	// Training returns the loss that such models are trained with.
	Training(truth nd.Array) gradient.Loss
	// NewTally returns an empty tally.
	NewTally() Tally
	// Answers returns what outputs say, in the form of the truth, so that a
	// model's own answers can stand for it.
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
	// Together is the number of samples that Objective has to see at a time to be
	// useful. It is more than 1 where samples are compared with each other.
	Together int
	// Calibration is the number of samples that gradients are computed on, unless
	// each sample has many answers (see Calibration).
	Calibration int
	// NextTokens says that the truth follows from the inputs where data has no
	// labels (see NextTokens).
	NextTokens bool
	// OriginalAnswers says that the truth is always what the original model answers,
	// so that data needs no labels and whoever lacks the original has no truth.
	OriginalAnswers bool
}

// Tally adds up, batch by batch, what outputs are worth.
type Tally interface {
	Add(outputs []nd.Array, truth nd.Array) error
	Score() Score
	// Scale is the tau of Objective at which most outputs are on its slope.
	Scale() float64
}

// all tasks by name, in the order of the documentation.
var all = []Task{Classification{}, Binary{}, MultiLabel{}, Regression{}, Language{}, Segmentation{}, Embedding{}}

// Names returns the names of all tasks.
func Names() []string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name()
	}
	return names
}

// ByName returns the task of a name.
func ByName(name string) (Task, error) {
	for _, t := range all {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, &UnknownError{name}
}

// Samples are inputs with the truth about them. dataset.Set is one.
type Samples interface {
	gradient.Source
	// Labels are the classes of all samples; nil where the truth is something
	// else or not known.
	Labels() []int
}

// Truth returns the truth about samples [lo, hi): their labels, or what the
// method Truth(lo, hi int) nd.Array returns for samples that have one. It is the
// zero Array where nothing is known.
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

// first returns the first output if it is of floats.
func first(outputs []nd.Array) (nd.Array, error) {
	if len(outputs) == 0 || outputs[0].DType() != nd.Float32 {
		return nd.Array{}, fmt.Errorf("the model's first output is not of a floating-point type")
	}
	return outputs[0], nil
}

// seedOf returns where the gradient by the first output goes, all seeds cleared;
// nil when no gradient is wanted.
func seedOf(seeds []nd.Array) []float32 {
	for _, s := range seeds {
		if s.Data != nil {
			clear(s.Float32s())
		}
	}
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

// integers returns the elements of a truth as classes; it is an error if they
// are fractions.
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

// failing is a loss that cannot be computed.
func failing(err error) gradient.Loss {
	return func(_, _ []nd.Array) (float64, error) { return 0, err }
}
