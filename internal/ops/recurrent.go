package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/recurrent"
	"github.com/advparams/advparams/nd"
)

// recurrent: RNN, GRU, LSTM (opset 7 and later). One MatMul computes the products
// with the inputs of all steps. One operator runs step by step. Its output is a
// tape: the states of all steps, [states, T, B, H], and what the backward
// computation needs. The backward computation is one operator, too. The gradients
// by the weights are products over all steps of its output.

// recurrence is one direction of a recurrent layer. All values but lens are
// float32; rb, c0, peep and lens may be nil.
type recurrence struct {
	recurrent.Recurrence
	r, rb, h0, c0, peep, lens *Value
}

// inputs returns the inputs of an operator that begins with the given ones. in
// finds those after them among the operator's arrays.
func (n *recurrence) inputs(first ...*Value) []*Value {
	for _, v := range []*Value{n.r, n.h0, n.rb, n.c0, n.peep, n.lens} {
		if v != nil {
			first = append(first, v)
		}
	}
	return first
}

func (n *recurrence) in(arrays []nd.Array) (in recurrent.Inputs) {
	next := func(v *Value) []float32 {
		if v == nil {
			return nil
		}
		a := arrays[0]
		arrays = arrays[1:]
		return a.Float32s()
	}
	in.R, in.H0, in.RB, in.C0, in.Peep = next(n.r), next(n.h0), next(n.rb), next(n.c0), next(n.peep)
	if n.lens != nil {
		in.Lens = arrays[0].Int64s()
	}
	return in
}

// checkLengths checks the last input.
func (n *recurrence) checkLengths(in []nd.Array) error {
	if n.lens == nil {
		return nil
	}
	for i, v := range in[len(in)-1].Int64s() {
		if v < 0 || v > int64(n.Steps) {
			return fmt.Errorf("sequence %d has length %d; there are %d steps", i, v, n.Steps)
		}
	}
	return nil
}

// states returns the states of all steps, [1 or 2, T, B, H], for x [T·B, G·H].
func (b *Builder) states(n *recurrence, x *Value) *Value {
	k := &n.Recurrence
	name := [...]string{"RNN", "GRU", "LSTM"}[k.Cell]
	shape := []int{k.TapePlanes(), k.Steps, k.Batch, k.Hidden}
	tape := b.emit(nd.Float32, shape, Op{
		name: name,
		kernel: checked{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			k.Forward(w, n.in(in[1:]), in[0].Float32s(), out.Float32s())
		}, n.checkLengths},
		diff:       func(tape, gtape *Value) []*Value { return b.recurrentGrad(name, n, x, tape, gtape) },
		more:       count(k.Steps, k.Batch, k.Hidden, k.Cell.Gates(), k.Hidden),
		multiplied: count(k.Steps, k.Batch, k.Hidden, k.Cell.Gates(), k.Hidden),
	}, n.inputs(x)...)
	return b.Slice(tape, 0, 0, k.States(), 1)
}

func (b *Builder) recurrentGrad(name string, n *recurrence, x, tape, gtape *Value) []*Value {
	k := &n.Recurrence
	back := b.emit(nd.Float32, []int{k.BackSize()}, Op{
		name: name + ".grad",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			k.Backward(w, n.in(in[2:]), in[0].Float32s(), in[1].Float32s(), out.Float32s())
		}),
		multiplied: count(k.Steps, k.Batch, k.Hidden, k.Cell.Gates(), k.Hidden),
	}, n.inputs(tape, gtape)...)
	end := k.BackSize()
	last := func(v *Value) *Value { // the part of back before end
		end -= v.Len()
		return b.Reshape(b.Slice(back, 0, end, v.Len(), 1), v.Shape...)
	}
	var gc, grb, gpeep *Value
	if n.c0 != nil {
		gc = last(n.c0)
	}
	gh := last(n.h0)
	gx := b.Reshape(b.Slice(back, 0, 0, x.Len(), 1), x.Shape...)
	gr := b.emit(nd.Float32, n.r.Shape, Op{
		name: name + ".weights",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			k.GradR(w, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), out.Float32s())
		}),
		multiplied: count(k.Steps, k.Batch, k.Hidden, k.Cell.Gates(), k.Hidden),
	}, tape, back, n.h0)
	if n.rb != nil {
		grb = b.emit(nd.Float32, n.rb.Shape, Op{
			name: name + ".bias",
			kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
				k.GradRB(in[0].Float32s(), out.Float32s())
			}),
		}, back)
	}
	if n.peep != nil {
		gpeep = b.emit(nd.Float32, n.peep.Shape, Op{
			name: name + ".peepholes",
			kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
				k.GradPeep(in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), out.Float32s())
			}),
		}, tape, back, n.c0)
	}
	grads := []*Value{gx, gr, gh}
	for _, p := range [][2]*Value{{n.rb, grb}, {n.c0, gc}, {n.peep, gpeep}} {
		if p[0] != nil {
			grads = append(grads, p[1])
		}
	}
	if n.lens != nil {
		grads = append(grads, nil)
	}
	return grads
}

