package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// DecidedFrom returns the scores by which choices are made that an output is computed from, by
// nothing but operators on whole numbers and truth values: one choice where another says so, or
// choices where a mask lets them through. It is nil for other outputs, for those that have
// choices as they are (ChosenFrom, ChoicesFrom), and if the graph has outputs of floats or such:
// these say more.
func DecidedFrom(g *onnxpb.GraphProto, output string) (scores []string) {
	for _, o := range g.GetOutput() {
		if fractional(o) || ChosenFrom(g, o.GetName()) != "" || ChoicesFrom(g, o.GetName()) != nil {
			return nil
		}
	}
	given := map[string]bool{} // inputs of floats
	for _, v := range g.GetInput() {
		given[v.GetName()] = fractional(v)
	}
	for _, init := range g.GetInitializer() {
		delete(given, init.GetName())
	}
	maker, seen := Makers(g), map[string]bool{}
	var decided func(value string) bool
	decided = func(value string) bool {
		if seen[value] {
			return true
		}
		seen[value] = true
		n := maker[value]
		if n == nil {
			return !given[value]
		}
		switch op := n.GetOpType(); {
		case op == "Constant", op == "Shape", op == "Size":
			return true
		case op == "ArgMax":
			scores = append(scores, BeforeLog(maker, FirstInput(n)))
			return true
		case !slices.Contains(decisions, op):
			return false
		}
		for _, name := range n.GetInput() {
			if name != "" && !decided(name) {
				return false
			}
		}
		return true
	}
	if !decided(output) {
		return nil
	}
	return scores
}

// decisions are operators that compute whole numbers and truth values from such.
var decisions = []string{
	"Where", "Equal", "Not", "And", "Or", "Xor", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Mul", "Add", "Sub", "Div", "Mod", "Min", "Max",
	"Abs", "Neg", "Sign", "Clip", "Identity", "Cast", "Concat", "Slice", "Gather", "Pad", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Expand",
	"Tile", "ConstantOfShape", "ReduceSum", "ReduceMax", "ReduceMin",
}

// fractional reports whether a value has numbers of a floating-point type.
func fractional(v *onnxpb.ValueInfoProto) bool {
	switch onnxpb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType()) {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return true
	}
	return false
}
