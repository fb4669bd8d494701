package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// maxDecided bounds how many values Decided looks at for all outputs together, since each output may
// depend on all choices. It is more than any policy has.
const maxDecided = 1 << 22

// Decided returns the scores by which choices are made that an output is computed from, by
// nothing but operators on whole numbers and truth values: one choice where another says so, or
// choices where a mask lets them through. It is nil for other outputs, for those that have
// choices as they are (Chosen, Choices), and if the graph has outputs of floats or such:
// these say more.
func (o *Origins) Decided(output string) (scores []string) {
	if !o.IsDecided(output) {
		return nil
	}
	seen := map[string]bool{}
	for open := []string{output}; len(open) > 0; { // depth first: a chain may be as long as the model
		value := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[value] {
			continue
		}
		seen[value] = true
		if o.steps++; o.steps > maxDecided {
			return nil
		}
		switch n := o.maker[value]; {
		case n.GetOpType() == "ArgMax":
			scores = append(scores, BeforeLog(o.maker, FirstInput(n)))
		case slices.Contains(decisions, n.GetOpType()):
			for _, name := range slices.Backward(n.GetInput()) {
				if name != "" {
					open = append(open, name)
				}
			}
		}
	}
	return scores
}

// IsDecided reports whether an output is one that Decided is about.
func (o *Origins) IsDecided(output string) bool {
	if o.unsaid == nil {
		o.unsaid = new(!slices.ContainsFunc(o.g.GetOutput(), func(v *onnxpb.ValueInfoProto) bool {
			return fractional(v) || o.isChoice(v.GetName())
		}))
	}
	if !*o.unsaid {
		return false
	}
	if o.decidable == nil {
		o.decide()
	}
	return o.decidable[output]
}

// decide finds the values that are computed from choices and from nothing that is not whole.
func (o *Origins) decide() {
	var deciding []*onnxpb.NodeProto // those that compute whole numbers
	var chosen, others []string      // values that are choices, or may be fractions
	for name, float := range o.floatInputs() {
		if float && o.maker[name] == nil {
			others = append(others, name)
		}
	}
	for _, n := range o.g.GetNode() {
		switch op := n.GetOpType(); {
		case op == "Constant", op == "Shape", op == "Size":
		case op == "ArgMax":
			chosen = append(chosen, n.GetOutput()...)
		case slices.Contains(decisions, op):
			deciding = append(deciding, n)
		default:
			others = append(others, n.GetOutput()...)
		}
	}
	o.decidable = Downstream(deciding, chosen...)
	for value := range Downstream(deciding, others...) {
		delete(o.decidable, value)
	}
}

// floatInputs returns the inputs of the graph that are floats and have no default.
func (o *Origins) floatInputs() map[string]bool {
	given := map[string]bool{}
	for _, v := range o.g.GetInput() {
		given[v.GetName()] = fractional(v)
	}
	for _, init := range o.g.GetInitializer() {
		delete(given, init.GetName())
	}
	return given
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
