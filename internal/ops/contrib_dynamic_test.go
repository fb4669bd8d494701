package ops

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
	"gorgonia.org/gorgonia"
)

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
