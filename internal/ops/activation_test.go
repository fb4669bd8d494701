package ops

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
)

// folded builds a node whose inputs are all constant and returns its output.
func folded(t *testing.T, n testNode) nd.Array {
	t.Helper()
	y, _, err := n.build(NewBuilder(nil))
	if err != nil {
		t.Fatal(err)
	}
	a, ok := y.Constant()
	if !ok {
		t.Fatal("the output is not known while compiling")
	}
	return a
}

var activationNodes = []testNode{
	{op: "Softplus", name: "long", inputs: []any{[]int{300}}, from: -9, to: 9},
	{op: "Gelu", opset: 20, inputs: []any{[]int{2, 5}}, from: -3, to: 3},
	{op: "Gelu", name: "tanh", opset: 20, inputs: []any{[]int{9}}, attrs: map[string]any{"approximate": "tanh"}, from: -3, to: 3},
	{op: "Swish", name: "alpha", opset: 24, inputs: []any{[]int{9}}, attrs: map[string]any{"alpha": 0.7}, from: -3, to: 3},
	{op: "Celu", inputs: []any{[]int{9}}, attrs: map[string]any{"alpha": 1.7}, from: -3, to: 3},
	{op: "ThresholdedRelu", inputs: []any{[]int{9}}, attrs: map[string]any{"alpha": 0.3}},
	{op: "Shrink", inputs: []any{[]int{9}}, attrs: map[string]any{"lambd": 0.3, "bias": 0.2}},
	{op: "PRelu", inputs: []any{[]int{2, 3, 4}, []int{3, 1}}},
	{op: "PRelu", name: "one slope", inputs: []any{[]int{2, 3}, []int{1}}},
	{op: "Dropout", inputs: []any{[]int{2, 3}, floats(0.5)}},
	{op: "Dropout", name: "training", inputs: []any{[]int{4, 5}, floats(0.3), nd.Scalar(true)}},
}

func TestActivationGradients(t *testing.T) {
	for _, n := range activationNodes {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

// TestActivationValues compares values with the definitions, computed in float64.
func TestActivationValues(t *testing.T) {
	xs := []float32{-100, -20, -5, -3, -1, -0.4, -1e-6, 0, 1e-6, 0.5, 1, 2.9, 3, 8, 30, 100}
	const a, g = 1.67326319217681884765625, 1.05070102214813232421875
	for _, c := range []struct {
		op    string
		attrs map[string]any
		f     func(x float64) float64
	}{
		{"Softplus", nil, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }},
		{"Softsign", nil, func(x float64) float64 { return x / (1 + math.Abs(x)) }},
		{"Mish", nil, func(x float64) float64 { return x * math.Tanh(max(x, 0)+math.Log1p(math.Exp(-math.Abs(x)))) }},
		{"HardSwish", nil, func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }},
		{"Gelu", nil, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }},
		{"Gelu", map[string]any{"approximate": "tanh"}, func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}},
		{"LeakyRelu", map[string]any{"alpha": 0.2}, func(x float64) float64 { return max(x, 0) + 0.2*min(x, 0) }},
		{"Elu", map[string]any{"alpha": 2.0}, func(x float64) float64 { return max(x, 0) + 2*math.Expm1(min(x, 0)) }},
		{"Selu", nil, func(x float64) float64 { return g * (max(x, 0) + a*math.Expm1(min(x, 0))) }},
		{"Celu", map[string]any{"alpha": 2.0}, func(x float64) float64 { return max(x, 0) + 2*math.Expm1(min(x, 0)/2) }},
		{"HardSigmoid", nil, func(x float64) float64 { return max(0, min(1, 0.2*x+0.5)) }},
		{"Swish", nil, func(x float64) float64 { return x / (1 + math.Exp(-x)) }},
		{"Shrink", map[string]any{"lambd": 1.0, "bias": 0.5}, func(x float64) float64 {
			switch {
			case x < -1:
				return x + 0.5
			case x > 1:
				return x - 0.5
			}
			return 0
		}},
	} {
		n := testNode{op: c.op, opset: 24, attrs: c.attrs, inputs: []any{floats(xs...)}}
		t.Run(n.String(), func(t *testing.T) {
			got := folded(t, n).Float32s()
			for i, x := range xs {
				want := c.f(float64(x))
				if d := math.Abs(float64(got[i]) - want); !(d <= 2e-6*math.Abs(want)+1e-30) && d > 1e-6 {
					t.Errorf("at %v: %v, want %v", x, got[i], want)
				}
			}
		})
	}
}

