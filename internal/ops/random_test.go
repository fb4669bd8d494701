package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// drawnBy returns the elements of a node on constants.
func drawnBy(t *testing.T, n testNode) []float32 {
	t.Helper()
	y, _, err := n.build(NewBuilder(nil))
	if err != nil {
		t.Fatal(err)
	}
	a, ok := y.Constant()
	if !ok {
		t.Fatal("not known while compiling")
	}
	if a.DType() == nd.Int64 {
		v := make([]float32, a.Len())
		for i, x := range a.Int64s() {
			v[i] = float32(x)
		}
		return v
	}
	return a.Float32s()
}

// TestRandom: numbers have the mean and deviation asked for, to five deviations of the
// mean, and are the same every time.
func TestRandom(t *testing.T) {
	const n = 20000
	half := nd.New(nd.Float32, n)
	for i := range half.Float32s() {
		half.Float32s()[i] = 0.3
	}
	classes := nd.Of([]float32{float32(math.Log(0.5)), float32(math.Log(0.25)), float32(math.Log(0.25))}, 1, 3)
	for _, c := range []struct {
		testNode
		mean, deviation float64
	}{
		{testNode{op: "RandomNormal", attrs: map[string]any{"shape": []int{n}, "mean": 3.0, "scale": 2.0}}, 3, 2},
		{testNode{op: "RandomUniform", attrs: map[string]any{"shape": []int{2, n / 2}, "low": -1.0, "high": 3.0}}, 1, 4 / math.Sqrt(12)},
		{testNode{op: "RandomNormalLike", inputs: []any{half}}, 0, 1},
		{testNode{op: "RandomUniformLike", inputs: []any{half}}, 0.5, 1 / math.Sqrt(12)},
		{testNode{op: "Bernoulli", inputs: []any{half}}, 0.3, math.Sqrt(0.21)},
		{testNode{op: "Multinomial", attrs: map[string]any{"sample_size": n}, inputs: []any{classes}}, 0.75, math.Sqrt(0.6875)},
	} {
		t.Run(c.String(), func(t *testing.T) {
			v := drawnBy(t, c.testNode)
			var sum, squares float64
			for _, x := range v {
				sum, squares = sum+float64(x), squares+float64(x)*float64(x)
			}
			mean := sum / n
			deviation := math.Sqrt(squares/n - mean*mean)
			if len(v) != n || math.Abs(mean-c.mean) > 5*c.deviation/math.Sqrt(n) || math.Abs(deviation-c.deviation) > 0.05*c.deviation {
				t.Errorf("%d numbers with mean %v and deviation %v, want %v and %v", len(v), mean, deviation, c.mean, c.deviation)
			}
			if !slices.Equal(v, drawnBy(t, c.testNode)) {
				t.Error("other numbers the second time")
			}
		})
	}
	seeded := testNode{op: "RandomNormal", attrs: map[string]any{"shape": []int{4}, "seed": 1.5}}
	other := testNode{op: "RandomNormal", attrs: map[string]any{"shape": []int{4}, "seed": 2.5}}
	if slices.Equal(drawnBy(t, seeded), drawnBy(t, other)) {
		t.Error("two seeds draw the same numbers")
	}
	b := NewBuilder(nil)
	plain := &Call{Builder: b, Node: testNode{op: "RandomNormal", attrs: map[string]any{"shape": []int{4}}}.proto()}
	op, _ := Lookup("", "RandomNormal")
	first, _ := op.Build(plain)[0].Constant()
	second, _ := op.Build(plain)[0].Constant()
	if slices.Equal(first.Float32s(), second.Float32s()) {
		t.Error("two nodes without seeds draw the same numbers")
	}
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
