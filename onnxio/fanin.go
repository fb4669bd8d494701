package onnxio

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// sums says in which sums of products elements of a value have a part.
type sums struct {
	filter  bool // over all but the first dimension
	last    bool // over the last dimension
	second  bool // over the last but one
	strides int  // over all but the second dimension, as in a transposed convolution whose strides have this product; 0: in none
}

// with returns the sums that either has, with the smallest strides.
func (a sums) with(b sums) sums {
	strides := min(a.strides, b.strides)
	if strides == 0 {
		strides = max(a.strides, b.strides)
	}
	return sums{a.filter || b.filter, a.last || b.last, a.second || b.second, strides}
}

// summed returns in which sums the elements of one input of a node have a part.
func summed(n *onnxpb.NodeProto, input int) sums {
	// One of the last two dimensions is summed over: of the first operand the last one.
	matrix := func(flipped bool) sums {
		last := flipped != (input == 0)
		return sums{last: last, second: !last}
	}
	switch n.GetOpType() {
	case "Conv", "FusedConv", "NhwcConv", "NhwcFusedConv", "ConvInteger":
		return sums{filter: input == 1}
	case "QLinearConv":
		return sums{filter: input == 3}
	case "ConvTranspose":
		if input == 1 {
			strides := 1
			for _, a := range n.Attribute {
				if a.GetName() == "strides" {
					for _, d := range a.Ints {
						strides *= max(1, int(d))
					}
				}
			}
			return sums{strides: max(1, strides)}
		}
	case "MatMul", "MatMulInteger":
		if input < 2 {
			return matrix(false)
		}
	case "Gemm", "FusedGemm", "FusedMatMul":
		if input < 2 {
			return matrix(isSet(n, [...]string{"transA", "transB"}[input]))
		}
	}
	return sums{}
}

// markSums finds the sums that values have a part in, from the operators back: to follow each tensor
// takes the product of the numbers of tensors and uses.
func (f *flow) markSums() {
	type source struct {
		v *value
		s sums
	}
	var sources []source
	for _, st := range f.steps {
		if st.node == nil {
			continue
		}
		for i, v := range st.in {
			if s := summed(st.node, i); v != nil && s != (sums{}) {
				sources = append(sources, source{v, s})
			}
		}
	}
	// The smallest strides come first, and nothing is passed on twice.
	slices.SortStableFunc(sources, func(a, b source) int { return cmp.Compare(a.s.strides, b.s.strides) })
	type state struct {
		v          *value
		transposed int // 1: its last two dimensions are
	}
	for _, from := range sources {
		for todo := []state{{from.v, 0}}; len(todo) > 0; {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			have := &at.v.sums[at.transposed]
			if have.with(from.s) == *have {
				continue
			}
			*have = have.with(from.s)
			for _, p := range at.v.producers {
				next := state{nil, at.transposed}
				switch p.operator {
				case passOn, "Identity", "Cast", "DequantizeLinear":
				case "Transpose":
					next.transposed = 1 - at.transposed
				default:
					continue
				}
				if len(p.in) > 0 && p.in[0] != nil && !p.call {
					next.v = p.in[0]
					todo = append(todo, next)
				}
			}
		}
	}
}

// fanIn returns how many products with elements of a tensor are added up for one element of an output,
// the most for any use; 0 where that is not known.
func (s *stored) fanIn(t *Initializer) int {
	if s.value == nil || t == nil || len(t.Dims) == 0 {
		return 0
	}
	dims := slices.Clone(t.Dims)
	most := s.value.sums[0].over(dims)
	if last := len(dims) - 1; last > 0 {
		dims[last-1], dims[last] = dims[last], dims[last-1]
	}
	return max(most, s.value.sums[1].over(dims))
}

// over returns the number of products, for a tensor of these dimensions.
func (a sums) over(dims []int) (most int) {
	product := func(dims []int) int {
		p := 1
		for _, d := range dims {
			p *= d
		}
		return p
	}
	if a.filter {
		most = product(dims[1:])
	}
	if a.last || a.second && len(dims) == 1 {
		most = max(most, dims[len(dims)-1])
	}
	if a.second && len(dims) > 1 {
		most = max(most, dims[len(dims)-2])
	}
	if a.strides > 0 && len(dims) > 2 {
		most = max(most, 1, dims[0]*product(dims[2:])/a.strides)
	}
	return most
}

// isSet reports whether an integer attribute is not 0.
func isSet(n *onnxpb.NodeProto, name string) bool {
	for _, a := range n.Attribute {
		if a.GetName() == name {
			return a.GetI() != 0
		}
	}
	return false
}
