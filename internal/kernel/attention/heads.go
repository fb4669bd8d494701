package attention

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/gemm"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Heads is attention, softmax(scale·Q·Kᵀ + bias)·V, for each of a batch of heads. Scores
// are computed for a few queries at a time and stay in cache. The gradients compute them
// again.
type Heads struct {
	Batch         []int // axes that number the heads
	Queries, Keys int
	Size, Values  int // width of queries and keys, and of values
	Scale         float32
	// ZeroRows makes the weights of a query all of whose keys are masked zero, not NaN.
	ZeroRows bool
	// Where the matrices lie: [Queries, Size], [Keys, Size], [Keys, Values],
	// [Queries, Values] and [Queries, Keys].
	Q, K, V, Out, Bias HeadLayout
}

// HeadLayout says where the matrices of a batch lie in a slice. The matrix of the head with
// index i begins at Offset + Σ i[k]·Batch[k]. Its rows are Row apart. The elements of a row
// are adjacent, except that those of a bias are Column apart, which is 0 or 1.
type HeadLayout struct {
	Offset int
	Batch  []int
	Row    int
	Column int
}

// at returns the offset of head i's matrix.
func (h *HeadLayout) at(batch []int, i int) int {
	at := h.Offset
	for k := len(batch) - 1; k >= 0; k-- {
		at += i % batch[k] * h.Batch[k]
		i /= batch[k]
	}
	return at
}

func (a *Heads) count() int {
	n := 1
	for _, b := range a.Batch {
		n *= b
	}
	return n
}

// rowsAtOnce returns how many queries to compute at a time: in whole strips, with scores
// that take a quarter of the L2 cache.
func (a *Heads) rowsAtOnce() int {
	rows := simd.CacheL2 / 4 / 4 / max(a.Keys, 1)
	return max(micro.Rows(), min(a.Queries, rows/micro.Rows()*micro.Rows()))
}

// Forward computes out. bias may be nil.
func (a *Heads) Forward(w *parallel.Workers, q, k, v, bias, out []float32) {
	w.For(a.count(), 1, func(lo, hi int) {
		rows := a.rowsAtOnce()
		scores := scratch.Floats(rows * a.Keys)
		defer scratch.Free(scores)
		for i := lo; i < hi; i++ {
			h := a.head(i, q, k, v, bias, w)
			o := out[a.Out.at(a.Batch, i):]
			for r := 0; r < a.Queries; r += rows {
				n := min(rows, a.Queries-r)
				h.weights(*scores, r, n)
				gemm.General{M: n, N: a.Values, K: a.Keys, Alpha: 1, A: micro.Matrix{X: *scores, RowStride: a.Keys, ColStride: 1}, B: h.v, C: o[r*a.Out.Row:], Ldc: a.Out.Row}.Run(h.alone)
			}
		}
	})
}

