package ops

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/internal/kernel/gather"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// gather: Gather, GatherElements (opset 11), GatherND (opset 11; batch_dims: 12),
// ReverseSequence (opset 10).
//
// An operator of its own first converts indices to positions. It rejects indices
// out of range: at compile time if they are constant, and else at run time
// (Op.Check). The operator Take then copies rows, and its gradient adds them back
// to where they came from.

// positions returns a value of the given shape that holds the positions of the
// tuples in index.
func (b *Builder) positions(index *Value, shape []int, p gather.Positions) *Value {
	if index.DType != nd.Int64 {
		fail("indices of type %v", index.DType)
	}
	return b.emit(nd.Int64, shape, Op{
		name: "Indices",
		kernel: checked{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			p.Fill(w, in[0].Int64s(), out.Int64s())
		}, func(in []nd.Array) error {
			if i := p.Invalid(in[0].Int64s()); i >= 0 {
				return &IndexError{in[0].Int64s()[i], p.Limit[i%len(p.Limit)]}
			}
			return nil
		}},
	}, index)
}

// rowsAlong returns the positions that index names on an axis of length n.
func (b *Builder) rowsAlong(index *Value, n int) *Value {
	flat := []int{index.Len()}
	return b.positions(index, flat, gather.Positions{Base: strided.View{Shape: flat, Stride: []int{0}}, Limit: []int{n}, Stride: []int{1}})
}

// elementsAlong returns positions in an array of the given shape. Their coordinates
// are those of the element in index, except along the axis, where index holds them.
func (b *Builder) elementsAlong(index *Value, shape []int, axis int) *Value {
	base := strided.View{Shape: index.Shape, Stride: nd.Strides(shape)}
	step := base.Stride[axis]
	base.Stride[axis] = 0
	return b.positions(index, index.Shape, gather.Positions{Base: base, Limit: shape[axis : axis+1], Stride: []int{step}})
}

// tuples returns the positions, in an array of the given shape, that the tuples in
// the last axis of index name. The first batch axes belong to both.
func (b *Builder) tuples(index *Value, shape []int, batch int) *Value {
	last := index.Rank() - 1
	outer, strides := index.Shape[:last], nd.Strides(shape)
	base := strided.View{Shape: outer, Stride: make([]int, last)}
	copy(base.Stride, strides[:batch])
	return b.positions(index, slices.Clone(outer), gather.Positions{Base: base, Limit: shape[batch:], Stride: strides[batch:]})
}

// take treats x as [outer, n, block] and returns [outer, len(rows), block], in
// which row j is row rows[j] of x.
func (b *Builder) take(x, rows *Value, outer, n, block int) *Value {
	return b.emit(x.DType, []int{outer, rows.Len(), block}, Op{
		name: "Take",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			rows := in[1].Int64s()
			switch x := in[0].Data.(type) {
			case []int64:
				gather.Take(w, outer, n, block, x, rows, out.Int64s())
			case []bool:
				gather.Take(w, outer, n, block, x, rows, out.Bools())
			default:
				gather.Take(w, outer, n, block, in[0].Float32s(), rows, out.Float32s())
			}
		}),
		diff: func(_, gy *Value) []*Value {
			return []*Value{b.takeSum(gy, rows, x.Shape, outer, n, block), nil}
		},
	}, x, rows)
}

// takeSum is the adjoint of take. It returns an array of the given shape, each row
// of which is the sum of the rows that were taken from it.
func (b *Builder) takeSum(y, rows *Value, shape []int, outer, n, block int) *Value {
	return b.emit(nd.Float32, shape, Op{
		name: "TakeSum",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			gather.TakeSum(w, outer, n, block, in[0].Float32s(), in[1].Int64s(), out.Float32s())
		}),
		diff: func(_, gx *Value) []*Value {
			return []*Value{b.Reshape(b.take(gx, rows, outer, n, block), y.Shape...), nil}
		},
	}, y, rows)
}

// Gather replaces an axis of x by the axes of index, which holds positions on it.
func (b *Builder) Gather(x, index *Value, axis int) *Value {
	n := x.Shape[axis]
	y := b.take(x, b.rowsAlong(index, n), nd.Size(x.Shape[:axis]), n, nd.Size(x.Shape[axis+1:]))
	return b.Reshape(y, slices.Concat(x.Shape[:axis], index.Shape, x.Shape[axis+1:])...)
}

