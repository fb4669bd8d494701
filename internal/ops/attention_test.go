package ops

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
)

func attentionNodes() []testNode {
	q, k, v := []int{2, 4, 3, 5}, []int{2, 2, 4, 5}, []int{2, 2, 4, 2}
	mask := nd.Of([]bool{true, false, true, true, true, true, false, true, false, false, false, false}, 3, 4)
	nodes := []testNode{
		{op: "Attention", name: "grouped heads", inputs: []any{q, k, v}},
		{op: "Attention", name: "three axes", attrs: map[string]any{"q_num_heads": 2, "kv_num_heads": 1}, inputs: []any{[]int{2, 3, 4}, []int{2, 3, 2}, []int{2, 3, 3}}},
		{op: "Attention", name: "causal, scaled, capped", attrs: map[string]any{"is_causal": 1, "scale": 0.9, "softcap": 0.5}, inputs: []any{q, k, v}},
		{op: "Attention", name: "bool mask, a row sees nothing", inputs: []any{q, k, v, mask}},
		{op: "Attention", name: "trained mask", attrs: map[string]any{"is_causal": 1}, inputs: []any{q, k, v, []int{4, 1, 4}}},
		{op: "Attention", name: "one for all keys", inputs: []any{q, k, v, []int{3, 1}}},
		{op: "Attention", name: "past", inputs: []any{q, k, v, nil, []int{2, 2, 1, 5}, []int{2, 2, 1, 2}}, attrs: map[string]any{"is_causal": 1}},
		{op: "Attention", name: "products", output: 3, inputs: []any{q, k, nd.New(nd.Float32, v...)}},
		{op: "Attention", name: "capped products", output: 3, attrs: map[string]any{"softcap": 0.7, "qk_matmul_output_mode": 1}, inputs: []any{q, k, nd.New(nd.Float32, v...)}},
		{op: "Attention", name: "masked products", output: 3, attrs: map[string]any{"qk_matmul_output_mode": 2}, inputs: []any{q, k, nd.New(nd.Float32, v...), []int{3, 4}}},
		{op: "Attention", name: "weights", output: 3, attrs: map[string]any{"qk_matmul_output_mode": 3}, inputs: []any{q, k, nd.New(nd.Float32, v...)}},
		{op: "Attention", name: "lengths", inputs: []any{q, k, v, nil, nil, nil, ints(3, 4)}, attrs: map[string]any{"is_causal": 1}},
		{op: "Attention", name: "window", inputs: []any{q, k, v}, attrs: map[string]any{"left_window_size": 1, "right_window_size": 1}},
		{op: "RotaryEmbedding", inputs: []any{[]int{2, 3, 4, 6}, []int{2, 4, 3}, []int{2, 4, 3}}},
		{op: "RotaryEmbedding", name: "interleaved, part", attrs: map[string]any{"interleaved": 1, "rotary_embedding_dim": 4}, inputs: []any{[]int{2, 3, 4, 6}, []int{2, 4, 2}, []int{2, 4, 2}}},
		{op: "RotaryEmbedding", name: "positions, heads last", attrs: map[string]any{"num_heads": 3}, inputs: []any{[]int{2, 2, 12}, []int{5, 2}, []int{5, 2}, nd.Of([]int64{4, 0, 1, 1}, 2, 2)}},
	}
	for i := range nodes {
		nodes[i].opset = 25
	}
	return nodes
}

