package ops

import (
	"fmt"
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestGridSampleGradients(t *testing.T) {
	// Coordinates at which no point lies on a kink: inside the image, outside, and
	// outside but reflected to the inside.
	between := map[string][2]float32{"zeros": {-1.18, -1.08}, "border": {0.1, 0.18}, "reflection": {-1.48, -1.42}}
	for _, mode := range []string{"linear", "cubic"} {
		for _, padding := range []string{"zeros", "border", "reflection"} {
			for align := range 2 {
				for r := 1; r <= 2; r++ {
					n := testNode{op: "GridSample", name: fmt.Sprint(mode, padding, align, r), opset: 20,
						attrs:  map[string]any{"mode": mode, "padding_mode": padding, "align_corners": align},
						inputs: []any{append([]int{2, 3}, []int{4, 5}[:r]...), append(append([]int{2}, []int{3, 2}[:r]...), r)},
						from:   between[padding][0], to: between[padding][1]}
					t.Run(n.String(), func(t *testing.T) { check(t, n) })
				}
			}
		}
	}
	for _, n := range []testNode{
		{op: "GridSample", attrs: map[string]any{"mode": "bilinear"}, inputs: []any{[]int{1, 2, 3, 3}, nd.Of([]float32{-0.9, 0.4, 0.1, 1.3, -3, 9}, 1, 3, 1, 2)}},
		{op: "GridSample", name: "nearest", attrs: map[string]any{"mode": "nearest"}, inputs: []any{[]int{1, 2, 3, 3}, nd.Of([]float32{-0.9, 0.4, 0.1, 1.3}, 1, 2, 1, 2)}},
		{op: "GridSample", name: "volume", opset: 20, inputs: []any{[]int{1, 2, 3, 2, 4}, []int{1, 2, 1, 2, 3}}, from: 0.26, to: 0.45},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestGridSampleValues(t *testing.T) {
	image := nd.Of([]float32{0, 1, 2, 3}, 1, 1, 2, 2)
	attrs := func(mode, padding string, align int) map[string]any {
		return map[string]any{"mode": mode, "padding_mode": padding, "align_corners": align}
	}
	at := func(x, y float32) []any { return []any{image, nd.Of([]float32{x, y}, 1, 1, 1, 2)} }
	one := func(v float32) nd.Array { return nd.Of([]float32{v}, 1, 1, 1, 1) }
	checkValues(t, []valueTest{
		{testNode{op: "GridSample", name: "centre", attrs: attrs("bilinear", "zeros", 0), inputs: at(0, 0)}, one(1.5)},
		{testNode{op: "GridSample", name: "corner", attrs: attrs("bilinear", "zeros", 1), inputs: at(1, -1)}, one(1)},
		{testNode{op: "GridSample", name: "outer corner", attrs: attrs("bilinear", "zeros", 0), inputs: at(1, -1)}, one(0.25)},
		{testNode{op: "GridSample", name: "border", attrs: attrs("bilinear", "border", 0), inputs: at(7, 7)}, one(3)},
		{testNode{op: "GridSample", name: "reflected", attrs: attrs("nearest", "reflection", 1), inputs: at(2.9, -1)}, one(0)},
		{testNode{op: "GridSample", name: "reflected at the edge", attrs: attrs("nearest", "reflection", 0), inputs: at(1.4, 1)}, one(3)},
		{testNode{op: "GridSample", name: "cubic", attrs: attrs("bicubic", "border", 0), inputs: at(0, 0)}, one(1.5)},
		{testNode{op: "GridSample", name: "far away", attrs: attrs("bilinear", "zeros", 0), inputs: at(3e38, 0)}, one(0)},
	})
}

func TestGridSampleFailures(t *testing.T) {
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "GridSample", inputs: []any{[]int{1, 1, 2, 2}, []int{1, 1, 1, 3}}}, want: "points of shape [1 1 1 3]"},
		{testNode: testNode{op: "GridSample", name: "batch", inputs: []any{[]int{1, 1, 2, 2}, []int{2, 1, 1, 2}}}, want: "points of shape [2 1 1 2]"},
		{testNode: testNode{op: "GridSample", name: "vector", inputs: []any{[]int{1}, []int{1}}}, want: "points of shape [1]"},
		{testNode: testNode{op: "GridSample", name: "empty", inputs: []any{[]int{1, 1, 0}, []int{1, 1, 1}}}, want: "are empty"},
		{testNode: testNode{op: "GridSample", name: "mode", attrs: map[string]any{"mode": "area"}, inputs: []any{[]int{1, 1, 2}, []int{1, 1, 1}}}, want: `mode "area"`},
		{testNode: testNode{op: "GridSample", name: "padding", attrs: map[string]any{"padding_mode": "wrap"}, inputs: []any{[]int{1, 1, 2}, []int{1, 1, 1}}}, want: `padding_mode "wrap"`},
		{testNode: testNode{op: "GridSample", name: "axes", inputs: []any{[]int{1, 1, 2, 2, 2, 2}, []int{1, 1, 1, 1, 1, 4}}}, want: "4 spatial axes", unsupported: true},
	})
}
