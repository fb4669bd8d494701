package ops

import "github.com/advparams/advparams/nd"

// dropout: Dropout (opset 7 and later).

// buildDropout builds the identity. In training mode the operator is random and not
// supported, unless the ratio is 0.
func buildDropout(c *Call) []*Value {
	x := c.Float(0)
	if c.Opset >= 12 && c.Optional(2) != nil && c.knownBool(2) {
		ratio := float32(0.5)
		if c.Optional(1) != nil {
			ratio = c.knownFloat(1)
		}
		if ratio != 0 {
			unsupported("training_mode with a ratio of %v (export the model in inference mode)", ratio)
		}
	}
	// The mask is of x's type before opset 10.
	if c.Opset < 10 {
		return []*Value{x, c.Full(1, x.Shape...)}
	}
	return []*Value{x, c.Expand(c.Const(nd.Scalar(true)), x.Shape)}
}

var dropouts = family{"Dropout": {7, buildDropout}}
