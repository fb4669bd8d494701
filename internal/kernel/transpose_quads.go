package kernel

// quad is how many elements stay together in transposeQuads.
const quad = 4

// hasQuads reports whether turnQuads is fast.
func hasQuads() bool { return isa.turnQuads != nil }

// turnQuads turns a matrix of rows by cols quads, with rows ss elements apart, and
// ds in dst.
func turnQuads(dst []float32, ds int, src []float32, ss, rows, cols int) {
	// By columns of the one of two matrices whose rows are far apart, so that it is
	// read or written in order.
	whole := rows / quad
	n := cols / quad
	if n > 0 && whole > 0 {
		_, _ = dst[(n*quad-1)*ds+whole*quad*quad-1], src[(whole*quad-1)*ss+n*quad*quad-1]
		if ss > ds {
			for i := range whole {
				isa.turnQuads(n, &src[i*quad*ss], ss, quad*quad, &dst[i*quad*quad], ds, quad*ds)
			}
		} else {
			for j := range n {
				isa.turnQuads(whole, &src[j*quad*quad], ss, quad*ss, &dst[j*quad*ds], ds, quad*quad)
			}
		}
	}
	for i := range rows {
		from := 0
		if i < whole*quad {
			from = n * quad
		}
		for j := from; j < cols; j++ {
			copy(dst[j*ds+i*quad:][:quad], src[i*ss+j*quad:][:quad])
		}
	}
}
