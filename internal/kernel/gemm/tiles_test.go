package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/amx"
	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestTiles compares products in the matrix unit with sums in float64: those of all bits, and
// those of rounded factors.
func TestTiles(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	workers := parallel.NewWorkers(2)
	defer workers.Close()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][3]int{{160, 330, 320}, {129, 135, 1050}, {640, 131, 203}} {
		m, n, k := size[0], size[1], size[2]
		for trans := range 4 {
			transA, transB := trans&1 != 0, trans&2 != 0
			for _, w := range []*parallel.Workers{nil, workers, workers.Rounding()} {
				if p := (&General{M: m, N: n, K: k, Alpha: 1}); !p.inTiles(tileParts(w)) {
					t.Fatalf("%v is not computed in tiles", size)
				}
				if err := testTiles(w, rng, transA, transB, m, n, k); err != nil {
					t.Errorf("%v, transposed %v and %v, rounding %v: %v", size, transA, transB, w.Rounds(), err)
				}
			}
		}
	}
}

func testTiles(w *parallel.Workers, rng *rand.Rand, transA, transB bool, m, n, k int) error {
	a, b, bias := kerneltest.Randoms(rng, m*k), kerneltest.Randoms(rng, k*n), kerneltest.Randoms(rng, n)
	if w.Rounds() { // so that they are exact
		for _, x := range [][]float32{a, b} {
			for i, v := range x {
				x[i] = math.Float32frombits((math.Float32bits(v) + 0x8000) &^ 0xffff)
			}
		}
	}
	lda, ldb := k, n
	if transA {
		lda = m
	}
	if transB {
		ldb = k
	}
	c := make([]float32, m*n)
	simd.Fill(c, float32(math.NaN()))
	want := naiveGemm(transA, transB, m, n, k, 1, a, lda, b, ldb, 0, c, n)
	for i := range want {
		want[i] = 2 * (want[i] + float64(bias[i%n]))
	}
	g := Product{TransA: transA, TransB: transB, M: m, N: n, K: k, Epilogue: func(lo, hi int) { simd.Scale(c[lo:hi], 2) }, ColumnSums: make([]float32, n)}
	g.Run(w, a, b, bias, c)
	return kerneltest.Compare(c, want, 1e-6)
}

// TestTilesOfInfinity: what is no sum of bfloat16 is computed in another way.
func TestTilesOfInfinity(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	const n = 320
	rng := rand.New(rand.NewPCG(7, 8))
	a, b, c := kerneltest.Randoms(rng, n*n), kerneltest.Randoms(rng, n*n), make([]float32, n*n)
	Product{M: n, N: n, K: n}.Run(nil, a, b, nil, c)
	want := slices.Clone(c)
	a[5*n+7] = float32(math.Inf(1))
	b[9*n+300] = math.MaxFloat32
	Product{M: n, N: n, K: n}.Run(nil, a, b, nil, c)
	for i, v := range c {
		switch row, column := i/n, i%n; {
		case row == 5:
			if !math.IsInf(float64(v), 0) {
				t.Fatalf("element %d of row 5 is %g", column, v)
			}
		case column == 300:
			if w := a[row*n+9] * math.MaxFloat32; v != w && math.Abs(float64(v/w-1)) > 1e-5 {
				t.Fatalf("element %d of column 300 is %g, want %g", row, v, w)
			}
		case math.Abs(float64(v-want[i])) > 1e-4:
			t.Fatalf("element (%d, %d) is %g, want %g", row, column, v, want[i])
		}
	}
}

// TestExactTiles: all bits of the factors count, as they do in other products.
func TestExactTiles(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	const n = 256
	rng := rand.New(rand.NewPCG(9, 10))
	a, b, c := kerneltest.Randoms(rng, n*n), kerneltest.Randoms(rng, n*n), make([]float32, n*n)
	want := naiveGemm(false, false, n, n, n, 1, a, n, b, n, 0, c, n)
	mean := func() (sum float64) {
		Product{M: n, N: n, K: n}.Run(nil, a, b, nil, c)
		for i, v := range c {
			sum += math.Abs(float64(v) - want[i])
		}
		return sum / n / n
	}
	tiles := mean()
	simd.Use(simd.AVX512)
	defer simd.Use(simd.AMX)
	if plain := mean(); tiles > 4*plain || amx.Exact.Products() != 6 {
		t.Errorf("the mean error is %.2g, and %.2g without the matrix unit", tiles, plain)
	} else {
		t.Logf("mean error %.2g, %.2g without the matrix unit", tiles, plain)
	}
}
