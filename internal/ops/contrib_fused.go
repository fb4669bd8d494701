package ops

import (
	"math"

	"github.com/advparams/advparams/nd"
)

// contrib_fused: FusedConv, FusedGemm, FusedMatMul and what else onnxruntime joins
// with an activation function or a bias. They are built from their parts.

// fusedActivation applies the activation function that a fused node names. parameter
// returns its i-th parameter: alpha, beta, gamma.
func (c *Call) fusedActivation(x *Value, name string, parameter func(i int, otherwise float32) float32) *Value {
	switch name {
	case "":
		return x
	case "Relu":
		return c.Relu(x)
	case "Sigmoid":
		return c.Sigmoid(x)
	case "Tanh":
		return c.Tanh(x)
	case "Softplus":
		return c.unary(opSoftplus, x)
	case "Softsign":
		return c.unary(opSoftsign, x)
	case "HardSwish":
		return c.unary(opHardSwish, x)
	case "Gelu":
		return c.unary(opGelu, x)
	case "LeakyRelu":
		return c.unary(leaky(parameter(0, 0.01)), x)
	case "ThresholdedRelu":
		return c.unary(thresholded(parameter(0, 1)), x)
	case "Elu":
		return c.unary(elu(parameter(0, 1)), x)
	case "HardSigmoid":
		return c.unary(hardSigmoid(parameter(0, 0.2), parameter(1, 0.5)), x)
	case "Clip":
		lo, hi := parameter(0, -math.MaxFloat32), parameter(1, math.MaxFloat32)
		return c.Clip(x, c.Scalar(lo), c.Scalar(hi))
	}
	unsupported("activation %q", name)
	return nil
}

// activation applies the function of the attributes activation and activation_params.
func (c *Call) activation(x *Value) *Value {
	params := c.FloatsAttr("activation_params")
	return c.fusedActivation(x, c.String("activation", ""), func(i int, otherwise float32) float32 {
		if i < len(params) {
			return params[i]
		}
		return otherwise
	})
}

// namedActivation applies the function of the attributes activation and
// activation_alpha, activation_beta.
func (c *Call) namedActivation(x *Value) *Value {
	return c.fusedActivation(x, c.String("activation", ""), func(i int, otherwise float32) float32 {
		return c.Float32([]string{"activation_alpha", "activation_beta"}[i], otherwise)
	})
}

// buildFusedConv: activation(Conv(X, W, B) + Z).
func buildFusedConv(c *Call) []*Value {
	y := buildConv(c)[0]
	if z := c.Optional(3); z != nil {
		y = c.sameShape(3, c.Add(y, c.Float(3)), y)
	}
	return []*Value{c.activation(y)}
}

// sameShape returns sum, and ends the build if adding input i changed the shape of y.
func (c *Call) sameShape(i int, sum, y *Value) *Value {
	if sum.Rank() != y.Rank() || sum.Len() != y.Len() {
		c.fail("input %d of shape %v cannot be repeated to %v", i, c.Input(i).Shape, y.Shape)
	}
	return sum
}

// channelsFirst moves the last axis of x, that of channels, behind the first, and
// channelsBack moves it back.
func (b *Builder) channelsFirst(x *Value) *Value {
	perm := axesUpTo(x.Rank())
	last := len(perm) - 1
	copy(perm[2:], axesUpTo(last)[1:])
	perm[1] = last
	return b.Transpose(x, perm...)
}

func (b *Builder) channelsBack(x *Value) *Value {
	perm := axesUpTo(x.Rank())
	copy(perm[1:], perm[2:])
	perm[len(perm)-1] = 1
	return b.Transpose(x, perm...)
}

// overChannelsLast returns the build function of an operator whose data inputs and
// output have the channels on the last axis.
func overChannelsLast(build func(c *Call) []*Value, data ...int) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		inner := *c
		inner.Inputs = append([]*Value(nil), c.Inputs...)
		for _, i := range data {
			x := c.Optional(i)
			if x == nil && i > 0 {
				continue
			}
			if x = c.Input(i); x.Rank() < 3 {
				c.fail("input %d of shape %v has no spatial axes", i, x.Shape)
			}
			inner.Inputs[i] = c.channelsFirst(x)
		}
		y := build(&inner)[0]
		return []*Value{c.channelsBack(y).as(y.Elem)}
	}
}