// sequenceMask returns [T, B, 1], which is 1 for the steps of a sequence and 0
// after its end.
func (b *Builder) sequenceMask(lens *Value, steps int) *Value {
	batch := lens.Len()
	return b.emit(nd.Float32, []int{steps, batch, 1}, Op{
		name: "SequenceMask",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y, lens := out.Float32s(), in[0].Int64s()
			for i := range y {
				y[i] = 0
				if int64(i/batch) < lens[i%batch] {
					y[i] = 1
				}
			}
		}),
	}, lens)
}

// buildRecurrent returns the build function of a recurrent operator. With layout 1
// the batch is the first axis of X, Y and the states.
func buildRecurrent(cell recurrent.Cell) func(c *Call) []*Value {
	return func(c *Call) []*Value { return c.recurrent(cell, false) }
}

// recurrent builds a recurrent operator; see recurrent.Recurrence for rounded.
func (c *Call) recurrent(cell recurrent.Cell, rounded bool) []*Value {
	x, w, r := c.Float(0), c.Float(1), c.Float(2)
	if x.Rank() != 3 || w.Rank() != 3 || r.Rank() != 3 {
		c.fail("X, W and R of shapes %v, %v and %v; three axes each are expected", x.Shape, w.Shape, r.Shape)
	}
	batchFirst := c.Bool("layout", false)
	if batchFirst {
		x = c.Transpose(x, 1, 0, 2)
	}
	l := &layer{Call: c, cell: cell, x: x, batchFirst: batchFirst,
		k: recurrent.Recurrence{Cell: cell, Steps: x.Shape[0], Batch: x.Shape[1], Hidden: r.Shape[2], Rounded: rounded}}
	l.directions(c.String("direction", "forward"))
	l.check()
	var y, h, cs []*Value
	for d := range l.reverse {
		states := l.direction(d)
		t, b, hidden := l.k.Steps, l.k.Batch, l.k.Hidden
		part := func(i int) *Value { return c.Reshape(c.Slice(states, 0, i, 1, 1), t, b, hidden) }
		final := t - 1
		if l.reverse[d] {
			final = 0
		}
		hs := part(0)
		h = append(h, c.Slice(hs, 0, final, 1, 1))
		if cell == recurrent.LSTM {
			cs = append(cs, c.Slice(part(1), 0, final, 1, 1))
		}
		if l.lens != nil {
			hs = c.Mul(hs, l.mask)
		}
		y = append(y, c.Reshape(hs, t, 1, b, hidden))
	}
	out := []*Value{c.Concat(1, y...), c.Concat(0, h...)}
	if cs != nil {
		out = append(out, c.Concat(0, cs...))
	}
	if batchFirst {
		out[0] = c.Transpose(out[0], 2, 0, 1, 3)
		for i := range out[1:] {
			out[i+1] = c.Transpose(out[i+1], 1, 0, 2)
		}
	}
	return out
}

// layer is a call of a recurrent operator while it is built.
type layer struct {
	*Call
	cell       recurrent.Cell
	k          recurrent.Recurrence // without direction and activations
	x          *Value               // [T, B, I]
	lens, mask *Value               // nil when all sequences have T steps
	batchFirst bool
	reverse    []bool               // by direction
	squash     [][]recurrent.Squash // by direction
}

func (l *layer) directions(name string) {
	switch strings.ToLower(name) {
	case "forward":
		l.reverse = []bool{false}
	case "reverse":
		l.reverse = []bool{true}
	case "bidirectional":
		l.reverse = []bool{false, true}
	default:
		l.fail("direction %q", name)
	}
}

