package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// naiveGemm is Gemm in float64.
func naiveGemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) []float64 {
	av, bv := micro.Strided(a, lda, transA), micro.Strided(b, ldb, transB)
	out := make([]float64, len(c))
	for i, v := range c {
		out[i] = float64(v)
	}
	for i := range m {
		for j := range n {
			var s float64
			for p := range k {
				s += float64(av.X[i*av.RowStride+p*av.ColStride]) * float64(bv.X[p*bv.RowStride+j*bv.ColStride])
			}
			at := i*ldc + j
			out[at] = float64(alpha) * s
			if beta != 0 {
				out[at] += float64(beta) * float64(c[at])
			}
		}
	}
	return out
}

func testGemm(w *parallel.Workers, rng *rand.Rand, transA, transB bool, m, n, k int, alpha, beta float32) error {
	lda, ldb, ldc := k+rng.IntN(3), n+rng.IntN(3), n+rng.IntN(3)
	rowsA, rowsB := m, k
	if transA {
		lda, rowsA = m+rng.IntN(3), k
	}
	if transB {
		ldb, rowsB = k+rng.IntN(3), n
	}
	// Exactly as long as needed: the last row has no gap after it.
	a := kerneltest.Randoms(rng, max(0, rowsA*lda-(lda-max(k, 0))))
	if transA {
		a = kerneltest.Randoms(rng, max(0, rowsA*lda-(lda-m)))
	}
	b := kerneltest.Randoms(rng, max(0, rowsB*ldb-(ldb-n)))
	if transB {
		b = kerneltest.Randoms(rng, max(0, rowsB*ldb-(ldb-k)))
	}
	c := kerneltest.Randoms(rng, m*ldc-(ldc-n))
	if beta == 0 {
		for i := range m {
			simd.Fill(c[i*ldc:i*ldc+n], float32(math.NaN()))
		}
	}
	want := naiveGemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	Gemm(w, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	if err := kerneltest.Compare(c, want, 1e-5); err != nil {
		return fmt.Errorf("trans %v %v, m %d, n %d, k %d, alpha %g, beta %g, strides %d %d %d: %w", transA, transB, m, n, k, alpha, beta, lda, ldb, ldc, err)
	}
	return nil
}

func TestGemm(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		sizes := []int{1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 63, 64, 65, 96, 97, 100}
		for i := range kerneltest.Tries(400) {
			pick := func() int { return sizes[rng.IntN(len(sizes))] }
			alpha, beta := float32(1), float32(i%3)/2
			if i%5 == 0 {
				alpha = -0.5
			}
			if err := testGemm(w, rng, i&1 > 0, i&2 > 0, pick(), pick(), pick(), alpha, beta); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range [][3]int{{1, 1, 2000}, {100, 10, 84}, {100, 84, 120}, {5, 700, 300}, {700, 5, 300}, {1, 300, 513}, {300, 1, 513}, {130, 200, 600}, {3, 4, 0}} {
			if testing.Short() && s[0]*s[1]*s[2] > 1<<20 {
				continue
			}
			for i := range 4 {
				for _, beta := range []float32{0, 1, 2} {
					if err := testGemm(w, rng, i&1 > 0, i&2 > 0, s[0], s[1], s[2], 1, beta); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if testing.Short() {
			return
		}
		if err := testGemm(w, rng, false, true, 8197, 20, 30, 1, 0); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGemmSameForAnyThreads(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, g := range []Product{
		{M: 70, N: 210, K: 300},
		{M: 70, N: 210, K: 300, TransB: true},
		{M: 96, N: 400, K: 1000, TransA: true},
		{M: 900, N: 50, K: 60},
	} {
		a, b, bias := kerneltest.Randoms(rng, g.M*g.K), kerneltest.Randoms(rng, g.K*g.N), kerneltest.Randoms(rng, g.N)
		var want []float32
		for _, threads := range []int{1, 2, 5} {
			w := parallel.NewWorkers(threads)
			got := make([]float32, g.M*g.N)
			g.Epilogue = func(lo, hi int) { simd.Affine(got[lo:hi], got[lo:hi], 2, 1) }
			g.Run(w, a, b, bias, got)
			w.Close()
			if want == nil {
				want = got
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%d×%d×%d, %d threads: element %d is %g, with one %g", g.M, g.N, g.K, threads, i, got[i], want[i])
				}
			}
		}
	}
}

// TestProductSums: sums of columns are the same to the bit as those by themselves.
func TestProductSums(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, g := range []Product{
			{M: 8, N: 70, K: 300}, {M: 70, N: 210, K: 300}, {M: 96, N: 800, K: 2100, TransA: true}, {M: 20, N: 400, K: 70, TransB: true}, {M: 5, N: 3, K: 0},
		} {
			a, b := kerneltest.Randoms(rng, g.M*g.K), kerneltest.Randoms(rng, g.K*g.N)
			want, rows := make([]float32, g.N), micro.Strided(b, g.N, false)
			if g.TransB {
				rows = micro.Strided(b, g.K, true)
			}
			for k := range g.K {
				for j := range want {
					want[j] += rows.X[k*rows.RowStride+j*rows.ColStride]
				}
			}
			for _, threads := range []int{1, 3} {
				w := parallel.NewWorkers(threads)
				g.ColumnSums = kerneltest.Randoms(rng, g.N)
				g.Run(w, a, b, nil, make([]float32, g.M*g.N))
				w.Close()
				if !slices.Equal(g.ColumnSums, want) {
					t.Fatalf("%d×%d×%d, %d threads: sums of columns %v, want %v", g.M, g.N, g.K, threads, g.ColumnSums, want)
				}
			}
		}
	})
}

func TestGemmBatch(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, c := range []struct{ batch, m, n, k, strideA, strideB int }{
			{1, 20, 30, 40, 800, 1200}, {12, 17, 9, 33, 561, 297}, {5, 8, 48, 16, 0, 768}, {5, 100, 90, 70, 7000, 0}, {0, 3, 3, 3, 9, 9},
		} {
			for i := range 4 {
				transA, transB := i&1 > 0, i&2 > 0
				a := kerneltest.Randoms(rng, max(c.batch-1, 0)*c.strideA+c.m*c.k)
				b := kerneltest.Randoms(rng, max(c.batch-1, 0)*c.strideB+c.n*c.k)
				out := kerneltest.Randoms(rng, c.batch*c.m*c.n)
				lda, ldb := c.k, c.n
				if transA {
					lda = c.m
				}
				if transB {
					ldb = c.k
				}
				var want []float64
				for s := range c.batch {
					want = append(want, naiveGemm(transA, transB, c.m, c.n, c.k, 1, a[s*c.strideA:], lda, b[s*c.strideB:], ldb, 1, out[s*c.m*c.n:(s+1)*c.m*c.n], c.n)...)
				}
				Batch(w, transA, transB, c.batch, c.m, c.n, c.k, a, c.strideA, b, c.strideB, 1, out, c.m*c.n)
				if err := kerneltest.Compare(out, want, 1e-5); err != nil {
					t.Errorf("%+v trans %v %v: %v", c, transA, transB, err)
				}
			}
		}
	})
}

func TestGemmPanicsOnShortSlices(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Gemm(nil, false, false, 2, 2, 2, 1, make([]float32, 3), 2, make([]float32, 4), 2, 0, make([]float32, 4), 2)
}