// Gradient computes the gradients of q, k and v, which lie like q, k and v, from that of
// the output. With P the weights and S the scores of which they are the softmax,
//
//	gV = Pᵀ·gO, gP = gO·Vᵀ, gS = P∘(gP - rowsums of gP∘P), gQ = scale·gS·K, gK = scale·gSᵀ·Q
func (a *Heads) Gradient(w *parallel.Workers, q, k, v, bias, gout, gq, gk, gv []float32) {
	w.For(a.count(), 1, func(lo, hi int) {
		rows := a.rowsAtOnce()
		weights, scores := scratch.Floats(rows*a.Keys), scratch.Floats(rows*a.Keys)
		defer scratch.Free(weights)
		defer scratch.Free(scores)
		for i := lo; i < hi; i++ {
			h := a.head(i, q, k, v, bias, w)
			gq, gk, gv := gq[a.Q.at(a.Batch, i):], gk[a.K.at(a.Batch, i):], gv[a.V.at(a.Batch, i):]
			gout := gout[a.Out.at(a.Batch, i):]
			for r := 0; r < a.Queries; r += rows {
				n := min(rows, a.Queries-r)
				p, s := (*weights)[:n*a.Keys], (*scores)[:n*a.Keys]
				g := micro.Matrix{X: gout[r*a.Out.Row:], RowStride: a.Out.Row, ColStride: 1}
				h.weights(p, r, n)
				gemm.General{M: n, N: a.Keys, K: a.Values, Alpha: 1, A: g, B: h.v.Transposed(), C: s, Ldc: a.Keys}.Run(h.alone)
				gemm.General{M: a.Keys, N: a.Values, K: n, Alpha: 1, A: micro.Matrix{X: p, RowStride: 1, ColStride: a.Keys}, B: g, C: gv, Ldc: a.V.Row, Init: micro.InitFrom(r > 0)}.Run(h.alone)
				for j := range n {
					p, s := p[j*a.Keys:(j+1)*a.Keys], s[j*a.Keys:(j+1)*a.Keys]
					simd.MulShifted(s, p, s, simd.Dot(p, s))
					simd.Affine(s, s, a.Scale, 0)
				}
				ds := micro.Matrix{X: s, RowStride: a.Keys, ColStride: 1}
				gemm.General{M: n, N: a.Size, K: a.Keys, Alpha: 1, A: ds, B: h.k, C: gq[r*a.Q.Row:], Ldc: a.Q.Row}.Run(h.alone)
				gemm.General{M: a.Keys, N: a.Size, K: n, Alpha: 1, A: ds.Transposed(), B: micro.Matrix{X: h.q.X[r*a.Q.Row:], RowStride: a.Q.Row, ColStride: 1}, C: gk, Ldc: a.K.Row, Init: micro.InitFrom(r > 0)}.Run(h.alone)
			}
		}
	})
}

// head is the operands of one head.
type head struct {
	*Heads
	q, k, v micro.Matrix
	bias    []float32
	alone   *parallel.Workers // what it is computed with
}

func (a *Heads) head(i int, q, k, v, bias []float32, w *parallel.Workers) head {
	h := head{a, micro.Matrix{X: q[a.Q.at(a.Batch, i):], RowStride: a.Q.Row, ColStride: 1}, micro.Matrix{X: k[a.K.at(a.Batch, i):], RowStride: a.K.Row, ColStride: 1}, micro.Matrix{X: v[a.V.at(a.Batch, i):], RowStride: a.V.Row, ColStride: 1}, nil, w.Alone()}
	if bias != nil {
		h.bias = bias[a.Bias.at(a.Batch, i):]
	}
	return h
}

// weights computes n rows of the softmax, from query r on. It computes the softmax of a few
// rows as soon as their scores are there.
func (h *head) weights(p []float32, r, n int) {
	q := micro.Matrix{X: h.q.X[r*h.q.RowStride:], RowStride: h.q.RowStride, ColStride: 1}
	scores := gemm.General{M: n, N: h.Keys, K: h.Size, Alpha: 1, A: q, B: h.k.Transposed(), C: p, Ldc: h.Keys}
	softmax := func(lo, hi int) { h.softmax(p[lo:hi], r+lo/h.Keys) }
	if h.Keys*h.Size <= gemm.MaxBlock() { // rows are finished whole
		scores.Epilogue = softmax
		scores.Run(h.alone)
		return
	}
	scores.Run(h.alone)
	softmax(0, n*h.Keys)
}

// softmax computes rows of weights from scores, from query i on.
func (h *head) softmax(p []float32, i int) {
	if h.bias == nil {
		simd.Softmax(h.Keys, p, p, h.Scale)
		return
	}
	for ; len(p) > 0; p = p[h.Keys:] {
		row := p[:h.Keys]
		h.addBias(row, i)
		if h.ZeroRows && math.IsInf(float64(simd.Max(row)), -1) {
			clear(row)
		} else {
			simd.Softmax(h.Keys, row, row, 1)
		}
		i++
	}
}

// addBias scales the scores of query i and adds the bias.
func (h *head) addBias(row []float32, i int) {
	if h.Bias.Column == 0 {
		simd.Affine(row, row, h.Scale, h.bias[i*h.Bias.Row])
		return
	}
	simd.Affine(row, row, h.Scale, 0)
	simd.Add(row, row, h.bias[i*h.Bias.Row:i*h.Bias.Row+h.Keys])
}
