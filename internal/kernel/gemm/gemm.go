package gemm

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Gemm computes C = alpha·op(A)·op(B) + beta·C, where op(A) is m×k, op(B) is k×n and C is
// m×n. All matrices are row-major: element (i, p) of op(A) is a[i*lda+p], or a[p*lda+i]
// with transA. If beta is 0, C is overwritten, whatever it held. C must not overlap A or B.
// Gemm panics if a slice is too short.
func Gemm(w *parallel.Workers, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m <= 0 || n <= 0 {
		return
	}
	checkMatrix("A", a, transA, m, k, lda)
	checkMatrix("B", b, transB, k, n, ldb)
	checkMatrix("C", c, false, m, n, ldc)
	p := General{M: m, N: n, K: k, A: micro.Strided(a, lda, transA), B: micro.Strided(b, ldb, transB), Alpha: alpha, C: c, Ldc: ldc, Init: micro.InitFrom(beta != 0)}
	if beta != 0 && beta != 1 {
		for i := range m {
			simd.Scale(c[i*ldc:i*ldc+n], beta)
		}
	}
	p.Run(w)
}

// Product is a matrix product C = op(A)·op(B) + bias of dense matrices: op(A) is M×K, op(B)
// is K×N and C is M×N. op transposes if TransA or TransB is set.
type Product struct {
	TransA, TransB bool
	M, N, K        int
	// Epilogue, unless nil, is called for ranges [lo, hi) of elements of C as soon as they are
	// computed and while they are in cache. Several threads call it concurrently, once for
	// every element.
	Epilogue func(lo, hi int)
	// ColumnSums, unless nil, is overwritten with the sums of the N columns of op(B). Without
	// TransB they are computed while B is read for the product.
	ColumnSums []float32
	// Kept, unless nil, keeps B as it was packed by the last product. It has to be emptied
	// whenever B changes.
	Kept *Kept
}

// Run computes c. bias has N elements, which are added to every row, or is nil. It panics
// if a slice is too short.
func (g Product) Run(w *parallel.Workers, a, b, bias, c []float32) {
	if g.M <= 0 || g.N <= 0 {
		return
	}
	lda, ldb := g.K, g.N
	if g.TransA {
		lda = g.M
	}
	if g.TransB {
		ldb = g.K
	}
	checkMatrix("A", a, g.TransA, g.M, g.K, lda)
	checkMatrix("B", b, g.TransB, g.K, g.N, ldb)
	checkMatrix("C", c, false, g.M, g.N, g.N)
	p := General{M: g.M, N: g.N, K: g.K, A: micro.Strided(a, lda, g.TransA), B: micro.Strided(b, ldb, g.TransB), Alpha: 1, C: c, Ldc: g.N, Epilogue: g.Epilogue, kept: g.Kept}
	if bias != nil {
		p.Init, p.bias = micro.InitColumnBias, bias[:g.N]
	}
	if g.ColumnSums != nil {
		p.sums = g.ColumnSums[:g.N]
		clear(p.sums)
	}
	p.Run(w)
}

// Batch computes C[i] = op(A[i])·op(B[i]) + beta·C[i] for i < batch. The matrices are dense
// as in [Gemm]; those of consecutive products start strideA, strideB and strideC elements
// apart. A stride of 0 for A or B uses the same matrix in every product.
func Batch(w *parallel.Workers, transA, transB bool, batch, m, n, k int, a []float32, strideA int, b []float32, strideB int, beta float32, c []float32, strideC int) {
	lda, ldb := k, n
	if transA {
		lda = m
	}
	if transB {
		ldb = k
	}
	// Few large products run one after another, each on all threads. Many small ones are
	// shared out as a whole.
	inner := w
	grain := batch
	if batch >= 4*w.Threads() || m*n*k < 1<<16 {
		inner, grain = w.Alone(), 1
	}
	w.For(batch, grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			Gemm(inner, transA, transB, m, n, k, 1, a[i*strideA:], lda, b[i*strideB:], ldb, beta, c[i*strideC:], n)
		}
	})
}

func checkMatrix(name string, x []float32, trans bool, rows, cols, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows <= 0 || cols <= 0 {
		return
	}
	if ld < cols || len(x) < (rows-1)*ld+cols {
		panic(fmt.Sprintf("gemm: %d elements are too few for the %d×%d matrix %s with rows %d apart", len(x), rows, cols, name, ld))
	}
}
