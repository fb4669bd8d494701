package perturb

import (
	"context"
	"errors"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// blockSize is the number of samples that candidates are evaluated on at a time. It is
// small, so that successive halving can drop candidates early.
const blockSize = 8

// blockAnswers is the number of answers that are enough for a block of samples which have
// more than one each.
const blockAnswers = 128

// sizeOfBlocks returns the number of samples in a block, by the truth about one of them.
func sizeOfBlocks(truth nd.Array) int {
	if truth.DType() != nd.Int64 {
		return blockSize
	}
	return max(1, min(blockSize, blockAnswers/max(truth.Len(), 1)))
}

// blocks are the calibration samples. All values that the model computes from them stay
// in memory as far as they fit, so that only what depends on a changed parameter is computed
// again.
type blocks struct {
	list       []*block
	task       task.Task
	parameters int
	visit      *func(name string, g []float32) // gets the gradients of all programs
	step       func()                          // is called when some evaluations are done; may be nil
	seen       map[string]found                // rounds so far, by the set of changes that they began from
}

// block is a few of the calibration samples.
type block struct {
	program *gradient.Program
	lent    *lent // how it has the program, if that is not its own; see fitting.go
	batch   batch
	truth   nd.Array
	loss    gradient.Loss
	stale   []stale    // parameters that were set since it was computed
	outputs []nd.Array // with the weights when it was computed
	now     float64    // objective with these

	// again computes the block with a new program; nil if the present one holds for all
	// weights. It does not where the numbers that a model computes decide what else it
	// computes, such as which boxes a detector looks at.
	again func() (*gradient.Program, []nd.Array, error)
	exact *gradient.Session // of the block's samples alone, which decides anew; nil without again
}

// batch is the samples of a block as a source.
type batch map[string]nd.Array

func (b batch) Len() int {
	for _, a := range b {
		return a.Shape[0]
	}
	return 0
}

func (b batch) Batch(lo, hi int) (map[string]nd.Array, error) {
	out := map[string]nd.Array{}
	for name, a := range b {
		out[name] = a.Rows(lo, hi)
	}
	return out, nil
}

// try returns the outputs with another value of a parameter. The block has to be settled.
func (b *block) try(at site, value float32) (outputs []nd.Array, err error) {
	if b.exact == nil {
		if err := b.hold(); err != nil {
			return nil, err
		}
		return b.program.Try(at.tensor, at.index, value)
	}
	a, _ := b.exact.Weights().Array(at.tensor)
	x := a.Float32s()
	old := x[at.index]
	x[at.index] = value
	defer func() { x[at.index] = old }()
	err = b.exact.Forward(b.batch, func(_, _ int, list []nd.Array) error {
		outputs = list
		return nil
	})
	return outputs, err
}

// mostDecided is the number of samples that are enough for gradients where each needs a
// program of its own.
const mostDecided = 24

// mostNodes bounds the nodes of the copies of a graph that takes one sample at a time.
const mostNodes = 1 << 12

// nodesOf returns the number of nodes of a graph, with those of graphs in it.
func nodesOf(g *onnxpb.GraphProto) int {
	n := len(g.GetNode())
	for _, node := range g.GetNode() {
		for _, a := range node.GetAttribute() {
			n += nodesOf(a.GetG())
		}
	}
	return n
}

// newBlocks computes the first n samples in blocks of size samples, of fewer where these take
// much memory, or of the model's own batch size if that is fixed. Samples that do not fill a
// block are left out, unless there would be no block. Values of at most limit bytes stay in memory.
func newBlocks(ctx context.Context, m *onnxio.Model, cfg gradient.Config, samples Samples, n, size int, limit int64, kind task.Task, objective func(truth nd.Array) gradient.Loss) (*blocks, error) {
	size = min(size, n)
	if cfg.Axes != nil && cfg.Axes.Batch > 0 {
		together := min(size, mostNodes/max(nodesOf(m.Proto().GetGraph()), 1))
		size = cfg.Axes.Batch
		if size == 1 && kind.Traits().Together > 1 && together > 1 && !cfg.Apart {
			cfg.Apart = true
			if b, err := newBlocks(ctx, m, cfg, samples, n, together, limit, kind, objective); err == nil || ctx.Err() != nil {
				return b, err
			}
			cfg.Apart = false // one at a time is less good
		}
		if cfg.Apart {
			size = together
		}
	}
	b := &blocks{task: kind, parameters: cfg.Weights.Len(), visit: new(func(string, []float32)), seen: map[string]found{}}
	cfg.Keep, cfg.Visit = true, func(name string, g []float32) { (*b.visit)(name, g) }
	if cfg.Axes == nil || cfg.Axes.Batch == 0 || cfg.Apart {
		var err error
		if size, err = affordable(m, cfg, samples, size, limit); err != nil {
			return nil, err
		}
	}
	var kept int64 // by a block
	var spare *lent
	for lo := 0; lo == 0 || lo+size <= n; lo += size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all := int64(len(b.list)+1) * kept
		if all > mostBlocks {
			return b, nil
		}
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
		} else if spare != nil {
			one.program, one.lent = spare.program, spare
		} else if one.program, err = b.list[0].program.Fork(); err == nil && all > limit {
			spare = &lent{program: one.program}
			one.lent = spare
		}
		if lo > 0 && errors.Is(err, gradient.ErrMemory) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if kept = one.program.Kept(); lo == 0 && size > 1 && kept > limit && (cfg.Axes == nil || cfg.Axes.Batch == 0 || cfg.Apart) {
			cfg.Values = nil
			return newBlocks(ctx, m, cfg, samples, n, max(1, int(int64(size)*limit/kept)), limit, kind, objective)
		}
		one.batch = batch
		outputs, err := one.program.Forward(batch)
		if errors.As(err, new(*gradient.AssumedError)) {
			own := cfg
			own.Values, one.lent = batch, nil
			if one.program, err = gradient.Compile(m, own); err == nil {
				outputs, err = one.program.Forward(batch)
			}
		}
		if err != nil {
			return nil, err
		}
		if one.program.Decided() {
			n = min(n, max(size, mostDecided))
			own, plain := cfg, cfg
			own.Values = batch
			plain.Keep, plain.Visit, plain.Gradients = false, nil, nil
			if one.exact, err = gradient.NewSession(m, plain, size); err != nil {
				return nil, err
			}
			one.again = func() (*gradient.Program, []nd.Array, error) {
				p, err := gradient.Compile(m, own)
				if err != nil {
					return nil, nil, err
				}
				outputs, err := p.Forward(batch)
				return p, outputs, err
			}
		}
		if one.lent != nil {
			one.lent.holder = one
		}
		if err := one.settle(outputs); err != nil {
			return nil, err
		}
		b.list = append(b.list, one)
	}
	return b, nil
}

