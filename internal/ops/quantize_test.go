package ops

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

const (
	int8Type   = int(onnxpb.TensorProto_INT8)
	uint8Type  = int(onnxpb.TensorProto_UINT8)
	uint4Type  = int(onnxpb.TensorProto_UINT4)
	float8Type = int(onnxpb.TensorProto_FLOAT8E4M3FN)
)

// typed is a constant input with the type it has in a file.
type typed struct {
	nd.Array
	elem onnxpb.TensorProto_DataType
}

func TestQuantizeValues(t *testing.T) {
	x := nd.Of([]float32{-300, -1, -0.25, 0, 0.25, 0.75, 1, 300}, 2, 4)
	attrs := func(kv ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	half := nd.Scalar[float32](0.5)
	checkValues(t, []valueTest{
		{testNode{op: "QuantizeLinear", inputs: []any{x, half}},
			nd.Of([]float32{0, 0, 0, 0, 0, 2, 2, 255}, 2, 4)},
		{testNode{op: "QuantizeLinear", name: "int8 by the zero point", inputs: []any{x, half, typed{nd.Scalar[int64](-10), onnxpb.TensorProto_INT8}}},
			nd.Of([]float32{-128, -12, -10, -10, -10, -8, -8, 127}, 2, 4)},
		{testNode{op: "QuantizeLinear", name: "per axis", inputs: []any{x, floats(1, 0.1, 0.05, 2), typed{ints(0, 5, 0, 0), onnxpb.TensorProto_UINT8}}},
			nd.Of([]float32{0, 0, 0, 0, 0, 13, 20, 150}, 2, 4)},
		{testNode{op: "QuantizeLinear", name: "blocks of 3, 4 bits", opset: 21, attrs: attrs("block_size", 3, "output_dtype", uint4Type), inputs: []any{x, nd.Of([]float32{0.5, 1, 0.25, 100}, 2, 2)}},
			nd.Of([]float32{0, 0, 0, 0, 1, 3, 4, 3}, 2, 4)},
		{testNode{op: "QuantizeLinear", name: "float8", opset: 19, attrs: attrs("output_dtype", float8Type), inputs: []any{floats(3, 1000, 1.03), nd.Scalar[float32](2)}},
			floats(1.5, 448, 0.5)},
		{testNode{op: "DequantizeLinear", inputs: []any{ints(0, 3, 255), half, nd.Scalar[int64](3)}}, floats(-1.5, 0, 126)},
		{testNode{op: "DequantizeLinear", name: "per axis", attrs: attrs("axis", -2), inputs: []any{nd.Of([]int64{1, 2, 3, 4}, 2, 2), floats(1, 10), ints(0, 1)}},
			nd.Of([]float32{1, 2, 20, 30}, 2, 2)},
		{testNode{op: "DequantizeLinear", name: "blocks", opset: 21, attrs: attrs("axis", 0, "block_size", 2), inputs: []any{ints(1, 2, 3), floats(1, 10)}},
			floats(1, 2, 30)},
		{testNode{op: "DynamicQuantizeLinear", inputs: []any{floats(0, 2, -3, -2.5, 1.34, 0.5)}}, floats(153, 255, 0, 26, 221, 179)},
		{testNode{op: "DynamicQuantizeLinear", name: "scale", output: 1, inputs: []any{floats(0, 2, -3)}}, nd.Scalar[float32](5.0 / 255)},
		{testNode{op: "DynamicQuantizeLinear", name: "zero point", output: 2, inputs: []any{floats(0, 2, -3)}}, nd.Scalar[float32](153)},
		{testNode{op: "DynamicQuantizeLinear", name: "zeros", inputs: []any{floats(0, 0)}}, floats(0, 0)},
		{testNode{op: "MatMulInteger", inputs: []any{nd.Of([]int64{11, 7, 3, 10, 6, 2}, 2, 3), nd.Of([]int64{1, 4, 2, 5, 3, 6}, 3, 2), ints(12), ints(0)}},
			nd.Of([]float32{-38, -83, -44, -98}, 2, 2)},
		{testNode{op: "MatMulInteger", name: "a zero point for each column", inputs: []any{nd.Of([]int64{1, 2}, 1, 2), nd.Of([]int64{1, 4, 2, 5}, 2, 2), ints(0), ints(1, 2)}},
			nd.Of([]float32{2, 8}, 1, 2)},
		{testNode{op: "ConvInteger", inputs: []any{nd.Of([]int64{2, 3, 4, 5}, 1, 1, 2, 2), nd.Of([]int64{1, 1}, 1, 1, 1, 2), nd.Scalar[int64](1)}},
			nd.Of([]float32{3, 7}, 1, 1, 2, 1)},
		{testNode{op: "Add", name: "a bias of integers to sums of products", inputs: []any{typed{floats(3, 7), onnxpb.TensorProto_INT32}, ints(-4, 5)}}, floats(-1, 12)},
		{testNode{op: "QLinearMatMul", inputs: []any{nd.Of([]int64{3, 5}, 1, 2), floats(0.5), ints(1), nd.Of([]int64{2, 4}, 2, 1), floats(2), ints(0), floats(0.5), typed{ints(10), onnxpb.TensorProto_UINT8}}},
			nd.Of([]float32{50}, 1, 1)},
		{testNode{op: "QLinearConv", inputs: []any{nd.Of([]int64{3, 5}, 1, 1, 2), floats(0.5), ints(1), nd.Of([]int64{2, 4}, 2, 1, 1), floats(2, 1), ints(0), floats(1), typed{ints(0), onnxpb.TensorProto_INT8}, ints(1, -2)}},
			nd.Of([]float32{5, 9, 3, 7}, 1, 2, 2)},
	})
}

// TestStraightThrough: rounding passes the gradient, saturation does not.
func TestStraightThrough(t *testing.T) {
	at := floats(-1.2, 0.3, 0.26, 127.4)
	for _, c := range []struct {
		name string
		y    func(c *Call, x *Value) *Value
		want nd.Array
	}{
		{"by x", func(c *Call, x *Value) *Value {
			return c.quantize(x, c.Scalar(0.5), nil, onnxpb.TensorProto_UINT8)
		}, floats(0, 4, 6, 8)},
		{"by scale", func(c *Call, x *Value) *Value {
			return c.quantize(c.Const(floats(1, 1, 2, 1e5)), x, nil, onnxpb.TensorProto_UINT8)
		}, floats(0, -2/0.3/0.3, -6/0.26/0.26, 0)},
		{"there and back", func(c *Call, x *Value) *Value {
			q := c.quantize(x, c.Scalar(0.5), nil, onnxpb.TensorProto_INT8)
			return c.dequantize(q, c.Scalar(0.5), nil)
		}, floats(1, 2, 3, 0)},
		{"to float8", func(c *Call, x *Value) *Value {
			return c.quantize(x, c.Scalar(0.5), nil, onnxpb.TensorProto_FLOAT8E4M3FN)
		}, floats(2, 4, 6, 8)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBuilder(nil)
			x := b.Variable("x", nd.Float32, 4)
			y := c.y(&Call{Builder: b, Node: &onnxpb.NodeProto{}}, x)
			got := gradientOf(t, b, y, x, map[*Value]nd.Array{x: at}, floats(1, 2, 3, 4))
			if err := sameArray(got, c.want); err != nil {
				t.Error(err)
			}
		})
	}
}

