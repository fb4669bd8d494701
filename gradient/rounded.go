package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// RoundedFrom returns the value of floats from which an output of integers or truth values is
// rounded, or compared with a constant: the pixels of an image before they are bytes, the
// probabilities of a mask. It is "" for other outputs, and if the graph has outputs of floats or of classes
// that are chosen by their scores: these say more. Reshaping and repeating behind it do not matter.
func RoundedFrom(g *onnxpb.GraphProto, output string) string {
	for _, o := range g.GetOutput() {
		switch onnxpb.TensorProto_DataType(o.GetType().GetTensorType().GetElemType()) {
		case onnxpb.TensorProto_UINT8, onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT16, onnxpb.TensorProto_INT16,
			onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64, onnxpb.TensorProto_BOOL:
		default:
			return ""
		}
		if ChosenFrom(g, o.GetName()) != "" || ChoicesFrom(g, o.GetName()) != nil {
			return ""
		}
	}
	maker := Makers(g)
	constant := func(name string) bool {
		return maker[name].GetOpType() == "Constant" || slices.ContainsFunc(g.GetInitializer(), func(t *onnxpb.TensorProto) bool { return t.GetName() == name })
	}
	rounded := false
	for range len(g.GetNode()) {
		n := maker[output]
		switch op := n.GetOpType(); {
		case slices.Contains(moved, op), op == "Not", op == "Concat" && len(n.GetInput()) == 1:
		case slices.Contains(roundings, op):
			rounded = true
		case slices.Contains(comparisons, op) && len(n.GetInput()) == 2 && constant(n.GetInput()[1]):
			return n.GetInput()[0]
		case rounded:
			return output
		default:
			return ""
		}
		output = FirstInput(n)
	}
	return ""
}

var (
	moved       = []string{"Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Tile", "Expand", "Pad"}
	roundings   = []string{"Cast", "Round", "Floor", "Ceil"}
	comparisons = []string{"Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
)
