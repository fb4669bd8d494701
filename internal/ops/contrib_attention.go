package ops

import "github.com/advparams/advparams/nd"

// contrib_attention: Attention, QAttention and MultiHeadAttention of onnxruntime.

// projected returns the attention of heads that one product made: x is [B, S, sizes of Q,
// K and V]. mask, past and bias are the inputs that hold them; bias may be -1.
func (c *Call) projected(x *Value, mask, past, bias int) []*Value {
	c.refuse("do_rotary", "past_present_share_buffer")
	a := &headed{Call: c, scale: c.Float32("scale", 0)}
	n := c.Int("num_heads", 0)
	all := x.Shape[2]
	sizes := c.IntsAttr("qkv_hidden_sizes")
	if sizes == nil {
		sizes = []int{all / 3, all / 3, all / 3}
	}
	at := 0
	for i, to := range []**Value{&a.q, &a.k, &a.v} {
		if len(sizes) != 3 || n < 1 || sizes[i] < n || sizes[i]%n != 0 || at+sizes[i] > all {
			c.fail("num_heads of %d and sizes of %v for a projection to %d", n, sizes, all)
		}
		*to = c.splitHeads(c.Slice(x, 2, at, sizes[i], 1), n)
		at += sizes[i]
	}
	if at != all {
		c.fail("sizes of %v for a projection to %d", sizes, all)
	}
	if c.Optional(past) != nil {
		p := c.Float(past)
		if s := p.Shape; len(s) != 5 || s[0] != 2 || s[1] != x.Shape[0] || s[2] != n || s[4] != sizes[1]/n || sizes[1] != sizes[2] {
			c.fail("a past of shape %v for %d heads of %v", s, n, sizes)
		}
		a.prepend(c.squeeze(c.Slice(p, 0, 0, 1, 1), []int{0}), c.squeeze(c.Slice(p, 0, 1, 1, 1), []int{0}))
	}
	a.check()
	a.padding(mask)
	if c.Bool("unidirectional", false) {
		a.causal()
	}
	if bias >= 0 {
		a.addedBias(bias)
	}
	out := []*Value{a.run()}
	if c.Wants(1) {
		if a.k.Shape[3] != a.v.Shape[3] {
			c.fail("keys of %d and values of %d have no common cache", a.k.Shape[3], a.v.Shape[3])
		}
		out = append(out, c.Concat(0, c.unsqueeze(a.k, []int{0}), c.unsqueeze(a.v, []int{0})))
	}
	return out
}

// project returns x·w + bias for x [B, S, inputs].
func (c *Call) project(x, w *Value, bias int) *Value {
	if x.Rank() != 3 || w.Rank() != 2 || x.Shape[2] != w.Shape[0] {
		c.fail("an input of shape %v and weights of shape %v", x.Shape, w.Shape)
	}
	return c.plusBias(c.MatMul(x, w), bias)
}

func buildContribAttention(c *Call) []*Value {
	return c.projected(c.project(c.Float(0), c.Float(1), 2), 3, 4, 5)
}

func buildQAttention(c *Call) []*Value {
	c.Float(3)
	x := c.dequantizeAlong(c.number(0), 3, 6, -2)
	return c.projected(c.project(x, c.weightNumbers(1, 4, 7), 2), 5, 8, -1)
}

// buildMultiHeadAttention has Q, K and V in inputs of their own, or packed: [B, L, heads,
// 3, size], or keys and values as [B, L, heads, 2, size]. Keys and values with four axes
// have been cut into heads.
func buildMultiHeadAttention(c *Call) []*Value {
	a := &headed{Call: c, scale: c.Float32("scale", 0)}
	n := c.Int("num_heads", 0)
	if n < 1 {
		c.fail("num_heads of %d", n)
	}
	a.unpack(n)
	a.check()
	size := a.k.Shape[3]
	if c.Optional(6) != nil || c.Optional(7) != nil {
		a.prepend(c.cache(6, a.k.Shape[0], n, size), c.cache(7, a.k.Shape[0], n, a.v.Shape[3]))
		a.check()
	}
	if c.Optional(8) != nil || c.Optional(9) != nil {
		unsupported("buffers that past and present share")
	}
	a.padding(4)
	if c.Bool("unidirectional", false) {
		a.causal()
	}
	a.addedBias(5)
	out := []*Value{a.run(), a.k, a.v}
	if c.Wants(3) {
		p, _ := a.plainly()
		out = append(out, p)
	}
	return out
}

