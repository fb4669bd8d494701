package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Matrix is a view of a slice: element (i, j) is x[i*ri+j*rj].
type Matrix struct {
	X                    []float32
	RowStride, ColStride int
}

func Strided(x []float32, ld int, trans bool) Matrix {
	if trans {
		return Matrix{x, 1, ld}
	}
	return Matrix{x, ld, 1}
}

// PackRows writes alpha times n ≤ height rows of a from row i0, for depth
// columns from k0, to dst, height elements a column. Elements after the n'th of
// a column are arbitrary.
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

func (b Matrix) Transposed() Matrix { return Matrix{b.X, b.ColStride, b.RowStride} }

// PackBand is how many rows are packed at a time, all of their columns: so that
// memory is read row by row.
const PackBand = 16
