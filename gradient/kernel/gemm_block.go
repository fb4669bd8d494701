package kernel

// Blocking. The right operand is cut into panels a few vectors wide, which are
// packed one at a time into a contiguous buffer and multiplied with all of the
// left operand before the next is packed: a panel stays in the first two levels
// of cache, while the packed left operand streams past it.
const (
	blockK = 256  // depth of a panel
	blockM = 4096 // rows of the left operand packed at once
)

// product is C (+)= alpha·A·B with an arbitrary source of B.
type product struct {
	m, n, k int
	alpha   float32
	a       matrix
	b       panels
	c       []float32
	ldc     int
	add     bool
}

func (p product) run(w *Workers) {
	if p.k <= 0 || p.alpha == 0 {
		if !p.add {
			for i := range p.m {
				clear(p.c[i*p.ldc : i*p.ldc+p.n])
			}
		}
		return
	}
	width := tileN
	cols := (p.n + width - 1) / width
	for i0 := 0; i0 < p.m; i0 += blockM {
		rows := min(blockM, p.m-i0)
		for k0 := 0; k0 < p.k; k0 += blockK {
			depth := min(blockK, p.k-k0)
			packedA := scratch(roundUp(rows, tileM) * depth)
			w.For((rows+tileM-1)/tileM, 8, func(lo, hi int) {
				for t := lo; t < hi; t++ {
					packA((*packedA)[t*tileM*depth:], p.a, i0+t*tileM, min(i0+rows, i0+(t+1)*tileM), k0, depth, p.alpha)
				}
			})
			w.For(cols, 1, func(lo, hi int) {
				panel := scratch(width * depth)
				for t := lo; t < hi; t++ {
					j0 := t * width
					j1 := min(j0+width, p.n)
					p.b.pack(*panel, k0, k0+depth, j0, j1, width)
					for i := 0; i < rows; i += tileM {
						tileProduct(depth, (*packedA)[i*depth:], *panel, p.c[(i0+i)*p.ldc+j0:], p.ldc, min(tileM, rows-i), j1-j0, p.add || k0 > 0)
					}
				}
				release(panel)
			})
			release(packedA)
		}
	}
}

// packA writes rows i0 to i1 of alpha·A, depth elements from k0, tileM
// elements a column, zeros after row i1.
func packA(dst []float32, a matrix, i0, i1, k0, depth int, alpha float32) {
	for k := range depth {
		col := dst[k*tileM : (k+1)*tileM]
		for i := range col[:i1-i0] {
			col[i] = alpha * a.x[(i0+i)*a.ri+(k0+k)*a.rj]
		}
		clear(col[i1-i0:])
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
