package onnxio

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// fanIn returns how many products with elements of a tensor are added up for one
// element of an output, the most for any use; 0 where that is not known.
func (s *stored) fanIn(t *Initializer) int {
	if s.value == nil || t == nil {
		return 0
	}
	most := 0
	type state struct {
		v          *value
		transposed bool // its last two dimensions
	}
	seen := map[state]bool{}
	for todo := []state{{s.value, false}}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, u := range at.v.uses {
			if u.step.node != nil {
				most = max(most, summed(u.step.node, u.index, t.Dims, at.transposed))
			}
			next := at
			switch u.step.operator {
			case passOn, "Identity", "Cast", "DequantizeLinear":
			case "Transpose":
				next.transposed = !at.transposed
			default:
				continue
			}
			for _, out := range u.step.out {
				if next.v = out; out != nil && u.index == 0 && !u.step.call {
					todo = append(todo, next)
				}
			}
		}
	}
	return most
}

// summed is fanIn for one input of one node.
func summed(n *onnxpb.NodeProto, input int, dims []int, transposed bool) int {
	if len(dims) == 0 {
		return 0
	}
	if transposed && len(dims) > 1 {
		dims = slices.Clone(dims)
		last := len(dims) - 1
		dims[last-1], dims[last] = dims[last], dims[last-1]
	}
	product := func(dims []int) int {
		p := 1
		for _, d := range dims {
			p *= d
		}
		return p
	}
	// One of the last two dimensions is summed over: of the first operand the last one.
	matrix := func(flipped bool) int {
		if len(dims) == 1 {
			return dims[0]
		}
		if flipped != (input == 0) {
			return dims[len(dims)-1]
		}
		return dims[len(dims)-2]
	}
	switch operator := n.GetOpType(); operator {
	case "Conv", "FusedConv", "NhwcConv", "NhwcFusedConv", "ConvInteger":
		if input == 1 {
			return product(dims[1:])
		}
	case "QLinearConv":
		if input == 3 {
			return product(dims[1:])
		}
	case "ConvTranspose":
		if input == 1 && len(dims) > 2 {
			strides := 1
			for _, a := range n.Attribute {
				if a.GetName() == "strides" {
					for _, d := range a.Ints {
						strides *= max(1, int(d))
					}
				}
			}
			return max(1, dims[0]*product(dims[2:])/max(1, strides))
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
	return 0
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
