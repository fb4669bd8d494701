package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/recurrent"
	"github.com/advparams/advparams/nd"
)

// contrib_dynamic: DynamicQuantizeMatMul, DynamicQuantizeLSTM, MatMulIntegerToFloat.
// Weights of 8 bits meet activations that are rounded to 8 bits by their own range.
// onnxruntime multiplies the whole numbers and scales the sums. Here numbers are
// scaled first, so that results differ by the rounding of float32. Where onnxruntime
// splits a batch among threads, each part has a range of its own; here a batch has
// one.

// weightNumbers returns the quantised matrix in input i, [K, N], with its scale in
// input s and its zero point in input z.
func (c *Call) weightNumbers(i, s, z int) *Value {
	w := c.number(i)
	if w.Rank() < 2 {
		c.fail("input %d of shape %v is not a matrix", i, w.Shape)
	}
	c.Float(s)
	return c.dequantizeAlong(w, s, z, -1)
}

// dequantizeAlong returns the numbers that x stands for, with the scale in input s and,
// if there is one, the zero point in input z, both along an axis.
func (c *Call) dequantizeAlong(x *Value, s, z, axis int) *Value {
	var zero *Value
	if c.Optional(z) != nil {
		zero = c.along(z, x, axis)
	}
	return c.dequantize(x, c.along(s, x, axis), zero)
}

// plusBias adds the vector in input i, if there is one, to the rows of y.
func (c *Call) plusBias(y *Value, i int) *Value {
	if c.Optional(i) == nil {
		return y
	}
	bias := c.Float(i)
	if bias.Rank() != 1 {
		c.fail("a bias of shape %v", bias.Shape)
	}
	return c.sameShape(i, c.Add(y, bias), y)
}

// buildDynamicQuantizeMatMul: A·B + bias, with A rounded to 8 bits.
func buildDynamicQuantizeMatMul(c *Call) []*Value {
	x := c.dynamically(c.Float(0))
	return []*Value{c.plusBias(c.MatMul(x, c.weightNumbers(1, 2, 3)), 4)}
}

// buildMatMulIntegerToFloat: A·B + bias, of quantised numbers.
func buildMatMulIntegerToFloat(c *Call) []*Value {
	c.Float(2)
	x := c.dequantizeAlong(c.number(0), 2, 4, -2)
	return []*Value{c.plusBias(c.MatMul(x, c.weightNumbers(1, 3, 5)), 6)}
}

// buildDynamicQuantizeLSTM builds an LSTM whose weights are [directions, inputs,
// 4·hidden], the transposes of those of LSTM. The inputs of all steps are rounded to 8
// bits together, and the states of a step are before they are multiplied.
func buildDynamicQuantizeLSTM(c *Call) []*Value {
	inner := *c
	inner.Inputs = make([]*Value, 8)
	copy(inner.Inputs, c.Inputs)
	inner.Inputs[0] = c.dynamically(c.Float(0))
	inner.Inputs[1], inner.Inputs[2] = c.directed(1, 8, 9), c.directed(2, 10, 11)
	return inner.recurrent(recurrent.LSTM, true)
}

// directed returns the quantised weights in input i, [directions, K, N], as [directions,
// N, K]. Scales and zero points are one for each direction, or one for each of its
// columns.
func (c *Call) directed(i, s, z int) *Value {
	w := c.number(i)
	if w.Rank() != 3 {
		c.fail("input %d of shape %v; three axes are expected", i, w.Shape)
	}
	parameter := func(i int) *Value {
		p := c.number(i)
		switch n := w.Shape[0]; {
		case slices.Equal(p.Shape, []int{n}):
			return c.Reshape(p, n, 1, 1)
		case slices.Equal(p.Shape, []int{n, w.Shape[2]}):
			return c.Reshape(p, n, 1, w.Shape[2])
		}
		c.fail("input %d of shape %v for weights of %v", i, p.Shape, w.Shape)
		return nil
	}
	if c.Input(s).DType != nd.Float32 {
		c.fail("input %d is of type %v", s, c.Input(s).DType)
	}
	return c.Transpose(c.dequantize(w, parameter(s), parameter(z)), 0, 2, 1)
}

var dynamicQuantization = family{
	"DynamicQuantizeMatMul": {1, buildDynamicQuantizeMatMul},
	"DynamicQuantizeLSTM":   {1, buildDynamicQuantizeLSTM},
	"MatMulIntegerToFloat":  {1, buildMatMulIntegerToFloat},
}
