package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestTiles compares products in the matrix unit with sums in float64.
func TestTiles(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	workers := parallel.NewWorkers(2).Rounding()
	defer workers.Close()
	one := workers.Alone()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][3]int{{160, 330, 320}, {129, 135, 1050}, {640, 131, 203}} {
		m, n, k := size[0], size[1], size[2]
		for trans := range 4 {
			transA, transB := trans&1 != 0, trans&2 != 0
			for _, w := range []*parallel.Workers{one, workers} {
				if p := (&General{M: m, N: n, K: k, Alpha: 1}); !p.inTiles(w) {
					t.Fatalf("%v is not computed in tiles", size)
				}
				if err := testTiles(w, rng, transA, transB, m, n, k); err != nil {
					t.Errorf("%v, transposed %v and %v, %d threads: %v", size, transA, transB, w.Threads(), err)
				}
			}
		}
	}
}

func testTiles(w *parallel.Workers, rng *rand.Rand, transA, transB bool, m, n, k int) error {
	a, b, bias := kerneltest.Randoms(rng, m*k), kerneltest.Randoms(rng, k*n), kerneltest.Randoms(rng, n)
	for _, x := range [][]float32{a, b} { // so that rounding changes nothing
		for i, v := range x {
			x[i] = kerneltest.Bfloat16(v)
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

// TestKept: products with B as it was packed before are to the bit those that pack it anew, for as
// long as B is the same. What cannot be rounded is computed in another way.
func TestKept(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	workers := parallel.NewWorkers(2).Rounding()
	defer workers.Close()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][3]int{{160, 330, 320}, {64, 1000, 1250}, {640, 131, 203}, {130, 64, 576}} {
		m, n, k := size[0], size[1], size[2]
		for _, transB := range []bool{false, true} {
			a, b := kerneltest.Randoms(rng, m*k), kerneltest.Randoms(rng, k*n)
			g := Product{TransB: transB, M: m, N: n, K: k}
			kept := g
			kept.Kept = new(Kept)
			want, got := make([]float32, m*n), make([]float32, m*n)
			check := func(what string) {
				t.Helper()
				g.Run(workers, a, b, nil, want)
				kept.Run(workers, a, b, nil, got)
				if !slices.Equal(got, want) {
					t.Errorf("%v, transposed %v, %s: the product differs", size, transB, what)
				}
			}
			check("first")
			a = kerneltest.Randoms(rng, m*k)
			check("kept")
			b[len(b)/2]++
			kept.Run(workers, a, b, nil, got)
			if !slices.Equal(got, want) {
				t.Errorf("%v: B was packed again", size)
			}
			kept.Kept.Forget()
			check("forgotten")
			if want, got := g.Form(), int64(4*len(kept.Kept.form)); got != want {
				t.Errorf("%v: the form has %d bytes, not %d", size, got, want)
			}
			b[len(b)/3] = math.MaxFloat32
			kept.Kept.Forget()
			check("too large to be rounded")
		}
	}
}

// TestTilesOfInfinity: what is no sum of bfloat16 is computed in another way.
func TestTilesOfInfinity(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	const n = 320
	rng := rand.New(rand.NewPCG(7, 8))
	a, b, c := kerneltest.Randoms(rng, n*n), kerneltest.Randoms(rng, n*n), make([]float32, n*n)
	w := (*parallel.Workers)(nil).Rounding()
	Product{M: n, N: n, K: n}.Run(w, a, b, nil, c)
	want := slices.Clone(c)
	a[5*n+7] = float32(math.Inf(1))
	b[9*n+300] = math.MaxFloat32
	Product{M: n, N: n, K: n}.Run(w, a, b, nil, c)
	for i, v := range c {
		switch row, column := i/n, i%n; {
		case row == 5:
			if !math.IsInf(float64(v), 0) {
				t.Fatalf("element %d of row 5 is %g", column, v)
			}
		case column == 300:
			if x := a[row*n+9] * math.MaxFloat32; v != x && math.Abs(float64(v/x-1)) > 0.01 {
				t.Fatalf("element %d of column 300 is %g, want %g", row, v, x)
			}
		case math.Abs(float64(v-want[i])) > 0.5:
			t.Fatalf("element (%d, %d) is %g, want %g", row, column, v, want[i])
		}
	}
}
