package ops

import (
	"fmt"
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestResizeGradients(t *testing.T) {
	tests := []testNode{
		{op: "Resize", inputs: []any{[]int{1, 2, 3, 2}, nil, floats(1, 1, 2, 3)}},
		{op: "Resize", name: "nearest, shrinking", inputs: []any{[]int{2, 7}, nil, nil, ints(2, 3)}},
		{op: "Resize", name: "opset 10", opset: 10, attrs: map[string]any{"mode": "linear"}, inputs: []any{[]int{1, 1, 3, 2}, floats(1, 1, 2, 1.5)}},
		{op: "Resize", name: "axes", opset: 18, attrs: map[string]any{"mode": "linear", "axes": []int{-1, 0}}, inputs: []any{[]int{3, 2, 4}, nil, nil, ints(3, 5)}},
		{op: "Resize", name: "antialias", opset: 18, attrs: map[string]any{"mode": "linear", "antialias": 1}, inputs: []any{[]int{2, 9}, nil, nil, ints(2, 4)}},
		{op: "Resize", name: "cubic antialias", opset: 18, attrs: map[string]any{"mode": "cubic", "antialias": 1, "exclude_outside": 1}, inputs: []any{[]int{2, 9}, nil, nil, ints(2, 4)}},
		{op: "Resize", name: "not_larger", opset: 18, attrs: map[string]any{"mode": "linear", "keep_aspect_ratio_policy": "not_larger"}, inputs: []any{[]int{3, 4}, nil, nil, ints(7, 8)}},
		{op: "Upsample", opset: 9, inputs: []any{[]int{1, 1, 2, 2}, floats(1, 1, 2, 2)}},
		{op: "Upsample", name: "opset 7", opset: 7, attrs: map[string]any{"scales": []float32{1, 2}, "mode": "linear"}, inputs: []any{[]int{2, 3}}},
		{op: "Resize", name: "crop", attrs: map[string]any{"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 3.5},
			inputs: []any{[]int{2, 4}, floats(0, -0.2, 1, 0.9), nil, ints(2, 5)}},
	}
	for _, coordinates := range []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"} {
		for _, mode := range []string{"linear", "cubic"} {
			for _, exclude := range []int{0, 1} {
				tests = append(tests, testNode{op: "Resize", name: fmt.Sprint(coordinates, mode, exclude),
					attrs:  map[string]any{"mode": mode, "coordinate_transformation_mode": coordinates, "exclude_outside": exclude},
					inputs: []any{[]int{2, 5}, nil, floats(2.3, 0.7)}})
			}
		}
	}
	for _, n := range tests {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestResizeValues(t *testing.T) {
	attrs := func(mode, coordinates, nearest string) map[string]any {
		return map[string]any{"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": nearest}
	}
	up := []any{floats(1, 2), nil, nil, ints(4)}
	half := []any{ints(1, 2, 3, 4), nil, floats(0.5)}
	checkValues(t, []valueTest{
		{testNode{op: "Resize", inputs: []any{ints(1, 2), nil, floats(2)}}, ints(1, 1, 2, 2)},
		{testNode{op: "Resize", name: "bool", inputs: []any{bools(true, false), nil, floats(1.5)}}, bools(true, true, false)},
		{testNode{op: "Resize", name: "floor", attrs: attrs("nearest", "half_pixel", "floor"), inputs: half}, ints(1, 3)},
		{testNode{op: "Resize", name: "ceil", attrs: attrs("nearest", "half_pixel", "ceil"), inputs: half}, ints(2, 4)},
		{testNode{op: "Resize", name: "round down", attrs: attrs("nearest", "half_pixel", "round_prefer_floor"), inputs: half}, ints(1, 3)},
		{testNode{op: "Resize", name: "round up", attrs: attrs("nearest", "half_pixel", "round_prefer_ceil"), inputs: half}, ints(2, 4)},
		{testNode{op: "Resize", name: "tf_half_pixel_for_nn", opset: 11, attrs: attrs("nearest", "tf_half_pixel_for_nn", "floor"), inputs: half}, ints(2, 4)},
		{testNode{op: "Resize", name: "half_pixel", attrs: attrs("linear", "half_pixel", "floor"), inputs: up}, floats(1, 1.25, 1.75, 2)},
		{testNode{op: "Resize", name: "align_corners", attrs: attrs("linear", "align_corners", "floor"), inputs: up}, floats(1, 4./3, 5./3, 2)},
		{testNode{op: "Resize", name: "asymmetric", attrs: attrs("linear", "asymmetric", "floor"), inputs: up}, floats(1, 1.5, 2, 2)},
		{testNode{op: "Resize", name: "to one", attrs: attrs("linear", "pytorch_half_pixel", "floor"), inputs: []any{floats(1, 2, 4), nil, nil, ints(1)}}, floats(1)},
		{testNode{op: "Resize", name: "cubic", attrs: attrs("cubic", "asymmetric", "floor"), inputs: []any{floats(0, 1, 2, 3), nil, nil, ints(8)}},
			floats(0, 0.40625, 1, 1.5, 2, 2.59375, 3, 3.09375)},
		{testNode{op: "Resize", name: "crop", attrs: map[string]any{"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 9.0},
			inputs: []any{floats(0, 1, 2), floats(0.5, 1.5), nil, ints(3)}}, floats(1, 2, 9)},
		{testNode{op: "Resize", name: "antialias", opset: 18, attrs: map[string]any{"mode": "linear", "antialias": 1}, inputs: []any{floats(0, 0, 8, 0), nil, nil, ints(2)}}, floats(1, 3)},
		{testNode{op: "Resize", name: "not_smaller", opset: 18, attrs: map[string]any{"keep_aspect_ratio_policy": "not_smaller"}, inputs: []any{nd.Of([]int64{1, 2}, 2, 1), nil, nil, ints(3, 1)}}, nd.Of([]int64{1, 1, 1, 1, 2, 2}, 3, 2)},
		{testNode{op: "Resize", name: "to nothing", inputs: []any{ints(1, 2), nil, floats(0.4)}}, ints()},
		{testNode{op: "Upsample", opset: 9, inputs: []any{ints(1, 2), floats(1.6)}}, ints(1, 1, 2)},
	})
}

func TestResizeFailures(t *testing.T) {
	with := func(name, value string) map[string]any { return map[string]any{name: value} }
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "Resize", inputs: []any{[]int{2, 3}}}, want: "neither scales nor sizes"},
		{testNode: testNode{op: "Resize", name: "scales", inputs: []any{[]int{2, 3}, nil, floats(2)}}, want: "1 scales for 2 axes"},
		{testNode: testNode{op: "Resize", name: "sizes", inputs: []any{[]int{2, 3}, nil, nil, ints(2)}}, want: "1 sizes for 2 axes"},
		{testNode: testNode{op: "Resize", name: "zero", inputs: []any{[]int{2}, nil, floats(0)}}, want: "scale 0 on an axis of 2"},
		{testNode: testNode{op: "Resize", name: "negative", inputs: []any{[]int{2}, nil, nil, ints(-2)}}, want: "size -2"},
		{testNode: testNode{op: "Resize", name: "huge", inputs: []any{[]int{2}, nil, floats(1e30)}}, want: "scale 1e+30"},
		{testNode: testNode{op: "Resize", name: "large", inputs: []any{[]int{2, 2}, nil, nil, ints(1<<20, 1<<20)}}, want: "at most"},
		{testNode: testNode{op: "Resize", name: "ratio", opset: 18, attrs: with("keep_aspect_ratio_policy", "not_smaller"), inputs: []any{[]int{2, 9}, nil, nil, ints(1<<31, 1)}}, want: "at most"},
		{testNode: testNode{op: "Resize", name: "policy", opset: 18, attrs: with("keep_aspect_ratio_policy", "square"), inputs: []any{[]int{2}, nil, nil, ints(1)}}, want: `keep_aspect_ratio_policy "square"`},
		{testNode: testNode{op: "Resize", name: "empty axis", inputs: []any{[]int{0}, nil, nil, ints(2)}}, want: "size 2 for an axis of 0"},
		{testNode: testNode{op: "Resize", name: "mode", attrs: with("mode", "area"), inputs: []any{[]int{2}, nil, floats(2)}}, want: `mode "area"`},
		{testNode: testNode{op: "Resize", name: "nearest mode", attrs: with("nearest_mode", "up"), inputs: []any{[]int{2}, nil, floats(2)}}, want: `nearest_mode "up"`},
		{testNode: testNode{op: "Resize", name: "coordinates", attrs: with("coordinate_transformation_mode", "polar"), inputs: []any{[]int{2}, nil, floats(2)}}, want: `"polar"`},
		{testNode: testNode{op: "Resize", name: "axes", opset: 18, attrs: map[string]any{"axes": []int{0, -1}}, inputs: []any{[]int{2}, nil, floats(2, 2)}}, want: "name one axis twice"},
		{testNode: testNode{op: "Resize", name: "no region", attrs: with("coordinate_transformation_mode", "tf_crop_and_resize"), inputs: []any{[]int{2}, nil, floats(2)}}, want: "input 1 is missing"},
		{testNode: testNode{op: "Resize", name: "region", attrs: with("coordinate_transformation_mode", "tf_crop_and_resize"), inputs: []any{[]int{2}, floats(1), floats(2)}}, want: "1 numbers for the regions"},
		{testNode: testNode{op: "Resize", name: "integers", attrs: with("mode", "linear"), inputs: []any{ints(1, 2), nil, floats(2)}}, want: "for elements of type int64", unsupported: true},
		{testNode: testNode{op: "Resize", name: "run-time scales", inputs: []any{[]int{2}, nil, []int{1}}}, want: "decides a shape", unsupported: true},
		{testNode: testNode{op: "Upsample", opset: 7, inputs: []any{[]int{2}}}, want: "0 scales for 1 axes"},
		{testNode: testNode{op: "Upsample", name: "mode", opset: 9, attrs: with("mode", "cubic"), inputs: []any{[]int{2}, floats(2)}}, want: `mode "cubic"`},
	})
}