func TestAttentionGradients(t *testing.T) {
	for _, n := range attentionNodes() {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

// TestAttentionValues compares values with the definition, computed head by head.
func TestAttentionValues(t *testing.T) {
	const batch, heads, kv, queries, keys, past, size, vsize = 2, 4, 2, 3, 4, 2, 3, 2
	rng := rand.New(rand.NewPCG(5, 6))
	random := func(shape ...int) nd.Array {
		a := nd.New(nd.Float32, shape...)
		for i := range a.Float32s() {
			a.Float32s()[i] = 4*rng.Float32() - 2
		}
		return a
	}
	q, k, v := random(batch, heads, queries, size), random(batch, kv, keys, size), random(batch, kv, keys, vsize)
	pk, pv, mask := random(batch, kv, past, size), random(batch, kv, past, vsize), random(queries, keys+past)
	at := func(a nd.Array, i ...int) float64 {
		p := 0
		for axis, k := range i {
			p = p*a.Shape[axis] + k
		}
		return float64(a.Float32s()[p])
	}
	want := nd.New(nd.Float32, batch, heads, queries, vsize)
	for b := range batch {
		for h := range heads {
			g := h / (heads / kv)
			key := func(j, d int) float64 {
				if j < past {
					return at(pk, b, g, j, d)
				}
				return at(k, b, g, j-past, d)
			}
			value := func(j, d int) float64 {
				if j < past {
					return at(pv, b, g, j, d)
				}
				return at(v, b, g, j-past, d)
			}
			for i := range queries {
				var weights []float64
				sum := 0.0
				for j := range min(keys+past, i+past+1) {
					s := 0.0
					for d := range size {
						s += at(q, b, h, i, d) * key(j, d)
					}
					e := math.Exp(1.5*math.Tanh(s/math.Sqrt(size)/1.5) + at(mask, i, j))
					weights, sum = append(weights, e), sum+e
				}
				for d := range vsize {
					y := 0.0
					for j, w := range weights {
						y += w / sum * value(j, d)
					}
					want.Float32s()[((b*heads+h)*queries+i)*vsize+d] = float32(y)
				}
			}
		}
	}
	checkValues(t, []valueTest{{testNode{op: "Attention", opset: 23, attrs: map[string]any{"is_causal": 1, "softcap": 1.5},
		inputs: []any{q, k, v, mask, pk, pv}}, want}})
}

func TestRotaryValues(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5}
	angle := func(v float32) nd.Array { return nd.Of([]float32{v, 0.8}, 1, 1, 2) }
	cos, sin := angle(0), angle(1)
	sin.Float32s()[1] = 0.6
	checkValues(t, []valueTest{
		{testNode{op: "RotaryEmbedding", opset: 23, attrs: map[string]any{"rotary_embedding_dim": 4}, inputs: []any{nd.Of(x, 1, 1, 1, 5), cos, sin}},
			nd.Of([]float32{-3, 1.6 - 2.4, 1, 1.2 + 3.2, 5}, 1, 1, 1, 5)},
		{testNode{op: "RotaryEmbedding", name: "interleaved", opset: 23, attrs: map[string]any{"rotary_embedding_dim": 4, "interleaved": 1}, inputs: []any{nd.Of(x, 1, 1, 1, 5), cos, sin}},
			nd.Of([]float32{-2, 1, 0, 1.8 + 3.2, 5}, 1, 1, 1, 5)},
	})
}

func TestAttentionFailures(t *testing.T) {
	q, k := []int{2, 4, 3, 5}, []int{2, 2, 4, 5}
	tests := []failureTest{
		{testNode{op: "Attention", name: "heads missing", inputs: []any{[]int{2, 3, 4}, []int{2, 3, 4}, []int{2, 3, 4}}}, "q_num_heads of 0", false},
		{testNode{op: "Attention", name: "heads do not divide", attrs: map[string]any{"q_num_heads": 3}, inputs: []any{[]int{2, 3, 4}, k, k}}, "q_num_heads of 3", false},
		{testNode{op: "Attention", name: "groups", inputs: []any{[]int{2, 3, 3, 5}, k, k}}, "[batch, heads, sequence, size]", false},
		{testNode{op: "Attention", name: "no heads", inputs: []any{q, []int{2, 0, 4, 5}, []int{2, 0, 4, 5}}}, "[batch, heads, sequence, size]", false},
		{testNode{op: "Attention", name: "sizes", inputs: []any{q, []int{2, 2, 4, 3}, k}}, "[batch, heads, sequence, size]", false},
		{testNode{op: "Attention", name: "half a past", inputs: []any{q, k, k, nil, []int{2, 2, 1, 5}}}, "belong together", false},
		{testNode{op: "Attention", name: "past of another length", inputs: []any{q, k, k, nil, []int{2, 2, 1, 5}, []int{2, 2, 2, 5}}}, "past_key", false},
		{testNode{op: "Attention", name: "past of other heads", inputs: []any{q, k, k, nil, []int{2, 1, 1, 5}, []int{2, 1, 1, 5}}}, "differ on axis 1", false},
		{testNode{op: "Attention", name: "mask", opset: 23, inputs: []any{q, k, k, []int{3, 3}}}, "cannot be repeated", false},
		{testNode{op: "Attention", name: "mask of integers", inputs: []any{q, k, k, ints(1, 0, 1, 1)}}, "attn_mask of type int64", false},
		{testNode{op: "Attention", name: "lengths", inputs: []any{q, k, k, nil, nil, nil, ints(3, 5)}}, "nonpad_kv_seqlen of 5", false},
		{testNode{op: "Attention", name: "lengths of another batch", inputs: []any{q, k, k, nil, nil, nil, ints(3)}}, "nonpad_kv_seqlen is", false},
		{testNode{op: "Attention", name: "mode", output: 3, attrs: map[string]any{"qk_matmul_output_mode": 4}, inputs: []any{q, k, k}}, "qk_matmul_output_mode of 4", false},
		{testNode{op: "Attention", name: "huge mask", attrs: map[string]any{"is_causal": 1}, inputs: []any{[]int{1, 1, 1 << 20, 1}, []int{1, 1, 1 << 20, 1}, []int{1, 1, 1 << 20, 1}}}, "at most", false},
		{testNode{op: "RotaryEmbedding", name: "rank", inputs: []any{[]int{2, 4}, []int{2, 4}, []int{2, 4}}}, "3 or 4 axes", false},
		{testNode{op: "RotaryEmbedding", name: "heads", inputs: []any{[]int{2, 4, 6}, []int{2, 4, 3}, []int{2, 4, 3}}}, "num_heads of 0", false},
		{testNode{op: "RotaryEmbedding", name: "odd", inputs: []any{[]int{2, 1, 4, 5}, []int{2, 4, 2}, []int{2, 4, 2}}}, "rotary_embedding_dim of 5", false},
		{testNode{op: "RotaryEmbedding", name: "angles", inputs: []any{[]int{2, 1, 4, 6}, []int{2, 4, 3}, []int{2, 4, 2}}}, "input 2 has angles", false},
		{testNode{op: "RotaryEmbedding", name: "position", inputs: []any{[]int{1, 1, 1, 4}, []int{5, 2}, []int{5, 2}, nd.Of([]int64{5}, 1, 1)}}, "index 5", false},
	}
	for i := range tests {
		if tests[i].opset == 0 {
			tests[i].opset = 25
		}
	}
	checkFailures(t, tests)
}
