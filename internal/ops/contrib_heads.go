package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// headed is attention of onnxruntime while it is built: softmax(scale·Q·Kᵀ + masks)·V
// for each head. Heads of queries that share one of keys are adjacent.
type headed struct {
	*Call
	q, k, v *Value // [B, heads, S, size], with the past among the keys and values
	past    int    // how many keys were there before
	mask    *Value // added to the scores, made from integers; nil if nothing is hidden
	bias    *Value // added to the scores, has a gradient; nil for none
	scale   float32
	cap     float32 // scores are cap·tanh(scores/cap), unless 0
	sink    *Value  // [heads], a score that takes part in the softmax only; may be nil

}

// sizes returns the batch, the heads of queries and of keys, and the numbers of queries
// and keys.
func (a *headed) sizes() (batch, heads, kv, queries, keys int) {
	return a.q.Shape[0], a.q.Shape[1], a.k.Shape[1], a.q.Shape[2], a.k.Shape[2]
}

// check ends the build unless the shapes of Q, K and V fit together.
func (a *headed) check() {
	q, k, v := a.q.Shape, a.k.Shape, a.v.Shape
	if len(q) != 4 || len(k) != 4 || len(v) != 4 || k[0] != q[0] || v[0] != q[0] || v[1] != k[1] || v[2] != k[2] || k[3] != q[3] || k[1] < 1 || q[1]%k[1] != 0 {
		a.fail("Q, K and V are %v, %v and %v, as [batch, heads, sequence, size]", q, k, v)
	}
	if a.scale == 0 {
		a.scale = float32(1 / math.Sqrt(float64(max(1, q[3]))))
	}
}

// prepend puts a past of the keys and one of the values before the new ones.
func (a *headed) prepend(k, v *Value) {
	a.past = k.Shape[2]
	a.k, a.v = a.Concat(2, k, a.k), a.Concat(2, v, a.v)
}

// hide adds to the mask.
func (a *headed) hide(m *Value) {
	if a.mask != nil {
		m = a.Add(a.mask, m)
	}
	a.mask = m
}

// run returns the output, [B, S, heads·size of V].
func (a *headed) run() *Value {
	batch, heads, kv, queries, _ := a.sizes()
	var y *Value
	if heads == kv && a.bias == nil && a.cap == 0 && a.sink == nil && a.q.Len()*a.v.Len() > 0 {
		y = a.attend(a.q, a.k, a.v, a.mask, false, a.scale, false)
	} else {
		_, y = a.plainly()
	}
	return a.Reshape(a.Transpose(y, 0, 2, 1, 3), batch, queries, heads*a.v.Shape[3])
}

// plainly returns the probabilities, and the output as [B, heads, S, size].
func (a *headed) plainly() (p, y *Value) {
	batch, heads, kv, queries, keys := a.sizes()
	group := heads / kv
	q := a.Reshape(a.Scale(a.q, a.scale), batch*kv, group*queries, a.q.Shape[3])
	p = a.Reshape(a.gemmBatch(false, true, q, a.Reshape(a.k, batch*kv, keys, a.k.Shape[3])), batch, heads, queries, keys)
	if a.cap != 0 {
		p = a.Scale(a.Tanh(a.Scale(p, 1/a.cap)), a.cap)
	}
	for i, m := range []*Value{a.mask, a.bias} {
		if m != nil {
			broadcastStrides(m.Shape, p.Shape) // fails unless it can be repeated
			if a.mask != nil && i == 0 && a.bias == nil && a.sink == nil {
				p = a.maskedSoftmax(p, m)
				return p, a.weighted(p)
			}
			p = a.Add(p, m)
		}
	}
	if a.sink != nil {
		column := a.Expand(a.Reshape(a.sink, 1, heads, 1, 1), []int{batch, heads, queries, 1})
		p = a.Slice(a.Softmax(a.Concat(3, p, column), 3), 3, 0, keys, 1)
	} else {
		p = a.Softmax(p, 3)
	}
	return p, a.weighted(p)
}

