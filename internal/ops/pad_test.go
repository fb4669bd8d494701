package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestPadGradients(t *testing.T) {
	for _, n := range []testNode{
		{op: "Pad", inputs: []any{[]int{2, 3}, ints(1, 0, 0, 2)}},
		{op: "Pad", name: "value", inputs: []any{[]int{2, 3}, ints(1, 0, 0, 2), []int{}}},
		{op: "Pad", name: "negative", inputs: []any{[]int{3, 4}, ints(-1, 2, 0, -1), []int{1}}},
		{op: "Pad", name: "only negative", inputs: []any{[]int{3, 4}, ints(-1, 0, -1, -1), []int{}}},
		{op: "Pad", name: "axes", opset: 18, inputs: []any{[]int{2, 3, 2}, ints(1, 0, 2, 1), nil, ints(-1, 0)}},
		{op: "Pad", name: "opset 2", opset: 7, attrs: map[string]any{"pads": []int{0, 1, 1, 0}, "value": 2.5}, inputs: []any{[]int{2, 2}}},
		{op: "Pad", name: "reflect", attrs: map[string]any{"mode": "reflect"}, inputs: []any{[]int{3, 4}, ints(2, 1, 1, 3)}},
		{op: "Pad", name: "edge", attrs: map[string]any{"mode": "edge"}, inputs: []any{[]int{2, 3}, ints(0, 2, 3, 0)}},
		{op: "Pad", name: "wrap", opset: 19, attrs: map[string]any{"mode": "wrap"}, inputs: []any{[]int{2, 3}, ints(1, 2, 3, -1)}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestPadValues(t *testing.T) {
	mode := func(m string) map[string]any { return map[string]any{"mode": m} }
	checkValues(t, []valueTest{
		{testNode{op: "Pad", inputs: []any{ints(1, 2), ints(1, 2), nd.Scalar[int64](7)}}, ints(7, 1, 2, 7, 7)},
		{testNode{op: "Pad", name: "bool", inputs: []any{bools(true), ints(1, 0)}}, bools(false, true)},
		{testNode{op: "Pad", name: "nothing left", inputs: []any{floats(1, 2), ints(-1, -1)}}, floats()},
		{testNode{op: "Pad", name: "cut and filled", inputs: []any{floats(1, 2, 3), ints(-2, 2), nd.Scalar[float32](9)}}, floats(3, 9, 9)},
		{testNode{op: "Pad", name: "of an empty axis", inputs: []any{floats(), ints(1, 1), nd.Scalar[float32](9)}}, floats(9, 9)},
		{testNode{op: "Pad", name: "reflect", attrs: mode("reflect"), inputs: []any{ints(1, 2, 3), ints(2, 1)}}, ints(3, 2, 1, 2, 3, 2)},
		{testNode{op: "Pad", name: "reflect twice", attrs: mode("reflect"), inputs: []any{ints(1, 2, 3), ints(5, 0)}}, ints(2, 1, 2, 3, 2, 1, 2, 3)},
		{testNode{op: "Pad", name: "reflect one", attrs: mode("reflect"), inputs: []any{ints(4), ints(2, 1)}}, ints(4, 4, 4, 4)},
		{testNode{op: "Pad", name: "edge", attrs: mode("edge"), inputs: []any{bools(true, false), ints(1, 2)}}, bools(true, true, false, false, false)},
		{testNode{op: "Pad", name: "wrap", attrs: mode("wrap"), inputs: []any{ints(1, 2, 3), ints(4, 2)}}, ints(3, 1, 2, 3, 1, 2, 3, 1, 2)},
		{testNode{op: "Pad", name: "cut, then wrapped", attrs: mode("wrap"), inputs: []any{ints(1, 2, 3), ints(-1, 3)}}, ints(2, 3, 2, 3, 2)},
	})
}

func TestPadFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "Pad", inputs: []any{[]int{2, 3}, ints(1, 1)}}, want: "2 pads for 2 axes"},
		{testNode: testNode{op: "Pad", name: "without", opset: 7, inputs: []any{[]int{2, 3}}}, want: "0 pads for 2 axes"},
		{testNode: testNode{op: "Pad", name: "too negative", inputs: []any{[]int{2}, ints(-1, -2)}}, want: "pads -1 and -2 on an axis of 2"},
		{testNode: testNode{op: "Pad", name: "huge", inputs: []any{[]int{2}, ints(1<<62, 1<<62)}}, want: "pads ["},
		{testNode: testNode{op: "Pad", name: "large", inputs: []any{[]int{2, 2}, ints(1<<30, 1<<30, 0, 0)}, attrs: map[string]any{"mode": "edge"}}, want: "at most"},
		{testNode: testNode{op: "Pad", name: "mode", inputs: []any{[]int{2}, ints(1, 0)}, attrs: map[string]any{"mode": "zero"}}, want: `mode "zero"`},
		{testNode: testNode{op: "Pad", name: "empty axis", inputs: []any{[]int{0}, ints(1, 0)}, attrs: map[string]any{"mode": "edge"}}, want: "on an empty axis"},
		{testNode: testNode{op: "Pad", name: "axes", opset: 18, inputs: []any{[]int{2, 2}, ints(1, 0, 1, 0), nil, ints(1, -1)}}, want: "name one axis twice"},
		{testNode: testNode{op: "Pad", name: "value", inputs: []any{[]int{2}, ints(1, 0), ints(0)}}, want: "padding value of type int64"},
		{testNode: testNode{op: "Pad", name: "run-time pads", inputs: []any{[]int{1}, []int{2}}}, want: "not an integer type"},
	})
}
