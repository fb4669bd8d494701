package ops

import (
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// UnknownStrings returns a constant of strings of which no more than their number is known.
// Element i is position i.
func (b *Builder) UnknownStrings(shape []int) *Value {
	v := b.zeros("Strings", nd.Int64, shape...)
	for i := range v.data.([]int64) {
		v.data.([]int64)[i] = int64(i)
	}
	v.Strings = []string{}
	return v
}

// Texts returns a constant of strings.
func (b *Builder) Texts(shape []int, texts ...string) *Value {
	v := b.UnknownStrings(shape)
	v.Strings = texts
	return v
}

// carriesStrings has the operators that pass the elements of their first input on, so
// that it may hold strings.
var carriesStrings = map[string]bool{
	"Identity": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true, "Gather": true,
	"Transpose": true, "Slice": true, "Expand": true, MLDomain + ".ArrayFeatureExtractor": true,
}

// StringsIn reports whether an operator accepts strings as inputs.
func StringsIn(domain, name string) bool {
	if d := onnxpb.Domain(domain); d != "" {
		name = d + "." + name
	}
	return carriesStrings[name] || name == MLDomain+".LabelEncoder"
}

// Outputs builds the node as one of an operator, and marks what holds strings.
func (c *Call) Outputs(op Operator) []*Value {
	c.checkMoved()
	out := op.Build(c)
	name := c.Node.GetOpType()
	if d := onnxpb.Domain(c.Node.GetDomain()); d != "" {
		name = d + "." + name
	}
	if len(c.Inputs) > 0 && c.Inputs[0] != nil && c.Inputs[0].Strings != nil && carriesStrings[name] {
		out[0].Strings = c.Inputs[0].Strings
	}
	return out
}
