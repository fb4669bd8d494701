package ops

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
)

func inML(nodes []testNode) []testNode {
	for i := range nodes {
		nodes[i].domain = MLDomain
	}
	return nodes
}

// mlNodes are compared with onnxruntime in package gradient (testdata/contrib).
func mlNodes() []testNode {
	return inML([]testNode{
		{op: "Scaler", attrs: map[string]any{"offset": []float32{1, 2, 3}, "scale": []float32{2}}, inputs: []any{[]int{2, 3}}},
		{op: "Normalizer", attrs: map[string]any{"norm": "L2"}, inputs: []any{[]int{2, 3}}},
		{op: "Normalizer", name: "L1", attrs: map[string]any{"norm": "L1"}, inputs: []any{[]int{2, 3}}, from: 0.5, to: 1},
		{op: "Normalizer", name: "maximum", inputs: []any{[]int{2, 3}}, from: 0.5, to: 3},
		{op: "Imputer", attrs: map[string]any{"imputed_value_floats": []float32{4}, "replaced_value_float": math.NaN()}, inputs: []any{[]int{2, 3}}},
		{op: "FeatureVectorizer", inputs: []any{[]int{2, 3}, []int{2, 1}}},
		{op: "ArrayFeatureExtractor", inputs: []any{[]int{2, 3}, ints(2, 2, 0)}},
		{op: "LinearRegressor", attrs: map[string]any{"coefficients": []float32{1, -2, 3}, "post_transform": "LOGISTIC"}, inputs: []any{[]int{2, 3}}},
		{op: "LinearClassifier", output: 1, attrs: map[string]any{"coefficients": []float32{1, -2, 3, 2}, "classlabels_ints": []int{3, 4}, "post_transform": "SOFTMAX_ZERO"}, inputs: []any{[]int{2, 2}}},
		{op: "LinearClassifier", name: "one score", output: 1, attrs: map[string]any{"coefficients": []float32{1, -2}, "intercepts": []float32{1}, "classlabels_strings": []string{"a", "b"}, "post_transform": "LOGISTIC"}, inputs: []any{[]int{2, 2}}},
		{op: "ZipMap", inputs: []any{[]int{2, 3}}},
		{op: "Binarizer", noGrad: true, inputs: []any{[]int{2, 3}}},
	})
}

func TestMLGradients(t *testing.T) {
	for _, n := range mlNodes() {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestLabelEncoderValues(t *testing.T) {
	nan := float32(math.NaN())
	checkValues(t, []valueTest{
		{testNode{domain: MLDomain, op: "LabelEncoder", attrs: map[string]any{"keys_int64s": []int{5, 7, 5}, "values_int64s": []int{1, 2, 3}}, inputs: []any{ints(7, 5, 9)}}, ints(2, 1, -1)},
		{testNode{domain: MLDomain, op: "LabelEncoder", name: "of floats", attrs: map[string]any{"keys_floats": []float32{0.5, nan}, "values_floats": []float32{10, 20}, "default_float": 3.0}, inputs: []any{floats(nan, 0.5, 1)}}, floats(20, 10, 3)},
		{testNode{domain: MLDomain, op: "LabelEncoder", name: "to strings", attrs: map[string]any{"keys_int64s": []int{5, 7, 8}, "values_strings": []string{"x", "y", "x"}}, inputs: []any{ints(8, 7, 9)}}, ints(0, 1, 3)},
		{testNode{domain: MLDomain, op: "LabelEncoder", name: "opset 1", attrs: map[string]any{"classes_strings": []string{"x", "y"}}, inputs: []any{ints(1, 0, 4)}}, ints(1, 0, 2)},
		{testNode{domain: MLDomain, op: "OneHotEncoder", attrs: map[string]any{"cats_int64s": []int{4, 2}}, inputs: []any{floats(2, 4, 3)}}, nd.Of([]float32{0, 1, 1, 0, 0, 0}, 3, 2)},
	})
}

// TestStrings: a classifier's labels that are strings are positions, which an encoder maps on.
func TestStrings(t *testing.T) {
	b := NewBuilder(nil)
	build := func(n testNode, inputs ...*Value) []*Value {
		t.Helper()
		p := n.proto()
		p.Domain = &n.domain
		c := &Call{Builder: b, Node: p, Opset: 17, Inputs: inputs}
		op, _ := Lookup(n.domain, n.op)
		var out []*Value
		if err := Catch(func() { out = c.Outputs(op) }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	label := build(testNode{domain: MLDomain, op: "LinearClassifier", attrs: map[string]any{"coefficients": []float32{1, -1}, "classlabels_strings": []string{"no", "yes"}}},
		b.Const(nd.Of([]float32{3, -3}, 2, 1)))[0]
	label = build(testNode{op: "Reshape"}, label, b.Ints(2, 1))[0]
	number := build(testNode{domain: MLDomain, op: "LabelEncoder", attrs: map[string]any{"keys_strings": []string{"yes", "no"}, "values_int64s": []int{1, 0}}}, label)[0]
	got, _ := number.Constant()
	if err := sameArray(got, nd.Of([]int64{0, 1}, 2, 1)); err != nil {
		t.Error(err)
	}
	if StringsIn("", "Cast") || StringsIn("", "Add") || !StringsIn(MLDomain, "LabelEncoder") {
		t.Error("operators that compute take strings")
	}
}

func TestMLFailures(t *testing.T) {
	tests := []failureTest{
		{testNode{op: "Scaler", attrs: map[string]any{"scale": []float32{1, 2}}, inputs: []any{[]int{2, 3}}}, `attribute "scale" has 2 numbers`, false},
		{testNode{op: "Scaler", name: "scalar", inputs: []any{[]int{}}}, "no axes", false},
		{testNode{op: "Normalizer", attrs: map[string]any{"norm": "L7"}, inputs: []any{[]int{2, 3}}}, `norm "L7"`, false},
		{testNode{op: "Imputer", inputs: []any{[]int{2, 3}}}, "imputed_value_floats", false},
		{testNode{op: "OneHotEncoder", inputs: []any{ints(1)}}, "no integers", true},
		{testNode{op: "OneHotEncoder", name: "unknown", attrs: map[string]any{"cats_int64s": []int{4}, "zeros": 0}, inputs: []any{ints(1)}}, "1 is none of the categories", false},
		{testNode{op: "LinearRegressor", attrs: map[string]any{"coefficients": []float32{1}}, inputs: []any{[]int{2, 3}}}, "1 coefficients", false},
		{testNode{op: "LinearClassifier", attrs: map[string]any{"coefficients": []float32{1, 2, 3}, "intercepts": []float32{1}}, inputs: []any{[]int{2, 3}}}, "0 labels for 1 scores", false},
		{testNode{op: "LinearRegressor", name: "transform", attrs: map[string]any{"coefficients": []float32{1, 2, 3}, "post_transform": "PROBIT"}, inputs: []any{[]int{2, 3}}}, "PROBIT", true},
		{testNode{op: "LabelEncoder", inputs: []any{ints(1)}}, "neither keys_int64s nor", false},
		{testNode{op: "LabelEncoder", name: "lengths", attrs: map[string]any{"keys_int64s": []int{1}, "values_int64s": []int{1, 2}}, inputs: []any{ints(1)}}, "1 keys and 2 values", false},
		{testNode{op: "LabelEncoder", name: "types", attrs: map[string]any{"keys_floats": []float32{1}, "values_int64s": []int{1}}, inputs: []any{ints(1)}}, "another type", true},
	}
	for i := range tests {
		tests[i].domain = MLDomain
	}
	checkFailures(t, tests)
}