// TestKinks fixes the derivatives at kinks to those of the golden corpus.
func TestKinks(t *testing.T) {
	for _, c := range []struct {
		op   string
		at   float32
		want float32
	}{
		{"Relu", 0, 0},
		{"LeakyRelu", 0, 1},
		{"Elu", 0, 1},
		{"Selu", 0, 1.67326319 * 1.05070102},
		{"HardSigmoid", 2.5, 0.2},
		{"HardSigmoid", -2.5, 0.2},
		{"HardSwish", 3, 1.5},
		{"HardSwish", -3, -0.5},
		{"Abs", 0, 0},
	} {
		b := NewBuilder(nil)
		y, vars, err := testNode{op: c.op, inputs: []any{[]int{1}}}.build(b)
		if err != nil {
			t.Fatal(err)
		}
		gx := y.op.diff(y, b.Full(1, 1))[0]
		got := evaluate(gx, map[*Value]nd.Array{vars[0]: floats(c.at)}, map[*Value]nd.Array{}).Float32s()[0]
		if math.Abs(float64(got-c.want)) > 1e-5 {
			t.Errorf("%s'(%v) = %v, want %v", c.op, c.at, got, c.want)
		}
	}
}

func TestDropoutMask(t *testing.T) {
	x := floats(1, 2, 3)
	checkValues(t, []valueTest{
		{testNode{op: "Dropout", output: 1, inputs: []any{x}}, bools(true, true, true)},
		{testNode{op: "Dropout", name: "opset 7", opset: 7, output: 1, inputs: []any{x}}, floats(1, 1, 1)},
		{testNode{op: "Dropout", name: "nothing dropped", inputs: []any{x, floats(0), bools(true)}}, x},
	})
}

// TestDropoutTraining: a share of the elements is left out, the others are larger, the same
// ones for a seed in every run.
func TestDropoutTraining(t *testing.T) {
	ones := nd.New(nd.Float32, 100, 100)
	for i := range ones.Float32s() {
		ones.Float32s()[i] = 1
	}
	run := func(seed, output int) nd.Array {
		t.Helper()
		y, _, err := testNode{op: "Dropout", output: output, attrs: map[string]any{"seed": seed}, inputs: []any{ones, floats(0.2), nd.Scalar(true)}}.build(NewBuilder(nil))
		if err != nil {
			t.Fatal(err)
		}
		a, ok := y.Constant()
		if !ok {
			t.Fatal("not constant")
		}
		return a
	}
	y, mask, left := run(7, 0), run(7, 1), 0
	for i, v := range y.Float32s() {
		want := float32(0)
		if mask.Bools()[i] {
			left++
			want = 1 / (1 - float32(0.2))
		}
		if v != want {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
	if left < 7800 || left > 8200 { // five standard deviations of 40
		t.Errorf("%d of 10000 elements are left", left)
	}
	if sameArray(run(7, 0), y) != nil || sameArray(run(8, 0), y) == nil {
		t.Error("the seed does not tell which elements are left")
	}
}

func TestActivationFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode{op: "Gelu", attrs: map[string]any{"approximate": "erf"}, inputs: []any{[]int{2}}}, "neither", false},
		{testNode{op: "Celu", attrs: map[string]any{"alpha": 0.0}, inputs: []any{[]int{2}}}, "alpha of 0", false},
		{testNode{op: "PRelu", inputs: []any{[]int{2}, []int{3, 2}}}, "cannot be repeated", false},
		{testNode{op: "PRelu", name: "other sizes", inputs: []any{[]int{2}, []int{3}}}, "cannot be broadcast", false},
		{testNode{op: "Relu", inputs: []any{ints(1)}}, "type int64", false},
		{testNode{op: "Elu", attrs: map[string]any{"alpha": "1"}, inputs: []any{[]int{2}}}, "attribute", false},
		{testNode{op: "Dropout", inputs: []any{[]int{2}, floats(1), nd.Scalar(true)}}, "a ratio of 1", false},
		{testNode{op: "Dropout", name: "mode of two elements", inputs: []any{[]int{2}, nil, bools(true, true)}}, "one bool", false},
	})
}
