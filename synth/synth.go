package synth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/sysmem"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// Options say what to make.
type Options struct {
	// N is the number of samples.
	N int
	// Work, if not 0, bounds the multiply-adds that samples take which follow the gradient: fewer
	// than N are made if these would take more, but at least a few. Of other families there are as
	// many.
	Work int64
	// Family is the kind of samples; the zero value is Dreams.
	Family Family
	// Shape is the shape of one sample, without the axis of samples; nil means the one
	// that the model declares.
	Shape []int
	// Mean and Std are the mean and the standard deviation of the model's inputs; nil
	// means 0 and 1. They have one number for all elements, or one for each channel,
	// which is the first or the last axis of a sample.
	Mean, Std []float32
	// Range is where the numbers of samples lie; the zero value is Normal.
	Range Range
	// Output names the output with a logit for each class; "" means the first.
	Output string
	// Axes says which axes count samples, and how many samples the model takes at a time;
	// nil means that the model is tried on noise to find out.
	Axes *gradient.Axes
	// Seed seeds the noise.
	Seed uint64
	// Workers are the threads to compute on; nil means one thread.
	Workers *gradient.Workers
	// Progress, if not nil, is called with the number of samples made.
	Progress func(done int)
}

// batch is the number of samples made at a time.
const batch = 64

const (
	steps    = 40
	stepSize = 0.15 // root mean square of the change of a sample in a step
	smooth   = 2    // most passes of smoothing over noise and gradients
)

// Samples returns opt.N samples for a model, or fewer if opt.Work says so, [N, sample shape], by
// the names of its inputs. Of several inputs, the floats of which a sample has most are of the family
// (Input); masks let everything through, states are zero, and others are noise.
// Models without an input of floats, or with several of which not all shapes are known, are an
// *InputsError, open shapes of the only one that opt.Shape does not fill a *ShapeError, and samples that
// take more than half of the memory, or more than gradient.MemoryFor, a *MemoryError.
func Samples(ctx context.Context, m *onnxio.Model, opt Options) (map[string]nd.Array, error) {
	axes := opt.Axes
	if axes == nil {
		var err error
		if axes, err = gradient.AxesOf(m); err != nil {
			return nil, err
		}
	}
	in, shape, others, err := input(m, axes, opt.Shape)
	if err != nil {
		return nil, err
	}
	for _, size := range batched(in, shape, others, 1) {
		if err := fits(opt.N, size[1:], gradient.MemoryFor(m, opt.Workers)); err != nil {
			return nil, err
		}
	}
	if opt.Axes == nil && opt.Family.follows() {
		if axes, err = tried(ctx, m, axes, opt); err != nil {
			return nil, err
		}
	}
	if opt.N, err = affordable(m, axes, opt, in, shape, others); err != nil {
		return nil, err
	}
	return samples(ctx, m, axes, opt, in, shape, others)
}

// samples makes samples of a shape.
func samples(ctx context.Context, m *onnxio.Model, axes *gradient.Axes, opt Options, in string, shape []int, others []beside) (map[string]nd.Array, error) {
	size := atATime(axes, opt.N)
	p, err := program(m, axes, opt, batched(in, shape, others, size), nil)
	if err != nil {
		return nil, err
	}
	mean, err := spread(opt.Mean, shape, 0)
	if err != nil {
		return nil, err
	}
	std, err := spread(opt.Std, shape, 1)
	if err != nil {
		return nil, err
	}
	n := (opt.N + size - 1) / size * size
	all, rest := nd.New(nd.Float32, append([]int{n}, shape...)...), made{}
	for _, one := range others {
		rest[one.Name] = one.make(rand.New(rand.NewPCG(opt.Seed, 2)), n)
	}
	g := &generator{family: opt.Family, within: opt.Range, program: p, input: in, rng: rand.New(rand.NewPCG(opt.Seed, 1)), shape: shape, mean: mean, std: std}
	for lo := 0; lo < opt.N; lo += size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if g.others, err = rest.Batch(lo, lo+size); err != nil {
			return nil, err
		}
		if err := g.fill(all.Rows(lo, lo+size), lo); err != nil {
			return nil, fmt.Errorf("%s: making up samples: %w", m.Path(), err)
		}
		if opt.Progress != nil {
			opt.Progress(min(lo+size, opt.N))
		}
	}
	out, err := rest.Batch(0, opt.N)
	if err == nil {
		out[in] = all.Rows(0, opt.N)
	}
	return out, err
}

// tried finds out on noise how many samples a model takes at a time.
func tried(ctx context.Context, m *onnxio.Model, axes *gradient.Axes, opt Options) (*gradient.Axes, error) {
	opt.N, opt.Family, opt.Axes, opt.Progress = trial, Noise, axes, nil
	inputs, err := Samples(ctx, m, opt)
	if err != nil {
		return nil, err
	}
	var outputs []string
	if opt.Output != "" {
		outputs = []string{opt.Output}
	}
	axes, _, err = axes.Probe(m, made(inputs), outputs, opt.Workers)
	return axes, err
}

// atATime returns how many of n samples are made at a time.
func atATime(axes *gradient.Axes, n int) int {
	if axes.Batch > 0 {
		return axes.Batch
	}
	return min(batch, n)
}

// trial is the number of samples that a model is tried on.
const trial = 8

// made are samples as a gradient.Source.
type made map[string]nd.Array

func (s made) Len() int {
	for _, a := range s {
		return a.Shape[0]
	}
	return 0
}

func (s made) Batch(lo, hi int) (map[string]nd.Array, error) {
	batch := map[string]nd.Array{}
	for name, a := range s {
		batch[name] = a.Rows(lo, hi)
	}
	return batch, nil
}

