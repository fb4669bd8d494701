package gradient

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// Source is a set of samples that is read in batches. dataset.Set is one.
type Source interface {
	Len() int
	// Batch returns samples [lo, hi) as arrays by input name, with a row for each sample.
	Batch(lo, hi int) (map[string]nd.Array, error)
}

// batchOf returns samples [lo, hi) of a source. The error is that of the source, or a *RowsError.
func batchOf(src Source, lo, hi int) (map[string]nd.Array, error) {
	batch, err := src.Batch(lo, hi)
	if err != nil {
		return nil, err
	}
	for name, a := range batch {
		if len(a.Shape) == 0 || a.Shape[0] != hi-lo {
			return nil, &RowsError{name, a.Shape, hi - lo}
		}
	}
	return batch, nil
}

// Session runs a model over many samples. It compiles a Program for each new shape
// of a batch.
type Session struct {
	model *onnxio.Model
	cfg   Config
	batch int
	fixed bool // the model takes batches of exactly this size
	fits  bool // it is known that batches of this size fit into memory
	eager bool // numbers decide what is computed, so that programs are not used twice

	programs map[string][]*Program // by the shapes of a batch
}

// NewSession returns a session with batches of at most the given size. If the
// model's first dimension is fixed, batches have that size. Config.Shapes and
// Config.Values are ignored. Errors are those of LoadWeights and Inputs.
func NewSession(m *onnxio.Model, cfg Config, batch int) (*Session, error) {
	if cfg.Weights == nil {
		var err error
		if cfg.Weights, err = LoadWeightsToChange(m, unchanged); err != nil {
			return nil, err
		}
	}
	s := &Session{model: m, cfg: cfg, batch: max(batch, 1), programs: map[string][]*Program{}}
	if cfg.Axes == nil {
		axes, err := AxesOf(m)
		if err != nil {
			return nil, err
		}
		s.cfg.Axes = axes
	}
	if n := s.cfg.Axes.Batch; n > 0 {
		s.batch, s.fixed = n, true
	}
	return s, nil
}

// BatchSize returns the size of a full batch, and whether the model accepts no
// other.
func (s *Session) BatchSize() (n int, fixed bool) { return s.batch, s.fixed }

// Weights returns the parameters the session computes with. They may be changed if
// they are those of Config.
func (s *Session) Weights() *Weights { return s.cfg.Weights }

// program returns the program for the shapes of a batch.
// given is how many bytes its samples have, without those that fill it.
func (s *Session) program(batch map[string]nd.Array, given int64) (*Program, error) {
	shapes := make(map[string][]int, len(batch))
	for name, a := range batch {
		shapes[name] = a.Shape
	}
	key := fmt.Sprint(shapes) // fmt sorts maps by key
	s.programs[key] = slices.DeleteFunc(s.programs[key], func(p *Program) bool { return p.Decided() && p.holds(batch) != nil })
	for _, p := range s.programs[key] {
		if p.holds(batch) == nil {
			return p, nil
		}
	}
	cfg := s.cfg
	cfg.Shapes, cfg.Values, cfg.given, cfg.eager = shapes, batch, given, s.eager
	p, err := Compile(s.model, cfg)
	if err != nil || s.eager {
		return p, err
	}
	s.programs[key] = append(s.programs[key], p)
	s.eager = p.Decided() && cfg.Gradients == nil && !cfg.ByInputs && !cfg.Features
	return p, nil
}

// batchMemory is the size of all buffers of a batch above which a session takes fewer
// samples at a time. Beyond it, larger batches are no faster.
const batchMemory = 1 << 27

// largeInputs is the number of elements of a batch from which a session finds out, with one
// sample, how much memory it takes.
const largeInputs = 1 << 20

// fitting returns the number of samples to take at a time, at most n, so that they take no
// more than batchMemory. batch is n samples.
func (s *Session) fitting(batch map[string]nd.Array, n int) int {
	size := 0
	for _, a := range batch {
		size += a.Len()
	}
	if s.fixed || s.fits || n < 2 || size < largeInputs {
		return n
	}
	one := map[string]nd.Array{}
	for name, a := range batch {
		one[name] = a.Rows(0, 1)
	}
	s.fits = true
	p, err := s.program(one, 0)
	if err != nil {
		return n // the whole batch shows why
	}
	s.programs = map[string][]*Program{}
	return max(1, min(n, int(batchMemory/max(p.Memory(), 1))))
}