// buildFusedMatMul: alpha·A·B, where an operand may be given with its last two axes
// exchanged, or with the first axis moved before the last.
func buildFusedMatMul(c *Call) []*Value {
	x, y := c.batchMoved(0, "transBatchA"), c.batchMoved(1, "transBatchB")
	transA, transB := c.Bool("transA", false), c.Bool("transB", false)
	var z *Value
	if y.Rank() == 2 && x.Rank() > 1 && (x.Rank() == 2 || !transA) {
		z = c.gemm(transA, transB, x, y)
	} else {
		z = c.MatMul(c.swapped(x, transA), c.swapped(y, transB))
	}
	if alpha := c.Float32("alpha", 1); alpha != 1 {
		z = c.Scale(z, alpha)
	}
	return []*Value{z}
}

// swapped exchanges the last two axes of a matrix if the flag is set. A vector stays
// as it is.
func (b *Builder) swapped(x *Value, trans bool) *Value {
	if !trans || x.Rank() < 2 {
		return x
	}
	return b.SwapLast(x)
}

// batchMoved returns input i. If the flag is set, its shape is [M, batch…, K], and
// becomes [batch…, M, K].
func (c *Call) batchMoved(i int, flag string) *Value {
	x := c.Float(i)
	if !c.Bool(flag, false) {
		return x
	}
	if x.Rank() < 2 {
		c.fail("input %d of shape %v has no batch to transpose", i, x.Shape)
	}
	perm := axesUpTo(x.Rank())
	last := len(perm) - 1
	copy(perm, perm[1:last])
	perm[last-1] = 0
	return c.Transpose(x, perm...)
}

// biased returns input 0 plus the bias in input 1, if there is one.
func (c *Call) biased() *Value {
	x := c.Float(0)
	if c.Optional(1) == nil {
		return x
	}
	bias := c.Float(1)
	if bias.Rank() != 1 || x.Rank() < 1 || bias.Len() != x.Shape[x.Rank()-1] {
		c.fail("a bias of shape %v for %v", bias.Shape, x.Shape)
	}
	return c.Add(x, bias)
}

// buildBiasSplitGelu: with x = X + bias cut into halves, left · Gelu(right).
func buildBiasSplitGelu(c *Call) []*Value {
	x := c.biased()
	axis := x.Rank() - 1
	n := x.Shape[axis]
	if n%2 != 0 {
		c.fail("an odd number of elements in rows of %v", x.Shape)
	}
	left, right := c.Slice(x, axis, 0, n/2, 1), c.Slice(x, axis, n/2, n/2, 1)
	return []*Value{c.Mul(left, c.unary(opGelu, right))}
}

var fusedActivations = family{
	"Gelu":          {1, buildUnary(opGelu)},
	"QuickGelu":     {1, withAlpha(swish, 1.702)},
	"BiasGelu":      {1, func(c *Call) []*Value { c.Float(1); return []*Value{c.unary(opGelu, c.biased())} }},
	"FastGelu":      {1, func(c *Call) []*Value { return []*Value{c.unary(opGeluTanh, c.biased())} }},
	"BiasSplitGelu": {1, buildBiasSplitGelu},
	"BiasAdd":       {1, func(c *Call) []*Value { c.Float(1); return []*Value{c.Add(c.biased(), c.Float(2))} }},
}

var fusedProducts = family{
	"FusedConv":             {1, buildFusedConv},
	"FusedGemm":             {1, func(c *Call) []*Value { return []*Value{c.namedActivation(buildGemm(c)[0])} }},
	"FusedMatMul":           {1, buildFusedMatMul},
	"TransposeMatMul":       {1, buildFusedMatMul},
	"FusedMatMulActivation": {1, func(c *Call) []*Value { return []*Value{c.namedActivation(buildFusedMatMul(c)[0])} }},
}

var channelsLast = family{
	"NhwcConv":      {1, overChannelsLast(buildConv, 0)},
	"NhwcFusedConv": {1, overChannelsLast(buildFusedConv, 0, 3)},
	"NhwcMaxPool":   {1, overChannelsLast(buildNhwcMaxPool, 0)},
}

// buildNhwcMaxPool pools numbers that may be quantised, and keeps their type.
func buildNhwcMaxPool(c *Call) []*Value {
	x, g := c.pool()
	y := c.maxPool(g, c.Cast(x, nd.Float32))
	return []*Value{c.Cast(y, x.DType).as(x.Elem)}
}
