package ops

import (
	"github.com/advparams/advparams/internal/kernel/attention"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// rotary: RotaryEmbedding (opset 23). It rotates pairs of elements of every head by
// angles that depend on the position in the sequence.

// rotary describes the rotation of x, whose shape is [batch, heads, sequence, size]
// or, with headsLast, [batch, sequence, heads·size].
type rotary struct {
	batch, heads, sequence, size int
	pairs                        int // that are rotated
	interleaved, headsLast       bool
}

// position returns the row of the angles [batch·sequence, pairs] that applies to a
// head.
func (r *rotary) position(row int) int {
	if r.headsLast {
		return row / r.heads
	}
	return row/(r.heads*r.sequence)*r.sequence + row%r.sequence
}

// rotate rotates x, or rotates it back if inverse.
func (b *Builder) rotate(r *rotary, inverse bool, x, cos, sin *Value) *Value {
	name := "RotaryEmbedding"
	if inverse {
		name += ".grad"
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: name,
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			attention.Rotate(w, r.size, r.pairs, r.interleaved, inverse, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), r.position, out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			gcos, gsin := b.rotaryAngles(r, x, gy, cos.Shape)
			return []*Value{b.rotate(r, !inverse, gy, cos, sin), gcos, gsin}
		},
	}, x, cos, sin)
}

// rotaryAngles returns the gradients by the cosines and by the sines, in the given
// shape. For a pair (p, q) of x with gradient (g, h), they are the sums over the
// heads of pg + qh and of ph - qg.
func (b *Builder) rotaryAngles(r *rotary, x, gy *Value, shape []int) (gcos, gsin *Value) {
	all, headAxis := []int{r.batch, r.heads, r.sequence, r.size}, 1
	if r.headsLast {
		all, headAxis = []int{r.batch, r.sequence, r.heads, r.size}, 2
	}
	pair := func(v *Value) (first, second *Value) {
		v = b.Reshape(v, all...)
		if r.interleaved {
			return b.Slice(v, 3, 0, r.pairs, 2), b.Slice(v, 3, 1, r.pairs, 2)
		}
		return b.Slice(v, 3, 0, r.pairs, 1), b.Slice(v, 3, r.pairs, r.pairs, 1)
	}
	p, q := pair(x)
	g, h := pair(gy)
	sum := func(v *Value) *Value { return b.Reshape(b.Sum(v, headAxis), shape...) }
	return sum(b.Add(b.Mul(p, g), b.Mul(q, h))), sum(b.Sub(b.Mul(p, h), b.Mul(q, g)))
}

func buildRotaryEmbedding(c *Call) []*Value {
	x := c.Float(0)
	r := &rotary{interleaved: c.Bool("interleaved", false)}
	switch x.Rank() {
	case 4:
		r.batch, r.heads, r.sequence, r.size = x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	case 3:
		n := c.Int("num_heads", 0)
		if n < 1 || x.Shape[2]%n != 0 {
			c.fail("num_heads of %d for an input of shape %v", n, x.Shape)
		}
		r.batch, r.sequence, r.heads, r.size, r.headsLast = x.Shape[0], x.Shape[1], n, x.Shape[2]/n, true
	default:
		c.fail("input of shape %v; 3 or 4 axes are expected", x.Shape)
	}
	width := c.Int("rotary_embedding_dim", 0)
	if width == 0 {
		width = r.size
	}
	if width < 0 || width > r.size || width%2 != 0 {
		c.fail("rotary_embedding_dim of %d for heads of size %d", width, r.size)
	}
	r.pairs = width / 2
	return []*Value{c.rotate(r, false, x, c.angles(1, r), c.angles(2, r))}
}

// angles returns the cosines or sines in input i, as [batch·sequence, pairs].
func (c *Call) angles(i int, r *rotary) *Value {
	cache, at := c.Float(i), c.Optional(3)
	if at != nil {
		if cache.Rank() != 2 || at.Rank() != 2 {
			c.fail("input %d of shape %v and position_ids of shape %v; 2 axes each are expected", i, cache.Shape, at.Shape)
		}
		cache = c.Gather(cache, at, 0)
	}
	if s := cache.Shape; len(s) != 3 || s[0] != r.batch || s[1] != r.sequence || s[2] != r.pairs {
		c.fail("input %d has angles of shape %v; %v are expected", i, s, []int{r.batch, r.sequence, r.pairs})
	}
	return c.Reshape(cache, r.batch*r.sequence, r.pairs)
}