// measure replaces the objective.
func (b *blocks) measure(objective func(truth nd.Array) gradient.Loss) (err error) {
	clear(b.seen)
	for _, one := range b.list {
		one.loss = objective(one.truth)
		if one.now, err = one.loss(one.outputs, nil); err != nil {
			return err
		}
	}
	return nil
}

// settle sets the present outputs and objective.
func (b *block) settle(outputs []nd.Array) (err error) {
	if b.lent != nil {
		outputs = copied(outputs) // the program will hold other blocks
	}
	b.outputs = outputs
	b.now, err = b.loss(outputs, nil)
	return err
}

// asks reports whether the samples up to block i may tell that a model is not at the target.
// A score may take long to compute, so that it is asked for after 1, 2, 4, … blocks, and all.
func (b *blocks) asks(i int) bool { return i&(i+1) == 0 || i == len(b.list)-1 }

// count tallies the present outputs of n samples. It stops early when stop returns true
// for the score of the first n.
func (b *blocks) count(t task.Tally, stop func(s task.Score, n int) bool) (n int, stopped bool, err error) {
	for i, one := range b.list {
		if err := one.settled(); err != nil {
			return n, false, err
		}
		n += one.truth.Shape[0]
		if err := t.Add(one.outputs, one.truth); err != nil {
			return n, false, err
		}
		if b.asks(i) && stop(t.Score(), n) {
			return n, true, nil
		}
	}
	return n, false, nil
}

// objective returns the present mean over the blocks.
func (b *blocks) objective() (float64, error) { return mean(b.list) }

// sampled returns the present mean over the blocks that gradients are computed on.
func (b *blocks) sampled() (float64, error) { return mean(b.sample()) }

func mean(list []*block) (float64, error) {
	sum := 0.0
	for _, one := range list {
		if err := one.settled(); err != nil {
			return 0, err
		}
		sum += one.now
	}
	return sum / float64(len(list)), nil
}

// sample returns the blocks that gradients are computed on: half of all are enough, since
// gradients only propose candidates.
func (b *blocks) sample() []*block {
	if b.parameters > mostSummed {
		return b.list[:1]
	}
	return b.list[:(len(b.list)+1)/2]
}

// mostSummed is the number of parameters up to which the gradients of several blocks are
// added. Those of a larger model never are in memory all at once: they are of one block.
const mostSummed = 1 << 28

// gradients calls visit with the gradient of the objective by each initializer that the
// model depends on.
func (b *blocks) gradients(ctx context.Context, visit func(name string, g []float32)) error {
	half := b.sample()
	share := 1 / float32(len(half))
	sum := map[string][]float32{}
	for i, one := range half {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := one.settled(); err != nil {
			return err
		}
		*b.visit = func(name string, g []float32) {
			total := sum[name]
			switch {
			case len(half) == 1:
				visit(name, g)
				return
			case total == nil:
				total = make([]float32, len(g))
				sum[name] = total
			}
			for i, x := range g {
				total[i] += x * share
			}
			if i == len(half)-1 {
				visit(name, total)
				delete(sum, name)
			}
		}
		if err := one.hold(); err != nil {
			return err
		}
		if _, err := one.program.Backward(one.loss); err != nil {
			return err
		}
	}
	return nil
}

// with tallies the outputs of the blocks with another value of a parameter. It stops
// early when stop returns true for the score of the first n samples.
func (b *blocks) with(at site, value float32, stop func(s task.Score, n int) bool) (t task.Tally, n int, stopped bool, err error) {
	t = b.task.NewTally()
	for i, one := range b.list {
		if err := one.settled(); err != nil {
			return nil, 0, false, err
		}
		outputs, err := one.try(at, value)
		if err != nil {
			return nil, 0, false, err
		}
		if err := t.Add(outputs, one.truth); err != nil {
			return nil, 0, false, err
		}
		n += one.truth.Shape[0]
		if b.asks(i) && stop(t.Score(), n) {
			return t, n, true, nil
		}
	}
	return t, n, false, nil
}