var quantizeNodes = []testNode{
	{op: "DequantizeLinear", name: "of weights", inputs: []any{[]int{2, 3}, []int{3}, ints(1, 2, 3)}},
	{op: "DequantizeLinear", name: "blocks", opset: 21, attrs: map[string]any{"block_size": 2}, inputs: []any{[]int{2, 5}, []int{2, 3}}},
	{op: "MatMulInteger", inputs: []any{[]int{2, 3}, []int{3, 2}, ints(1)}},
}

func TestQuantizeGradients(t *testing.T) {
	for _, n := range quantizeNodes {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestQuantizeFailures(t *testing.T) {
	x := []int{2, 4}
	one := nd.Scalar[float32](1)
	checkFailures(t, []failureTest{
		{testNode{op: "QuantizeLinear", name: "no scale", inputs: []any{x}}, "input 1 is missing", false},
		{testNode{op: "QuantizeLinear", name: "scale", inputs: []any{x, floats(1, 2)}}, "axis 1 of [2 4]", false},
		{testNode{op: "QuantizeLinear", name: "axis", attrs: map[string]any{"axis": 2}, inputs: []any{x, floats(1, 2, 3, 4)}}, "axis 2", false},
		{testNode{op: "QuantizeLinear", name: "blocks", attrs: map[string]any{"block_size": 3}, inputs: []any{x, nd.New(nd.Float32, 2, 4)}}, "blocks of 3", false},
		{testNode{op: "QuantizeLinear", name: "negative blocks", attrs: map[string]any{"block_size": -3}, inputs: []any{x, nd.New(nd.Float32, 2, 4)}}, "blocks of -3", false},
		{testNode{op: "QuantizeLinear", name: "huge blocks", attrs: map[string]any{"block_size": math.MaxInt32 * 4}, inputs: []any{x, nd.New(nd.Float32, 2, 1)}}, "at most", false},
		{testNode{op: "QuantizeLinear", name: "to float", attrs: map[string]any{"output_dtype": 1}, inputs: []any{x, one}}, "FLOAT", true},
		{testNode{op: "QuantizeLinear", name: "unknown type", inputs: []any{x, one, ints(1)}}, "not known", true},
		{testNode{op: "DequantizeLinear", name: "of bools", inputs: []any{bools(true), one}}, "type bool", false},
		{testNode{op: "DynamicQuantizeLinear", inputs: []any{[]int{0}}}, "no range", false},
		{testNode{op: "MatMulInteger", name: "zero points", inputs: []any{ints(1, 2), ints(1, 2), ints(1, 2)}}, "input 2 of shape [2]", true},
		{testNode{op: "ConvInteger", inputs: []any{x, x}}, "input of shape", false},
		{testNode{op: "QLinearConv", name: "scales", inputs: []any{[]int{1, 1, 2}, floats(0.5), ints(1), []int{2, 1, 1}, floats(2, 1, 3), ints(0), floats(1), ints(0)}}, "input 4 of shape [3]", false},
	})
}
