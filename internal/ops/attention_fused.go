package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/attention"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// Fused attention. Exporters write softmax(scale·Q·Kᵀ + mask)·V as a dozen
// operators, half of which only move the heads of Q, K and V into position for a
// matrix product. The fused kernel reads the heads where the previous layer left
// them.

// operand is a batch of matrices, one for each head: a view of the elements of
// base, multiplied by scale.
type operand struct {
	base  *Value
	view  strided.View // batch axes, rows, columns
	scale float32
}

// layout returns the strides of the matrices. adjacent reports whether the elements
// of a row are adjacent.
func (o *operand) layout() (l attention.HeadLayout, adjacent bool) {
	n := len(o.view.Shape)
	l = attention.HeadLayout{Offset: o.view.Offset, Batch: o.view.Stride[:n-2], Row: o.view.Stride[n-2]}
	return l, o.view.Shape[n-1] == 1 || o.view.Stride[n-1] == 1
}

// operandsOf lists the values whose elements hold the matrices of x, or their
// transposes if swapped, with the elements of a row adjacent. The list begins with
// x and goes back through data movement and, if scales, multiplication by a number.
func operandsOf(x *Value, swapped, scales bool) (list []operand) {
	o := operand{x, strided.View{Shape: slices.Clone(x.Shape), Stride: nd.Strides(x.Shape)}, 1}
	if n := x.Rank(); swapped {
		s, d := o.view.Shape, o.view.Stride
		s[n-1], s[n-2], d[n-1], d[n-2] = s[n-2], s[n-1], d[n-2], d[n-1]
	}
	for {
		if _, adjacent := o.layout(); adjacent {
			list = append(list, o)
		}
		op := o.base.op
		if op == nil {
			return list
		}
		if op.Alias() {
			o.base = o.base.in[0]
		} else if k, ok := op.kernel.(*viewKernel); ok {
			v, ok := compose(o.view, k.view)
			if !ok || repeats(v) {
				return list
			}
			o.base, o.view = o.base.in[0], v
		} else {
			in, f, ok := scaled(o.base)
			if !ok || !scales {
				return list
			}
			o.base, o.scale = in, o.scale*f
		}
	}
}

// scaled returns x and f if v is f·x for a number f and x of the same shape.
func scaled(v *Value) (x *Value, f float32, ok bool) {
	if v.op == nil {
		return nil, 0, false
	}
	if k, ok := v.op.kernel.(*scaleKernel); ok {
		return v.in[0], k.factor, true
	}
	switch v.op.name {
	case "Mul", "Div":
		for i, y := range v.in {
			a, known := y.Constant()
			if x := v.in[1-i]; known && a.Len() == 1 && a.DType() == nd.Float32 && slices.Equal(x.Shape, v.Shape) {
				if f := a.Float32s()[0]; v.op.name == "Mul" {
					return x, f, true
				} else if i == 1 {
					return x, 1 / f, true
				}
			}
		}
	}
	return nil, 0, false
}

