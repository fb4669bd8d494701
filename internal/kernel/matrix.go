package kernel

// matrix is a view of a slice: element (i, j) is x[i*ri+j*rj].
type matrix struct {
	x      []float32
	ri, rj int
}

func strided(x []float32, ld int, trans bool) matrix {
	if trans {
		return matrix{x, 1, ld}
	}
	return matrix{x, ld, 1}
}

// packRows writes alpha times n ≤ height rows of a from row i0, for depth
// columns from k0, to dst, height elements a column. Elements after the n'th of
// a column are arbitrary.
func packRows(dst []float32, height int, a matrix, i0, n, k0, depth int, alpha float32) {
	src := a.x[i0*a.ri+k0*a.rj:]
	if a.rj == 1 {
		transpose(dst, height, src, a.ri, n, depth)
	} else {
		copyRows(dst, height, src, a.rj, depth, n)
	}
	if alpha != 1 {
		scale(dst[:height*depth], alpha)
	}
}

func (b matrix) pack(dst []float32, k0, k1, j0, j1, width int) {
	src := b.x[k0*b.ri+j0*b.rj:]
	if b.rj == 1 {
		copyRows(dst, width, src, b.ri, k1-k0, j1-j0)
		return
	}
	for j := 0; j < j1-j0; j += 8 {
		transpose(dst[j:], width, src[j*b.rj:], b.rj, min(8, j1-j0-j), k1-k0)
	}
}

func (b matrix) transposed() matrix { return matrix{b.x, b.rj, b.ri} }
