package gemm

import (
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// swapPays reports whether to compute Cᵀ = Bᵀ·Aᵀ. If B lies by columns, packing transposes
// it, which is much work when A has few rows. Transposing the few rows of C is cheaper.
func (p *General) swapPays() bool {
	return p.B.RowStride == 1 && p.B.ColStride != 1 && 3*p.M <= p.K && p.M <= 256 && p.Init != micro.InitRowBias && p.Alpha == 1
}

// runSwapped computes a few columns of C at a time, as strips of Cᵀ.
func (p *General) runSwapped(w *parallel.Workers) {
	const columns = 24 // three times what Transpose takes at once, and whole strips
	width := simd.RoundUp(p.M, simd.Lanes())
	packed := scratch.Floats(width*p.K + simd.PackSlack)
	defer scratch.Free(packed)
	depth := p.depth()
	swapped := General{M: p.N, N: p.M, K: p.K, Alpha: 1, A: micro.Matrix{X: p.B.X, RowStride: p.B.ColStride, ColStride: p.B.RowStride}, B: micro.Matrix{X: p.A.X, RowStride: p.A.ColStride, ColStride: p.A.RowStride}, Ldc: width}
	swapped.packB(w, *packed, 0, p.M, 0, p.K, depth)
	w.For((p.N+columns-1)/columns, parallel.GrainOf(columns*p.M*p.K/8), func(lo, hi int) {
		buf := scratch.Floats(columns * width)
		defer scratch.Free(buf)
		part := new(General)
		*part = swapped
		part.C = *buf
		for q := lo; q < hi; q++ {
			j0, j1 := q*columns, min((q+1)*columns, p.N)
			part.M, part.A.X = j1-j0, p.B.X[j0*p.B.ColStride:]
			if p.Init == micro.InitColumnBias {
				part.Init, part.bias = micro.InitRowBias, p.bias[j0:]
			}
			part.chunk = chunk{p: part, i1: j1 - j0, width: p.M, packed: *packed}
			part.chunk.run(0, p.K, depth)
			p.transposeBack(*buf, width, j0, j1)
		}
	})
	p.finished(0, p.M, 0, p.N)
}

// transposeBack writes columns j0 to j1 of C, which are given as rows ld apart.
func (p *General) transposeBack(rows []float32, ld, j0, j1 int) {
	j := j0
	for ; p.Init != micro.InitC && j+8 <= j1; j += 8 { // transpose writes no more than eight elements a row
		simd.Transpose(p.C[j:], p.Ldc, rows[(j-j0)*ld:], ld, 8, p.M)
	}
	for ; j < j1; j++ {
		for i, v := range rows[(j-j0)*ld : (j-j0)*ld+p.M] {
			if p.Init == micro.InitC {
				v += p.C[i*p.Ldc+j]
			}
			p.C[i*p.Ldc+j] = v
		}
	}
}
