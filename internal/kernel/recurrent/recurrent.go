package recurrent

import (
	"github.com/advparams/advparams/internal/kernel/gemm"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/quantize"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Recurrent networks run step by step. They have kernels of their own, as a graph with a node
// for each step would be as long as the sequence. The forward computation writes a tape, which
// the backward computation reads.

// Cell is the kind of a recurrent network.
type Cell uint8

// The cells, with the order of their gates in ONNX's weights.
const (
	RNN  Cell = iota // one gate
	GRU              // update z, reset r, new n
	LSTM             // input i, output o, forget f, candidate g
)

// Gates returns the number of gates.
func (c Cell) Gates() int { return [...]int{1, 3, 4}[c] }

// Squash is an activation function of a gate. Apply computes it in place. Slope sets gx to
// the gradient by its argument, from its value y and the gradient gy of y. gx may be gy.
type Squash struct {
	Apply func(x []float32)
	Slope func(gx, y, gy []float32)
}

// Recurrence is one direction of ONNX's RNN, GRU or LSTM. With T steps, B
// sequences, H hidden units and G gates, all slices are dense:
//
//	x       [T, B, G·H]  inputs of the gates: X·Wᵀ and all biases but rb
//	r       [G·H, H]     recurrent weights
//	rb      [H]          bias of the recurrent part of n, with LinearBeforeReset
//	h0, c0  [B, H]       initial states, c0 for LSTM
//	peep    [3, H]       peepholes of LSTM to i, o and f, or nil
//	lens    [B]          lengths of the sequences, or nil if all are T
//
// After its last step a sequence keeps its state.
type Recurrence struct {
	Cell                 Cell
	Steps, Batch, Hidden int
	Reverse              bool   // from the last step to the first
	LinearBeforeReset    bool   // GRU: n = G(x + r·(h·Rᵀ + rb)), otherwise G(x + (r·h)·Rᵀ)
	Coupled              bool   // LSTM: f = 1 - i
	Rounded              bool   // RNN, LSTM: R multiplies states of 8 bits, see quantize.Dynamic
	F, G, H              Squash // of the gates; of n and g (RNN: F); of the output of LSTM
}

// Inputs holds the inputs of a Recurrence; see there.
type Inputs struct {
	R, RB, H0, C0, Peep []float32
	Lens                []int64
}

func (n *Recurrence) plane() int { return n.Steps * n.Batch * n.Hidden }

// States returns how many state vectors a step has: h, and c for LSTM.
func (n *Recurrence) States() int {
	if n.Cell == LSTM {
		return 2
	}
	return 1
}

// TapePlanes returns the size of the tape in units of T·B·H elements. The tape begins with
// the states, [States, T, B, H].
func (n *Recurrence) TapePlanes() int {
	switch n.Cell {
	case LSTM:
		return 3 + 4 // h, c, H(c), gates
	case GRU:
		return 2 + 3 // h, an operand or product of the recurrent weights of n, gates
	default:
		return 1
	}
}

// tape is a tape cut into its parts. aux is H(c) for LSTM. For GRU it is r·h, or h·Rᵀ + rb
// with LinearBeforeReset. The gate of an RNN is its state.
type tape struct{ h, c, aux, gates []float32 }

func (n *Recurrence) cut(t []float32) tape {
	p := n.plane()
	switch n.Cell {
	case LSTM:
		return tape{t[:p], t[p : 2*p], t[2*p : 3*p], t[3*p : 7*p]}
	case GRU:
		return tape{h: t[:p], aux: t[p : 2*p], gates: t[2*p : 5*p]}
	default:
		return tape{h: t[:p], gates: t[:p]}
	}
}

// at returns the part of x that belongs to step t. x holds width numbers for each hidden
// unit.
func (n *Recurrence) at(x []float32, t, width int) []float32 {
	size := n.Batch * n.Hidden * width
	return x[t*size : (t+1)*size]
}

// order returns the number of the step that is computed i-th, and that of the step before
// it, or -1.
func (n *Recurrence) order(i int) (t, prev int) {
	if n.Reverse {
		t = n.Steps - 1 - i
		if i == 0 {
			return t, -1
		}
		return t, t + 1
	}
	return i, i - 1
}

// before returns the state before a step.
func (n *Recurrence) before(states, initial []float32, prev int) []float32 {
	if prev < 0 {
		return initial
	}
	return n.at(states, prev, 1)
}

// rows calls f, in parallel, for every sequence. live reports whether the sequence has a step
// t.
func (n *Recurrence) rows(w *parallel.Workers, in *Inputs, t int, f func(b int, live bool)) {
	w.For(n.Batch, parallel.GrainOf(8*n.Hidden), func(lo, hi int) {
		for b := lo; b < hi; b++ {
			f(b, in.Lens == nil || int64(t) < in.Lens[b])
		}
	})
}

// Forward computes the tape from x.
func (n *Recurrence) Forward(w *parallel.Workers, in Inputs, x, out []float32) {
	if len(out) == 0 {
		return
	}
	tp, g := n.cut(out), n.Cell.Gates()
	r, free := n.factor(in.R)
	defer free()
	var rounded []float32
	if n.Rounded {
		buf := scratch.Floats(n.Batch * n.Hidden)
		defer scratch.Free(buf)
		rounded = *buf
	}
	for i := range n.Steps {
		t, prev := n.order(i)
		gates, h := n.at(tp.gates, t, g), n.before(tp.h, in.H0, prev)
		copy(gates, n.at(x, t, g))
		left := h // of R
		if n.Rounded {
			quantize.Dynamic(h, rounded)
			left = rounded
		}
		switch n.Cell {
		case LSTM:
			n.multiply(w, gates, 4, left, r, 0, 4)
			n.lstmStep(w, &in, &tp, t, prev)
		case GRU:
			n.multiply(w, gates, 3, h, r, 0, 2)
			n.gruStep(w, &in, &tp, r, t, prev)
		default:
			n.multiply(w, gates, 1, left, r, 0, 1)
			n.rows(w, &in, t, func(b int, live bool) {
				if y := n.unit(gates, b, 1, 0); live {
					n.F.Apply(y)
				} else {
					copy(y, n.unit(h, b, 1, 0))
				}
			})
		}
	}
}

// back is the result of Backward cut into its parts: the gradients of x, of the product
// with the recurrent weights of n (GRU with LinearBeforeReset), and of h0 and c0.
type back struct{ gx, gq, gh, gc []float32 }

func (n *Recurrence) cutBack(x []float32) (p back) {
	take := func(size int) []float32 {
		part := x[:size]
		x = x[size:]
		return part
	}
	p.gx = take(n.plane() * n.Cell.Gates())
	if n.Cell == GRU && n.LinearBeforeReset {
		p.gq = take(n.plane())
	}
	p.gh = take(n.Batch * n.Hidden)
	if n.Cell == LSTM {
		p.gc = take(n.Batch * n.Hidden)
	}
	return p
}

// BackSize returns the length of the result of [Recurrence.Backward]. It begins with the
// gradient of x, [T, B, G·H], and ends with the gradients of the initial states, [States,
// B, H]. In between is what GradR and GradRB need.
func (n *Recurrence) BackSize() int {
	planes := n.Cell.Gates()
	if n.Cell == GRU && n.LinearBeforeReset {
		planes++
	}
	return n.plane()*planes + n.States()*n.Batch*n.Hidden
}

// Backward computes gradients from the tape and the gradient of the tape, of which only the
// part of the states counts. It goes through the steps in reverse.
func (n *Recurrence) Backward(w *parallel.Workers, in Inputs, tapeOf, gtape, out []float32) {
	tp, gt, p, g := n.cut(tapeOf), n.cut(gtape), n.cutBack(out), n.Cell.Gates()
	clear(p.gh)
	clear(p.gc)
	if len(tapeOf) == 0 {
		return
	}
	for i := n.Steps - 1; i >= 0; i-- {
		t, prev := n.order(i)
		gg := n.at(p.gx, t, g)
		simd.Add(p.gh, p.gh, n.at(gt.h, t, 1))
		switch n.Cell {
		case LSTM:
			simd.Add(p.gc, p.gc, n.at(gt.c, t, 1))
			n.lstmBack(w, &in, &tp, t, prev, gg, p.gh, p.gc)
			n.multiplyBack(w, gg, 4, p.gh, in.R, 4)
		case GRU:
			n.gruBack(w, &in, &tp, &p, t, prev)
			n.multiplyBack(w, gg, 3, p.gh, in.R, 2)
		default:
			n.rows(w, &in, t, func(b int, live bool) {
				d, gh := n.unit(gg, b, 1, 0), n.unit(p.gh, b, 1, 0)
				if !live {
					clear(d)
					return
				}
				n.F.Slope(d, n.unit(n.at(tp.h, t, 1), b, 1, 0), gh)
				clear(gh)
			})
			n.multiplyBack(w, gg, 1, p.gh, in.R, 1)
		}
	}
}

// GradR computes the gradient of R from the tape and the result of Backward. For all steps
// at once, it is the gradients of the gates times what their weights multiplied.
func (n *Recurrence) GradR(w *parallel.Workers, tapeOf, backOf, h0, out []float32) {
	tp, p := n.cut(tapeOf), n.cutBack(backOf)
	H, g := n.Hidden, n.Cell.Gates()
	product := func(count int, gates []float32, width int, left, out []float32) {
		gemm.Gemm(w, true, false, count*H, H, len(left)/H, 1, gates, width*H, left, H, 1, out, H)
	}
	clear(out)
	if len(tapeOf) == 0 {
		return
	}
	states := tp.h
	if n.Rounded {
		buf := scratch.Floats(n.plane())
		defer scratch.Free(buf)
		for t := range n.Steps {
			quantize.Dynamic(n.at(tp.h, t, 1), n.at(*buf, t, 1))
		}
		first := scratch.Floats(len(h0))
		defer scratch.Free(first)
		quantize.Dynamic(h0, *first)
		states, h0 = *buf, *first
	}
	// Step order(0) comes behind h0, the others behind the state next to them.
	shifted := func(count int, gates []float32, width int, out []float32) {
		size := n.Batch * H
		rest, left := gates[size*width:], states[:n.plane()-size]
		if n.Reverse {
			rest, left = gates, states[size:]
		}
		first, _ := n.order(0)
		product(count, gates[first*size*width:], width, h0, out)
		product(count, rest, width, left, out)
	}
	switch {
	case n.Cell != GRU:
		shifted(g, p.gx, g, out)
	case n.LinearBeforeReset:
		shifted(2, p.gx, 3, out)
		shifted(1, p.gq, 1, out[2*H*H:])
	default:
		shifted(2, p.gx, 3, out)
		product(1, p.gx[2*H:], 3, tp.aux, out[2*H*H:])
	}
}

// GradRB computes the gradient of RB from the result of Backward.
func (n *Recurrence) GradRB(backOf, out []float32) {
	clear(out)
	for gq := n.cutBack(backOf).gq; len(gq) > 0; gq = gq[n.Hidden:] {
		simd.Add(out, out, gq[:n.Hidden])
	}
}

// GradPeep computes the gradient of Peep from the tape and the result of Backward. The
// gradients of the gates are 0 beyond the length of a sequence.
func (n *Recurrence) GradPeep(tapeOf, backOf, c0, out []float32) {
	tp, p := n.cut(tapeOf), n.cutBack(backOf)
	clear(out)
	for i := range n.Steps {
		t, prev := n.order(i)
		gg, old, c := n.at(p.gx, t, 4), n.before(tp.c, c0, prev), n.at(tp.c, t, 1)
		for b := range n.Batch {
			addProduct(rowOf(out, 0, n.Hidden), n.unit(gg, b, 4, 0), n.unit(old, b, 1, 0))
			addProduct(rowOf(out, 1, n.Hidden), n.unit(gg, b, 4, 1), n.unit(c, b, 1, 0))
			addProduct(rowOf(out, 2, n.Hidden), n.unit(gg, b, 4, 2), n.unit(old, b, 1, 0))
		}
	}
}

// factor is R as the steps multiply by it: Rᵀ, [H, G·H], or R as it is.
type factor struct {
	x          []float32
	transposed bool
}

// fewestSteps are enough to transpose R before them. A product of few rows, which the sequences
// are, reads Rᵀ two to four times as fast as R.
const fewestSteps = 4

// factor returns R for the steps. The memory is the caller's until free.
func (n *Recurrence) factor(r []float32) (f factor, free func()) {
	if n.Steps < fewestSteps {
		return factor{x: r}, func() {}
	}
	rows := n.Cell.Gates() * n.Hidden
	buf := scratch.Floats(rows * n.Hidden)
	simd.TransposeAll(*buf, rows, r, n.Hidden, rows, n.Hidden)
	return factor{*buf, true}, func() { scratch.Free(buf) }
}

// multiply adds h·Rᵀ, for count gates of R from the first, to y, which is as wide as width gates.
func (n *Recurrence) multiply(w *parallel.Workers, y []float32, width int, h []float32, r factor, first, count int) {
	H := n.Hidden
	if r.transposed {
		rows := n.Cell.Gates() * H
		gemm.Gemm(w, false, false, n.Batch, count*H, H, 1, h, H, r.x[first*H:], rows, 1, y, width*H)
		return
	}
	gemm.Gemm(w, false, true, n.Batch, count*H, H, 1, h, H, r.x[first*H*H:], H, 1, y, width*H)
}

// multiplyBack adds g·R, R being count gates, to gh; g is as wide as width gates.
func (n *Recurrence) multiplyBack(w *parallel.Workers, g []float32, width int, gh, r []float32, count int) {
	H := n.Hidden
	gemm.Gemm(w, false, false, n.Batch, H, count*H, 1, g, width*H, r, H, 1, gh, H)
}

// unit returns gate k of sequence b in a step as wide as width gates.
func (n *Recurrence) unit(x []float32, b, width, k int) []float32 {
	at := (b*width + k) * n.Hidden
	return x[at : at+n.Hidden]
}

// row returns row r of a matrix with n columns.
func rowOf(x []float32, r, n int) []float32 { return x[r*n : (r+1)*n] }
