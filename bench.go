package advparams

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// BenchOptions are the options of Bench. Model is required.
type BenchOptions struct {
	Model string // the file of the model
	// Batch is the size of open first axes of inputs; 0 means 100.
	Batch int
	// Shapes gives the shape of an input by its name. Inputs with other open axes need
	// one.
	Shapes map[string][]int
	// Vocabulary is the number that all elements of integer inputs are below; 0 means
	// 100.
	Vocabulary int64
	Repeat     int     // timed runs; 0 means 10
	Seed       *uint64 // of the random input; nil means 1
	Threads    int     // to compute on; 0 means one per core
	// Memory is how many bytes the values of a batch may take. The limit on the work of a model
	// follows from it. 0 means a limit in proportion to the model and the data, which is enough
	// unless a small file needs much on purpose (gradient.Config.Memory).
	Memory int64

	// Profile also measures what the machine reaches at best, and how long each operator
	// takes.
	Profile bool

	Progress func(Progress) // may be nil
}

// Benchmark says how long passes take. In JSON it is what advparams bench --json
// prints.
type Benchmark struct {
	Model    string  `json:"model"`
	Forward  Spread  `json:"forward_ms"`
	Gradient Spread  `json:"gradient_ms"` // forward and the gradients by all weights
	Compile  float64 `json:"compile_ms"`  // of the latter
	Threads  int     `json:"threads"`
	Batch    int     `json:"batch"`
	Repeat   int     `json:"repeat"`
	Kernel   string  `json:"kernel"` // the instruction set in use
	// Profile is nil unless BenchOptions.Profile is set.
	Profile *BenchProfile `json:"profile,omitempty"`
}

// Spread is what repeated measurements of a time gave, in milliseconds.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// warmUp is the number of runs before those that are timed.
const warmUp = 2

// Bench times a model on random input, after compiling and two runs that do not count.
func Bench(ctx context.Context, opt BenchOptions) (r *Benchmark, err error) {
	defer onnxio.Faults(&err)()
	r, err = opt.run(ctx)
	return r, interrupted(ctx, err)
}

// maxRepeat bounds the runs whose times are kept.
const maxRepeat = 1_000_000

func (o *BenchOptions) check() error {
	if o.Model == "" {
		return optionf("Model", "there is no model")
	}
	for _, one := range []struct {
		option string
		value  int64
	}{{"Batch", int64(o.Batch)}, {"Repeat", int64(o.Repeat)}, {"Vocabulary", o.Vocabulary}} {
		if one.value < 0 {
			return &OptionError{Option: one.option, Value: one.value, Reason: "is negative"}
		}
	}
	if o.Repeat > maxRepeat {
		return &OptionError{Option: "Repeat", Value: o.Repeat, Reason: fmt.Sprintf("is more than %d", maxRepeat)}
	}
	if o.Batch == 0 {
		o.Batch = 100
	}
	if o.Repeat == 0 {
		o.Repeat = 10
	}
	if o.Vocabulary == 0 {
		o.Vocabulary = 100
	}
	return nil
}

