package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
)

// maxElements is the largest size of a value on any machine.
const maxElements = min(1<<31, math.MaxInt)

// Limits bound the memory and the work that a graph may ask for. With them, a malformed
// model is an error and does not exhaust the machine: a few hundred bytes of model can ask
// for hours.
type Limits struct {
	Value  int   // elements of one value
	Folded int64 // bytes of all that is computed while compiling
	Work   int64 // multiplications of all operators together (see work.go)
}

// defaultLimits are the limits of a new Builder.
var defaultLimits = Limits{Value: maxElements, Folded: 1 << 30, Work: 1 << 40}

// CheckSize returns a *LimitError for a shape that is too large. A shape without
// elements counts by its other axes, because operators keep tables along single
// axes.
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
		return &LimitError{Bound: BoundValue, Limit: int64(limit), Shape: slices.Clone(shape)}
	}
	return err
}

// checkSize ends the build if the result of an operator is too large.
func (b *Builder) checkSize(name string, shape []int) {
	if err := b.CheckSize(shape); err != nil {
		fail("%s: result: %w", name, err)
	}
}

// fold counts the memory and the elements of an array that is about to be computed at
// compile time, and ends the build if all such arrays take too much.
func (b *Builder) fold(name string, t nd.DType, shape []int) {
	b.checkSize(name, shape)
	b.spend(name, perElement*float64(nd.Size(shape)))
	b.folded += int64(nd.Size(shape)) * t.Bytes()
	if b.folded > b.Limits.Folded {
		fail("%w", &LimitError{Bound: BoundConstants, Limit: b.Limits.Folded, Operator: name})
	}
}

// folds counts the result of an operator, unless it is an alias.
func (b *Builder) folds(o *Op) {
	if o.Alias() {
		return
	}
	b.fold(o.name, o.out.DType, o.out.Shape)
}

// zeros returns a constant of zeros.
func (b *Builder) zeros(name string, t nd.DType, shape ...int) *Value {
	b.fold(name, t, shape)
	return b.Const(nd.New(t, shape...))
}