// program returns what computes gradients for a batch; nil if samples of the family need none.
func program(m *onnxio.Model, axes *gradient.Axes, opt Options, shapes map[string][]int, meter *gradient.Meter) (*gradient.Program, error) {
	if !opt.Family.follows() {
		return nil, nil
	}
	weights, err := gradient.LoadWeightsToChange(m, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	cfg := gradient.Config{Logits: true, ByInputs: true, Axes: axes, Workers: opt.Workers, Weights: weights, Meter: meter, Shapes: shapes}
	if opt.Output != "" {
		cfg.Outputs = []string{opt.Output}
	}
	return gradient.Compile(m, cfg)
}

// fits makes sure that n samples take no more memory than limit.
func fits(n int, shape []int, limit int64) error {
	if total := sysmem.Total(); total > 0 {
		limit = min(limit, total/2)
	}
	each := 4.0
	for _, d := range shape {
		each *= float64(d)
	}
	if need := each * float64(n); need > float64(limit) {
		return &MemoryError{N: n, Shape: shape, Bytes: need, Limit: limit}
	}
	return nil
}

// spread returns a number for each element of a sample: those of v, or otherwise if v is
// empty.
func spread(v []float32, shape []int, otherwise float32) ([]float32, error) {
	size := nd.Size(shape)
	step := 0 // from a channel to the next
	switch {
	case len(v) == 0:
		v = []float32{otherwise}
		step = size
	case len(v) == 1:
		step = size
	case len(v) == shape[0]:
		step = size / shape[0]
	case len(v) == shape[len(shape)-1]:
		step = 1
	default:
		return nil, fmt.Errorf("%d numbers for the channels of a sample of shape %v", len(v), shape)
	}
	out := make([]float32, size)
	for i := range out {
		out[i] = v[i/step%len(v)]
	}
	return out, nil
}

type generator struct {
	family    Family
	within    Range
	places    []place // of the samples that are being made
	program   *gradient.Program
	input     string
	others    map[string]nd.Array // what the other inputs have for the samples that are being made
	shape     []int
	mean, std []float32 // of each element of a sample
	rng       *rand.Rand
}

// put writes samples z of mean 0 and variance 1 to x, with the mean and variance that the
// model's inputs have.
func (g *generator) put(z, x []float32) {
	size := len(g.mean)
	for i, v := range z {
		x[i] = g.places[i/size].of(v)*g.std[i%size] + g.mean[i%size]
	}
}

// fill makes the samples of x. number is the number of the first among all samples.
func (g *generator) fill(x nd.Array, number int) error {
	n, size := x.Shape[0], len(g.mean)
	data := make([]float32, n*size)
	g.places = g.places[:0]
	for range n {
		g.places = append(g.places, g.within.draw(g.rng))
	}
	if g.family == Dreams {
		for i := range data {
			data[i] = float32(g.rng.NormFloat64())
		}
		for i := range n {
			one := data[i*size : (i+1)*size]
			// From rough to smooth.
			for range i % (smooth + 1) {
				blur(one, g.shape)
			}
			normalise(one)
		}
	} else {
		for i := range n {
			g.family.start(g.rng, data[i*size:(i+1)*size], g.shape, number+i)
		}
	}
	defer func() {
		for i := range n {
			g.family.finish(g.rng, data[i*size:(i+1)*size], g.shape, number+i)
		}
		g.put(data, x.Float32s())
	}()
	g.put(data, x.Float32s())
	if !g.family.follows() {
		return nil
	}
	labels := make([]int, n)
	inputs := maps.Clone(g.others)
	inputs[g.input] = x
	out, err := g.program.Forward(inputs)
	if err != nil {
		return err
	}
	_, rows, classes, err := gradient.Logits(out)
	if err != nil {
		return err
	}
	if rows != n || classes < 2 {
		return errors.New("the model is no classifier")
	}
	for i := range labels {
		labels[i] = (number + i) % classes
	}
	loss := gradient.CrossEntropy(labels)
	for range steps {
		if _, _, err := g.program.Gradients(inputs, loss); err != nil {
			return err
		}
		by, ok := g.program.InputGradient(g.input)
		if !ok {
			return errors.New("the answers have no gradient by the input")
		}
		for i := range n {
			one, d := data[i*size:(i+1)*size], by[i*size:(i+1)*size]
			for j := range d {
				d[j] *= g.std[j]
			}
			for range smooth {
				if g.family != DrawnDreams {
					blur(d, g.shape)
				}
			}
			if !normalise(d) {
				continue
			}
			for j := range one {
				one[j] -= stepSize * d[j]
			}
			normalise(one)
		}
		g.put(data, x.Float32s())
	}
	return nil
}

// normalise brings x to mean 0 and variance 1. It returns false if x is constant or not
// finite.
func normalise(x []float32) bool {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	mean := sum / float64(len(x))
	deviation := math.Sqrt(squares/float64(len(x)) - mean*mean)
	if !(deviation > 1e-20) || math.IsInf(deviation, 0) {
		return false
	}
	for i, v := range x {
		x[i] = float32((float64(v) - mean) / deviation)
	}
	return true
}

// blur averages neighbours with weights 1, 2, 1 along each axis of at least smoothAxis
// elements.
func blur(x []float32, shape []int) {
	stride := len(x)
	for _, n := range shape {
		stride /= n
		if n < smoothAxis {
			continue
		}
		for at := range x {
			// The first of each line along the axis.
			if at/stride%n != 0 {
				continue
			}
			before := x[at]
			for k := range n {
				i := at + k*stride
				after := x[i]
				if k+1 < n {
					after = x[i+stride]
				}
				before, x[i] = x[i], (before+2*x[i]+after)/4
			}
		}
	}
}

// smoothAxis is the least length of an axis whose neighbours are alike. Shorter axes count
// as channels.
const smoothAxis = 8
