package ops

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/nd"
)

// maxElements bounds a single value, whatever the memory.
const maxElements = min(1<<31, math.MaxInt)

// Limits bound what a graph may ask for, so that a malformed model is an error
// rather than an exhausted machine.
type Limits struct {
	Value  int   // elements of one value
	Folded int64 // bytes of all that is computed while compiling
}

// defaultLimits are those of a Builder until others are set.
var defaultLimits = Limits{Value: maxElements, Folded: 1 << 30}

// CheckSize reports a shape that is too large for a value. One without elements
// counts by its other axes: operators keep tables along single ones.
func (b *Builder) CheckSize(shape []int) error {
	filled := make([]int, len(shape))
	for i, d := range shape {
		filled[i] = d
		if d == 0 {
			filled[i] = 1
		}
	}
	n, err := nd.CheckedSize(filled)
	if limit := min(b.Limits.Value, maxElements); err == nil && n > limit {
		return fmt.Errorf("shape %v has %d elements; at most %d are supported", shape, n, limit)
	}
	return err
}

// checkSize refuses results that are too large.
func (b *Builder) checkSize(name string, shape []int) {
	if err := b.CheckSize(shape); err != nil {
		fail("%s: result: %w", name, err)
	}
}

// fold accounts for an array that is about to be computed while compiling.
func (b *Builder) fold(name string, t nd.DType, shape []int) {
	b.checkSize(name, shape)
	b.folded += int64(nd.Size(shape)) * t.Bytes()
	if b.folded > b.Limits.Folded {
		fail("%s: constants that are computed while compiling take more than %d bytes", name, b.Limits.Folded)
	}
}

// folds accounts for the result of an operator, if it takes memory of its own.
func (b *Builder) folds(o *Op) {
	if !o.Alias() {
		b.fold(o.name, o.out.DType, o.out.Shape)
	}
}

// zeros returns a constant.
func (b *Builder) zeros(name string, t nd.DType, shape ...int) *Value {
	b.fold(name, t, shape)
	return b.Const(nd.New(t, shape...))
}
