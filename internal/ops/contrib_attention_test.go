package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

var contribNormNodes = []testNode{
	{op: "SkipLayerNormalization", inputs: []any{[]int{2, 2, 4}, []int{2, 4}, []int{4}, []int{4}, []int{4}}},
	{op: "SkipLayerNormalization", name: "sum", output: 3, inputs: []any{[]int{2, 2, 4}, []int{2, 4}, floats(1, 2, 3, 4), nil, []int{4}}},
	{op: "SkipSimplifiedLayerNormalization", inputs: []any{[]int{3, 4}, []int{3, 4}, []int{4}, []int{4}}},
	{op: "EmbedLayerNormalization", inputs: []any{nd.Of([]int64{0, 2, 1, 2}, 2, 2), nd.Of([]int64{0, 1, 1, 1}, 2, 2), []int{3, 4}, []int{2, 4}, []int{2, 4}, []int{4}, []int{4}, nd.Of([]int64{1, 0, 1, 1}, 2, 2)}},
	{op: "EmbedLayerNormalization", name: "sum, positions", output: 2, inputs: []any{nd.Of([]int64{0, 2, 1, 2}, 2, 2), nil, []int{3, 4}, []int{2, 4}, nil, floats(1, 2, 3, 4), floats(1, 2, 3, 4), nil, nd.Of([]int64{1, 0}, 1, 2)}},
	{op: "GroupNorm", attrs: map[string]any{"groups": 2, "activation": 1}, inputs: []any{[]int{1, 2, 3, 4}, []int{4}, []int{4}}},
	{op: "GroupNorm", name: "channels first", attrs: map[string]any{"groups": 2, "activation": 0, "channels_last": 0}, inputs: []any{[]int{1, 4, 2, 3}, []int{4}, []int{4}}},
}

