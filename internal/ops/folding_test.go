package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestFoldingValues(t *testing.T) {
	checkValues(t, []valueTest{
		// Blocks of 2 × 2 that overlap in the middle column.
		{testNode{op: "Col2Im", opset: 18, inputs: []any{nd.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 1, 4, 2), ints(2, 3), ints(2, 2)}}, nd.Of([]float32{1, 5, 4, 5, 13, 8}, 1, 1, 2, 3)},
		{testNode{op: "Col2Im", name: "padding, stride", opset: 18, attrs: map[string]any{"pads": []int{1, 0}, "strides": []int{2}}, inputs: []any{nd.Of([]float32{1, 2, 3, 4}, 1, 2, 2), ints(3), ints(2)}}, nd.Of([]float32{3, 2, 4}, 1, 1, 3)},
		{testNode{op: "AffineGrid", opset: 20, inputs: []any{nd.Of([]float32{2, 0, 1, 0, 1, 0}, 1, 2, 3), ints(1, 1, 1, 2)}}, nd.Of([]float32{0, 0, 2, 0}, 1, 1, 2, 2)},
		{testNode{op: "AffineGrid", name: "corners", opset: 20, attrs: map[string]any{"align_corners": 1}, inputs: []any{nd.Of([]float32{1, 0, 0, 1, 1, 0}, 1, 2, 3), ints(1, 1, 2, 2)}}, nd.Of([]float32{-1, -2, 1, 0, -1, 0, 1, 2}, 1, 2, 2, 2)},
	})
}

func TestFoldingGradients(t *testing.T) {
	for _, n := range []testNode{
		{op: "Col2Im", opset: 18, attrs: map[string]any{"dilations": []int{2, 1}, "strides": []int{1, 2}, "pads": []int{0, 1, 1, 0}}, inputs: []any{[]int{2, 12, 6}, ints(4, 4), ints(2, 3)}},
		{op: "AffineGrid", opset: 20, inputs: []any{[]int{2, 2, 3}, ints(2, 1, 3, 2)}},
		{op: "AffineGrid", name: "3-D", opset: 20, attrs: map[string]any{"align_corners": 1}, inputs: []any{[]int{1, 3, 4}, ints(1, 1, 2, 1, 2)}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestFoldingFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "Col2Im", opset: 18, inputs: []any{[]int{1, 4, 3}, ints(2, 3), ints(2, 2)}}, want: "are expected"},
		{testNode: testNode{op: "Col2Im", name: "block", opset: 18, inputs: []any{[]int{1, 4, 2}, ints(2, 3), ints(2, 4)}}, want: "do not fit"},
		{testNode: testNode{op: "Col2Im", name: "stride", opset: 18, attrs: map[string]any{"strides": []int{0, 1}}, inputs: []any{[]int{1, 4, 2}, ints(2, 3), ints(2, 2)}}, want: "strides [0 1]"},
		{testNode: testNode{op: "Col2Im", name: "huge", opset: 18, inputs: []any{[]int{1, 1, 1}, ints(1<<31-1, 1<<31-1), ints(1, 1)}}, want: "are expected"},
		{testNode: testNode{op: "AffineGrid", opset: 20, inputs: []any{[]int{1, 2, 2}, ints(1, 1, 2, 2)}}, want: "maps of shape [1 2 2]"},
	})
}

func TestLossValues(t *testing.T) {
	scores := nd.Of([]float32{-1, -2, -3, -4, -5, -6}, 2, 3)
	nll := func(name string, attrs map[string]any, want nd.Array, inputs ...any) valueTest {
		return valueTest{testNode{op: "NegativeLogLikelihoodLoss", name: name, attrs: attrs, inputs: inputs}, want}
	}
	checkValues(t, []valueTest{
		nll("mean", nil, nd.Scalar(float32(3)), scores, ints(1, 0)),
		nll("sum", map[string]any{"reduction": "sum"}, nd.Scalar(float32(6)), scores, ints(1, 0)),
		nll("none, weighted", map[string]any{"reduction": "none"}, floats(1, 8), scores, ints(1, 0), floats(2, 0.5, 1)),
		nll("mean, weighted", nil, nd.Scalar(float32(9/2.5)), scores, ints(1, 0), floats(2, 0.5, 1)),
		nll("ignored", map[string]any{"ignore_index": -100}, nd.Scalar(float32(4)), scores, ints(-100, 0)),
		{testNode{op: "SoftmaxCrossEntropyLoss", inputs: []any{nd.Of([]float32{0, 0, 1, 1}, 2, 2), ints(1, 0)}}, nd.Scalar(float32(0.6931472))},
	})
}

func TestLossGradients(t *testing.T) {
	labels := nd.Of([]int64{0, 2, 1, 1}, 2, 2)
	for _, n := range []testNode{
		{op: "NegativeLogLikelihoodLoss", attrs: map[string]any{"ignore_index": 2}, inputs: []any{[]int{2, 3, 2}, labels, []int{3}}, from: 0.5, to: 1.5},
		{op: "SoftmaxCrossEntropyLoss", inputs: []any{[]int{2, 3, 2}, labels}},
		{op: "SoftmaxCrossEntropyLoss", name: "probabilities", output: 1, inputs: []any{[]int{2, 3, 2}, labels}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestLossFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "NegativeLogLikelihoodLoss", inputs: []any{[]int{2, 3}, ints(1)}}, want: "labels int64[1]"},
		{testNode: testNode{op: "SoftmaxCrossEntropyLoss", inputs: []any{[]int{2, 3}, ints(1, 0), floats(1)}}, want: "weights of shape [1]"},
		{testNode: testNode{op: "SoftmaxCrossEntropyLoss", name: "reduction", attrs: map[string]any{"reduction": "max"}, inputs: []any{[]int{2, 3}, ints(1, 0)}}, want: `reduction "max"`},
	})
}
