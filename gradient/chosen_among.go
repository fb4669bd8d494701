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
	return newOrigins(g).decidedFrom(output)
}

// decidedFrom is DecidedFrom.
func (o *origins) decidedFrom(output string) (scores []string) {
	if o.unsaid == nil {
		o.unsaid = new(!slices.ContainsFunc(o.g.GetOutput(), func(v *onnxpb.ValueInfoProto) bool {
			return fractional(v) || o.chosenFrom(v.GetName()) != "" || o.choicesFrom(v.GetName()) != nil
		}))
	}
	if !*o.unsaid {
		return nil
	}
	given := o.floatInputs()
	seen := map[string]bool{}
	for open := []string{output}; len(open) > 0; { // depth first: a chain may be as long as the model
		value := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[value] {
			continue
		}
		seen[value] = true
		n := o.maker[value]
		switch op := n.GetOpType(); {
		case n == nil:
			if given[value] {
				return nil
			}
		case op == "Constant", op == "Shape", op == "Size":
		case op == "ArgMax":
			scores = append(scores, BeforeLog(o.maker, FirstInput(n)))
		case !slices.Contains(decisions, op):
			return nil
		default:
			for _, name := range slices.Backward(n.GetInput()) {
				if name != "" {
					open = append(open, name)
				}
			}
		}
	}
	return scores
}

// floatInputs returns the inputs of the graph that are floats and have no default.
func (o *origins) floatInputs() map[string]bool {
	if o.given == nil {
		o.given = map[string]bool{}
		for _, v := range o.g.GetInput() {
			o.given[v.GetName()] = fractional(v)
		}
		for _, init := range o.g.GetInitializer() {
			delete(o.given, init.GetName())
		}
	}
	return o.given
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
