package samples

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// Data says which samples to use: those at Path, those in Samples or, for Protect, those
// that the model itself makes up (MadeUp).
type Data struct {
	// Path is a file or folder in one of the formats of package dataset: arrays in .npz, a
	// .csv, IDX or CIFAR files, images or sounds in a folder per class, or images with boxes.
	Path string
	// Samples are in memory, in the form that the model takes (dataset.FromArrays).
	Samples *dataset.Set
	// MadeUp makes up samples from the model alone (package synth), for Protect.
	// Preprocess.Mean and Std then describe the inputs that the model expects.
	MadeUp bool
	// Shape is the shape of a sample that is made up. It is needed if the model leaves
	// it open.
	Shape []int

	// Split is the part of Path to use. If Path has several, "" means Train for
	// Protect and for the data of an attacker, and Test otherwise.
	Split dataset.Split
	// Limit is the largest number of samples; 0 means all.
	Limit int
	// Seed selects the samples of Limit and, for Protect and Attack, decides their
	// order. A seed of 0 selects the first samples. nil means 1 for Protect and for the
	// data of an attacker, and 0 otherwise.
	Seed *uint64
	// Preprocess is how images become what the model takes. Verify and Attack take what
	// the key says where it says nothing.
	Preprocess dataset.Preprocess
	// Labels says where labels come from.
	Labels Labels

	// Vocabulary is a file with the text of each token, one per line, as BERT's vocab.txt. With
	// it, reports show text in place of numbers.
	Vocabulary string

	// Axes says which axis of an input or output counts samples, by its name, where that
	// is not found; gradient.NoAxis means none.
	Axes map[string]int
	// Carry makes samples a sequence in their order: the inputs named by the keys are, for
	// each sample, what the outputs named by the values were for the one before, and
	// zeros for the first. The original model computes them.
	Carry map[string]string
}

// Labels says where the labels of samples come from.
type Labels string

const (
	// LabelsOfData are those in the data. The empty string means the same.
	LabelsOfData Labels = "data"
	// LabelsOfModel are the answers of the original model. Labels in the data are
	// ignored.
	LabelsOfModel Labels = "model"
)

// Given reports whether there is any data.
func (d *Data) Given() bool { return d.Path != "" || d.Samples != nil || d.MadeUp }

// SeedOr returns the seed, or the usual one if there is none.
func (d *Data) SeedOr(usual uint64) uint64 {
	if d.Seed != nil {
		return *d.Seed
	}
	return usual
}

// Prepared holds the samples of a run, what the model is for and what its graph says.
type Prepared struct {
	*Head
	Set *dataset.Set
	// AskOriginal means that the labels are to be the answers of the original model,
	// which Answered adds.
	AskOriginal bool
	Vocabulary  []string // the text of each token, for reports
}

