package ops

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"gorgonia.org/gorgonia"
)

// contribNodes are nodes of onnxruntime's own domain. Their outputs are compared with
// onnxruntime's in package gradient (testdata/contrib).
func contribNodes() []testNode {
	nodes := slices.Concat(fusedNodes, dynamicNodes, contribNormNodes, contribAttentionNodes())
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

var dynamicNodes = []testNode{
	{op: "DynamicQuantizeMatMul", inputs: []any{nd.Of([]float32{1, -2, 3, 0.3, 0.2, 0.1}, 2, 3), []int{3, 2}, []int{2}, ints(1, 2), []int{2}}},
	{op: "DynamicQuantizeMatMul", name: "one scale", inputs: []any{floats(1, -2), []int{2, 3}, []int{1}}},
	{op: "MatMulIntegerToFloat", inputs: []any{[]int{1, 2, 3}, []int{3, 2}, []int{}, []int{2}, nd.Scalar[int64](3), ints(1, 2), []int{2}}},
	// The range of the states varies with the weights, and with it what rounding does.
	{op: "DynamicQuantizeLSTM", attrs: map[string]any{"hidden_size": 2}, noGrad: true, inputs: []any{[]int{3, 1, 4}, []int{1, 4, 8}, []int{1, 2, 8}, []int{1, 16}, nil, nil, nil, nil, floats(0.1), ints(0), floats(0.1), ints(0)}},
}

// TestDynamicLSTM compares the gradients of an LSTM with rounded inputs and states with
// those of one without. Rounding changes both a little.
func TestDynamicLSTM(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(limit float32, shape ...int) nd.Array {
		a := nd.New(nd.Float32, shape...)
		for i := range a.Float32s() {
			a.Float32s()[i] = limit * (2*rng.Float32() - 1)
		}
		return a
	}
	const steps, batch, size, hidden = 5, 2, 3, 4
	x, w, r, bias := random(1, steps, batch, size), random(0.8, 2, size, 4*hidden), random(0.8, 2, hidden, 4*hidden), random(0.5, 2, 8*hidden)
	seed := random(1, steps, 2, batch, hidden)
	whole := func(a nd.Array) nd.Array { // in units of 1/100
		q := nd.New(nd.Int64, a.Shape...)
		for i, v := range a.Float32s() {
			q.Int64s()[i] = int64(100 * v)
			a.Float32s()[i] = float32(q.Int64s()[i]) / 100
		}
		return q
	}
	qw := whole(w)
	attrs := map[string]any{"hidden_size": hidden, "direction": "bidirectional"}
	transposed := func(a nd.Array) nd.Array {
		b := NewBuilder(nil)
		y, _ := b.Transpose(b.Const(a), 0, 2, 1).Constant()
		return y
	}
	// gradients returns those by the two variables of a node, R and B.
	gradients := func(n testNode, at ...nd.Array) (all [2]nd.Array) {
		b := NewBuilder(nil)
		y, vars, err := n.build(b)
		if err != nil {
			t.Fatal(err)
		}
		s := b.Variable("seed", nd.Float32, y.Shape...)
		nodes, err := gorgonia.Grad(b.Node(b.Dot(y, s)), b.Node(vars[0]), b.Node(vars[1]))
		if err != nil {
			t.Fatal(err)
		}
		for i, node := range nodes {
			g, err := b.Value(node)
			if err != nil {
				t.Fatal(err)
			}
			all[i] = evaluate(g, map[*Value]nd.Array{vars[0]: at[0], vars[1]: at[1], s: seed}, map[*Value]nd.Array{})
		}
		return all
	}
	got := gradients(testNode{domain: MicrosoftDomain, op: "DynamicQuantizeLSTM", attrs: attrs, inputs: []any{x, qw, r.Shape, bias.Shape, nil, nil, nil, nil, floats(0.01, 0.01), ints(0, 0), floats(1, 1), ints(0, 0)}}, r, bias)
	rt := transposed(r)
	want := gradients(testNode{op: "LSTM", attrs: attrs, inputs: []any{x, transposed(w), rt.Shape, bias.Shape}}, rt, bias)
	want[0] = transposed(want[0])
	for i, name := range []string{"R", "B"} {
		var diff, norm float64
		for k, v := range want[i].Float32s() {
			d := float64(got[i].Float32s()[k] - v)
			diff, norm = diff+d*d, norm+float64(v)*float64(v)
		}
		if rel := math.Sqrt(diff / norm); rel > 0.02 || rel < 1e-6 {
			t.Errorf("gradient by %s: relative difference %.3g", name, rel)
		}
	}
}

func TestDynamicFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode{domain: MicrosoftDomain, op: "DynamicQuantizeMatMul", inputs: []any{[]int{2, 3}, ints(1, 2, 3), []int{1}}}, "input 1 of shape [3] is not a matrix", false},
		{testNode{domain: MicrosoftDomain, op: "DynamicQuantizeMatMul", name: "bias", inputs: []any{[]int{2, 3}, []int{3, 2}, []int{1}, nil, []int{3}}}, "[3]", false},
		{testNode{domain: MicrosoftDomain, op: "DynamicQuantizeMatMul", name: "empty", inputs: []any{[]int{0, 3}, []int{3, 2}, []int{1}}}, "no range", false},
		{testNode{domain: MicrosoftDomain, op: "MatMulIntegerToFloat", inputs: []any{[]int{2, 3}, []int{3, 2}, []int{5}, []int{1}}}, "input 2 of shape [5]", false},
		{testNode{domain: MicrosoftDomain, op: "DynamicQuantizeLSTM", inputs: []any{[]int{3, 1, 4}, []int{1, 4, 8}, []int{1, 2, 8}, nil, nil, nil, nil, nil, floats(1, 2), ints(0), floats(1), ints(0)}}, "input 8 of shape [2]", false},
	})
}

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