// GatherElements returns elements of x in the shape of index. Each one's coordinate
// on the axis is the number in index, and its other coordinates are those in index.
func (b *Builder) GatherElements(x, index *Value, axis int) *Value {
	checkElements(x, index, axis)
	return b.Reshape(b.take(x, b.elementsAlong(index, x.Shape, axis), 1, x.Len(), 1), index.Shape...)
}

// checkElements ends the build unless index can name elements of x.
func checkElements(x, index *Value, axis int) {
	if x.Rank() != index.Rank() {
		fail("indices of shape %v for a value of shape %v", index.Shape, x.Shape)
	}
	for i, n := range index.Shape {
		if i != axis && n > x.Shape[i] {
			fail("indices of shape %v for a value of shape %v", index.Shape, x.Shape)
		}
	}
}

// checkTuples ends the build unless the tuples in index can name rows of x, and
// returns their length.
func checkTuples(x, index *Value, batch int) (k int) {
	if index.Rank() < 1 || x.Rank() < 1 {
		fail("indices of shape %v for a value of shape %v", index.Shape, x.Shape)
	}
	if batch < 0 || batch >= min(index.Rank(), x.Rank()) || !slices.Equal(index.Shape[:batch], x.Shape[:batch]) {
		fail("indices of shape %v for a value of shape %v with %d axes in common", index.Shape, x.Shape, batch)
	}
	k = index.Shape[index.Rank()-1]
	if k < 1 || k > x.Rank()-batch {
		fail("tuples of %d indices for a value of shape %v with %d axes in common", k, x.Shape, batch)
	}
	return k
}

func buildGather(c *Call) []*Value {
	x, index := c.Input(0), c.Input(1)
	return []*Value{c.Gather(x, index, c.Axis(c.Int("axis", 0), x.Rank()))}
}

func buildGatherElements(c *Call) []*Value {
	x, index := c.Input(0), c.Input(1)
	return []*Value{c.GatherElements(x, index, c.Axis(c.Int("axis", 0), x.Rank()))}
}

func buildGatherND(c *Call) []*Value {
	x, index := c.Input(0), c.Input(1)
	batch := c.Int("batch_dims", 0)
	named := batch + checkTuples(x, index, batch)
	rows := c.tuples(index, x.Shape[:named], batch)
	block := x.Shape[named:]
	y := c.take(x, rows, 1, nd.Size(x.Shape[:named]), nd.Size(block))
	return []*Value{c.Reshape(y, slices.Concat(rows.Shape, block)...)}
}

// buildReverseSequence exchanges time steps t and length-1-t within each sequence.
func buildReverseSequence(c *Call) []*Value {
	x, lengths := c.Input(0), c.Input(1)
	if x.Rank() < 2 {
		c.fail("input of shape %v", x.Shape)
	}
	time, batch := c.Int("time_axis", 0), c.Int("batch_axis", 1)
	if time+batch != 1 || time*batch != 0 {
		c.fail("time axis %d and batch axis %d", time, batch)
	}
	if lengths.DType != nd.Int64 || !slices.Equal(lengths.Shape, x.Shape[batch:batch+1]) {
		c.fail("lengths of type %v and shape %v for an input of shape %v", lengths.DType, lengths.Shape, x.Shape)
	}
	steps, n := x.Shape[time], x.Shape[0]*x.Shape[1]
	stride := nd.Strides(x.Shape[:2])
	rows := c.emit(nd.Int64, []int{n}, Op{
		name: "ReverseSequence",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			rows := out.Int64s()
			for s, length := range in[0].Int64s() {
				for t := range steps {
					from := t
					if t < int(length) {
						from = int(length) - 1 - t
					}
					rows[s*stride[batch]+t*stride[time]] = int64(s*stride[batch] + from*stride[time])
				}
			}
		}, func(in []nd.Array) error {
			for _, length := range in[0].Int64s() {
				if length < 0 || length > int64(steps) {
					return fmt.Errorf("a sequence of %d in %d time steps", length, steps)
				}
			}
			return nil
		}},
	}, lengths)
	return []*Value{c.Reshape(c.take(x, rows, 1, n, nd.Size(x.Shape[2:])), x.Shape...)}
}

var gathers = family{
	"Gather":          {1, buildGather},
	"GatherElements":  {11, buildGatherElements},
	"GatherND":        {11, buildGatherND},
	"ReverseSequence": {10, buildReverseSequence},
}
