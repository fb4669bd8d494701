package ops

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// contrib_grouped: GroupQueryAttention of onnxruntime, with keys and values of the past in
// inputs and outputs of their own.

// buildGroupQueryAttention: with S new positions and T in all, the past of sample b has
// seqlens_k[b] + 1 - S positions, or none if S = T.
func buildGroupQueryAttention(c *Call) []*Value {
	c.refuse("sliding_window_cache", "qk_output")
	for _, i := range []int{12, 13, 14, 15, 16} {
		if c.Optional(i) != nil {
			unsupported("input %d", i)
		}
	}
	a := &headed{Call: c, scale: c.Float32("scale", 0), cap: c.Float32("softcap", 0)}
	a.grouped()
	a.check()
	total := c.knownInt(6)
	batch, heads, kv, queries, _ := a.sizes()
	lens := c.Input(5)
	if lens.DType != nd.Int64 || lens.Len() != batch {
		c.fail("seqlens_k is %v%v for a batch of %d", lens.DType, lens.Shape, batch)
	}
	if total < queries {
		c.fail("total_sequence_length of %d for %d new positions", total, queries)
	}
	first := c.firstPositions(lens, queries, total)
	if c.Bool("do_rotary", false) {
		at := c.Optional(9)
		if at == nil {
			at = c.Add(c.Reshape(first, batch, 1), c.Reshape(c.countUp(queries), 1, queries))
		}
		at = c.Reshape(at, at.Len())
		pairs := c.Float(7).Shape
		for _, x := range []**Value{&a.q, &a.k} {
			s := (*x).Shape
			r := &rotary{batch: s[0], heads: s[1], sequence: s[2], size: s[3], interleaved: c.Bool("rotary_interleaved", false)}
			if len(pairs) != 2 || 2*pairs[1] > r.size {
				c.fail("cos_cache of shape %v for heads of size %d", pairs, r.size)
			}
			r.pairs = pairs[1]
			*x = c.turn(r, *x, at, 7, 8)
		}
	}
	if c.Optional(3) != nil || c.Optional(4) != nil {
		k, v := c.cache(3, batch, kv, a.k.Shape[3]), c.cache(4, batch, kv, a.v.Shape[3])
		if k.Shape[2] != v.Shape[2] {
			c.fail("%d past keys and %d past values", k.Shape[2], v.Shape[2])
		}
		if total > k.Shape[2]+queries {
			c.fail("total_sequence_length of %d for %d new positions and %d before", total, queries, k.Shape[2])
		}
		total = max(total, k.Shape[2])
		a.k, a.v = c.followed(k, a.k, first, total), c.followed(v, a.v, first, total)
	} else if total != queries {
		c.fail("total_sequence_length of %d for %d new positions without a past", total, queries)
	}
	a.window(first, c.Int("local_window_size", -1))
	a.addedBias(10)
	switch {
	case c.Optional(11) != nil:
		a.sink = c.vector(11, heads)
	case c.Int("smooth_softmax", -1) > 0:
		a.sink = c.Full(0, heads)
	}
	return []*Value{a.run(), a.k, a.v}
}

// grouped sets q, k and v from inputs 0 to 2, or from input 0 alone if they are packed.
func (a *headed) grouped() {
	n, kv := a.Int("num_heads", 0), a.Int("kv_num_heads", 0)
	x := a.Float(0)
	if n < 1 || kv < 1 || n%kv != 0 || x.Rank() != 3 {
		a.fail("a query of shape %v for num_heads of %d and kv_num_heads of %d", x.Shape, n, kv)
	}
	if a.Optional(1) != nil {
		k, v := a.Float(1), a.Float(2)
		if k.Rank() != 3 || v.Rank() != 3 || x.Shape[2]%n != 0 || k.Shape[2]%kv != 0 || v.Shape[2]%kv != 0 || k.Shape[1] != x.Shape[1] || v.Shape[1] != x.Shape[1] {
			a.fail("Q, K and V of %v, %v and %v for %d and %d heads", x.Shape, k.Shape, v.Shape, n, kv)
		}
		a.q, a.k, a.v = a.splitHeads(x, n), a.splitHeads(k, kv), a.splitHeads(v, kv)
		return
	}
	all := n + 2*kv
	if x.Shape[2]%all != 0 {
		a.fail("packed heads of shape %v for %d and %d heads", x.Shape, n, kv)
	}
	h := a.splitHeads(x, all)
	a.q, a.k, a.v = a.Slice(h, 1, 0, n, 1), a.Slice(h, 1, n, kv, 1), a.Slice(h, 1, n+kv, kv, 1)
}

// firstPositions returns the position of the first new element of each sample, [B].
func (c *Call) firstPositions(lens *Value, queries, total int) *Value {
	check := func(in []nd.Array) error {
		for _, n := range in[0].Int64s() {
			if n < 0 || n >= int64(total) || (total != queries && n+1 < int64(queries)) {
				return fmt.Errorf("seqlens_k of %d for %d new positions of %d", n, queries, total)
			}
		}
		return nil
	}
	return c.emit(nd.Int64, []int{lens.Len()}, Op{
		name: "FirstPositions",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			for b, n := range in[0].Int64s() {
				out.Int64s()[b] = 0
				if total != queries {
					out.Int64s()[b] = n + 1 - int64(queries)
				}
			}
		}, check},
	}, lens)
}

// followed returns past [B, heads, P, size] cut at first[b] and continued by x, in total
// positions. After x come zeros.
func (c *Call) followed(past, x, first *Value, total int) *Value {
	batch, heads, before, size := past.Shape[0], past.Shape[1], past.Shape[2], past.Shape[3]
	added := x.Shape[2]
	both := before + added + 1
	rows := c.emit(nd.Int64, []int{batch * heads * total}, Op{
		name: "CacheRows",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			for i := range out.Int64s() {
				sample, t := i/(heads*total), i%total
				if from := int(in[0].Int64s()[sample]); t >= from {
					t = before + min(t-from, added)
				}
				out.Int64s()[i] = int64(i/total*both + t)
			}
		}, func(in []nd.Array) error {
			for _, n := range in[0].Int64s() {
				if n > int64(before) {
					return fmt.Errorf("%d past positions of %d", n, before)
				}
			}
			return nil
		}},
	}, first)
	all := c.Concat(2, past, x, c.Full(0, batch, heads, 1, size))
	return c.Reshape(c.take(all, rows, 1, batch*heads*both, size), batch, heads, total, size)
}

// window hides keys after a query's position, unless the attribute causal is 0, and those
// that are size positions before it or more, unless size is negative.
func (a *headed) window(first *Value, size int) {
	batch, _, _, queries, keys := a.sizes()
	causal := a.Bool("causal", true)
	a.hide(a.emit(nd.Float32, []int{batch, 1, queries, keys}, Op{
		name: "Mask",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Float32s()
			for k := range y {
				p := int(in[0].Int64s()[k/(queries*keys)]) + k/keys%queries
				y[k] = 0
				if t := k % keys; causal && t > p || size > 0 && t <= p-size {
					y[k] = float32(math.Inf(-1))
				}
			}
		}),
	}, first))
}