func contribAttentionNodes() []testNode {
	two := map[string]any{"num_heads": 2}
	with := func(kv ...any) map[string]any {
		m := map[string]any{"num_heads": 2}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	x, w, bias := []int{2, 3, 2}, []int{2, 12}, []int{12}
	q, k, v := []int{2, 3, 4}, []int{2, 2, 4}, []int{2, 2, 6}
	return []testNode{
		{op: "Attention", attrs: two, inputs: []any{x, w, bias}},
		{op: "Attention", name: "lengths", attrs: with("mask_filter_value", -3.0), inputs: []any{x, w, nil, ints(2, 3)}},
		{op: "Attention", name: "ends and starts", attrs: with("mask_filter_value", -3.0), inputs: []any{x, w, bias, ints(2, 3, 1, 0)}},
		{op: "Attention", name: "mask by query", attrs: with("mask_filter_value", -3.0), inputs: []any{x, w, bias, nd.Of([]int64{1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1}, 2, 3, 3)}},
		{op: "Attention", name: "large mask", attrs: with("mask_filter_value", -3.0), inputs: []any{[]int{1, 1, 2}, w, bias, nd.Of([]int64{1, 0, 0, 1, 0, 0, 1, 0, 1}, 1, 1, 3, 3)}},
		{op: "Attention", name: "past, causal", attrs: with("unidirectional", 1), inputs: []any{x, w, bias, nil, []int{2, 2, 2, 2, 2}}},
		{op: "Attention", name: "present", output: 1, attrs: two, inputs: []any{x, w, bias, nil, []int{2, 2, 2, 2, 2}}},
		{op: "Attention", name: "bias of scores, sizes", attrs: with("qkv_hidden_sizes", []int{4, 4, 2}), inputs: []any{x, []int{2, 10}, []int{10}, nil, nil, []int{1, 2, 3, 3}}},
		{op: "QAttention", attrs: two, inputs: []any{nd.Of([]int64{3, 5, 7, 9, 120, 30}, 1, 3, 2), []int{2, 12}, bias, []int{}, []int{12}, nil, nd.Scalar[int64](9), ints(1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0)}},
		{op: "MultiHeadAttention", attrs: two, inputs: []any{q, k, v, []int{14}, nd.Of([]int64{1, 0, 1, 1}, 2, 2), []int{1, 1, 3, 2}}},
		{op: "MultiHeadAttention", name: "packed", attrs: with("unidirectional", 1), inputs: []any{[]int{1, 3, 2, 3, 2}}},
		{op: "MultiHeadAttention", name: "packed keys and values", attrs: two, inputs: []any{q, []int{2, 2, 2, 2, 2}}},
		{op: "MultiHeadAttention", name: "cut", attrs: two, inputs: []any{q, []int{2, 2, 3, 2}, []int{2, 2, 3, 2}}},
		{op: "MultiHeadAttention", name: "past, probabilities", output: 3, attrs: two, inputs: []any{q, []int{2, 3, 4}, nd.New(nd.Float32, 2, 3, 4), nil, nil, nil, []int{2, 2, 1, 2}, nd.New(nd.Float32, 2, 2, 1, 2)}},
		{op: "RotaryEmbedding", inputs: []any{[]int{1, 3, 4}, ints(1), []int{4, 1}, []int{4, 1}}},
		{op: "RotaryEmbedding", name: "positions", inputs: []any{[]int{2, 2, 2, 4}, nd.Of([]int64{0, 1, 3, 2}, 2, 2), []int{4, 1}, []int{4, 1}}},
		{op: "GroupQueryAttention", attrs: with("kv_num_heads", 1, "softcap", 2.0), inputs: []any{q, []int{2, 3, 2}, []int{2, 3, 2}, nil, nil, ints(2, 1), nd.Scalar[int64](3)}},
		{op: "GroupQueryAttention", name: "past, window", attrs: with("kv_num_heads", 1, "do_rotary", 1, "local_window_size", 2), inputs: []any{[]int{2, 1, 4}, []int{2, 1, 2}, []int{2, 1, 2}, []int{2, 1, 3, 2}, []int{2, 1, 3, 2}, ints(3, 1), nd.Scalar[int64](4), []int{4, 1}, []int{4, 1}}},
		{op: "GroupQueryAttention", name: "present", output: 1, attrs: with("kv_num_heads", 1), inputs: []any{nd.New(nd.Float32, 2, 1, 4), []int{2, 1, 2}, nd.New(nd.Float32, 2, 1, 2), []int{2, 1, 3, 2}, nd.New(nd.Float32, 2, 1, 3, 2), ints(3, 1), nd.Scalar[int64](4)}},
		{op: "GroupQueryAttention", name: "packed, sink, bias", attrs: with("kv_num_heads", 1), inputs: []any{[]int{1, 2, 8}, nil, nil, nil, nil, ints(1), nd.Scalar[int64](2), nil, nil, nil, []int{1, 2, 2, 2}, []int{2}}},
	}
}

// TestNoQueries: a sequence of no elements has no attention, and is no failure.
func TestNoQueries(t *testing.T) {
	n := testNode{domain: MicrosoftDomain, op: "Attention", attrs: map[string]any{"num_heads": 2, "unidirectional": 1}, inputs: []any{[]int{2, 0, 2}, []int{2, 12}, []int{12}, nil, []int{2, 2, 2, 2, 2}}}
	if err := survive(n); err != nil {
		t.Error(err)
	}
}

func TestContribAttentionFailures(t *testing.T) {
	x, w := []int{2, 3, 2}, []int{2, 12}
	gqa := map[string]any{"num_heads": 2, "kv_num_heads": 1}
	q, k := []int{2, 1, 4}, []int{2, 1, 2}
	tests := []failureTest{
		{testNode{op: "Attention", inputs: []any{x, w}}, "num_heads of 0", false},
		{testNode{op: "Attention", name: "weights", attrs: map[string]any{"num_heads": 2}, inputs: []any{x, []int{3, 12}}}, "weights of shape [3 12]", false},
		{testNode{op: "Attention", name: "mask", attrs: map[string]any{"num_heads": 2}, inputs: []any{x, w, nil, ints(1, 2, 3)}}, "a mask of shape [3]", true},
		{testNode{op: "Attention", name: "past", attrs: map[string]any{"num_heads": 2}, inputs: []any{x, w, nil, nil, []int{2, 2, 2}}}, "a past of shape [2 2 2]", false},
		{testNode{op: "Attention", name: "rotary", attrs: map[string]any{"num_heads": 2, "do_rotary": 1}, inputs: []any{x, w}}, "do_rotary", true},
		{testNode{op: "MultiHeadAttention", attrs: map[string]any{"num_heads": 3}, inputs: []any{x, x, x}}, "num_heads of 3", false},
		{testNode{op: "MultiHeadAttention", name: "bias", attrs: map[string]any{"num_heads": 2}, inputs: []any{x, x, x, []int{3}}}, "a bias of shape [3]", false},
		{testNode{op: "RotaryEmbedding", inputs: []any{x, ints(0), []int{4, 2}, []int{4, 2}}}, "heads of 4", false},
		{testNode{op: "GroupQueryAttention", attrs: gqa, inputs: []any{q, k, k, nil, nil, ints(3, 1), nd.Scalar[int64](4)}}, "without a past", false},
		{testNode{op: "GroupQueryAttention", name: "length", attrs: gqa, inputs: []any{q, k, k, []int{2, 1, 3, 2}, []int{2, 1, 3, 2}, ints(4, 1), nd.Scalar[int64](4)}}, "seqlens_k of 4", false},
		{testNode{op: "GroupQueryAttention", name: "total", attrs: gqa, inputs: []any{q, k, k, []int{2, 1, 3, 2}, []int{2, 1, 3, 2}, ints(4, 1), nd.Scalar[int64](1 << 40)}}, "total_sequence_length", false},
		{testNode{op: "SkipLayerNormalization", inputs: []any{x, []int{4, 3, 2}, []int{2}}}, "broadcast", false},
		{testNode{op: "EmbedLayerNormalization", inputs: []any{ints(1), nil, []int{3, 4}, []int{2, 4}, nil, []int{4}, []int{4}}}, "two axes each", false},
		{testNode{op: "GroupNorm", attrs: map[string]any{"groups": 3}, inputs: []any{[]int{1, 2, 3, 4}, []int{4}, []int{4}}}, "groups of 3", false},
	}
	for i := range tests {
		tests[i].domain = MicrosoftDomain
	}
	checkFailures(t, tests)
}