// Read reads the samples and, if h has no task, finds out what the model is for.
// usual is the split to use if d names none.
func Read(d *Data, h *Head, usual dataset.Split, seed uint64, w *gradient.Workers) (*Prepared, error) {
	axes, err := h.Look.Axes.With(h.Model, d.Axes)
	if err != nil {
		return nil, err
	}
	h.Look.Axes = axes
	set, name, err := d.open(h, usual, seed)
	if err != nil {
		return nil, err
	}
	if err := h.settle(set, w); err != nil {
		return nil, err
	}
	if len(d.Carry) > 0 {
		if set, err = h.carried(set, d.Carry, w); err != nil {
			return nil, err
		}
	}
	byModel := d.Labels == LabelsOfModel
	if t, ok := h.Task.(task.Several); ok {
		if set, err = h.several(t, set, name, byModel); err != nil {
			return nil, err
		}
	}
	if h.Task == nil {
		if err := h.choose(set); err != nil {
			return nil, err
		}
		if h.Task, h.why, err = task.Guess(h.Look, set.Truth(0, set.Len()), byModel); err != nil {
			return nil, err
		}
	}
	labelled := set.Truth(0, 1).Data != nil
	if t := h.Task.Traits(); !labelled && h.Original && d.Labels != LabelsOfModel && !t.NextTokens && !t.OriginalAnswers {
		byModel = true
		if h.why != "" {
			if h.Task, h.why, err = task.Guess(h.Look, nd.Array{}, byModel); err != nil {
				return nil, err
			}
		}
	}
	traits := h.Task.Traits()
	p := &Prepared{Head: h, Set: set, AskOriginal: byModel || traits.OriginalAnswers}
	if p.Vocabulary, err = d.tokens(); err != nil {
		return nil, err
	}
	if t, is := h.Task.(task.Detection); is {
		if h.Task, err = detector(t, set); err != nil {
			return nil, err
		}
	}
	if err := p.settleTask(w); err != nil {
		return nil, err
	}
	switch {
	case p.AskOriginal: // labels that are there play no part
	case !labelled && traits.NextTokens:
		p.Set, err = nextTokens(set)
	case !labelled:
		return nil, &NoLabelsError{Data: name}
	case traits.Padding:
		p.Set, err = masked(set)
	case traits.Classes:
		p.Set, err = set.Classified(verify.Spec(h.Look).Classes)
	}
	return p, err
}

// detector returns a detector's task with what its samples say: the size of the images, if
// the model leaves it open, and the numbers of the classes.
func detector(t task.Detection, set *dataset.Set) (task.Task, error) {
	t.IDs = set.ClassIDs()
	if t.Width > 0 && t.Height > 0 {
		return t, nil
	}
	one, err := set.Batch(0, 1)
	if err != nil {
		return nil, err
	}
	for _, a := range one {
		if len(a.Shape) == 4 {
			t.Width, t.Height = task.ImageSize(a.Shape)
		}
	}
	return t, nil
}

// tokens reads the vocabulary.
func (d *Data) tokens() ([]string, error) {
	if d.Vocabulary == "" {
		return nil, nil
	}
	text, err := os.ReadFile(d.Vocabulary)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s: a vocabulary is text in UTF-8, one token a line", d.Vocabulary)
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n"), nil
}

// open reads the samples, and says what to call them in messages.
func (d *Data) open(h *Head, usual dataset.Split, seed uint64) (set *dataset.Set, name string, err error) {
	if d.Samples != nil {
		set = d.Samples.Limit(d.Limit, seed)
		return set, set.Describe(), nil
	}
	spec := verify.Spec(h.Look)
	spec.Split, spec.DefaultSplit = d.Split, usual
	spec.Limit, spec.Seed = d.Limit, seed
	spec.Preprocess = d.Preprocess
	spec.AnyLabels = true
	if t, ok := h.Task.(task.Several); ok {
		spec.Named = t.Outputs()
	}
	for {
		var other *dataset.ShapeError
		if set, err = dataset.Open(d.Path, spec); !errors.As(err, &other) || len(other.Shape) == 0 || !d.whole(h, other.Input.Name, other.Shape[1:]) {
			return set, d.Path, err
		}
		if h.Look.Axes, err = h.Look.Axes.With(h.Model, map[string]int{other.Input.Name: gradient.NoAxis}); err != nil {
			return nil, "", err
		}
		spec.Inputs = verify.Spec(h.Look).Inputs
	}
}

// whole reports whether samples of a shape are all that an input takes at a time: they have as many
// axes, of which the first may have any length and is none of samples, such as the frames of a
// signal.
func (d *Data) whole(h *Head, input string, sample []int) bool {
	i := slices.IndexFunc(h.Look.Inputs, func(in gradient.Input) bool { return in.Name == input })
	if _, told := d.Axes[input]; told || i < 0 || h.Look.Axes.Input(input) == gradient.NoAxis {
		return false
	}
	return h.Look.Inputs[i].Takes(sample)
}
