package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Matrix is a view of a slice: element (i, j) is X[i*RowStride+j*ColStride].
type Matrix struct {
	X                    []float32
	RowStride, ColStride int
}

// Strided returns a matrix whose rows are ld apart in x; transposed if trans is set.
func Strided(x []float32, ld int, trans bool) Matrix {
	if trans {
		return Matrix{x, 1, ld}
	}
	return Matrix{x, ld, 1}
}

// PackRows packs n ≤ height rows of a, from row i0 on, times alpha: depth columns from k0 on,
// with height elements of dst for each. The elements of a column after the first n are
// arbitrary.
func PackRows(dst []float32, height int, a Matrix, i0, n, k0, depth int, alpha float32) {
	src := a.X[i0*a.RowStride+k0*a.ColStride:]
	if a.ColStride == 1 {
		simd.Transpose(dst, height, src, a.RowStride, n, depth)
	} else {
		simd.CopyRows(dst, height, src, a.ColStride, depth, n)
	}
	if alpha != 1 {
		simd.Scale(dst[:height*depth], alpha)
	}
}

// Pack packs rows k0 to k1 of columns j0 to j1: rows are width elements apart in dst. It may
// write up to [simd.PackSlack] elements past the end.
func (b Matrix) Pack(dst []float32, k0, k1, j0, j1, width int) {
	src := b.X[k0*b.RowStride+j0*b.ColStride:]
	if b.ColStride == 1 {
		simd.CopyRows(dst, width, src, b.RowStride, k1-k0, j1-j0)
		return
	}
	for j := 0; j < j1-j0; j += 8 {
		simd.Transpose(dst[j:], width, src[j*b.ColStride:], b.ColStride, min(8, j1-j0-j), k1-k0)
	}
}

// Transposed returns the transposed view.
func (b Matrix) Transposed() Matrix { return Matrix{b.X, b.ColStride, b.RowStride} }

// PackBand is how many rows are packed at a time, with all of their columns, so that memory
// is read row by row.
const PackBand = 16
