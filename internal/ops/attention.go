package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/attention"
	"github.com/advparams/advparams/internal/kernel/elementwise"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// attention: Attention (opset 23; nonpad_kv_seqlen: 24; windows: 25).
//
// Query heads that share a key head are adjacent. A group of them is treated as one
// matrix [group·queries, size], so that keys and values are not repeated.

// attentionInputs is a call of Attention while it is built, in the terms of the
// specification: B samples, heads of queries and of keys, Sq queries, and Sk keys
// including past ones.
type attentionInputs struct {
	*Call
	q, k, v              *Value // [B, heads, S, size]
	batch, heads, kv     int
	queries, keys, past  int
	causal               bool
	left, right          int    // reach of the window, -1 for no bound
	lens                 *Value // number of keys that count, by sample
	scores, capped, bias *Value
}

func buildAttention(c *Call) []*Value {
	a := &attentionInputs{Call: c, causal: c.Bool("is_causal", false), left: c.Int("left_window_size", -1), right: c.Int("right_window_size", -1)}
	a.inputs()
	scale := float32(1 / math.Sqrt(float64(max(1, a.q.Shape[3]))))
	group := a.heads / a.kv
	merge := func(v *Value, heads int) *Value { return c.Reshape(v, a.batch*a.kv, heads*v.Shape[2], v.Shape[3]) }
	q := merge(c.Scale(a.q, c.Float32("scale", scale)), group)
	all := []int{a.batch, a.heads, a.queries, a.keys}
	a.scores = c.Reshape(c.gemmBatch(false, true, q, merge(a.k, 1)), all...)
	a.capped = a.scores
	if cap := c.Float32("softcap", 0); cap != 0 {
		a.capped = c.Scale(c.Tanh(c.Scale(a.scores, 1/cap)), cap)
	}
	a.mask(all)
	p := c.maskedSoftmax(a.capped, a.bias)
	y := c.gemmBatch(false, false, c.Reshape(p, a.batch*a.kv, group*a.queries, a.keys), merge(a.v, 1))
	y = c.Reshape(y, a.batch, a.heads, a.queries, a.v.Shape[3])
	if c.Input(0).Rank() == 3 {
		y = c.Reshape(c.Transpose(y, 0, 2, 1, 3), a.batch, a.queries, a.heads*a.v.Shape[3])
	}
	out := []*Value{y, a.k, a.v}
	if c.Wants(3) {
		out = append(out, a.inner(p))
	}
	return out
}

// inner returns the fourth output, a value from before the last product.
func (a *attentionInputs) inner(p *Value) *Value {
	switch mode := a.Int("qk_matmul_output_mode", 0); mode {
	case 0:
		return a.scores
	case 1:
		return a.capped
	case 2:
		if a.bias == nil {
			return a.capped
		}
		return a.Add(a.capped, a.bias)
	case 3:
		return p
	default:
		a.fail("qk_matmul_output_mode of %d", mode)
		return nil
	}
}

// inputs reads Q, K, V and the past, and checks their shapes.
func (a *attentionInputs) inputs() {
	a.q, a.k, a.v = a.split(0, "q_num_heads"), a.split(1, "kv_num_heads"), a.split(2, "kv_num_heads")
	if (a.Optional(4) == nil) != (a.Optional(5) == nil) {
		a.fail("past_key and past_value belong together")
	}
	if a.Optional(4) != nil {
		pk, pv := a.Float(4), a.Float(5)
		if pk.Rank() != 4 || pv.Rank() != 4 || pk.Shape[2] != pv.Shape[2] {
			a.fail("past_key and past_value of shapes %v and %v", pk.Shape, pv.Shape)
		}
		a.past = pk.Shape[2]
		a.k, a.v = a.Concat(2, pk, a.k), a.Concat(2, pv, a.v)
	}
	q, k, v := a.q.Shape, a.k.Shape, a.v.Shape
	a.batch, a.heads, a.kv, a.queries, a.keys = q[0], q[1], k[1], q[2], k[2]
	if k[0] != q[0] || v[0] != q[0] || v[1] != k[1] || v[2] != k[2] || k[3] != q[3] || a.kv < 1 || a.heads%a.kv != 0 {
		a.fail("Q, K and V are %v, %v and %v, as [batch, heads, sequence, size]", q, k, v)
	}
	if a.lens = a.Optional(6); a.lens != nil {
		if a.lens.DType != nd.Int64 || !slices.Equal(a.lens.Shape, []int{a.batch}) || a.past > 0 {
			a.fail("nonpad_kv_seqlen is %v%v for a batch of %d and %d past keys", a.lens.DType, a.lens.Shape, a.batch, a.past)
		}
	}
}

