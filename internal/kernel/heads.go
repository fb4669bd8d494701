package kernel

import "math"

// Heads is attention, softmax(scale·Q·Kᵀ + bias)·V, for each of a batch of heads.
// Scores are computed for a few queries at a time and stay in cache; gradients
// compute them again.
type Heads struct {
	Batch         []int // axes that number the heads
	Queries, Keys int
	Size, Values  int // width of queries and keys, and of values
	Scale         float32
	// ZeroRows makes the weights of a query that may see nothing zeros, not NaN.
	ZeroRows bool
	// Where the matrices lie: [Queries, Size], [Keys, Size], [Keys, Values],
	// [Queries, Values] and [Queries, Keys].
	Q, K, V, Out, Bias HeadLayout
}

// HeadLayout says where the matrices of a batch lie in a slice: that of the head
// with index i begins at Offset + Σ i[k]·Batch[k]. Its rows are Row apart, their
// elements adjacent, except that those of a bias are Column apart: 0 or 1.
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

// rowsAtOnce is how many queries make scores of a quarter of the second level of
// cache, in whole strips.
func (a *Heads) rowsAtOnce() int {
	rows := cacheL2 / 4 / 4 / max(a.Keys, 1)
	return max(microRows(), min(a.Queries, rows/microRows()*microRows()))
}

// Forward computes out. bias may be nil.
func (a *Heads) Forward(w *Workers, q, k, v, bias, out []float32) {
	w.For(a.count(), 1, func(lo, hi int) {
		rows := a.rowsAtOnce()
		scores := scratch(rows * a.Keys)
		defer release(scores)
		for i := lo; i < hi; i++ {
			h := a.head(i, q, k, v, bias)
			o := out[a.Out.at(a.Batch, i):]
			for r := 0; r < a.Queries; r += rows {
				n := min(rows, a.Queries-r)
				h.weights(*scores, r, n)
				product{m: n, n: a.Values, k: a.Keys, alpha: 1, a: matrix{*scores, a.Keys, 1}, b: h.v, c: o[r*a.Out.Row:], ldc: a.Out.Row}.run(nil)
			}
		}
	})
}

// Gradient computes the gradients by q, k and v, which lie like these, from that
// by the output. With P the weights and S what they are the softmax of,
//
//	gV = Pᵀ·gO, gP = gO·Vᵀ, gS = P∘(gP - rowsums of gP∘P), gQ = scale·gS·K, gK = scale·gSᵀ·Q
func (a *Heads) Gradient(w *Workers, q, k, v, bias, gout, gq, gk, gv []float32) {
	w.For(a.count(), 1, func(lo, hi int) {
		rows := a.rowsAtOnce()
		weights, scores := scratch(rows*a.Keys), scratch(rows*a.Keys)
		defer release(weights)
		defer release(scores)
		for i := lo; i < hi; i++ {
			h := a.head(i, q, k, v, bias)
			gq, gk, gv := gq[a.Q.at(a.Batch, i):], gk[a.K.at(a.Batch, i):], gv[a.V.at(a.Batch, i):]
			gout := gout[a.Out.at(a.Batch, i):]
			for r := 0; r < a.Queries; r += rows {
				n := min(rows, a.Queries-r)
				p, s := (*weights)[:n*a.Keys], (*scores)[:n*a.Keys]
				g := matrix{gout[r*a.Out.Row:], a.Out.Row, 1}
				h.weights(p, r, n)
				product{m: n, n: a.Keys, k: a.Values, alpha: 1, a: g, b: h.v.transposed(), c: s, ldc: a.Keys}.run(nil)
				product{m: a.Keys, n: a.Values, k: n, alpha: 1, a: matrix{p, 1, a.Keys}, b: g, c: gv, ldc: a.V.Row, begin: addTo(r > 0)}.run(nil)
				for j := range n {
					p, s := p[j*a.Keys:(j+1)*a.Keys], s[j*a.Keys:(j+1)*a.Keys]
					mulShiftedSlice(s, p, s, dot(p, s))
					AffineSlice(s, s, a.Scale, 0)
				}
				ds := matrix{s, a.Keys, 1}
				product{m: n, n: a.Size, k: a.Keys, alpha: 1, a: ds, b: h.k, c: gq[r*a.Q.Row:], ldc: a.Q.Row}.run(nil)
				product{m: a.Keys, n: a.Size, k: n, alpha: 1, a: ds.transposed(), b: matrix{h.q.x[r*a.Q.Row:], a.Q.Row, 1}, c: gk, ldc: a.K.Row, begin: addTo(r > 0)}.run(nil)
			}
		}
	})
}

// head is the operands of one head.
type head struct {
	*Heads
	q, k, v matrix
	bias    []float32
}

func (a *Heads) head(i int, q, k, v, bias []float32) head {
	h := head{a, matrix{q[a.Q.at(a.Batch, i):], a.Q.Row, 1}, matrix{k[a.K.at(a.Batch, i):], a.K.Row, 1}, matrix{v[a.V.at(a.Batch, i):], a.V.Row, 1}, nil}
	if bias != nil {
		h.bias = bias[a.Bias.at(a.Batch, i):]
	}
	return h
}

// weights computes n rows of the softmax, from query r on, a few at a time as
// soon as their scores are there.
func (h *head) weights(p []float32, r, n int) {
	q := matrix{h.q.x[r*h.q.ri:], h.q.ri, 1}
	scores := product{m: n, n: h.Keys, k: h.Size, alpha: 1, a: q, b: h.k.transposed(), c: p, ldc: h.Keys}
	softmax := func(lo, hi int) { h.softmax(p[lo:hi], r+lo/h.Keys) }
	if h.Keys*h.Size <= maxBlock() { // rows are finished whole
		scores.then = softmax
		scores.run(nil)
		return
	}
	scores.run(nil)
	softmax(0, n*h.Keys)
}

// softmax computes rows of weights from scores, from query i on.
func (h *head) softmax(p []float32, i int) {
	if h.bias == nil {
		softmaxRows(h.Keys, p, p, h.Scale)
		return
	}
	for ; len(p) > 0; p = p[h.Keys:] {
		row := p[:h.Keys]
		h.addBias(row, i)
		if h.ZeroRows && math.IsInf(float64(largestOf(row)), -1) {
			clear(row)
		} else {
			softmaxRows(h.Keys, row, row, 1)
		}
		i++
	}
}

// addBias scales the scores of query i and adds the bias.
func (h *head) addBias(row []float32, i int) {
	if h.Bias.Column == 0 {
		AffineSlice(row, row, h.Scale, h.bias[i*h.Bias.Row])
		return
	}
	AffineSlice(row, row, h.Scale, 0)
	AddSlice(row, row, h.bias[i*h.Bias.Row:i*h.Bias.Row+h.Keys])
}
