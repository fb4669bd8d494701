package simd_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestVectors compares every elementwise function with its Go twin, at lengths
// around those of the unrolled loops, in place and not, and checks that nothing
// behind the slices is written.
func TestVectors(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	functions := func(v *simd.VectorSet) map[string]func(out, x, y, z []float32) []float32 {
		none := func(f func(out, x, y, z []float32)) func(out, x, y, z []float32) []float32 {
			return func(out, x, y, z []float32) []float32 {
				f(out, x, y, z)
				return nil
			}
		}
		return map[string]func(out, x, y, z []float32) []float32{
			"add":    none(func(out, x, y, _ []float32) { v.Add(out, x, y) }),
			"sub":    none(func(out, x, y, _ []float32) { v.Sub(out, x, y) }),
			"mul":    none(func(out, x, y, _ []float32) { v.Mul(out, x, y) }),
			"div":    none(func(out, x, y, _ []float32) { v.Div(out, x, y) }),
			"larger": none(func(out, x, y, _ []float32) { v.Larger(out, x, y) }),
			"addWhereMax": none(func(out, x, y, z []float32) {
				copy(out, z)
				v.AddWhereMax(out, x, someOf(x, y), y)
			}),
			"clearWhereMax": none(func(out, x, y, z []float32) {
				copy(out, z)
				v.ClearWhereMax(out, x, someOf(x, y))
			}),
			"relu":          none(func(out, x, _, _ []float32) { v.Relu(out, x) }),
			"reluGrad":      none(func(out, x, y, _ []float32) { v.ReluGrad(out, x, y) }),
			"exp":           none(func(out, x, _, _ []float32) { v.Exp(out, x) }),
			"sigmoid":       none(func(out, x, _, _ []float32) { v.Sigmoid(out, x) }),
			"tanh":          none(func(out, x, _, _ []float32) { v.Tanh(out, x) }),
			"erf":           none(func(out, x, _, _ []float32) { v.Erf(out, x) }),
			"gelu":          none(func(out, x, _, _ []float32) { v.Gelu(out, x) }),
			"geluGrad":      none(func(out, x, y, _ []float32) { v.GeluGrad(out, x, y) }),
			"affine":        none(func(out, x, _, _ []float32) { v.Affine(out, x, 3, -2) }),
			"quantize":      none(func(out, x, _, _ []float32) { v.Quantize(out, x, 0.1, -6, 9, 3) }),
			"quantizeGrad":  none(func(out, x, y, _ []float32) { v.QuantizeGrad(out, x, y, 0.1, -6, 9) }),
			"mulShifted":    none(func(out, x, y, _ []float32) { v.MulShifted(out, x, y, 0.7) }),
			"normalize":     none(func(out, x, y, z []float32) { v.Normalize(out, x, y, z, 2, 0.3) }),
			"normalizeGrad": none(func(out, x, y, z []float32) { v.NormalizeGrad(out, x, y, z, 2, 0.3, -1) }),
			"addNormalized": none(func(out, x, y, z []float32) {
				copy(out, z)
				v.AddNormalized(out, x, y, 2, 0.3)
			}),
			"sum": func(_, x, _, _ []float32) []float32 { return []float32{v.Sum(x)} },
			"sumEach": func(_, x, _, _ []float32) []float32 {
				size := softmaxRow(len(x))
				sums := make([]float32, len(x)/size)
				v.SumEach(sums, x, size)
				return sums
			},
			"largest": func(_, x, _, _ []float32) []float32 { return []float32{v.Largest(x)} },
			"dot":     func(_, x, y, _ []float32) []float32 { return []float32{v.Dot(x, y)} },
			"squares": func(_, x, _, _ []float32) []float32 { return []float32{v.Squares(x, 0.4)} },
			"softmax": none(func(out, x, _, _ []float32) { v.Softmax(max(len(x), 1), out, x, -0.7) }),
			"rows":    none(func(out, x, _, _ []float32) { v.Softmax(softmaxRow(len(x)), out, x, 1.5) }),
			"normalizeSums": func(_, x, y, z []float32) []float32 {
				g, gh := v.NormalizeSums(x, y, z, 2, 0.3)
				return []float32{g, gh}
			},
		}
	}
	wants := functions(&simd.PortableVectors)
	kerneltest.ForEachPath(t, func(t *testing.T) {
		for name, f := range functions(ref(simd.Functions())) {
			for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 100, 300} {
				x, y, z := kerneltest.Randoms(rng, n), kerneltest.Randoms(rng, n), kerneltest.Randoms(rng, n)
				for i := range y {
					if math.Abs(float64(y[i])) < 0.1 { // a divisor
						y[i] = 0.1
					}
				}
				want, got := make([]float32, n), make([]float32, n+1)
				got[n] = 42
				wantSums := wants[name](want, x, y, z)
				gotSums := f(got[:n], x, y, z)
				if err := kerneltest.Compare(got[:n], float64s(want), 1e-6); err != nil {
					t.Errorf("%s of %d: %v", name, n, err)
				}
				if err := kerneltest.Compare(gotSums, float64s(wantSums), 1e-5); err != nil {
					t.Errorf("%s of %d: sums: %v", name, n, err)
				}
				if got[n] != 42 {
					t.Errorf("%s of %d wrote behind the slice", name, n)
				}
				if name == "addNormalized" || name == "addWhereMax" || name == "clearWhereMax" { // outputs that are read
					continue
				}
				f(x, x, y, z)
				if wrote := got[:n]; n > 0 && want[0] != 0 {
					if err := kerneltest.Compare(x, float64s(wrote), 0); err != nil {
						t.Errorf("%s of %d in place: %v", name, n, err)
					}
				}
			}
		}
	})
}

func ref(v simd.VectorSet) *simd.VectorSet { return &v }

// softmaxRow is a length of several rows that fill n elements.
func softmaxRow(n int) int {
	for _, k := range []int{7, 5, 3, 2} {
		if n%k == 0 && n > 0 {
			return n / k
		}
	}
	return max(n, 1)
}

func TestLargestKeepsInfinity(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		for _, n := range []int{1, 5, 16, 33, 100} {
			x := make([]float32, n)
			simd.Fill(x, float32(math.Inf(-1)))
			if got := simd.Max(x); !math.IsInf(float64(got), -1) {
				t.Errorf("largest of %d times -Inf is %g", n, got)
			}
		}
	})
}

// someOf returns y with every third element from x.
func someOf(x, y []float32) []float32 {
	z := slices.Clone(y)
	for i := 0; i < len(z); i += 3 {
		z[i] = x[i]
	}
	return z
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
