package ops

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
)

var normalizationNodes = []testNode{
	{op: "LayerNormalization", inputs: []any{[]int{5, 7}, []int{7}, []int{7}}},
	{op: "LayerNormalization", name: "two axes, no bias", attrs: map[string]any{"axis": 1}, inputs: []any{[]int{2, 3, 4}, []int{3, 4}}},
	{op: "LayerNormalization", name: "one scale for all", inputs: []any{[]int{2, 6}, []int{1}, []int{1, 6}}},
	{op: "LayerNormalization", name: "scale varies by row", inputs: []any{[]int{2, 6}, []int{2, 1}, []int{6}}},
	{op: "LayerNormalization", name: "mean", output: 1, inputs: []any{[]int{2, 6}, floats(1)}},
	{op: "LayerNormalization", name: "inverse deviation", output: 2, inputs: []any{[]int{2, 6}, floats(1)}},
	{op: "LayerNormalization", name: "many rows", inputs: []any{[]int{70, 3}, []int{3}, []int{3}}, attrs: map[string]any{"epsilon": 0.1}},
	{op: "RMSNormalization", opset: 23, inputs: []any{[]int{5, 7}, []int{7}}},
	{op: "RMSNormalization", name: "all axes", opset: 23, attrs: map[string]any{"axis": 0}, inputs: []any{[]int{2, 3}, []int{2, 3}}},
	{op: "RMSNormalization", name: "scale varies by row", opset: 23, inputs: []any{[]int{2, 6}, []int{2, 1}}},
	{op: "InstanceNormalization", inputs: []any{[]int{2, 3, 3, 2}, []int{3}, []int{3}}},
	{op: "GroupNormalization", name: "opset 18", opset: 18, attrs: map[string]any{"num_groups": 2}, inputs: []any{[]int{2, 4, 3}, []int{2}, []int{2}}},
	{op: "GroupNormalization", name: "opset 21", opset: 21, attrs: map[string]any{"num_groups": 2}, inputs: []any{[]int{2, 4, 3}, []int{4}, []int{4}}},
	{op: "GroupNormalization", name: "no spatial axes", opset: 21, attrs: map[string]any{"num_groups": 2}, inputs: []any{[]int{3, 6}, []int{6}, []int{6}}},
	{op: "LpNormalization", inputs: []any{[]int{2, 4, 3}}, attrs: map[string]any{"axis": 1}},
	{op: "LpNormalization", name: "L1", inputs: []any{[]int{3, 5}}, attrs: map[string]any{"p": 1}},
	{op: "LRN", attrs: map[string]any{"size": 3, "alpha": 0.9, "bias": 1.5, "beta": 0.6}, inputs: []any{[]int{2, 5, 2}}},
	{op: "LRN", name: "even, wider than the channels", attrs: map[string]any{"size": 8, "alpha": 0.9}, inputs: []any{[]int{2, 3, 2, 2}}},
	{op: "MeanVarianceNormalization", inputs: []any{[]int{2, 2, 2, 3}}},
	{op: "MeanVarianceNormalization", name: "axes", attrs: map[string]any{"axes": []int{-1}}, inputs: []any{[]int{2, 5}}},
	{op: "BatchNormalization", name: "2-D", inputs: []any{[]int{4, 3}, []int{3}, []int{3}, []int{3}, []int{3}}, from: 0.5, to: 1.5},
	{op: "BatchNormalization", name: "one axis", inputs: []any{[]int{4}, []int{1}, []int{1}, []int{1}, []int{1}}, from: 0.5, to: 1.5},
	{op: "BatchNormalization", name: "not spatial", opset: 7, attrs: map[string]any{"spatial": 0}, inputs: []any{[]int{2, 2, 3}, []int{2, 3}, []int{2, 3}, []int{2, 3}, []int{2, 3}}, from: 0.5, to: 1.5},
	{op: "BatchNormalization", name: "training", attrs: map[string]any{"training_mode": 1}, inputs: []any{[]int{3, 2, 2}, []int{2}, []int{2}, floats(0, 0), floats(1, 1)}},
	{op: "BatchNormalization", name: "running variance", output: 2, attrs: map[string]any{"training_mode": 1, "momentum": 0.6}, inputs: []any{[]int{3, 2, 2}, floats(1, 2), floats(1, 2), floats(0, 0), []int{2}}},
}

