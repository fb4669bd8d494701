package advparams

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// Data says which samples to take. They come from Path, from Samples or, for
// Protect, from the model itself (MadeUp).
type Data struct {
	// Path is an .npz or .csv file, a folder with IDX or CIFAR files, or an image
	// folder; package dataset describes them.
	Path string
	// Samples are there already, as the model takes them (dataset.FromArrays).
	Samples *dataset.Set
	// MadeUp makes up samples of a classifier from the model alone: noise that is
	// changed along the model's own gradient until it is sure of a class. Mean and
	// Std are then those of the model's inputs.
	MadeUp bool
	// Shape is the shape of a sample that is made up, where the model leaves it open.
	Shape []int

	// Split is the part of Path to take. "" means dataset.Train for Protect and
	// Attack and dataset.Test for Verify and for Attack's Test, where Path has both.
	Split dataset.Split
	// Limit is the largest number of samples; 0 means all.
	Limit int
	// Seed chooses the samples of Limit at random and, for Protect and Attack,
	// their order. A seed of 0 takes the first ones. nil means 1 for Protect and
	// Attack and 0 elsewhere.
	Seed *uint64
	// Mean and Std normalise images after scaling to [0,1], as (x-Mean)/Std: one
	// value for all channels or one for each; empty means 0 and 1.
	Mean, Std []float32
	// Labels says where labels come from.
	Labels Labels
}

// Labels says where the labels of samples come from.
type Labels string

const (
	// LabelsOfData are in the data. The empty string means the same.
	LabelsOfData Labels = "data"
	// LabelsOfModel are the original model's own answers. Labels in the data play
	// no part.
	LabelsOfModel Labels = "model"
)

// given reports whether there is any data.
func (d *Data) given() bool { return d.Path != "" || d.Samples != nil || d.MadeUp }

// check finds mistakes; option is the name of the field that holds d.
func (d *Data) check(option string) error {
	sources := 0
	for _, is := range []bool{d.Path != "", d.Samples != nil, d.MadeUp} {
		if is {
			sources++
		}
	}
	switch {
	case sources > 1:
		return optionf(option, "Path, Samples and MadeUp exclude one another")
	case d.Limit < 0:
		return &OptionError{option + ".Limit", d.Limit, "is negative"}
	case d.Shape != nil && !d.MadeUp:
		return optionf(option+".Shape", "is for samples that are made up")
	case d.Labels != "" && d.Labels != LabelsOfData && d.Labels != LabelsOfModel:
		return &OptionError{option + ".Labels", string(d.Labels), "is not data or model"}
	case d.Samples != nil && (d.Split != "" || len(d.Mean)+len(d.Std) > 0):
		return optionf(option, "Split, Mean and Std are for samples in files")
	}
	return nil
}

// seed returns the seed, or the usual one if there is none.
func (d *Data) seed(usual uint64) uint64 {
	if d.Seed != nil {
		return *d.Seed
	}
	return usual
}

// question is what a run asks of a model: which output has the answers, and what
// they are for.
type question struct {
	output string // "" means the first
	task   task.Task
	look   task.Outlook
}

// ask reads the graph of a model. The task may be nil, for prepare to find it.
func ask(m *onnxio.Model, output string, t task.Task) (*question, error) {
	look, err := task.Look(m, output)
	return &question{output, t, look}, err
}

// session returns a session that computes what the task looks at, for samples
// such as those of set.
func (q *question) session(m *onnxio.Model, set *dataset.Set, w *gradient.Workers) (*gradient.Session, error) {
	cfg := gradient.Config{Workers: w}
	if q.output != "" {
		cfg.Outputs = []string{q.output}
	}
	cfg.Logits = q.task.Traits().MeasureLogits
	return gradient.NewSession(m, cfg, task.Batch(q.look, set.Truth(0, 1), forwardBatch))
}

// forwardBatch is the number of samples computed at a time.
const forwardBatch = 100

// prepared are samples as a run needs them.
type prepared struct {
	*question
	set *dataset.Set
	// unanswered means that the labels are to be the answers of the original model,
	// which answered adds.
	unanswered bool
}