// check reads the attributes and checks the shapes of the inputs.
func (l *layer) check() {
	d, t, b, h, g := len(l.reverse), l.k.Steps, l.k.Batch, l.k.Hidden, l.cell.Gates()
	if n := l.Int("hidden_size", h); n != h || h < 1 {
		l.fail("hidden_size of %d and recurrent weights of shape %v", n, l.Input(2).Shape)
	}
	if t < 1 {
		l.fail("a sequence of no steps")
	}
	if clip := l.Float32("clip", 0); clip != 0 {
		unsupported("attribute clip")
	}
	l.shaped(1, d, g*h, l.x.Shape[2])
	l.shaped(2, d, g*h, h)
	l.shaped(3, d, 2*g*h)
	if v := l.Optional(4); v != nil {
		if v.DType != nd.Int64 || v.Rank() != 1 || v.Len() != b {
			l.fail("sequence_lens is %v%v for a batch of %d", v.DType, v.Shape, b)
		}
		l.lens = v
		l.mask = l.sequenceMask(v, t)
	}
	l.state(5)
	l.k.LinearBeforeReset = l.cell == recurrent.GRU && l.Bool("linear_before_reset", false)
	if l.cell == recurrent.LSTM {
		l.state(6)
		l.shaped(7, d, 3*h)
		l.k.Coupled = l.Bool("input_forget", false)
	}
	l.squash = l.activations()
}

// shaped checks the shape of an optional input.
func (l *layer) shaped(i int, shape ...int) {
	if l.Optional(i) == nil {
		return
	}
	if v := l.Float(i); !slices.Equal(v.Shape, shape) {
		l.fail("input %d of shape %v; %v is expected", i, v.Shape, shape)
	}
}

func (l *layer) state(i int) {
	if l.batchFirst {
		l.shaped(i, l.k.Batch, len(l.reverse), l.k.Hidden)
	} else {
		l.shaped(i, len(l.reverse), l.k.Batch, l.k.Hidden)
	}
}

// initial returns a state [B, H] of a direction, or zeros if it is not given.
func (l *layer) initial(i, d int) *Value {
	b, h := l.k.Batch, l.k.Hidden
	v := l.Optional(i)
	if v == nil {
		return l.Full(0, b, h)
	}
	axis := 0
	if l.batchFirst {
		axis = 1
	}
	return l.Reshape(l.Slice(v, axis, d, 1, 1), b, h)
}

// part returns input i of a direction, with the given shape.
func (l *layer) part(i, d int, shape ...int) *Value {
	return l.Reshape(l.Slice(l.Input(i), 0, d, 1, 1), shape...)
}

// direction returns the states of one direction, [1 or 2, T, B, H].
func (l *layer) direction(d int) *Value {
	h, g := l.k.Hidden, l.cell.Gates()
	n := &recurrence{Recurrence: l.k, lens: l.lens, r: l.part(2, d, g*h, h), h0: l.initial(5, d)}
	n.Reverse = l.reverse[d]
	s := l.squash[d]
	n.F, n.G, n.H = s[0], s[min(1, len(s)-1)], s[len(s)-1]
	if l.cell == recurrent.LSTM {
		n.c0 = l.initial(6, d)
		if l.Optional(7) != nil {
			n.peep = l.part(7, d, 3, h)
		}
	}
	x := l.gemm(false, true, l.Reshape(l.x, l.k.Steps*l.k.Batch, l.x.Shape[2]), l.part(1, d, g*h, l.x.Shape[2]))
	if l.Optional(3) == nil {
		if n.LinearBeforeReset {
			n.rb = l.Full(0, h)
		}
		return l.states(n, x)
	}
	bias := l.part(3, d, 2, g*h)
	wb, rb := l.Reshape(l.Slice(bias, 0, 0, 1, 1), g*h), l.Reshape(l.Slice(bias, 0, 1, 1, 1), g*h)
	if n.LinearBeforeReset { // n's recurrent bias is multiplied by r, the others are added
		n.rb = l.Slice(rb, 0, 2*h, h, 1)
		rb = l.Concat(0, l.Slice(rb, 0, 0, 2*h, 1), l.Full(0, h))
	}
	return l.states(n, l.Add(x, l.Add(wb, rb)))
}

var recurrents = family{
	"RNN":  {7, buildRecurrent(recurrent.RNN)},
	"GRU":  {7, buildRecurrent(recurrent.GRU)},
	"LSTM": {7, buildRecurrent(recurrent.LSTM)},
}
