package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Quantised results have no slope that differences could see: those of the operands' own
// operators are checked elsewhere.
var qlinearNodes = []testNode{
	{op: "QGemm", attrs: map[string]any{"transA": 1, "alpha": 0.5}, inputs: []any{nd.Of([]int64{1, 2, 3, 4, 5, 6}, 3, 2), []int{}, nd.Scalar[int64](2), []int{3, 2}, []int{2}, ints(0, 1), []int{2}}},
	{op: "QGemm", name: "transposed", attrs: map[string]any{"transB": 1}, inputs: []any{[]int{2, 3}, []int{}, nil, []int{2, 3}, []int{2}, ints(0, 1)}},
	{op: "QLinearAdd", noGrad: true, inputs: []any{[]int{2, 3}, floats(0.1), ints(3), []int{3}, floats(0.2), ints(1), floats(0.1), typed{ints(5), onnxpb.TensorProto_UINT8}}},
	{op: "QLinearMul", noGrad: true, inputs: []any{[]int{2, 3}, floats(0.1), nil, []int{3}, floats(0.2), nil, floats(0.1)}},
	{op: "QLinearConcat", noGrad: true, attrs: map[string]any{"axis": 1}, inputs: []any{floats(0.1), typed{ints(5), onnxpb.TensorProto_INT8}, []int{2, 3}, floats(0.1), ints(3), []int{2, 1}, floats(0.2), ints(1)}},
	{op: "QLinearWhere", noGrad: true, inputs: []any{bools(true, false, true), []int{2, 3}, floats(0.1), ints(3), []int{3}, floats(0.2), ints(1), floats(0.1), typed{ints(5), onnxpb.TensorProto_INT8}}},
	{op: "QLinearSoftmax", noGrad: true, attrs: map[string]any{"opset": 11, "axis": 1}, inputs: []any{[]int{2, 3}, floats(0.1), ints(3), floats(0.01), typed{ints(0), onnxpb.TensorProto_UINT8}}},
	{op: "QLinearAveragePool", noGrad: true, attrs: map[string]any{"kernel_shape": []int{2, 2}, "channels_last": 1}, inputs: []any{[]int{1, 3, 3, 2}, floats(0.1), ints(3), floats(0.01), typed{ints(0), onnxpb.TensorProto_UINT8}}},
	{op: "QLinearGlobalAveragePool", noGrad: true, inputs: []any{[]int{1, 2, 3, 3}, floats(0.1), ints(3), floats(0.01), typed{ints(0), onnxpb.TensorProto_UINT8}}},
	{op: "QLinearReduceMean", noGrad: true, attrs: map[string]any{"axes": []int{1}, "keepdims": 0}, inputs: []any{[]int{1, 2, 3, 3}, floats(0.1), ints(3), floats(0.01), typed{ints(0), onnxpb.TensorProto_UINT8}}},
}

func blockNodes() []testNode {
	bytes := nd.New(nd.Int64, 3, 2, 8)
	for i := range bytes.Int64s() {
		bytes.Int64s()[i] = int64(i * 37 % 256)
	}
	attrs := map[string]any{"N": 3, "K": 20, "block_size": 16, "bits": 4}
	return []testNode{
		{op: "MatMulNBits", attrs: attrs, inputs: []any{[]int{2, 20}, bytes, []int{6}}},
		{op: "MatMulNBits", name: "zero points, bias", attrs: attrs, inputs: []any{[]int{1, 2, 20}, bytes, []int{3, 2}, []int{6}, nil, []int{3}}},
		{op: "MatMulNBits", name: "packed zero points", attrs: attrs, inputs: []any{[]int{2, 20}, bytes, []int{6}, ints(0x18, 0x77, 0x39)}},
		{op: "GatherBlockQuantized", attrs: map[string]any{"block_size": 16}, inputs: []any{nd.New(nd.Int64, 3, 20), ints(2, 0, 2), []int{3, 2}, nd.Of([]int64{1, 2, 3, 4, 5, 6}, 3, 2)}},
	}
}