// prepare reads the samples of d as a model takes them, and finds out what the
// model is for if that is not known.
func (d *Data) prepare(q *question, usual dataset.Split, seed uint64) (*prepared, error) {
	set, name, err := d.open(q, usual, seed)
	if err != nil {
		return nil, err
	}
	byModel := d.Labels == LabelsOfModel
	if q.task == nil {
		if q.task, err = task.Guess(q.look, set.Truth(0, set.Len()), byModel); err != nil {
			return nil, err
		}
	}
	traits := q.task.Traits()
	p := &prepared{question: q, set: set, unanswered: byModel || traits.OriginalAnswers}
	labelled := set.Truth(0, 1).Data != nil
	switch {
	case p.unanswered: // labels that are there play no part
	case !labelled && traits.NextTokens:
		p.set, err = nextTokens(set)
	case !labelled:
		return nil, &NoLabelsError{name}
	case traits.Classes:
		p.set, err = set.Classified(verify.Spec(q.look).Classes)
	}
	return p, err
}

// open reads the samples, and says what to call them in messages.
func (d *Data) open(q *question, usual dataset.Split, seed uint64) (set *dataset.Set, name string, err error) {
	if d.Samples != nil {
		set = d.Samples
		if d.Limit > 0 && d.Limit < set.Len() {
			if seed != 0 {
				set = set.Shuffle(seed)
			}
			set = first(set, d.Limit)
		}
		return set, set.Describe(), nil
	}
	spec := verify.Spec(q.look)
	spec.Split, spec.DefaultSplit = d.Split, usual
	spec.Limit, spec.Seed = d.Limit, seed
	spec.Mean, spec.Std = d.Mean, d.Std
	spec.AnyLabels = true
	set, err = dataset.Open(d.Path, spec)
	return set, d.Path, err
}

// first returns the first n samples of a set.
func first(set *dataset.Set, n int) *dataset.Set {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return set.Subset(rows)
}

// invent makes up n samples of a classifier. They have no labels yet.
func (d *Data) invent(ctx context.Context, m *onnxio.Model, q *question, n int, w *gradient.Workers, o observer) (*prepared, error) {
	inputs, err := synth.Samples(ctx, m, synth.Options{
		N: n, Shape: d.Shape, Mean: d.Mean, Std: d.Std, Output: q.output, Seed: d.seed(1), Workers: w,
		Progress: o.counter("making up samples", n),
	})
	if err != nil {
		return nil, err
	}
	set, err := dataset.FromArrays(inputs, "made up from the model")
	if err != nil {
		return nil, err
	}
	q.task = task.Classification{}
	return &prepared{question: q, set: set, unanswered: true}, nil
}

// chooseOutput makes sure that a model has the output, and returns it as
// gradient.Config takes it: nil, for all, if no name is given.
func chooseOutput(m *onnxio.Model, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	var names []string
	for _, o := range m.Proto().GetGraph().GetOutput() {
		names = append(names, o.GetName())
	}
	if !slices.Contains(names, name) {
		return nil, optionf("Output", "%s has no output %q, but %s", m.Path(), name, strings.Join(names, ", "))
	}
	return []string{name}, nil
}

// openModel opens a model whose output has a gradient, or the output of no name
// all of them.
func openModel(path, output string) (*onnxio.Model, []string, error) {
	m, err := onnxio.Open(path)
	if err != nil {
		return nil, nil, err
	}
	outputs, err := chooseOutput(m, output)
	if err == nil {
		err = gradient.Supported(m, outputs)
	}
	if err != nil {
		m.Close()
		return nil, nil, err
	}
	return m, outputs, nil
}

// startWorkers starts the threads to compute on. They have to be closed.
func startWorkers(threads int) (*gradient.Workers, error) {
	if most := 4 * runtime.NumCPU(); threads < 0 || threads > most {
		return nil, &OptionError{"Threads", threads, fmt.Sprintf("is not between 0 and %d", most)}
	}
	return gradient.NewWorkers(threads), nil
}