// attend returns softmax(scale·q·kᵀ + bias)·v for q [batch…, queries, size], k
// [batch…, keys, size], or kᵀ if swapped, and v [batch…, keys, values]. bias is
// nil, or has no gradient and a shape that can be broadcast to [batch…, queries,
// keys].
func (b *Builder) attend(q, k, v, bias *Value, swapped bool, scale float32, zeroRows bool) *Value {
	n := v.Rank()
	if swapped && len(operandsOf(k, true, true)) == 0 {
		k, swapped = b.SwapLast(k), false
	}
	o := chooseOperands(operandsOf(q, false, true), operandsOf(k, swapped, true), operandsOf(v, false, false))
	a := attention.Heads{Batch: v.Shape[:n-2], Queries: q.Shape[n-2], Keys: v.Shape[n-2], Size: q.Shape[n-1], Values: v.Shape[n-1], Scale: scale * o[0].scale * o[1].scale, ZeroRows: zeroRows}
	for i, l := range []*attention.HeadLayout{&a.Q, &a.K, &a.V} {
		*l, _ = o[i].layout()
	}
	in := []*Value{o[0].base, o[1].base, o[2].base}
	if o[0].base == o[1].base && o[1].base == o[2].base {
		in = in[:1]
	}
	if bias != nil {
		s := broadcastStrides(bias.Shape, append(slices.Clone(a.Batch), a.Queries, a.Keys))
		a.Bias = attention.HeadLayout{Batch: s[:n-2], Row: s[n-2], Column: s[n-1]}
		in = append(in, bias)
	}
	// The heads of a position are adjacent, as the next layer reads them.
	heads := a.Batch[n-3]
	shape := append(slices.Clone(a.Batch[:n-3]), a.Queries, heads, a.Values)
	strides := nd.Strides(shape)
	a.Out = attention.HeadLayout{Batch: append(slices.Clone(strides[:n-3]), a.Values), Row: strides[n-3]}
	y := b.emit(nd.Float32, shape, Op{
		name: "Attention",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			x := headInputs(in, bias != nil)
			a.Forward(w, x[0], x[1], x[2], x[3], out.Float32s())
		}),
		diff:       func(_, gy *Value) []*Value { return b.attendGrad(a, in, bias != nil, gy) },
		more:       count(a.Batch...) * count(a.Queries, a.Keys, a.Size+a.Values+perElement),
		multiplied: count(a.Batch...) * count(a.Queries, a.Keys, a.Size+a.Values),
	}, in...)
	perm := axesUpTo(n)
	perm[n-3], perm[n-2] = n-2, n-3
	return b.Transpose(y, perm...)
}

// chooseOperands chooses the earliest value from each list under a condition that
// lets gradients be written in the same layout. Either all three are views of one
// value that together cover it once, or each is a view that covers a value of its
// own.
func chooseOperands(q, k, v []operand) [3]operand {
	last := func(list []operand) operand { return list[len(list)-1] }
	o := [3]operand{last(q), last(k), last(v)}
	if o[0].base == o[1].base && o[1].base == o[2].base && covers(o[0].base.Len(), o[0].view, o[1].view, o[2].view) {
		return o
	}
	for i, list := range [][]operand{q, k, v} {
		for !covers(last(list).base.Len(), last(list).view) {
			list = list[:len(list)-1]
		}
		o[i] = last(list)
	}
	if o[0].base == o[1].base && o[1].base == o[2].base { // all the same elements: three gradients
		for i, list := range [][]operand{q, k, v} {
			o[i] = list[0]
		}
	}
	return o
}

// headInputs returns q, k, v, and the bias or nil, from the inputs of an operator.
func headInputs(in []nd.Array, bias bool) (x [4][]float32) {
	if bias {
		x[3] = in[len(in)-1].Float32s()
		in = in[:len(in)-1]
	}
	for i := range 3 {
		x[i] = in[min(i, len(in)-1)].Float32s()
	}
	return x
}

// attendGrad returns the gradients by the inputs. One operator computes all of
// them, as parts of one value.
func (b *Builder) attendGrad(a attention.Heads, in []*Value, bias bool, gy *Value) []*Value {
	inputs := in
	if bias {
		inputs = in[:len(in)-1]
	}
	size := 0
	for _, x := range inputs {
		size += x.Len()
	}
	g := b.emit(nd.Float32, []int{size}, Op{
		name: "Attention.grad",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			x, g := headInputs(in[:len(in)-1], bias), out.Float32s()
			gq, gk, gv := g, g, g
			if len(inputs) > 1 {
				gk = g[len(x[0]):]
				gv = gk[len(x[1]):]
			}
			a.Gradient(w, x[0], x[1], x[2], x[3], in[len(in)-1].Float32s(), gq, gk, gv)
		}),
		// Scores again, and the gradients by weights, values, queries and keys.
		multiplied: count(a.Batch...) * count(a.Queries, a.Keys, 3*a.Size+2*a.Values),
	}, append(slices.Clone(in), gy)...)
	var parts []*Value
	at := 0
	for _, x := range inputs {
		parts = append(parts, b.part(g, at, x.Shape...))
		at += x.Len()
	}
	if bias {
		parts = append(parts, nil)
	}
	return parts
}
