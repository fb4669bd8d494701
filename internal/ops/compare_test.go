package ops

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestChoiceGradients(t *testing.T) {
	for _, n := range []testNode{
		{op: "Where", inputs: []any{bools(true, false, true), []int{2, 3}, []int{3}}},
		{op: "Where", name: "scalars", inputs: []any{nd.Of([]bool{true, false}, 2, 1), []int{}, []int{1, 3}}},
		{op: "Max", inputs: []any{[]int{2, 3}, []int{3}, []int{2, 1}}},
		{op: "Min", inputs: []any{[]int{2, 3}, []int{}}},
		{op: "Clip", inputs: []any{[]int{9}, nd.Scalar[float32](-0.5), nd.Scalar[float32](0.3)}},
		{op: "Clip", name: "trained limits", inputs: []any{[]int{2, 9}, []int{}, []int{1}}, from: -1, to: 1},
		{op: "Clip", name: "only max", inputs: []any{[]int{9}, nil, nd.Scalar[float32](0.15)}},
		{op: "Clip", name: "opset 6", opset: 6, attrs: map[string]any{"min": -0.2}, inputs: []any{[]int{9}}},
		{op: "Mod", attrs: map[string]any{"fmod": 1}, inputs: []any{floats(5.3, -4.1, 3.3), []int{3}}, from: 1.2, to: 1.3},
		{op: "Mod", name: "floor", inputs: []any{floats(5.3, -4.1, 3.3), []int{3}}, from: 1.2, to: 1.3},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

// TestTies fixes which operand gets the gradient at a kink.
func TestTies(t *testing.T) {
	for _, n := range []struct {
		name string
		y    func(b *Builder, x *Value) *Value
		at   nd.Array
		want nd.Array
	}{
		{"Max", func(b *Builder, x *Value) *Value { return b.Maximum(x, b.Const(floats(1, 1, 1))) }, floats(0, 1, 2), floats(0, 0.5, 1)},
		{"Min", func(b *Builder, x *Value) *Value { return b.Minimum(x, b.Const(floats(1, 1, 1))) }, floats(0, 1, 2), floats(1, 0.5, 0)},
		{"Max of itself", func(b *Builder, x *Value) *Value { return b.Maximum(x, x) }, floats(0, 1), floats(1, 1)},
		{"Clip", func(b *Builder, x *Value) *Value { return b.Clip(x, b.Scalar(-1), b.Scalar(1)) }, floats(-2, -1, 0, 1, 2), floats(0, 0, 1, 0, 0)},
		{"Clip at zero", func(b *Builder, x *Value) *Value { return b.Clip(x, b.Scalar(0), b.Scalar(6)) }, floats(float32(math.Copysign(0, -1)), 0, 1e-30), floats(0, 0, 1)},
		{"Clip with contradicting limits", func(b *Builder, x *Value) *Value { return b.Clip(x, b.Scalar(1), b.Scalar(-1)) }, floats(-1, 0, 1), floats(0, 0, 0)},
		{"lower limit", func(b *Builder, x *Value) *Value { return b.Clip(b.Const(floats(0, 1, 2)), x, b.Scalar(9)) }, nd.Scalar[float32](1), nd.Scalar[float32](2)},
		{"upper limit", func(b *Builder, x *Value) *Value { return b.Clip(b.Const(floats(0, 1, 2, 3)), b.Scalar(-9), x) }, nd.Scalar[float32](1), nd.Scalar[float32](3)},
		{"contradicting limits", func(b *Builder, x *Value) *Value { return b.Clip(b.Const(floats(0, 1, 2)), b.Scalar(9), x) }, nd.Scalar[float32](1), nd.Scalar[float32](3)},
	} {
		t.Run(n.name, func(t *testing.T) {
			b := NewBuilder(nil)
			x := b.Variable("x", nd.Float32, n.at.Shape...)
			y := n.y(b, x)
			ones := nd.New(nd.Float32, y.Shape...)
			for i := range ones.Float32s() {
				ones.Float32s()[i] = 1
			}
			got := gradientOf(t, b, y, x, map[*Value]nd.Array{x: n.at}, ones)
			if err := sameArray(got, n.want); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCompareValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	pair := []any{floats(1, 2, nan), floats(1, 3, nan)}
	whole := []any{ints(7, -7, 7, -7, 6), ints(3, 3, -3, -3, 3)}
	checkValues(t, []valueTest{
		{testNode{op: "Equal", inputs: pair}, bools(true, false, false)},
		{testNode{op: "Equal", name: "bool", inputs: []any{bools(true, false), bools(true)}}, bools(true, false)},
		{testNode{op: "Equal", name: "broadcast", inputs: []any{nd.Of([]int64{1, 2}, 2, 1), ints(1, 2, 3)}}, nd.Of([]bool{true, false, false, false, true, false}, 2, 3)},
		{testNode{op: "Less", inputs: pair}, bools(false, true, false)},
		{testNode{op: "LessOrEqual", inputs: pair}, bools(true, true, false)},
		{testNode{op: "Greater", inputs: []any{ints(1, 2, 3), ints(2)}}, bools(false, false, true)},
		{testNode{op: "GreaterOrEqual", inputs: []any{ints(1, 2, 3), ints(2)}}, bools(false, true, true)},
		{testNode{op: "And", inputs: []any{bools(true, true, false), bools(true, false, false)}}, bools(true, false, false)},
		{testNode{op: "Or", inputs: []any{bools(true, true, false), bools(true, false, false)}}, bools(true, true, false)},
		{testNode{op: "Xor", inputs: []any{bools(true, true, false), bools(true, false, false)}}, bools(false, true, false)},
		{testNode{op: "Not", inputs: []any{bools(true, false)}}, bools(false, true)},
		{testNode{op: "IsNaN", inputs: []any{floats(1, nan, inf)}}, bools(false, true, false)},
		{testNode{op: "IsInf", inputs: []any{floats(1, nan, inf, -inf)}}, bools(false, false, true, true)},
		{testNode{op: "IsInf", name: "positive", attrs: map[string]any{"detect_negative": 0}, inputs: []any{floats(1, nan, inf, -inf)}}, bools(false, false, true, false)},
		{testNode{op: "Where", inputs: []any{bools(true, false), ints(1, 2), ints(3, 4)}}, ints(1, 4)},
		{testNode{op: "Where", name: "bool", inputs: []any{bools(true, false), bools(true), bools(false)}}, bools(true, false)},
		{testNode{op: "Where", name: "three shapes", inputs: []any{nd.Of([]bool{true, false}, 2, 1, 1), nd.Of([]float32{1, 2}, 2, 1), floats(3, 4, 5)}},
			nd.Of([]float32{1, 1, 1, 2, 2, 2, 3, 4, 5, 3, 4, 5}, 2, 2, 3)},
		{testNode{op: "Where", name: "an infinite mask", inputs: []any{bools(true, false), floats(-inf), floats(1, 2)}}, floats(-inf, 2)},
		{testNode{op: "Max", inputs: []any{ints(1, 5), ints(3), ints(2, 9)}}, ints(3, 9)},
		{testNode{op: "Min", inputs: []any{floats(1, nan), floats(0, 0)}}, floats(0, nan)},
		{testNode{op: "Clip", inputs: []any{floats(-2, 0, 2), nd.Scalar[float32](1), nd.Scalar[float32](-1)}}, floats(-1, -1, -1)},
		{testNode{op: "Clip", name: "int", inputs: []any{ints(-2, 0, 2), nil, nd.Scalar[int64](1)}}, ints(-2, 0, 1)},
		{testNode{op: "Clip", name: "no limits", inputs: []any{floats(-2, inf)}}, floats(-2, inf)},
		{testNode{op: "Mod", inputs: whole}, ints(1, 2, -2, -1, 0)},
		{testNode{op: "Mod", name: "int fmod", attrs: map[string]any{"fmod": 1}, inputs: whole}, ints(1, -1, 1, -1, 0)},
		{testNode{op: "Mod", name: "by zero", inputs: []any{ints(5), ints(0)}}, ints(0)},
		{testNode{op: "Mod", name: "fmod", attrs: map[string]any{"fmod": 1}, inputs: []any{floats(-4.3, 5.5), floats(2, -3)}}, floats(-0.3, 2.5)},
		{testNode{op: "BitwiseAnd", inputs: []any{ints(6, -1), ints(3)}}, ints(2, 3)},
		{testNode{op: "BitwiseOr", inputs: []any{ints(6, 0), ints(3)}}, ints(7, 3)},
		{testNode{op: "BitwiseXor", inputs: []any{ints(6, 0), ints(3)}}, ints(5, 3)},
		{testNode{op: "BitShift", attrs: map[string]any{"direction": "RIGHT"}, inputs: []any{ints(16, 4, 1), ints(1, 2, 3)}}, ints(8, 1, 0)},
		{testNode{op: "BitShift", name: "far", attrs: map[string]any{"direction": "RIGHT"}, inputs: []any{ints(16, -16), ints(70)}}, ints(0, -1)},
	})
}

func TestCompareFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "Equal", inputs: []any{ints(1), floats(1)}}, want: "operands of type int64 and float32"},
		{testNode: testNode{op: "And", inputs: []any{ints(1), ints(1)}}, want: "operands of type int64"},
		{testNode: testNode{op: "Less", inputs: []any{bools(true), bools(true)}}, want: "operands of type bool"},
		{testNode: testNode{op: "Less", inputs: []any{ints(1, 2), ints(1, 2, 3)}}, want: "cannot be broadcast"},
		{testNode: testNode{op: "Less", name: "one input", inputs: []any{ints(1, 2)}}, want: "input 1 is missing"},
		{testNode: testNode{op: "Not", inputs: []any{ints(1)}}, want: "operand of type int64"},
		{testNode: testNode{op: "IsNaN", inputs: []any{ints(1)}}, want: "not a floating-point type"},
		{testNode: testNode{op: "Where", inputs: []any{ints(1), ints(1), ints(1)}}, want: "operands of type int64"},
		{testNode: testNode{op: "Where", inputs: []any{bools(true), ints(1), floats(1)}}, want: "operands of type bool, int64 and float32"},
		{testNode: testNode{op: "Clip", inputs: []any{floats(1), floats(1, 2)}}, want: "limit of type float32 and shape [2]"},
		{testNode: testNode{op: "Clip", inputs: []any{floats(1), ints(1)}}, want: "limit of type int64"},
		{testNode: testNode{op: "Max", inputs: []any{}}, want: "input 0 is missing"},
		{testNode: testNode{op: "Mod", inputs: []any{bools(true), bools(true)}}, want: "operands of type bool"},
		{testNode: testNode{op: "BitwiseAnd", inputs: []any{floats(1), floats(1)}}, want: "operand of type float32"},
		{testNode: testNode{op: "BitShift", inputs: []any{ints(1), ints(1)}}, want: `direction ""`},
		{testNode: testNode{op: "BitShift", attrs: map[string]any{"direction": "LEFT"}, inputs: []any{ints(1), ints(1)}}, want: "a shift to the left", unsupported: true},
	})
}
