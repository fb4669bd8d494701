package kernel

// packSlack is how many elements a packing routine may write past the end.
const packSlack = 64

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

// copyRows copies rows of n elements between matrices with rows ds and ss apart.
func copyRows(dst []float32, ds int, src []float32, ss, rows, n int) {
	if rows <= 0 || n <= 0 {
		return
	}
	_, _ = dst[(rows-1)*ds+n-1], src[(rows-1)*ss+n-1]
	if isa.copyRows != nil && n >= 4 {
		isa.copyRows(rows, n, &src[0], ss, &dst[0], ds)
		return
	}
	for i := range rows {
		copy(dst[i*ds:i*ds+n], src[i*ss:i*ss+n])
	}
}

// transpose sets dst[j*ds+i] = src[i*ss+j] for i < rows ≤ 8 and j < cols. The
// other elements of the cols rows of dst, up to the eighth, become arbitrary.
func transpose(dst []float32, ds int, src []float32, ss, rows, cols int) {
	transposeLines(1, dst, ds, 0, src, ss, 0, rows, cols)
}

// transposeLines is transpose for lines matrices, dstLine and srcLine apart.
func transposeLines(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) {
	done := isa.transpose(lines, dst, ds, dstLine, src, ss, srcLine, rows, cols)
	if done == cols {
		return
	}
	for l := range lines {
		for i := range rows {
			for j := done; j < cols; j++ {
				dst[l*dstLine+j*ds+i] = src[l*srcLine+i*ss+j]
			}
		}
	}
}

// noTranspose leaves everything to its caller, see [instructions].
func noTranspose(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int) {
	return 0
}

// transposeAll sets dst[j*ds+i] = src[i*ss+j] for any i < rows, j < cols, and
// writes nothing else.
func transposeAll(dst []float32, ds int, src []float32, ss, rows, cols int) {
	if rows < 8 {
		for i := range rows {
			for j, v := range src[i*ss : i*ss+cols] {
				dst[j*ds+i] = v
			}
		}
		return
	}
	// Few columns at a time: with ds a power of two, their lines compete for the
	// same places in the cache.
	for j0 := 0; j0 < cols; {
		j1 := j0 + 8
		if cols-j1 < 8 {
			j1 = cols
		}
		transposeLines(rows/8, dst[j0*ds:], ds, 8, src[j0:], ss, 8*ss, 8, j1-j0)
		if i := rows - 8; rows%8 > 0 { // the last eight overlap those before
			transpose(dst[j0*ds+i:], ds, src[i*ss+j0:], ss, 8, j1-j0)
		}
		j0 = j1
	}
}

func fill(x []float32, v float32) {
	const few = 32 // longer ones are copied from what is there
	for i := range x[:min(few, len(x))] {
		x[i] = v
	}
	for n := few; n < len(x); n *= 2 {
		copy(x[n:], x[:n])
	}
}
