package advparams

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// A model that is right on few samples may be weak, or be given something else than it was
// trained with. Then a lock that holds on these samples may not hold on the same ones
// prepared as in training. So the lock is judged on them in other scales as well.

// PreparationError means that a classifier is right on far more of the samples if they are
// in another scale: they are not prepared as in training.
type PreparationError struct {
	Model           string // the path of its file
	Accuracy        float64
	Variant         string // what was done to the samples: "normalised", "divided by 255" or "times 255"
	Better          float64
	Mean, Deviation []float32 // of the channels as they are
	Low, High       float32   // the smallest and the largest number of the samples
}

func (e *PreparationError) Error() string {
	return fmt.Sprintf("%s: the model is right on %.2f %% of the samples as they are (numbers between %.4g and %.4g), and on %.2f %% of them %s", e.Model, 100*e.Accuracy, e.Low, e.High, 100*e.Better, e.Variant)
}

// Hint says what to do.
func (e *PreparationError) Hint() string {
	if e.Variant == normalVariant {
		return fmt.Sprintf("unless it is locked already, prepare them as in training: the channels have means %.3g and deviations %.3g", e.Mean, e.Deviation)
	}
	return "unless it is locked already, prepare them as in training: " + e.Variant
}

// A classifier is asked about samples in other scales if it is not right on this share of
// what is above chance. These have to be better by a margin.
const (
	plainlyRight  = 0.8
	betterVariant = 0.15
)

// inScale returns a *PreparationError if a classifier is right on far more of the
// labelled samples in another scale.
func (p *prepared) inScale(ctx context.Context, m *onnxio.Model, w *gradient.Workers) error {
	if p.askOriginal || !p.task.Traits().Classes {
		return nil
	}
	set := first(p.set, min(p.set.Len(), judgedSamples))
	session, err := p.session(m, nil, set, w)
	if err != nil {
		return err
	}
	judge := &task.Evaluator{Task: p.task, Session: session}
	plain, err := judge.Measure(ctx, set, nil)
	if err != nil || plain.Classes == nil || plain.Quality-plain.Chance > plainlyRight*(1-plain.Chance) {
		return err
	}
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return err
	}
	_, n := plain.Correct()
	least := plain.Quality + max(betterVariant, 3*math.Sqrt(0.5/float64(max(n, 1))))
	var found *PreparationError
	for _, v := range variants(batch) {
		s, err := judge.Measure(ctx, set.WithInputs(v.inputs), nil)
		if err != nil {
			return err
		}
		if s.Quality < least {
			continue
		}
		least = s.Quality
		found = &PreparationError{Model: m.Path(), Accuracy: plain.Quality, Variant: v.family, Better: s.Quality}
		for name := range v.inputs {
			found.Mean, found.Deviation = moments(batch[name])
			found.Low, found.High = slices.Min(batch[name].Float32s()), slices.Max(batch[name].Float32s())
		}
	}
	if found != nil {
		return found
	}
	return nil
}

// doubtful reports whether the samples may not be prepared as in training, and tells the
// user.
func (p *prepared) doubtful(m *onnxio.Model, found *perturb.Result, see observer) bool {
	before := found.Before
	switch {
	case p.askOriginal:
		return p.unscaled(m)
	case !perturb.Weak(before):
		return false
	}
	see.notify(NoticeSamples, "the model is right on only %.2f %% of the samples, guesses on %.2f %%: check labels and preprocessing; the lock has to hold on inputs of other scales, too",
		100*before.Quality, 100*before.Chance)
	return true
}

// variantRounds bounds the rounds of going on with variants that a lock does not hold on.
const variantRounds = 3

// holdVariants judges a lock on the samples in other scales, and goes on with those that it
// does not hold on. found gets the changes. The error is a *MadeUpError if the lock does not
// hold in the end.
func (o *ProtectOptions) holdVariants(ctx context.Context, m *onnxio.Model, p *prepared, found *perturb.Result, allow func(string) bool, w *gradient.Workers) ([]FamilyScore, error) {
	set := first(p.set, min(p.set.Len(), judgedSamples))
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return nil, err
	}
	var list []FamilyScore
	for round := range variantRounds {
		list = list[:0]
		intact := false
		for _, v := range variants(batch) {
			q, err := p.head.asked(ctx, m, set.WithInputs(v.inputs), w)
			if err != nil {
				return nil, err
			}
			f, err := o.judgeAndGoOn(ctx, m, q, v.family, round < variantRounds-1, found, allow, w)
			if err != nil {
				return nil, err
			}
			list, intact = append(list, f), intact || f.Intact
		}
		if err := p.remeasure(ctx, m, found, w); err != nil || !intact {
			return list, err
		}
	}
	return list, &MadeUpError{m.Path(), list}
}

const normalVariant = "normalised"

// variant is inputs in another scale.
type variant struct {
	family string
	inputs map[string]nd.Array
}

// variants returns the inputs of floats in other scales that models are trained with.
func variants(batch map[string]nd.Array) []variant {
	normal, unit, bytes := variant{normalVariant, map[string]nd.Array{}}, variant{"divided by 255", map[string]nd.Array{}}, variant{"times 255", map[string]nd.Array{}}
	for name, a := range batch {
		x, ok := a.Data.([]float32)
		if !ok || len(x) == 0 || len(a.Shape) < 2 {
			continue
		}
		normal.inputs[name] = normalised(a)
		switch low, high := slices.Min(x), slices.Max(x); {
		case low >= 0 && high > 16:
			unit.inputs[name] = scaled(a, 1.0/255)
		case low >= 0 && high <= 1:
			bytes.inputs[name] = scaled(a, 255)
		}
	}
	return slices.DeleteFunc([]variant{normal, unit, bytes}, func(v variant) bool { return len(v.inputs) == 0 })
}

// scaled returns an array times a number.
func scaled(a nd.Array, by float32) nd.Array {
	out := nd.New(nd.Float32, a.Shape...)
	for i, v := range a.Float32s() {
		out.Float32s()[i] = by * v
	}
	return out
}

// channels returns the number of channels of an array and how many elements lie between
// those of one: channels of images are on axis 1, or on the last axis if only that is as
// short as colours are. Other arrays are taken as a whole.
func channels(shape []int) (n, stride int) {
	switch {
	case len(shape) != 4:
		return 1, nd.Size(shape)
	case shape[1] > 4 && shape[3] <= 4:
		return shape[3], 1
	}
	return shape[1], shape[2] * shape[3]
}

// moments returns the mean and the standard deviation of each channel.
func moments(a nd.Array) (mean, deviation []float32) {
	n, stride := channels(a.Shape)
	sum, square := make([]float64, n), make([]float64, n)
	for i, v := range a.Float32s() {
		c := i / stride % n
		sum[c], square[c] = sum[c]+float64(v), square[c]+float64(v)*float64(v)
	}
	each := float64(a.Len() / n)
	for c := range n {
		m := sum[c] / each
		mean = append(mean, float32(m))
		deviation = append(deviation, float32(math.Sqrt(max(square[c]/each-m*m, 1e-12))))
	}
	return mean, deviation
}

// normalised returns an array with mean 0 and variance 1 in each channel.
func normalised(a nd.Array) nd.Array {
	n, stride := channels(a.Shape)
	mean, deviation := moments(a)
	out := nd.New(nd.Float32, a.Shape...)
	for i, v := range a.Float32s() {
		c := i / stride % n
		out.Float32s()[i] = (v - mean[c]) / deviation[c]
	}
	return out
}
