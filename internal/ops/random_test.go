package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestRandom: numbers are the means of their distributions, or what is likeliest, whatever the seed.
func TestRandom(t *testing.T) {
	four := nd.New(nd.Float32, 4)
	logs := nd.Of([]float32{-1, -3, -2, -5, -4, 0}, 2, 3)
	checkValues(t, []valueTest{
		{testNode{op: "RandomNormal", attrs: map[string]any{"shape": []int{3}, "mean": 3.0, "scale": 2.0}}, nd.Of([]float32{3, 3, 3}, 3)},
		{testNode{op: "RandomNormal", name: "seed", attrs: map[string]any{"shape": []int{1}, "seed": 1.5}}, nd.New(nd.Float32, 1)},
		{testNode{op: "RandomUniform", attrs: map[string]any{"shape": []int{1, 2}, "low": -1.0, "high": 3.0}}, nd.Of([]float32{1, 1}, 1, 2)},
		{testNode{op: "RandomNormalLike", inputs: []any{four}}, four},
		{testNode{op: "RandomUniformLike", inputs: []any{four}}, nd.Of([]float32{0.5, 0.5, 0.5, 0.5}, 4)},
		{testNode{op: "Bernoulli", inputs: []any{nd.Of([]float32{0.3, 0.7}, 2)}}, nd.Of([]float32{0, 1}, 2)},
		{testNode{op: "Multinomial", attrs: map[string]any{"sample_size": 2, "dtype": int(onnxpb.TensorProto_INT64)}, inputs: []any{logs}}, nd.Of([]int64{0, 0, 2, 2}, 2, 2)},
	})
	checkFailures(t, []failureTest{
		{testNode{op: "RandomNormal"}, "shape", false},
		{testNode{op: "RandomNormal", name: "negative", attrs: map[string]any{"shape": []int{-1}}}, "shape [-1]", false},
		{testNode{op: "RandomUniform", attrs: map[string]any{"shape": []int{1}, "dtype": int(onnxpb.TensorProto_INT64)}}, "type INT64", true},
		{testNode{op: "Multinomial", inputs: []any{[]int{3}}}, "1 samples of an input of shape [3]", false},
	})
}

// TestCachesAndProducts: CumProd and TensorScatter, forward and back.
func TestCachesAndProducts(t *testing.T) {
	x := nd.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	axis := nd.Scalar[int64](1)
	checkValues(t, []valueTest{
		{testNode{op: "CumProd", opset: 26, inputs: []any{x, axis}}, nd.Of([]float32{1, 2, 6, 4, 20, 120}, 2, 3)},
		{testNode{op: "CumProd", name: "exclusive", opset: 26, attrs: map[string]any{"exclusive": 1}, inputs: []any{x, axis}}, nd.Of([]float32{1, 1, 2, 1, 4, 20}, 2, 3)},
		{testNode{op: "CumProd", name: "both", opset: 26, attrs: map[string]any{"exclusive": 1, "reverse": 1}, inputs: []any{x, axis}}, nd.Of([]float32{6, 3, 1, 30, 6, 1}, 2, 3)},
		{testNode{op: "TensorScatter", opset: 24, inputs: []any{nd.New(nd.Float32, 2, 3, 1), nd.Of([]float32{1, 2, 3, 4}, 2, 2, 1), ints(0, 1)}}, nd.Of([]float32{1, 2, 0, 0, 3, 4}, 2, 3, 1)},
		{testNode{op: "TensorScatter", name: "circular", opset: 24, attrs: map[string]any{"mode": "circular", "axis": 1}, inputs: []any{nd.New(nd.Float32, 1, 3), nd.Of([]float32{1, 2}, 1, 2), ints(2)}}, nd.Of([]float32{2, 0, 1}, 1, 3)},
	})
	for _, n := range []testNode{
		{op: "CumProd", opset: 26, inputs: []any{[]int{2, 4}, axis}, from: 0.5, to: 1.5},
		{op: "CumProd", name: "exclusive, reverse", opset: 26, attrs: map[string]any{"exclusive": 1, "reverse": 1}, inputs: []any{[]int{2, 4}, axis}, from: 0.5, to: 1.5},
		{op: "TensorScatter", opset: 24, inputs: []any{[]int{2, 3, 2}, []int{2, 2, 2}, ints(1, 0)}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
	checkFailures(t, []failureTest{
		{testNode{op: "TensorScatter", opset: 24, inputs: []any{x, x, ints(1, 0)}}, "axis 0", false},
		{testNode{op: "TensorScatter", name: "beyond", opset: 24, attrs: map[string]any{"axis": 1}, inputs: []any{nd.New(nd.Float32, 1, 3), nd.New(nd.Float32, 1, 2), ints(2)}}, "index 2", false},
	})
}
