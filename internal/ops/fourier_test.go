package ops

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/advparams/advparams/nd"
)

// spectrumOf computes a transform by its definition.
func spectrumOf(x []complex128, bins int, inverse bool) []float32 {
	sign, scale := -1.0, 1.0
	if inverse {
		sign, scale = 1, 1/float64(len(x))
	}
	var out []float32
	for k := range bins {
		sum := 0i
		for t, v := range x {
			sum += v * cmplx.Exp(complex(0, sign*2*math.Pi*float64(k*t)/float64(len(x))))
		}
		out = append(out, float32(scale*real(sum)), float32(scale*imag(sum)))
	}
	return out
}

func TestFourierValues(t *testing.T) {
	parts := []float32{1, 2, -1, 0.5, 3, -2, 0.25, 1}
	numbers := []complex128{1 + 2i, -1 + 0.5i, 3 - 2i, 0.25 + 1i}
	reals := []float32{1, -2, 0.5, 3, 2}
	five := []complex128{1, -2, 0.5, 3, 2}
	half := spectrumOf(five, 3, false)
	axis := func(a int) map[string]any { return map[string]any{"axis": a} }
	scalar := func(v int64) nd.Array { return nd.Scalar(v) }
	checkValues(t, []valueTest{
		{testNode{op: "DFT", attrs: axis(1), inputs: []any{nd.Of(parts, 1, 4, 2)}}, nd.Of(spectrumOf(numbers, 4, false), 1, 4, 2)},
		{testNode{op: "DFT", name: "inverse", attrs: map[string]any{"axis": 0, "inverse": 1}, inputs: []any{nd.Of(parts, 4, 1, 2)}}, nd.Of(spectrumOf(numbers, 4, true), 4, 1, 2)},
		{testNode{op: "DFT", name: "real", attrs: map[string]any{"onesided": 1}, inputs: []any{nd.Of(reals, 1, 5, 1)}}, nd.Of(half, 1, 3, 2)},
		{testNode{op: "DFT", name: "real back", opset: 20, attrs: map[string]any{"onesided": 1, "inverse": 1}, inputs: []any{nd.Of(half, 1, 3, 2), scalar(5)}}, nd.Of(reals, 1, 5, 1)},
		{testNode{op: "DFT", name: "real back, even", opset: 20, attrs: map[string]any{"onesided": 1, "inverse": 1}, inputs: []any{nd.Of(spectrumOf(five[:4], 3, false), 3, 2), nil, scalar(0)}}, nd.Of(reals[:4], 4, 1)},
		{testNode{op: "DFT", name: "shorter", opset: 20, inputs: []any{nd.Of(reals, 5, 1), scalar(4)}}, nd.Of(spectrumOf(five[:4], 4, false), 4, 2)},
		{testNode{op: "DFT", name: "longer", opset: 20, inputs: []any{nd.Of(reals[:2], 2, 1), scalar(4), scalar(-2)}}, nd.Of(spectrumOf([]complex128{1, -2, 0, 0}, 4, false), 4, 2)},
		{testNode{op: "STFT", inputs: []any{nd.Of(reals, 1, 5), scalar(2), nil, scalar(3)}}, nd.Of(append(spectrumOf(five[:3], 2, false), spectrumOf(five[2:], 2, false)...), 1, 2, 2, 2)},
		{testNode{op: "STFT", name: "window, all bins", attrs: map[string]any{"onesided": 0}, inputs: []any{nd.Of(reals, 1, 5, 1), scalar(9), floats(0, 1, 2, 0, 1)}},
			nd.Of(spectrumOf([]complex128{0, -2, 1, 0, 2}, 5, false), 1, 1, 5, 2)},
		{testNode{op: "HannWindow", inputs: []any{scalar(4)}}, floats(0, 0.5, 1, 0.5)},
		{testNode{op: "HannWindow", name: "symmetric", attrs: map[string]any{"periodic": 0}, inputs: []any{scalar(5)}}, floats(0, 0.5, 1, 0.5, 0)},
		{testNode{op: "HammingWindow", inputs: []any{scalar(2)}}, floats(4.0/46, 1)},
		{testNode{op: "BlackmanWindow", inputs: []any{scalar(2)}}, floats(0, 1)},
		{testNode{op: "HannWindow", name: "one", attrs: map[string]any{"periodic": 0}, inputs: []any{scalar(1)}}, floats(0)},
	})
}

func TestFourierGradients(t *testing.T) {
	scalar := func(v int64) nd.Array { return nd.Scalar(v) }
	for _, n := range []testNode{
		{op: "DFT", inputs: []any{[]int{2, 5, 2}}},
		{op: "DFT", name: "real", attrs: map[string]any{"onesided": 1, "axis": 0}, inputs: []any{[]int{6, 2, 1}}},
		{op: "DFT", name: "real back", opset: 20, attrs: map[string]any{"onesided": 1, "inverse": 1}, inputs: []any{[]int{4, 2, 2}, nil, scalar(0)}},
		{op: "DFT", name: "longer", opset: 20, inputs: []any{[]int{2, 3, 1}, scalar(5)}},
		{op: "STFT", inputs: []any{[]int{2, 9}, scalar(2), []int{4}}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestFourierFailures(t *testing.T) {
	scalar := func(v int64) nd.Array { return nd.Scalar(v) }
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "DFT", inputs: []any{[]int{2, 5, 3}}}, want: "the real and the imaginary part"},
		{testNode: testNode{op: "DFT", name: "axis", attrs: map[string]any{"axis": 2}, inputs: []any{[]int{2, 5, 2}}}, want: "has the parts"},
		{testNode: testNode{op: "DFT", name: "onesided", attrs: map[string]any{"onesided": 1}, inputs: []any{[]int{2, 5, 2}}}, want: "onesided"},
		{testNode: testNode{op: "DFT", name: "huge", opset: 20, inputs: []any{[]int{2, 5, 2}, scalar(1 << 40)}}, want: "length 1099511627776"},
		{testNode: testNode{op: "DFT", name: "large", opset: 20, inputs: []any{[]int{2, 5, 2}, scalar(1 << 17)}}, want: "multiplications"},
		{testNode: testNode{op: "STFT", inputs: []any{[]int{1, 5}, scalar(1), nil, scalar(6)}}, want: "frames of 6"},
		{testNode: testNode{op: "STFT", name: "window", inputs: []any{[]int{1, 5}, scalar(1), floats(1, 2), scalar(3)}}, want: "a window of shape [2]"},
		{testNode: testNode{op: "HannWindow", inputs: []any{scalar(-1)}}, want: "a window of -1"},
	})
}