// TestPackedGradient: the gradient by a byte is that of its high number, in its steps.
func TestPackedGradient(t *testing.T) {
	b := NewBuilder(nil)
	p := b.Weight("p", floats(0x12, 0xff))
	c := &Call{Builder: b, Node: &onnxpb.NodeProto{}, Inputs: []*Value{p}}
	y := c.unpack(0, 4, 2, 2)
	if err := sameArray(evaluate(y, map[*Value]nd.Array{p: floats(0x12, 0xff)}, map[*Value]nd.Array{}), nd.Of([]float32{2, 1, 15, 15}, 2, 2)); err != nil {
		t.Error(err)
	}
	got := gradientOf(t, b, y, p, map[*Value]nd.Array{p: floats(0x12, 0xff)}, nd.Of([]float32{1, 2, 3, 4}, 2, 2))
	if err := sameArray(got, floats(2.0/16, 4.0/16)); err != nil {
		t.Error(err)
	}
}

func TestQLinearFailures(t *testing.T) {
	x, one, zero := []int{2, 3}, floats(1), typed{ints(0), onnxpb.TensorProto_UINT8}
	tests := []failureTest{
		{testNode{op: "QLinearAdd", inputs: []any{x, floats(1, 2), nil, x, one, nil, one, zero}}, "input 1 of shape [2]", true},
		{testNode{op: "QLinearAdd", name: "no scale", inputs: []any{x, one, nil, x, one, nil}}, "input 6 is missing", false},
		{testNode{op: "QLinearConcat", attrs: map[string]any{"axis": 1}, inputs: []any{one, zero, x, one}}, "4 inputs", false},
		{testNode{op: "QGemm", inputs: []any{[]int{2}, one, nil, x, one}}, "not matrices", false},
		{testNode{op: "QLinearSigmoid", inputs: []any{x, ints(1), nil, one, zero}}, "input 1 is of type int64", false},
		{testNode{op: "MatMulNBits", inputs: []any{x, ints(1), one}}, "a matrix of 0 rows", false},
		{testNode{op: "MatMulNBits", name: "bytes", attrs: map[string]any{"N": 3, "K": 3, "block_size": 16}, inputs: []any{x, ints(1), one}}, "input 1 is int64[1]", false},
		{testNode{op: "MatMulNBits", name: "order", attrs: map[string]any{"N": 3, "K": 3, "block_size": 16}, inputs: []any{x, ints(1), one, nil, ints(0)}}, "g_idx", true},
		{testNode{op: "GatherBlockQuantized", attrs: map[string]any{"quantize_axis": 0}, inputs: []any{nd.New(nd.Int64, 3, 4), ints(0), []int{3, 1}}}, "blocks of 128 along axis 0", true},
	}
	for i := range tests {
		tests[i].domain = MicrosoftDomain
	}
	checkFailures(t, tests)
}

// TestQLinearTies: where sums and products lie halfway between two numbers, they are rounded
// as onnxruntime 1.30 does. The results are its.
func TestQLinearTies(t *testing.T) {
	whole := func(v ...int64) nd.Array { return nd.Of(v, len(v)) }
	zero := func(v int64) any { return typed{whole(v), onnxpb.TensorProto_UINT8} }
	for _, c := range []struct {
		op     string
		a      []int64
		scaleA float32
		zeroA  int64
		b      []int64
		scaleB float32
		zeroB  int64
		scale  float32
		zero   int64
		want   []float32
	}{
		{"QLinearAdd", []int64{217, 163, 130, 69, 78, 10, 19, 4}, 0.062, 108, []int64{44, 208, 166, 233, 128, 155, 248, 186}, 0.062, 111, 0.124, 187, []float32{208, 255, 226, 228, 180, 160, 211, 172}},
		{"QLinearAdd", []int64{71, 208, 171, 0, 100, 219, 141, 8}, 0.072, 169, []int64{195}, 0.072, 35, 0.144, 17, []float32{48, 116, 98, 12, 62, 122, 83, 16}},
		{"QLinearMul", []int64{242, 168, 200, 233, 6, 208, 142, 21}, 0.015625, 88, []int64{240, 221, 177, 202, 99, 120, 217, 141}, 0.09, 55, 0.09, 11, []float32{255, 218, 224, 255, 0, 133, 148, 0}},
	} {
		b := NewBuilder(nil)
		n := testNode{op: c.op, domain: MicrosoftDomain, noGrad: true, inputs: []any{typed{whole(c.a...), onnxpb.TensorProto_UINT8}, floats(c.scaleA), zero(c.zeroA), typed{whole(c.b...), onnxpb.TensorProto_UINT8}, floats(c.scaleB), zero(c.zeroB), floats(c.scale), zero(c.zero)}}
		y, _, err := n.build(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := b.Known(y); !ok || sameArray(got, nd.Of(c.want, len(c.want))) != nil {
			t.Errorf("%s: %v, want %v", c.op, got, c.want)
		}
	}
}
