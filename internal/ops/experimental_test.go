package ops

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
)

var experimentalNodes = []testNode{
	{op: "Affine", opset: 7, inputs: []any{[]int{2, 3}}, attrs: map[string]any{"alpha": 2.0, "beta": 1.0}},
	{op: "Scale", opset: 7, inputs: []any{[]int{2, 3}}, attrs: map[string]any{"scale": 0.5}},
	{op: "ParametricSoftplus", opset: 7, inputs: []any{[]int{9}}, attrs: map[string]any{"alpha": 2.0, "beta": 0.5}},
	{op: "ScaledTanh", opset: 7, inputs: []any{[]int{9}}, attrs: map[string]any{"alpha": 2.0, "beta": 0.5}},
	{op: "ImageScaler", opset: 7, inputs: []any{[]int{1, 2, 3, 4}}, attrs: map[string]any{"scale": 2.0, "bias": []float32{1, 2}}},
	{op: "Crop", opset: 7, inputs: []any{[]int{1, 2, 3, 4}}, attrs: map[string]any{"border": []int{1, 0, 1, 2}}},
	{op: "Crop", name: "to a size", opset: 7, inputs: []any{[]int{1, 2, 3, 4}}, attrs: map[string]any{"border": []int{0, 1, 0, 0}, "scale": []int{2, 3}}},
}

func TestExperimentalGradients(t *testing.T) {
	for _, n := range experimentalNodes {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

// TestExperimentalValues compares with what onnxruntime 1.32 computes, rounded.
func TestExperimentalValues(t *testing.T) {
	x := nd.New(nd.Float32, 1, 2, 3, 4)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i-12) / 4
	}
	want := [][]float32{ // the first elements
		{-5, -4.5, -4, -3.5},
		{-1.5, -1.375, -1.25, -1.125},
		{0.403, 0.451, 0.504, 0.562, 0.627, 0.697, 0.774, 0.856},
		{-1.81, -1.76, -1.697, -1.619, -1.523, -1.408, -1.27, -1.109},
		{-5, -4.5, -4, -3.5, -3, -2.5, -2, -1.5},
		{-2.75, -2.5, 0.25, 0.5},
		{-2, -1.75, -1.5, -1, -0.75, -0.5, 1, 1.25},
	}
	for i, n := range experimentalNodes {
		n.inputs = []any{x}
		got := folded(t, n).Float32s()
		for k, v := range want[i] {
			if math.Abs(float64(got[k]-v)) > 2e-3 { // onnxruntime rounds more than we do
				t.Errorf("%v: element %d is %v, want %v", n, k, got[k], v)
			}
		}
	}
}

func TestExperimentalRefused(t *testing.T) {
	image := []any{[]int{1, 2, 3, 4}}
	for _, n := range []testNode{
		{op: "ScaledTanh", inputs: image, attrs: map[string]any{"alpha": 1.0}},
		{op: "ImageScaler", inputs: image, attrs: map[string]any{"bias": []float32{1}}},
		{op: "ImageScaler", inputs: []any{[]int{3, 4}}, attrs: map[string]any{"bias": []float32{1, 2, 3, 4}}},
		{op: "Crop", inputs: image, attrs: map[string]any{"border": []int{1, 1, 1}}},
		{op: "Crop", inputs: image, attrs: map[string]any{"border": []int{2, 0, 2, 0}}},
		{op: "Crop", inputs: image, attrs: map[string]any{"border": []int{0, 2, 0, 0}, "scale": []int{2, 2}}},
		{op: "Crop", inputs: image, attrs: map[string]any{"border": []int{-1, 0, 0, 0}}},
	} {
		if _, _, err := n.build(NewBuilder(nil)); err == nil {
			t.Errorf("%v %v is built", n, n.attrs)
		}
	}
}
