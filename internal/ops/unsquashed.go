package ops

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// unsquashed: what a model's last activation hides. A probability that is nearly 0 or 1 has hardly
// a gradient, and a number that was clipped none. Operators behind the activation that only lay its
// numbers out again are repeated with what it is computed from.

// Logits returns v with the Softmax, LogSoftmax or Sigmoid left out that computes its elements; v
// itself if there is none. Which of the elements is the largest stays, and whether one of a Sigmoid
// is more than one half.
func (b *Builder) Logits(v *Value) *Value { return b.without(v, false) }

// Unsquashed returns numbers that say what the elements of v would say if no activation held them
// between two ends. Those of a Softmax are less their mean, because what is added to all of them
// changes nothing. They may differ from v by a factor and a term.
func (b *Builder) Unsquashed(v *Value) *Value { return b.without(v, true) }

func (b *Builder) without(v *Value, all bool) *Value {
	u := unsquasher{b, all, map[*Value]*Value{}}
	if raw := u.of(v); raw != nil {
		return raw
	}
	return v
}

// unsquasher follows values back to activations: Softmax and Sigmoid, or all that have two ends.
type unsquasher struct {
	*Builder
	all  bool
	seen map[*Value]*Value
}

// of returns a value without its activation, in its shape; nil if it has none.
func (u unsquasher) of(v *Value) *Value {
	raw, done := u.seen[v]
	if !done && v.op != nil && v.DType == nd.Float32 {
		raw = u.before(v)
		u.seen[v] = raw
	}
	return raw
}

func (u unsquasher) before(v *Value) *Value {
	in := v.op.in
	switch k := v.op.kernel.(type) {
	case aliasKernel:
		if raw := u.of(in[0]); raw != nil && raw.Len() == v.Len() {
			return u.Reshape(raw, v.Shape...)
		}
		return nil
	case *viewKernel:
		if v.Len() != in[0].Len() && !u.all {
			return nil // some classes of a Softmax say nothing without the others
		}
		if raw := u.of(in[0]); raw != nil {
			return u.view(v.op.name, raw, k.view)
		}
		return nil
	case *softmaxKernel:
		if u.all {
			return u.centred(in[0], k.outer, k.n, k.inner)
		}
		return in[0]
	}
	switch v.op.name {
	case "Sigmoid":
		return in[0]
	case "Clip":
		if raw := u.of(in[0]); raw != nil || !u.all {
			return raw
		}
		return in[0]
	}
	if !u.all {
		return nil
	}
	switch v.op.name {
	case "Tanh", "HardSigmoid", "Softsign":
		return in[0]
	case "Take":
		if raw := u.of(in[0]); raw != nil {
			outer, block := v.Shape[0], v.Shape[2]
			return u.take(raw, in[1], outer, raw.Len()/(outer*block), block)
		}
	case "Concat":
		return u.joined(v, in)
	case "Scale":
		return u.of(in[0])
	case "Add", "Sub", "Mul", "Div":
		return u.moved(v, in)
	}
	return nil
}

// centred returns x less the mean along the middle axis of [outer, n, inner].
func (u unsquasher) centred(x *Value, outer, n, inner int) *Value {
	if n == 1 {
		return x
	}
	rows := u.Reshape(x, outer, n, inner)
	return u.Reshape(u.Sub(rows, u.MeanOver(rows, 1)), x.Shape...)
}

// joined returns the parts of a Concat without their activations.
func (u unsquasher) joined(v *Value, parts []*Value) *Value {
	some := false
	list := slices.Clone(parts)
	for i, x := range parts {
		if raw := u.of(x); raw != nil {
			list[i], some = raw, true
		}
	}
	axis := 0
	for axis < len(v.Shape) && v.Shape[axis] == parts[0].Shape[axis] {
		axis++
	}
	if !some || axis == len(v.Shape) {
		return nil
	}
	return u.Concat(axis, list...)
}

// moved returns the term or factor of v that is neither constant nor a weight, without its activation.
func (u unsquasher) moved(v *Value, in []*Value) *Value {
	for i, x := range in {
		_, known := in[1-i].Constant()
		if _, weight := u.initial[in[1-i]]; (known || weight) && slices.Equal(x.Shape, v.Shape) {
			return u.of(x)
		}
	}
	return nil
}