// split returns input i as [batch, heads, sequence, size].
func (a *attentionInputs) split(i int, heads string) *Value {
	x := a.Float(i)
	if x.Rank() == 4 {
		return x
	}
	n := a.Int(heads, 0)
	if x.Rank() != 3 || n < 1 || x.Shape[2]%n != 0 {
		a.fail("input %d of shape %v and %s of %d", i, x.Shape, heads, n)
	}
	return a.splitHeads(x, n)
}

// splitHeads converts [batch, sequence, heads·size] to [batch, heads, sequence,
// size].
func (b *Builder) splitHeads(x *Value, heads int) *Value {
	return b.Transpose(b.Reshape(x, x.Shape[0], x.Shape[1], heads, x.Shape[2]/heads), 0, 2, 1, 3)
}

// mask sets bias to the sum of all masks, or leaves it nil if every query sees
// every key.
func (a *attentionInputs) mask(all []int) {
	if a.causal || a.left >= 0 || a.right >= 0 || a.lens != nil {
		a.bias = a.structure()
	}
	m := a.Optional(3)
	if m == nil {
		return
	}
	if m.DType == nd.Bool {
		m = a.forbid(m)
	}
	if m.DType != nd.Float32 {
		a.fail("attn_mask of type %v", m.DType)
	}
	if last := m.Rank() - 1; last >= 0 && a.From(24) && m.Shape[last] < a.keys && m.Shape[last] != 1 {
		rest := slices.Clone(m.Shape)
		rest[last] = a.keys - m.Shape[last]
		m = a.Concat(last, m, a.Full(float32(math.Inf(-1)), rest...))
	}
	broadcastStrides(m.Shape, all) // fails unless it can be repeated
	if a.bias == nil {
		a.bias = m
	} else {
		a.bias = a.Add(m, a.bias)
	}
}

// forbid returns 0 where m holds and -Inf elsewhere.
func (b *Builder) forbid(m *Value) *Value {
	return b.emit(nd.Float32, m.Shape, Op{
		name: "Mask",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Float32s()
			for i, ok := range in[0].Bools() {
				y[i] = 0
				if !ok {
					y[i] = float32(math.Inf(-1))
				}
			}
		}),
	}, m)
}

// structure returns the mask [B or 1, 1, Sq, Sk] of is_causal, the window and
// nonpad_kv_seqlen. The query at position p sees keys p-left … p+right.
func (a *attentionInputs) structure() *Value {
	right := a.right
	if a.causal {
		right = 0
	}
	fill := func(y []float32, first, count int) {
		for i := range a.queries {
			p := first + i
			for j := range a.keys {
				y[i*a.keys+j] = 0
				if j >= count || (a.left >= 0 && j < p-a.left) || (right >= 0 && j > p+right) {
					y[i*a.keys+j] = float32(math.Inf(-1))
				}
			}
		}
	}
	size := a.queries * a.keys
	if a.lens == nil {
		shape := []int{1, 1, a.queries, a.keys}
		m := a.zeros("Mask", nd.Float32, shape...)
		fill(m.data.([]float32), a.past, a.keys)
		return m
	}
	return a.emit(nd.Float32, []int{a.batch, 1, a.queries, a.keys}, Op{
		name: "Mask",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			for i, n := range in[0].Int64s() {
				fill(out.Float32s()[i*size:(i+1)*size], int(n)-a.queries, int(n))
			}
		}, func(in []nd.Array) error {
			for _, n := range in[0].Int64s() {
				if n < 0 || n > int64(a.keys) {
					return fmt.Errorf("nonpad_kv_seqlen of %d for %d keys", n, a.keys)
				}
			}
			return nil
		}},
	}, a.lens)
}

// maskedSoftmax returns the softmax of x + bias along the last axis. A row in which
// every element is masked becomes zeros. bias may be nil.
func (b *Builder) maskedSoftmax(x, bias *Value) *Value {
	if bias == nil {
		return b.Softmax(x, x.Rank()-1)
	}
	strides := broadcastStrides(bias.Shape, x.Shape)
	n := x.Shape[x.Rank()-1]
	return b.emit(nd.Float32, x.Shape, Op{
		name: "MaskedSoftmax",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			attention.MaskedSoftmax(w, x.Shape, in[0].Float32s(), in[1].Float32s(), strides, out.Float32s())
		}),
		diff: func(y, gy *Value) []*Value {
			g := b.emit(nd.Float32, x.Shape, Op{
				name: "MaskedSoftmax.grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					elementwise.SoftmaxGrad(w, x.Len()/max(n, 1), n, 1, in[0].Float32s(), in[1].Float32s(), out.Float32s())
				}),
			}, y, gy)
			return []*Value{g, b.SumTo(g, bias.Shape)}
		},
	}, x, bias)
}

var attentions = family{
	"Attention":       {23, buildAttention},
	"RotaryEmbedding": {23, buildRotaryEmbedding},
}
