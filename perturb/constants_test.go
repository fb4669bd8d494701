package perturb

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestConstant: what training did not make is recognised, and weights are not taken for it.
func TestConstant(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	table := func(n int, f func(i int) float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(f(i))
		}
		return x
	}
	random := func(int) float64 { return rng.NormFloat64() / 10 }
	const width = 8
	angle := func(i int) float64 { return float64(i/width) / math.Pow(10000, float64(i%width/2)*2/width) }
	for _, c := range []struct {
		name string
		x    []float32
		dims []int
		want string
	}{
		{"distances of a DFL", table(16, func(i int) float64 { return float64(i) }), []int{1, 16, 1, 1}, "a range"},
		{"fractions", table(7, func(i int) float64 { return -1 + float64(i)/3 }), []int{7}, "a range"},
		{"frequencies", table(16, func(i int) float64 { return math.Pow(10000, -float64(i)/16) }), []int{16}, "a range"},
		{"one-hot", table(16, func(i int) float64 { return map[bool]float64{true: 1}[i%5 == 0] }), []int{4, 4}, "zeros and ones"},
		{"causal mask", table(16, func(i int) float64 { return map[bool]float64{true: -math.MaxFloat32}[i%4 > i/4] }), []int{4, 4}, "a mask"},
		{"equal", table(9, func(int) float64 { return 0.25 }), []int{9}, "one value"},
		{"a scale", []float32{0.125}, nil, "one value"},
		{"anchors", table(32, func(i int) float64 { return float64(i%4) + 0.5 }), []int{1, 2, 16}, "a grid of whole numbers"},
		{"strides", table(8, func(i int) float64 { return float64(int(8) << (i / 3)) }), []int{1, 8}, "a grid of whole numbers"},
		{"positions", table(40*width, func(i int) float64 {
			if i%2 == 0 {
				return math.Sin(angle(i))
			}
			return math.Cos(angle(i))
		}), []int{1, 40, width}, "sines and cosines"},
		{"bilinear", table(2*3*4*4, func(i int) float64 { return []float64{.25, .75, .75, .25}[i%4] * []float64{.25, .75, .75, .25}[i/4%4] }), []int{2, 3, 4, 4}, "one filter for all channels"},
		{"bilinear by channel", table(3*3*4*4, func(i int) float64 {
			if i/16%4 != 0 {
				return 0
			}
			return []float64{.25, .75, .75, .25}[i%4] * []float64{.25, .75, .75, .25}[i/4%4]
		}), []int{3, 3, 4, 4}, "one filter for all channels"},
		{"a kernel", table(6*3*3*3, random), []int{6, 3, 3, 3}, ""},
		{"a matrix", table(40*width, random), []int{40, width}, ""},
		{"a bias", table(4, random), []int{4}, ""},
		{"two weights", table(2, random), []int{2, 1}, ""},
		{"three weights", table(3, random), []int{3}, ""},
	} {
		init := initializer(t, onnxpb.TensorProto_FLOAT, c.x)
		init.Dims = c.dims
		if got := Constant(init, c.x); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
