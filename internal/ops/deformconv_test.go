package ops

import "testing"

// TestDeformConv: values are compared with ONNX's reference in package gradient
// (testdata/nodes).
func TestDeformConv(t *testing.T) {
	x, w := []int{2, 4, 5, 6}, []int{6, 2, 3, 3}
	attrs := map[string]any{"group": 2, "offset_group": 2, "pads": []int{1, 1, 1, 1}, "strides": []int{2, 2}}
	offset, mask := []int{2, 36, 3, 3}, []int{2, 18, 3, 3}
	// Offsets from 0.1 to 0.4 stay clear of the elements, where the slope changes.
	for _, n := range []testNode{
		{op: "DeformConv", opset: 19, attrs: attrs, inputs: []any{x, w, offset, []int{6}, mask}, from: 0.1, to: 0.4},
		{op: "DeformConv", name: "plain", opset: 22, inputs: []any{[]int{1, 2, 4, 3}, []int{1, 2, 2, 2}, []int{1, 8, 3, 2}}, from: 0.1, to: 0.4},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
	at := func(inputs ...any) testNode {
		return testNode{op: "DeformConv", opset: 19, attrs: attrs, inputs: inputs}
	}
	checkFailures(t, []failureTest{
		{at(x, w, []int{2, 18, 3, 3}), "offsets of shape [2 18 3 3]; [2 36 3 3] is expected", false},
		{at(x, w, offset, []int{6}, []int{2, 9, 3, 3}), "a mask of shape [2 9 3 3]; [2 18 3 3] is expected", false},
		{at(x, w, offset, []int{5}), "bias of shape [5] for 6 channels", false},
		{at(x, []int{6, 3, 3, 3}, offset), "in 2 groups", false},
		{at(x, w, []int{2}), "offsets of shape [2]", false},
		{at([]int{1, 1, 2, 2, 2}, []int{1, 1, 1, 1, 1}, offset), "3 spatial axes", true},
	})
}
