package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// roundedAt is a value on the way back from an output, and whether it has been rounded behind it.
type roundedAt struct {
	value   string
	rounded bool
}

// Rounded returns the floats behind an output of integers or truth values, which rounds them
// or compares them with a constant. Examples are the pixels of an image before they are bytes,
// and the probabilities of a mask. Reshaping, repeating and tables of labels behind the rounding do not
// matter.
//
// It returns "" for other outputs. It also does so if the graph has outputs of floats, or of
// classes that scores choose: then these tell more about the model.
func (o *Origins) Rounded(output string) string {
	if o.integers == nil {
		o.integers = new(o.allIntegers())
	}
	if !*o.integers {
		return ""
	}
	return follow(o.rounded, roundedAt{output, false}, func(at roundedAt) (before roundedAt, floats string, done bool) {
		n := o.maker[at.value]
		switch op := n.GetOpType(); {
		case slices.Contains(moved, op), op == "Not", op == "Concat" && len(n.GetInput()) == 1:
			return roundedAt{FirstInput(n), at.rounded}, "", false
		case slices.Contains(roundings, op):
			return roundedAt{FirstInput(n), true}, "", false
		case slices.Contains(comparisons, op) && len(n.GetInput()) == 2 && o.constant(n.GetInput()[1]):
			return at, n.GetInput()[0], true
		case at.rounded:
			return at, at.value, true
		}
		_, number := o.label(n)
		return roundedAt{number, at.rounded}, "", number == ""
	})
}

// allIntegers reports whether all outputs are whole numbers or truth values, and none is a class
// that scores choose.
func (o *Origins) allIntegers() bool {
	for _, v := range o.g.GetOutput() {
		switch onnxpb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType()) {
		case onnxpb.TensorProto_UINT8, onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT16, onnxpb.TensorProto_INT16,
			onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64, onnxpb.TensorProto_BOOL, onnxpb.TensorProto_STRING:
		default:
			return false
		}
		if o.isChoice(v.GetName()) {
			return false
		}
	}
	return true
}

// constant reports whether a value is a constant of the model.
func (o *Origins) constant(name string) bool {
	if o.constants == nil {
		o.constants = map[string]bool{}
		for _, t := range o.g.GetInitializer() {
			o.constants[t.GetName()] = true
		}
	}
	return o.constants[name] || o.maker[name].GetOpType() == "Constant"
}

var (
	moved       = []string{"Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Tile", "Expand", "Pad"}
	roundings   = []string{"Cast", "Round", "Floor", "Ceil"}
	comparisons = []string{"Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
)
