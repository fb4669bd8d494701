package ops

import "github.com/advparams/advparams/onnxio/onnxpb"

// moved has the attributes that became inputs, by operator, with the input and the version of
// ONNX's operator set from which on it is one. Runtimes refuse the one as unknown from there
// on, and the other before.
var moved = map[string][]struct {
	attribute      string
	input, version int
}{
	"Clip":      {{"min", 1, 11}, {"max", 2, 11}},
	"Dropout":   {{"ratio", 1, 12}},
	"Pad":       {{"pads", 1, 11}, {"value", 2, 11}},
	"ReduceSum": {{"axes", 1, 13}},
	"Slice":     {{"starts", 1, 10}, {"ends", 2, 10}, {"axes", 3, 10}},
	"Split":     {{"split", 1, 13}},
	"Squeeze":   {{"axes", 1, 13}},
	"Unsqueeze": {{"axes", 1, 13}},
	"TopK":      {{"k", 1, 10}},
	"Upsample":  {{"scales", 1, 9}},

	"ReduceL1": {{"axes", 1, 18}}, "ReduceL2": {{"axes", 1, 18}}, "ReduceLogSum": {{"axes", 1, 18}}, "ReduceLogSumExp": {{"axes", 1, 18}},
	"ReduceMax": {{"axes", 1, 18}}, "ReduceMean": {{"axes", 1, 18}}, "ReduceMin": {{"axes", 1, 18}}, "ReduceProd": {{"axes", 1, 18}},
	"ReduceSumSquare": {{"axes", 1, 18}},
}

// checkMoved ends the build of a node that has an attribute or an input which its operator
// set does not have.
func (c *Call) checkMoved() {
	if onnxpb.Domain(c.Node.GetDomain()) != "" {
		return
	}
	for _, m := range moved[c.Node.GetOpType()] {
		for _, a := range c.Node.GetAttribute() {
			if a.GetName() == m.attribute && c.From(m.version) {
				c.fail("attribute %q is input %d from operator set %d on", m.attribute, m.input, m.version)
			}
		}
		if c.Optional(m.input) != nil && !c.From(m.version) {
			c.fail("input %d is an attribute, %q, before operator set %d", m.input, m.attribute, m.version)
		}
	}
}