// each calls f with the program and the inputs of each batch. The first n samples
// of the batch count; the others are repetitions that fill it.
func (s *Session) each(src Source, f func(p *Program, inputs map[string]nd.Array, lo, n int) error) error {
	for lo := 0; lo < src.Len(); lo += s.batch {
		n := min(s.batch, src.Len()-lo)
		inputs, err := batchOf(src, lo, lo+n)
		if err != nil {
			return err
		}
		given := int64(0)
		for _, a := range inputs {
			given += int64(a.Len()) * a.DType().Bytes()
		}
		if s.fixed {
			inputs = Fill(inputs, s.batch)
		}
		if fit := s.fitting(inputs, n); fit < n {
			s.batch = fit
			lo -= s.batch
			continue
		}
		p, err := s.program(inputs, given)
		if err != nil {
			return err
		}
		if err := f(p, inputs, lo, n); err != nil {
			return err
		}
	}
	return nil
}

// Fill returns a batch of n samples. If there are fewer, the last one is repeated. Arrays without a
// sample stay as they are.
func Fill(batch map[string]nd.Array, n int) map[string]nd.Array {
	out := make(map[string]nd.Array, len(batch))
	for name, a := range batch {
		if len(a.Shape) > 0 && a.Shape[0] > 0 && a.Shape[0] < n {
			a = fill(a, n)
		}
		out[name] = a
	}
	return out
}

// fill returns the rows of a, of which the last is repeated, so that there are n.
func fill(a nd.Array, n int) nd.Array {
	out := nd.New(a.DType(), append([]int{n}, a.Shape[1:]...)...)
	for i := range n {
		from, to := a.Rows(min(i, a.Shape[0]-1), min(i, a.Shape[0]-1)+1), out.Rows(i, i+1)
		switch d := to.Data.(type) {
		case []int64:
			copy(d, from.Int64s())
		case []bool:
			copy(d, from.Bools())
		default:
			copy(to.Float32s(), from.Float32s())
		}
	}
	return out
}

// Forward computes the outputs of all samples, batch by batch. f is given those of
// samples [lo, lo+n), which are valid until it returns. Errors are those of src, of
// Compile and Program.Forward, and of f.
func (s *Session) Forward(src Source, f func(lo, n int, outputs []nd.Array) error) error {
	return s.each(src, func(p *Program, inputs map[string]nd.Array, lo, n int) error {
		out, err := p.Forward(inputs)
		if err != nil {
			return err
		}
		for i, a := range out {
			if s.fixed && len(a.Shape) > 0 && a.Shape[0] == s.batch && n < s.batch { // filled up
				out[i] = a.Rows(0, n)
			}
		}
		return f(lo, n, out)
	})
}

// Gradients returns the mean loss of all samples and its gradient by initializer.
// Each batch contributes in proportion to its number of samples. loss returns the
// loss of samples [lo, lo+n). A batch that was filled to a fixed size has more than
// n rows, and the loss must ignore the others.
func (s *Session) Gradients(src Source, loss func(lo, n int) Loss) (value float64, grads map[string][]float32, err error) {
	grads = map[string][]float32{}
	err = s.each(src, func(p *Program, inputs map[string]nd.Array, lo, n int) error {
		v, _, err := p.Gradients(inputs, loss(lo, n))
		if err != nil {
			return err
		}
		share := float64(n) / float64(src.Len())
		value += v * share
		for _, name := range p.GradientNames() {
			g, _ := p.Gradient(name)
			if g == nil {
				continue
			}
			sum := grads[name]
			if sum == nil {
				sum = make([]float32, len(g))
				grads[name] = sum
			}
			for i, x := range g {
				sum[i] += x * float32(share)
			}
		}
		return nil
	})
	return value, grads, err
}

// Head returns the last layer of the model, as Program.Head does, after a batch has
// been computed. The last output then holds the layer's input [n,width].
func (s *Session) Head() (Head, bool) {
	for _, list := range s.programs {
		for _, p := range list {
			return p.Head()
		}
	}
	return Head{}, false
}
