package ops

import (
	"slices"
	"testing"
)

// contribNodes are nodes of onnxruntime's own domain. Their outputs are compared with
// onnxruntime's in package gradient (testdata/contrib).
func contribNodes() []testNode {
	nodes := slices.Concat(fusedNodes, dynamicNodes, contribNormNodes, contribAttentionNodes(), qlinearNodes, blockNodes())
	for i := range nodes {
		nodes[i].domain = MicrosoftDomain
	}
	return nodes
}

var fusedNodes = []testNode{
	{op: "Gelu", inputs: []any{[]int{2, 3}}},
	{op: "QuickGelu", inputs: []any{[]int{2, 3}}},
	{op: "BiasGelu", inputs: []any{[]int{2, 3}, []int{3}}},
	{op: "FastGelu", inputs: []any{[]int{2, 3}, []int{3}}},
	{op: "FastGelu", name: "no bias", inputs: []any{[]int{2, 3}}},
	{op: "BiasSplitGelu", inputs: []any{[]int{1, 2, 6}, []int{6}}},
	{op: "BiasAdd", inputs: []any{[]int{1, 2, 3}, []int{3}, []int{1, 2, 3}}},
	{op: "FusedConv", attrs: map[string]any{"activation": "LeakyRelu", "activation_params": []float32{0.3}, "pads": []int{1, 0, 0, 1}}, inputs: []any{[]int{1, 2, 4, 4}, []int{3, 2, 2, 2}, []int{3}, []int{1, 3, 4, 4}}},
	{op: "FusedConv", name: "no activation", inputs: []any{[]int{1, 2, 4}, []int{3, 2, 2}, nil, []int{1, 3, 3}}},
	{op: "FusedGemm", attrs: map[string]any{"activation": "Tanh", "transB": 1, "alpha": 0.5}, inputs: []any{[]int{2, 3}, []int{4, 3}, []int{4}}},
	{op: "FusedMatMul", attrs: map[string]any{"transA": 1, "transB": 1, "alpha": 0.5}, inputs: []any{[]int{2, 4, 3}, []int{2, 5, 4}}},
	{op: "FusedMatMul", name: "layer", attrs: map[string]any{"transB": 1}, inputs: []any{[]int{2, 3, 4}, []int{5, 4}}},
	{op: "FusedMatMul", name: "batch moved", attrs: map[string]any{"transBatchA": 1, "transBatchB": 1}, inputs: []any{[]int{3, 2, 4}, []int{4, 2, 5}}},
	{op: "FusedMatMul", name: "vector", attrs: map[string]any{"transA": 1}, inputs: []any{[]int{4}, []int{4, 5}}},
	{op: "TransposeMatMul", attrs: map[string]any{"transA": 1}, inputs: []any{[]int{4, 3}, []int{4, 5}}},
	{op: "FusedMatMulActivation", attrs: map[string]any{"activation": "Sigmoid"}, inputs: []any{[]int{2, 3}, []int{3, 4}}},
	{op: "NhwcConv", inputs: []any{[]int{1, 4, 5, 2}, []int{3, 2, 2, 2}, []int{3}}},
	{op: "NhwcFusedConv", attrs: map[string]any{"activation": "Tanh"}, inputs: []any{[]int{1, 4, 5, 2}, []int{3, 2, 2, 2}, []int{3}, []int{1, 3, 4, 3}}},
	{op: "NhwcMaxPool", attrs: map[string]any{"kernel_shape": []int{2, 2}}, inputs: []any{[]int{1, 4, 3, 2}}},
}

func TestContribGradients(t *testing.T) {
	for _, n := range contribNodes() {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestFusedFailures(t *testing.T) {
	tests := []failureTest{
		{testNode{op: "BiasGelu", inputs: []any{[]int{2, 3}, []int{2}}}, "a bias of shape [2] for [2 3]", false},
		{testNode{op: "BiasGelu", name: "no bias", inputs: []any{[]int{2, 3}}}, "input 1 is missing", false},
		{testNode{op: "BiasSplitGelu", inputs: []any{[]int{2, 3}, []int{3}}}, "odd", false},
		{testNode{op: "FusedConv", name: "sum", inputs: []any{[]int{1, 2, 4}, []int{3, 2, 2}, nil, []int{2, 3, 3}}}, "input 3 of shape [2 3 3]", false},
		{testNode{op: "FusedConv", name: "activation", attrs: map[string]any{"activation": "Warp"}, inputs: []any{[]int{1, 2, 4}, []int{3, 2, 2}}}, `activation "Warp"`, true},
		{testNode{op: "FusedMatMul", attrs: map[string]any{"transBatchA": 1}, inputs: []any{[]int{4}, []int{4, 5}}}, "no batch", false},
		{testNode{op: "NhwcConv", inputs: []any{[]int{1, 4}, []int{3, 2, 2, 2}}}, "no spatial axes", false},
	}
	for i := range tests {
		tests[i].domain = MicrosoftDomain
	}
	checkFailures(t, tests)
}
