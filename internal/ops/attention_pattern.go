package ops

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// attentionOf returns x·v as fused attention if x is the softmax of the scaled and
// masked product of two other matrices, and else nil. The softmax may be followed
// by a guard that exporters add, which turns rows that are all masked into zeros.
func (b *Builder) attentionOf(x, v *Value) *Value {
	n := v.Rank()
	guarded := false
	if p := unguarded(x); p != nil {
		x, guarded = p, true
	}
	if k, ok := kernelOf[*softmaxKernel](x); !ok || !k.lastAxis || x.Rank() != n || n < 3 || x.Len()*v.Len() == 0 || !slices.Equal(x.Shape[:n-2], v.Shape[:n-2]) {
		return nil
	}
	s, ok := scoresOf(x.in[0])
	var bias *Value
	if add := x.in[0].op; !ok && add != nil && add.name == "Add" {
		for i, y := range add.in {
			if z := add.in[1-i]; !ok && slices.Equal(z.Shape, x.Shape) && !b.trained(y) {
				s, ok = scoresOf(z)
				bias = y
			}
		}
	}
	if !ok || s.transposed {
		return nil
	}
	q, k := s.product.in[0], s.product.in[1]
	batch := x.Shape[:n-2]
	size := q.Shape[q.Rank()-1]
	if q.Len() == 0 || q.Len() != nd.Size(x.Shape[:n-1])*size {
		return nil
	}
	q = b.Reshape(q, append(slices.Clone(batch), x.Shape[n-2], size)...)
	for _, f := range s.factors {
		q = b.Mul(q, b.Reshape(f))
	}
	k = b.Reshape(k, append(slices.Clone(batch), size, x.Shape[n-1])...)
	return b.attend(q, k, v, bias, true, s.scale, guarded)
}

// unguarded returns y if x is where(isNaN(y), 0, y), and else nil.
func unguarded(x *Value) *Value {
	if x.op == nil || x.op.name != "Where" || x.in[0].op == nil || x.in[0].op.name != "IsNaN" || !isNumber(x.in[1], 0) {
		return nil
	}
	if y := x.in[2]; x.in[0].in[0] == y && slices.Equal(y.Shape, x.Shape) {
		return y
	}
	return nil
}

// scores is a batched matrix product times numbers. Factors that are not constant
// are values.
type scores struct {
	product    *Value
	transposed bool // one of the operands is
	scale      float32
	factors    []*Value
}

func scoresOf(v *Value) (s scores, ok bool) {
	s.scale = 1
next:
	for v.op != nil {
		if v.op.Alias() {
			v = v.in[0]
			continue
		}
		if x, f, ok := scaled(v); ok {
			v, s.scale = x, s.scale*f
			continue
		}
		if v.op.name == "Mul" {
			for i, f := range v.in {
				if x := v.in[1-i]; f.Len() == 1 && slices.Equal(x.Shape, v.Shape) {
					v, s.factors = x, append(s.factors, f)
					continue next
				}
			}
		}
		k, ok := v.op.kernel.(*batchProductKernel)
		if ok {
			s.product, s.transposed = v, k.transA || k.transB
		}
		return s, ok
	}
	return s, false
}

// trained reports whether a value depends on a weight.
func (b *Builder) trained(v *Value) bool {
	seen := map[*Value]bool{}
	for queue := []*Value{v}; len(queue) > 0; {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[v] {
			continue
		}
		seen[v] = true
		if _, ok := b.initial[v]; ok && v.op == nil {
			return true
		}
		queue = append(queue, v.in...)
	}
	return false
}
