package ops

import (
	"math/rand/v2"

	"github.com/advparams/advparams/nd"
)

// dropout: Dropout (opset 7 and later).

// buildDropout builds the identity or, in training mode, a product with a mask that is drawn
// once (see random.go): the model stays a function of its inputs and weights.
func buildDropout(c *Call) []*Value {
	x := c.Float(0)
	if c.From(12) && c.Optional(2) != nil && c.knownBool(2) {
		ratio := float32(0.5)
		if c.Optional(1) != nil {
			ratio = c.knownFloat(1)
		}
		if !(ratio >= 0 && ratio < 1) {
			c.fail("a ratio of %v", ratio)
		}
		if ratio > 0 {
			return c.dropped(x, ratio)
		}
	}
	// The mask is of x's type before opset 10.
	if !c.From(10) {
		return []*Value{x, c.Full(1, x.Shape...)}
	}
	return []*Value{x, c.Expand(c.Const(nd.Scalar(true)), x.Shape)}
}

// dropped returns x without a share of its elements, the others scaled to the same sum, and
// which are left.
func (c *Call) dropped(x *Value, ratio float32) []*Value {
	c.draws++ // nodes without a seed differ
	seed := c.draws
	if c.Has("seed") {
		seed = uint64(c.Int("seed", 0))
	}
	r := rand.New(rand.NewPCG(seed, 0x64726f70))
	left, factor := c.zeros("Dropout", nd.Bool, x.Shape...), c.zeros("Dropout", nd.Float32, x.Shape...)
	for i := range left.data.([]bool) {
		if r.Float32() >= ratio {
			left.data.([]bool)[i], factor.data.([]float32)[i] = true, 1/(1-ratio)
		}
	}
	return []*Value{c.Mul(x, factor), left}
}

var dropouts = family{"Dropout": {7, buildDropout}}