// weighted returns the sums of values that probabilities weigh.
func (a *headed) weighted(p *Value) *Value {
	batch, heads, kv, queries, keys := a.sizes()
	size := a.v.Shape[3]
	y := a.gemmBatch(false, false, a.Reshape(p, batch*kv, heads/kv*queries, keys), a.Reshape(a.v, batch*kv, keys, size))
	return a.Reshape(y, batch, heads, queries, size)
}

// causal hides keys after the position of a query.
func (a *headed) causal() {
	_, _, _, queries, keys := a.sizes()
	m := a.zeros("Mask", nd.Float32, 1, 1, queries, keys)
	for i := range queries {
		for j := a.past + i + 1; j < keys; j++ {
			m.data.([]float32)[i*keys+j] = float32(math.Inf(-1))
		}
	}
	a.hide(m)
}

// padding hides the keys that the mask in input i, of integers, excludes. Its shape says
// how: [B] holds numbers of keys, [2·B] ends and then starts, [B, T] and [B, S, T] and [B,
// 1, M, M] have 0 for a hidden key. Hidden keys get the attribute mask_filter_value.
func (a *headed) padding(i int) {
	m := a.Optional(i)
	if m == nil {
		return
	}
	batch, _, _, queries, keys := a.sizes()
	if m.DType != nd.Int64 {
		a.fail("input %d (the mask) is of type %v", i, m.DType)
	}
	hidden := a.Float32("mask_filter_value", -10000)
	rows := 1 // of the result, for each sample
	var shown func(m []int64, b, s, t int) bool
	switch s := m.Shape; {
	case slices.Equal(s, []int{batch}):
		shown = func(m []int64, b, _, t int) bool { return int64(t) < m[b] }
	case slices.Equal(s, []int{2 * batch}):
		shown = func(m []int64, b, _, t int) bool { return int64(t) < m[b] && int64(t) >= m[batch+b] }
	case slices.Equal(s, []int{batch, keys}):
		shown = func(m []int64, b, _, t int) bool { return m[b*keys+t] > 0 }
	case slices.Equal(s, []int{batch, queries, keys}):
		rows = queries
		shown = func(m []int64, b, s, t int) bool { return m[(b*queries+s)*keys+t] > 0 }
	case len(s) == 4 && s[0] == batch && s[1] == 1 && s[2] == s[3] && s[2] >= keys:
		rows = queries
		shown = func(m []int64, b, q, t int) bool { return m[(b*s[2]+a.past+q)*s[2]+t] > 0 }
	default:
		unsupported("a mask of shape %v for %d queries and %d keys in a batch of %d", s, queries, keys, batch)
	}
	a.hide(a.emit(nd.Float32, []int{batch, 1, rows, keys}, Op{
		name: "Mask",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y, m := out.Float32s(), in[0].Int64s()
			for k := range y {
				y[k] = 0
				if !shown(m, k/(rows*keys), k/keys%rows, k%keys) {
					y[k] = hidden
				}
			}
		}),
	}, m))
}

// addedBias reads the bias that is added to the scores from input i.
func (a *headed) addedBias(i int) {
	if a.Optional(i) == nil {
		return
	}
	a.bias = a.Float(i)
	batch, heads, _, queries, keys := a.sizes()
	broadcastStrides(a.bias.Shape, []int{batch, heads, queries, keys})
}

// cache returns input i, keys or values of the past: [B, heads, P, size].
func (c *Call) cache(i int, batch, heads, size int) *Value {
	p := c.Float(i)
	if s := p.Shape; len(s) != 4 || s[0] != batch || s[1] != heads || s[3] != size {
		c.fail("input %d of shape %v; %s is expected", i, s, fmt.Sprintf("[%d %d past %d]", batch, heads, size))
	}
	return p
}

// refuse ends the build if the node has an attribute that is not 0.
func (c *Call) refuse(attributes ...string) {
	for _, name := range attributes {
		if c.Int(name, 0) != 0 {
			unsupported("attribute %s", name)
		}
	}
}