func (o BenchOptions) run(ctx context.Context) (*Benchmark, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m, _, err := openModel(o.Model, "")
	if err != nil {
		return nil, err
	}
	defer m.Close()
	inputs, err := o.inputs(m)
	if err != nil {
		return nil, err
	}
	w, err := startWorkers(o.Threads, o.Memory)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	w.Given = gradient.Size(m)
	for name := range o.Shapes { // the others are what the model asks for
		w.Given += int64(inputs[name].Len()) * inputs[name].DType().Bytes()
	}
	r := &Benchmark{Model: o.Model, Threads: w.Threads(), Batch: o.Batch, Repeat: o.Repeat, Kernel: gradient.KernelName()}
	for _, a := range inputs {
		if len(a.Shape) > 0 {
			r.Batch = a.Shape[0] // the model or Shapes may have fixed it
		}
	}
	cfg := gradient.Config{Shapes: shapesOf(inputs), Workers: w}
	forward, err := gradient.Compile(m, cfg)
	if err != nil {
		return nil, err
	}
	if r.Forward, err = o.time(ctx, "forward", func() error {
		_, err := forward.Forward(inputs)
		return err
	}); err != nil {
		return nil, err
	}
	forward = nil // its memory is not needed any more
	cfg.Gradients = gradient.All
	start := time.Now()
	program, err := gradient.Compile(m, cfg)
	if err != nil {
		return nil, err
	}
	r.Compile = milliseconds(time.Since(start))
	if r.Gradient, err = o.time(ctx, "forward and gradients", func() error {
		_, _, err := program.Gradients(inputs, gradient.Probe)
		return err
	}); err != nil {
		return nil, err
	}
	if o.Profile {
		program = nil // likewise
		r.Profile, err = o.profile(ctx, m, cfg, inputs)
	}
	return r, err
}

// time runs f some times and returns the spread in milliseconds.
func (o *BenchOptions) time(ctx context.Context, stage string, f func() error) (Spread, error) {
	see := feedback.Observer{Progress: o.Progress}
	total := warmUp + o.Repeat
	see.Report(stage, 0, total, "")
	var ms []float64
	for i := range total {
		if err := ctx.Err(); err != nil {
			return Spread{}, err
		}
		start := time.Now()
		if err := f(); err != nil {
			return Spread{}, err
		}
		if i >= warmUp {
			ms = append(ms, milliseconds(time.Since(start)))
		}
		see.Report(stage, i+1, total, "")
	}
	slices.Sort(ms)
	n := len(ms)
	return Spread{Median: (ms[(n-1)/2] + ms[n/2]) / 2, Min: ms[0], Max: ms[n-1]}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// The bytes of all inputs together, which a model decides, are bounded in proportion to its
// files, unless Memory is more.
const (
	leastInput = 64 << 20
	mostInput  = 512 << 20
)

// inputs makes random arrays: standard normal, or integers below Vocabulary.
func (o *BenchOptions) inputs(m *onnxio.Model) (map[string]nd.Array, error) {
	list, err := gradient.Inputs(m)
	if err != nil {
		return nil, err
	}
	for name := range o.Shapes {
		if !slices.ContainsFunc(list, func(in gradient.Input) bool { return in.Name == name }) {
			return nil, optionf("Shapes", "the model has no input %q, but %v", name, list)
		}
	}
	seed := uint64(1)
	if o.Seed != nil {
		seed = *o.Seed
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	inputs, size, limit := map[string]nd.Array{}, int64(0), max(o.Memory, min(mostInput, leastInput+64*gradient.Size(m)))
	for _, in := range list {
		shape, ok := o.Shapes[in.Name]
		if !ok {
			if in.Shape == nil || slices.Contains(in.Shape[min(1, len(in.Shape)):], -1) {
				return nil, &OpenAxesError{in.Name, in.String()}
			}
			shape = in.Batched(o.Batch)
		}
		n, err := nd.CheckedSize(shape)
		if size += int64(n) * in.DType.Bytes(); err == nil && size > limit {
			err = &gradient.MemoryError{Limit: limit}
		}
		if err != nil {
			return nil, fmt.Errorf("input %v: %w", in, err)
		}
		inputs[in.Name] = random(rng, in.DType, shape, o.Vocabulary)
	}
	return inputs, nil
}

func random(rng *rand.Rand, t nd.DType, shape []int, vocabulary int64) nd.Array {
	a := nd.New(t, shape...)
	switch data := a.Data.(type) {
	case []float32:
		for i := range data {
			data[i] = float32(rng.NormFloat64())
		}
	case []int64:
		for i := range data {
			data[i] = rng.Int64N(vocabulary)
		}
	case []bool:
		for i := range data {
			data[i] = rng.Uint64()&1 == 1
		}
	}
	return a
}
