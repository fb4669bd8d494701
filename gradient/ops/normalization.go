package ops

// normalization: BatchNormalization (opset 7 and later, inference).

// buildBatchNormalization folds the statistics into one scale and one shift per
// channel: y = x·a + (bias - mean·a), a = scale/√(var + ε). The statistics are
// weights like any other, and have gradients.
func buildBatchNormalization(c *Call) []*Value {
	x := c.Float(0)
	if x.Rank() < 2 {
		c.fail("input of shape %v has no channels", x.Shape)
	}
	if c.Bool("training_mode", false) {
		unsupported("training_mode (export the model in inference mode)")
	}
	for i := 1; i <= 4; i++ {
		if p := c.Float(i); p.Rank() != 1 || p.Len() != x.Shape[1] {
			c.fail("input %d of shape %v for %d channels", i, p.Shape, x.Shape[1])
		}
	}
	scale, bias, mean, variance := c.Input(1), c.Input(2), c.Input(3), c.Input(4)
	a := c.Div(scale, c.Sqrt(c.Add(variance, c.Scalar(c.Float32("epsilon", 1e-5)))))
	shift := c.Sub(bias, c.Mul(mean, a))
	return []*Value{c.addChannels(c.Mul(x, c.alongChannels(a, x.Rank())), shift)}
}

var normalization = family{
	"BatchNormalization": {7, buildBatchNormalization},
}
