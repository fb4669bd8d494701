package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestRoiAlign: outputs are compared with onnxruntime's in package gradient
// (testdata/contrib).
func TestRoiAlign(t *testing.T) {
	regions := nd.Of([]float32{0, 0, 4, 3, 1.2, 0.7, 3.5, 3.9, -2, -1, 9, 9}, 3, 4)
	x, images := []int{2, 2, 4, 5}, ints(0, 1, 1)
	size := func(kv ...any) map[string]any {
		m := map[string]any{"output_height": 2, "output_width": 3}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	for _, n := range []testNode{
		{op: "RoiAlign", attrs: size("sampling_ratio", 2, "spatial_scale", 0.5), inputs: []any{x, regions, images}},
		{op: "RoiAlign", name: "a point an element", attrs: size(), inputs: []any{x, regions, images}},
		{op: "RoiAlign", name: "largest", attrs: size("mode", "max", "sampling_ratio", 2), inputs: []any{x, regions, images}, from: 1, to: 9},
		{op: "RoiAlign", name: "opset 10", opset: 10, attrs: size("sampling_ratio", 1), inputs: []any{x, regions, images}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
	checkFailures(t, []failureTest{
		{testNode{op: "RoiAlign", inputs: []any{x, regions, ints(0)}}, "batch indices of [1]", false},
		{testNode{op: "RoiAlign", name: "image", inputs: []any{nd.New(nd.Float32, x...), regions, ints(0, 1, 2)}}, "index 2", false},
		{testNode{op: "RoiAlign", name: "far away", inputs: []any{nd.New(nd.Float32, x...), nd.Of([]float32{0, 0, 1e9, 1}, 1, 4), ints(0)}}, "a region at 1e+09", false},
		{testNode{op: "RoiAlign", name: "mode", attrs: size("mode", "min"), inputs: []any{x, regions, images}}, `mode "min"`, false},
		{testNode{op: "RoiAlign", name: "cells", attrs: size("output_width", 0), inputs: []any{x, regions, images}}, "2×0 cells", false},
	})
}
