package perturb

import (
	"errors"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// blockSize is the number of samples that are computed at a time while changes
// are tried. It is small, so that a race between changes can end early.
const blockSize = 8

// blocks are the calibration samples with all values that the model computes
// from them kept in memory, so that only what lies behind a changed parameter is
// computed again.
type blocks struct {
	list []*block
	task task.Task
}

// block is some of the samples.
type block struct {
	program *gradient.Program
	truth   nd.Array
	loss    gradient.Loss
	outputs []nd.Array // as things are
	now     float64    // the objective as things are
}

// newBlocks computes the first n samples, or as many of them as memory holds, in
// blocks of a size, unless the model has a size of its own.
// Samples that fill no block are left out, unless there would be none.
func newBlocks(m *onnxio.Model, cfg gradient.Config, samples Samples, n, size int, kind task.Task, objective func(truth nd.Array) gradient.Loss) (*blocks, error) {
	fixed, err := gradient.FixedBatch(m)
	if err != nil {
		return nil, err
	}
	size = min(size, n)
	if fixed > 0 {
		size = fixed
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
			one.program, err = gradient.Compile(m, cfg)
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

// settle takes over outputs as the present state.
func (b *block) settle(outputs []nd.Array) (err error) {
	b.outputs = outputs
	b.now, err = b.loss(outputs, nil)
	return err
}

// refresh takes over changes of tensors.
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

// count adds the samples, as things are, to a tally, and returns how many they are.
func (b *blocks) count(t task.Tally) (n int, err error) {
	for _, one := range b.list {
		n += one.truth.Shape[0]
		if err := t.Add(one.outputs, one.truth); err != nil {
			return n, err
		}
	}
	return n, nil
}

// objective is the mean over the blocks, as things are.
func (b *blocks) objective() float64 {
	sum := 0.0
	for _, one := range b.list {
		sum += one.now
	}
	return sum / float64(len(b.list))
}

// gradients returns the gradients of the objective by initializer name, on half of
// the blocks: they only say what is worth trying.
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

// with tallies the answers of the blocks if a parameter had another value. It stops
// early when stop says that it has seen enough.
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
