package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

var maths = []struct {
	name  string
	slice func(dst, src []float32)
	exact func(float64) float64
	ulps  float64
}{
	{"exp", ExpSlice, math.Exp, 2},
	{"log", LogSlice, math.Log, 2},
	{"sigmoid", SigmoidSlice, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3},
	{"tanh", TanhSlice, math.Tanh, 3},
	{"erf", ErfSlice, math.Erf, 2},
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
	forEachPath(t, func(t *testing.T) {
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
	forEachPath(t, func(t *testing.T) {
		for _, c := range []struct {
			name    string
			slice   func(dst, src []float32)
			x, want float32
		}{
			{"exp", ExpSlice, inf, inf}, {"exp", ExpSlice, -inf, 0}, {"exp", ExpSlice, nan, nan}, {"exp", ExpSlice, 0, 1},
			{"log", LogSlice, inf, inf}, {"log", LogSlice, 0, -inf}, {"log", LogSlice, -1, nan}, {"log", LogSlice, nan, nan}, {"log", LogSlice, 1, 0}, {"log", LogSlice, -inf, nan},
			{"sigmoid", SigmoidSlice, inf, 1}, {"sigmoid", SigmoidSlice, -inf, 0}, {"sigmoid", SigmoidSlice, nan, nan}, {"sigmoid", SigmoidSlice, 0, 0.5},
			{"tanh", TanhSlice, inf, 1}, {"tanh", TanhSlice, -inf, -1}, {"tanh", TanhSlice, nan, nan}, {"tanh", TanhSlice, 0, 0},
			{"erf", ErfSlice, inf, 1}, {"erf", ErfSlice, -inf, -1}, {"erf", ErfSlice, nan, nan}, {"erf", ErfSlice, 0, 0},
			{"gelu", GeluSlice, inf, inf}, {"gelu", GeluSlice, -inf, 0}, {"gelu", GeluSlice, nan, nan}, {"gelu", GeluSlice, 0, 0},
			{"relu", ReluSlice, inf, inf}, {"relu", ReluSlice, -inf, 0}, {"relu", ReluSlice, nan, nan}, {"relu", ReluSlice, -1, 0},
		} {
			y := make([]float32, 41) // the special value in every lane and the tail
			x := make([]float32, len(y))
			fill(x, c.x)
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
		if portableVectors.geluGrad(got, []float32{c.x}, []float32{1}); got[0] != c.want {
			t.Errorf("gelu'(%g) = %g, want %g", c.x, got[0], c.want)
		}
	}
}
