package perturb

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/sysmem"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// The values of all blocks may take mostKept bytes, or the share keptMemory of the machine's
// memory if that is less: weights, gradients and the model's file want some as well. Blocks
// beyond that are computed again when they are looked at. Those whose values would come to
// more than mostBlocks are left out, as the work of a search would go into few rounds.
const (
	mostKept   = 1 << 29
	keptMemory = 1.0 / 6
	mostBlocks = 1 << 32
)

// keptLimit returns the bytes that the values of all blocks may take.
func keptLimit() int64 {
	if total := sysmem.Total(); total > 0 {
		return min(mostKept, int64(keptMemory*float64(total)))
	}
	return mostKept
}

// lent is a program that several blocks have in turn, because their values do not fit into
// memory all at once. The first blocks have programs of their own: successive halving looks
// at these most.
type lent struct {
	program *gradient.Program
	holder  *block // whose values it has
}

// hold computes a block again if its program has the values of another one.
func (b *block) hold() error {
	if b.lent == nil || b.lent.holder == b {
		return nil
	}
	b.lent.holder = nil
	outputs, err := b.program.Forward(b.batch)
	if err != nil {
		return err
	}
	b.lent.holder = b
	return b.settle(outputs)
}

// copied returns arrays with the same numbers.
func copied(list []nd.Array) []nd.Array {
	out := make([]nd.Array, len(list))
	for i, a := range list {
		out[i] = nd.New(a.DType(), a.Shape...)
		switch x := a.Data.(type) {
		case []float32:
			copy(out[i].Float32s(), x)
		case []int64:
			copy(out[i].Int64s(), x)
		case []bool:
			copy(out[i].Bools(), x)
		}
	}
	return out
}

// largeBlock is the number of input elements of a block from which one sample tells how many
// fit.
const largeBlock = 1 << 20

// affordable returns the size of blocks, at most size, of which one takes no more memory than
// limit while it is computed: to find out with the whole block may take all there is.
func affordable(m *onnxio.Model, cfg gradient.Config, samples Samples, size int, limit int64) (int, error) {
	if size < 2 {
		return size, nil
	}
	batch, err := samples.Batch(0, 1)
	if err != nil {
		return 0, err
	}
	elements := 0
	cfg.Shapes = map[string][]int{}
	for name, a := range batch {
		elements += a.Len()
		cfg.Shapes[name] = a.Shape
	}
	if elements*size < largeBlock {
		return size, nil
	}
	cfg.Values = batch
	p, err := gradient.Compile(m, cfg)
	if err != nil {
		return size, nil // the whole block shows why
	}
	return max(1, min(size, int(limit/max(p.Memory(), 1)))), nil
}
