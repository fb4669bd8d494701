package simd_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

var maths = []struct {
	name  string
	slice func(dst, src []float32)
	exact func(float64) float64
	ulps  float64
}{
	{"exp", simd.Exp, math.Exp, 2},
	{"log", simd.Log, math.Log, 2},
	{"sigmoid", simd.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3},
	{"tanh", simd.Tanh, math.Tanh, 3},
	{"erf", simd.Erf, math.Erf, 2},
}

func TestMathsAccuracy(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 1<<18)
	for i := range x {
		switch i % 4 {
		case 0: // any number
			x[i] = math.Float32frombits(rng.Uint32())
		case 1:
			x[i] = float32(rng.NormFloat64())
		case 2:
			x[i] = float32(rng.Float64()*200 - 100)
		case 3:
			x[i] = float32(math.Exp(rng.NormFloat64() * 2))
		}
		if x[i] != x[i] {
			x[i] = 1
		}
	}
	kerneltest.ForEachPath(t, func(t *testing.T) {
		for _, m := range maths {
			y := make([]float32, len(x))
			m.slice(y, x)
			worst, at := 0.0, float32(0)
			for i, v := range x {
				if e := ulpsOff(y[i], m.exact(float64(v))); e > worst {
					worst, at = e, v
				}
			}
			if worst > m.ulps {
				t.Errorf("%s off by %.2f units at %g, want at most %g", m.name, worst, at, m.ulps)
			}
		}
	})
}

// ulpsOff returns the error of got in units of the last place of want.
func ulpsOff(got float32, want float64) float64 {
	if math.IsNaN(want) {
		if got != got {
			return 0
		}
		return math.Inf(1)
	}
	w := float32(want)
	if got == w {
		return 0
	}
	if math.IsInf(float64(got), 0) || math.IsInf(float64(w), 0) || got != got {
		return math.Inf(1)
	}
	w = float32(math.Abs(float64(w)))
	ulp := math.Max(float64(math.Nextafter32(w, math.MaxFloat32)-w), 0x1p-149)
	return math.Abs(float64(got)-want) / ulp
}

func TestMathsSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	kerneltest.ForEachPath(t, func(t *testing.T) {
		for _, c := range []struct {
			name    string
			slice   func(dst, src []float32)
			x, want float32
		}{
			{"exp", simd.Exp, inf, inf}, {"exp", simd.Exp, -inf, 0}, {"exp", simd.Exp, nan, nan}, {"exp", simd.Exp, 0, 1},
			{"log", simd.Log, inf, inf}, {"log", simd.Log, 0, -inf}, {"log", simd.Log, -1, nan}, {"log", simd.Log, nan, nan}, {"log", simd.Log, 1, 0}, {"log", simd.Log, -inf, nan},
			{"sigmoid", simd.Sigmoid, inf, 1}, {"sigmoid", simd.Sigmoid, -inf, 0}, {"sigmoid", simd.Sigmoid, nan, nan}, {"sigmoid", simd.Sigmoid, 0, 0.5},
			{"tanh", simd.Tanh, inf, 1}, {"tanh", simd.Tanh, -inf, -1}, {"tanh", simd.Tanh, nan, nan}, {"tanh", simd.Tanh, 0, 0},
			{"erf", simd.Erf, inf, 1}, {"erf", simd.Erf, -inf, -1}, {"erf", simd.Erf, nan, nan}, {"erf", simd.Erf, 0, 0},
			{"gelu", simd.Gelu, inf, inf}, {"gelu", simd.Gelu, -inf, 0}, {"gelu", simd.Gelu, nan, nan}, {"gelu", simd.Gelu, 0, 0},
			{"relu", simd.Relu, inf, inf}, {"relu", simd.Relu, -inf, 0}, {"relu", simd.Relu, nan, nan}, {"relu", simd.Relu, -1, 0},
		} {
			y := make([]float32, 41) // the special value in every lane and the tail
			x := make([]float32, len(y))
			simd.Fill(x, c.x)
			c.slice(y, x)
			for i, v := range y {
				if v != c.want && !(v != v && c.want != c.want) {
					t.Errorf("%s(%g) = %g at %d, want %g", c.name, c.x, v, i, c.want)
					break
				}
			}
		}
	})
}

func TestGeluSlopeAtInfinity(t *testing.T) {
	for _, c := range []struct{ x, want float32 }{{float32(math.Inf(1)), 1}, {float32(math.Inf(-1)), 0}} {
		got := []float32{0}
		if simd.PortableVectors.GeluGrad(got, []float32{c.x}, []float32{1}); got[0] != c.want {
			t.Errorf("gelu'(%g) = %g, want %g", c.x, got[0], c.want)
		}
	}
}
