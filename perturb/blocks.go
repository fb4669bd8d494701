package perturb

import (
	"errors"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// blockSize is the number of samples that candidates are evaluated on at a time. It is
// small, so that successive halving can drop candidates early.
const blockSize = 8

// blocks are the calibration samples. All values that the model computes from them stay
// in memory, so that only what depends on a changed parameter is computed again.
type blocks struct {
	list []*block
	task task.Task
}

// block is a few of the calibration samples.
type block struct {
	program *gradient.Program
	truth   nd.Array
	loss    gradient.Loss
	outputs []nd.Array // with the present weights
	now     float64    // objective with the present weights
}

// newBlocks computes the first n samples, or as many as fit into memory, in blocks of
// size samples, or of the model's own batch size if that is fixed. Samples that do not
// fill a block are left out, unless there would be no block.
func newBlocks(m *onnxio.Model, cfg gradient.Config, samples Samples, n, size int, kind task.Task, objective func(truth nd.Array) gradient.Loss) (*blocks, error) {
	size = min(size, n)
	if cfg.Axes != nil && cfg.Axes.Batch > 0 {
		size = cfg.Axes.Batch
	}
	cfg.Keep = true
	b := &blocks{task: kind}
	for lo := 0; lo == 0 || lo+size <= n; lo += size {
		hi := min(lo+size, n)
		batch, err := samples.Batch(lo, hi)
		if err != nil {
			return nil, err
		}
		batch = gradient.Fill(batch, size)
		one := &block{truth: task.Truth(samples, lo, hi)}
		one.loss = objective(one.truth)
		if lo == 0 {
			cfg.Shapes = map[string][]int{}
			for name, a := range batch {
				cfg.Shapes[name] = a.Shape
			}
			if one.program, err = gradient.Compile(m, cfg); err != nil && !errors.Is(err, gradient.ErrMemory) {
				cfg.Values = batch // a shape or a branch may depend on them
				one.program, err = gradient.Compile(m, cfg)
			}
		} else {
			one.program, err = b.list[0].program.Fork()
		}
		if lo > 0 && errors.Is(err, gradient.ErrMemory) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		outputs, err := one.program.Forward(batch)
		if err != nil {
			return nil, err
		}
		if err := one.settle(outputs); err != nil {
			return nil, err
		}
		b.list = append(b.list, one)
	}
	return b, nil
}

// settle sets the present outputs and objective.
func (b *block) settle(outputs []nd.Array) (err error) {
	b.outputs = outputs
	b.now, err = b.loss(outputs, nil)
	return err
}

// refresh computes again what depends on changed tensors.
func (b *blocks) refresh(tensors ...string) error {
	for _, one := range b.list {
		outputs, err := one.program.Refresh(tensors...)
		if err != nil {
			return err
		}
		if err := one.settle(outputs); err != nil {
			return err
		}
	}
	return nil
}

// count adds the present outputs to a tally and returns the number of samples.
func (b *blocks) count(t task.Tally) (n int, err error) {
	for _, one := range b.list {
		n += one.truth.Shape[0]
		if err := t.Add(one.outputs, one.truth); err != nil {
			return n, err
		}
	}
	return n, nil
}

// objective returns the present mean over the blocks.
func (b *blocks) objective() float64 {
	sum := 0.0
	for _, one := range b.list {
		sum += one.now
	}
	return sum / float64(len(b.list))
}

// gradients returns the gradients of the objective by initializer name. Half of the
// blocks are enough, since gradients only propose candidates.
func (b *blocks) gradients() (map[string][]float32, error) {
	sum := map[string][]float32{}
	half := b.list[:(len(b.list)+1)/2]
	share := 1 / float32(len(half))
	for _, one := range half {
		if _, err := one.program.Backward(one.loss); err != nil {
			return nil, err
		}
		for _, name := range one.program.GradientNames() {
			g, _ := one.program.Gradient(name)
			if g == nil {
				continue
			}
			total := sum[name]
			if total == nil {
				total = make([]float32, len(g))
				sum[name] = total
			}
			for i, x := range g {
				total[i] += x * share
			}
		}
	}
	return sum, nil
}

// with tallies the outputs of the blocks with another value of a parameter. It stops
// early when stop returns true for the score of the first n samples.
func (b *blocks) with(at site, value float32, stop func(s task.Score, n int) bool) (t task.Tally, n int, stopped bool, err error) {
	t = b.task.NewTally()
	for _, one := range b.list {
		outputs, err := one.program.Try(at.tensor, at.index, value)
		if err != nil {
			return nil, 0, false, err
		}
		if err := t.Add(outputs, one.truth); err != nil {
			return nil, 0, false, err
		}
		n += one.truth.Shape[0]
		if stop(t.Score(), n) {
			return t, n, true, nil
		}
	}
	return t, n, false, nil
}