// unpack sets q, k and v, with their biases in input 3.
func (a *headed) unpack(n int) {
	q := a.Float(0)
	var packed []*Value // [B, L, heads·size] each
	separate := func(x *Value, count int) {
		if s := x.Shape; len(s) != 5 || s[2] != n || s[3] != count {
			a.fail("packed heads of shape %v; [batch, sequence, %d, %d, size] is expected", s, n, count)
		}
		for i := range count {
			part := a.Slice(x, 3, i, 1, 1)
			packed = append(packed, a.Reshape(part, x.Shape[0], x.Shape[1], n*x.Shape[4]))
		}
	}
	switch {
	case a.Optional(1) == nil:
		separate(q, 3)
	case a.Optional(2) == nil:
		packed = append(packed, q)
		separate(a.Float(1), 2)
	default:
		packed = append(packed, q, a.Float(1), a.Float(2))
	}
	at := 0
	for i, to := range []**Value{&a.q, &a.k, &a.v} {
		x := packed[i]
		if x.Rank() == 4 && i > 0 { // cut into heads already, and without a bias
			*to = x
			continue
		}
		if x.Rank() != 3 || x.Shape[2]%n != 0 || x.Shape[2] == 0 {
			a.fail("heads of shape %v for num_heads of %d", x.Shape, n)
		}
		if a.Optional(3) != nil {
			bias, width := a.Float(3), x.Shape[2]
			if bias.Rank() != 1 || bias.Len() < at+width {
				a.fail("a bias of shape %v for heads of %v", bias.Shape, x.Shape)
			}
			x = a.Add(x, a.Slice(bias, 0, at, width, 1))
			at += width
		}
		*to = a.splitHeads(x, n)
	}
}

// buildContribRotary: position_ids has a position for each element of the sequence, or one
// number, that of the first.
func buildContribRotary(c *Call) []*Value {
	c.refuse("is_packed_batching")
	if s := c.Float32("scale", 1); s != 1 {
		unsupported("a scale of %v", s)
	}
	x, cos := c.Float(0), c.Float(2)
	if cos.Rank() != 2 {
		c.fail("cos_cache of shape %v", cos.Shape)
	}
	r := &rotary{interleaved: c.Bool("interleaved", false), pairs: cos.Shape[1]}
	switch n := c.Int("num_heads", 0); x.Rank() {
	case 4:
		r.batch, r.heads, r.sequence, r.size = x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	case 3:
		if r.size = 2 * r.pairs; n > 0 && c.Int("rotary_embedding_dim", 0) > 0 {
			r.size = x.Shape[2] / n
		}
		if r.size < 1 || x.Shape[2]%r.size != 0 {
			c.fail("heads of %d for an input of shape %v", r.size, x.Shape)
		}
		r.batch, r.sequence, r.heads, r.headsLast = x.Shape[0], x.Shape[1], x.Shape[2]/r.size, true
	default:
		c.fail("input of shape %v; 3 or 4 axes are expected", x.Shape)
	}
	if 2*r.pairs > r.size {
		c.fail("cos_cache of shape %v for heads of size %d", cos.Shape, r.size)
	}
	at := c.Input(1)
	if at.DType != nd.Int64 {
		c.fail("position_ids of type %v", at.DType)
	}
	if at.Len() == 1 && r.batch*r.sequence != 1 {
		at = c.Expand(c.Add(c.Reshape(at), c.countUp(r.sequence)), []int{r.batch, r.sequence})
	}
	return []*Value{c.turn(r, x, c.Reshape(at, at.Len()), 2, 3)}
}

// turn rotates x by the angles in inputs cos and sin, at the given positions [batch ·
// sequence].
func (c *Call) turn(r *rotary, x, at *Value, cos, sin int) *Value {
	angles := func(i int) *Value {
		a := c.Float(i)
		if a.Rank() != 2 || a.Shape[1] != r.pairs || at.Len() != r.batch*r.sequence {
			c.fail("input %d has angles of shape %v for %d positions and %d pairs", i, a.Shape, at.Len(), r.pairs)
		}
		return c.Gather(a, at, 0)
	}
	return c.rotate(r, false, x, angles(cos), angles(sin))
}

var contribAttention = family{
	"Attention":           {1, buildContribAttention},
	"QAttention":          {1, buildQAttention},
	"MultiHeadAttention":  {1, buildMultiHeadAttention},
	"RotaryEmbedding":     {1, buildContribRotary},
	"GroupQueryAttention": {1, buildGroupQueryAttention},
}