func TestNormalizationGradients(t *testing.T) {
	for _, n := range normalizationNodes {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestNormalizationValues(t *testing.T) {
	inv := float32(1 / math.Sqrt(2.0/3+1e-5)) // of 1, 2, 3
	x := nd.Of([]float32{1, 2, 3, 4, 5, 6}, 1, 2, 3)
	checkValues(t, []valueTest{
		{testNode{op: "LayerNormalization", inputs: []any{x, floats(1, 1, 2), floats(0, 0, 1)}},
			nd.Of([]float32{-inv, 0, 2*inv + 1, -inv, 0, 2*inv + 1}, 1, 2, 3)},
		{testNode{op: "LayerNormalization", name: "mean", output: 1, inputs: []any{x, floats(1, 1, 1)}},
			nd.Of([]float32{2, 5}, 1, 2, 1)},
		{testNode{op: "LayerNormalization", name: "inverse deviation", output: 2, inputs: []any{x, floats(1, 1, 1)}},
			nd.Of([]float32{inv, inv}, 1, 2, 1)},
		{testNode{op: "RMSNormalization", opset: 23, attrs: map[string]any{"epsilon": 0.0}, inputs: []any{nd.Of([]float32{3, 4}, 1, 2), floats(5, 10)}},
			nd.Of([]float32{15 / float32(math.Sqrt(12.5)), 40 / float32(math.Sqrt(12.5))}, 1, 2)},
		{testNode{op: "InstanceNormalization", inputs: []any{x, floats(1, 2), floats(0, 1)}},
			nd.Of([]float32{-inv, 0, inv, -2*inv + 1, 1, 2*inv + 1}, 1, 2, 3)},
		{testNode{op: "GroupNormalization", opset: 18, attrs: map[string]any{"num_groups": 1, "epsilon": 0.0}, inputs: []any{nd.Of([]float32{-1, 1}, 1, 2), floats(2), floats(1)}},
			nd.Of([]float32{-1, 3}, 1, 2)},
		{testNode{op: "InstanceNormalization", name: "no channels", inputs: []any{nd.New(nd.Float32, 2, 0, 3), floats(), floats()}},
			nd.New(nd.Float32, 2, 0, 3)},
		{testNode{op: "LpNormalization", inputs: []any{nd.Of([]float32{3, 4, 0, 0}, 2, 2)}},
			nd.Of([]float32{0.6, 0.8, 0, 0}, 2, 2)},
		{testNode{op: "LpNormalization", name: "L1", attrs: map[string]any{"p": 1, "axis": 0}, inputs: []any{floats(1, -3)}}, floats(0.25, -0.75)},
		{testNode{op: "LRN", attrs: map[string]any{"size": 2, "alpha": 2.0, "beta": 1.0}, inputs: []any{nd.Of([]float32{1, 2, 3}, 1, 3, 1)}},
			nd.Of([]float32{1.0 / 6, 2.0 / 14, 3.0 / 10}, 1, 3, 1)},
		{testNode{op: "MeanVarianceNormalization", attrs: map[string]any{"axes": []int{1}}, inputs: []any{nd.Of([]float32{1, 3}, 1, 2)}},
			nd.Of([]float32{-1, 1}, 1, 2)},
		{testNode{op: "BatchNormalization", name: "running mean", output: 1, attrs: map[string]any{"training_mode": 1}, inputs: []any{nd.Of([]float32{1, 3}, 2, 1), floats(1), floats(0), floats(5), floats(5)}},
			floats(0.9*5 + 0.1*2)},
	})
}

// TestZeroNorm: a vector of zeros stays zero and gets a gradient of zeros, not NaN.
func TestZeroNorm(t *testing.T) {
	b := NewBuilder(nil)
	y, vars, err := testNode{op: "LpNormalization", inputs: []any{[]int{2}}}.build(b)
	if err != nil {
		t.Fatal(err)
	}
	got := gradientOf(t, b, y, vars[0], map[*Value]nd.Array{vars[0]: floats(0, 0)}, floats(1, 2))
	if err := sameArray(got, floats(0, 0)); err != nil {
		t.Error(err)
	}
}

func TestNormalizationFailures(t *testing.T) {
	x := []int{2, 4, 3}
	checkFailures(t, []failureTest{
		{testNode{op: "LayerNormalization", name: "axis", attrs: map[string]any{"axis": 3}, inputs: []any{x, []int{3}}}, "axis 3", false},
		{testNode{op: "LayerNormalization", name: "scale", inputs: []any{x, []int{2}}}, "cannot be", false},
		{testNode{op: "LayerNormalization", name: "scale of higher rank", inputs: []any{x, []int{5, 1, 1, 3}}}, "scale of shape", false},
		{testNode{op: "LayerNormalization", name: "scalar", inputs: []any{[]int{}, []int{}}}, "rank 0", false},
		{testNode{op: "RMSNormalization", name: "no scale", opset: 23, inputs: []any{x}}, "input 1 is missing", false},
		{testNode{op: "GroupNormalization", name: "groups", opset: 21, attrs: map[string]any{"num_groups": 3}, inputs: []any{x, []int{4}, []int{4}}}, "num_groups of 3", false},
		{testNode{op: "GroupNormalization", name: "no groups", opset: 21, inputs: []any{x, []int{4}, []int{4}}}, "num_groups of 0", false},
		{testNode{op: "GroupNormalization", name: "scale per channel", opset: 18, attrs: map[string]any{"num_groups": 2}, inputs: []any{x, []int{4}, []int{4}}}, "vector of 2", false},
		{testNode{op: "InstanceNormalization", inputs: []any{x, []int{4}, []int{3}}}, "input 2 of shape [3]", false},
		{testNode{op: "InstanceNormalization", name: "no channels", inputs: []any{[]int{4}, []int{4}, []int{4}}}, "no channels", false},
		{testNode{op: "LpNormalization", attrs: map[string]any{"p": 3}, inputs: []any{x}}, "neither 1 nor 2", false},
		{testNode{op: "LRN", inputs: []any{x}}, "size of 0", false},
		{testNode{op: "MeanVarianceNormalization", inputs: []any{x}}, "axis 3", false},
		{testNode{op: "BatchNormalization", inputs: []any{x, []int{4}, []int{4}, []int{4}, []int{2}}}, "input 4 of shape [2]", false},
		{testNode{op: "BatchNormalization", name: "opset 9 training", opset: 9, output: 2, inputs: []any{x, []int{4}, []int{4}, []int{4}, []int{4}}}, "training mode", true},
		{testNode{op: "BatchNormalization", name: "opset 7 not spatial", opset: 7, attrs: map[string]any{"spatial": 0}, inputs: []any{x, []int{4}, []int{4}, []int{4}, []int{4}}}, "spatial = 0", false},
		{testNode{op: "BatchNormalization", name: "scalar", inputs: []any{[]int{}, []int{4}, []int{4}, []int{4}, []int{4}}}, "no channels", false},
	})
}
