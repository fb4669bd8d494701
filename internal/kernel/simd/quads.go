package simd

// Quad is the number of elements that stay together in [TransposeQuads].
const Quad = 4

// HasQuads reports whether there is assembly for [TransposeQuads].
func HasQuads() bool { return isa.transposeQuads != nil }

// TransposeQuads transposes a matrix of rows × cols quads. A quad is four adjacent elements,
// which stay together. Rows are ss elements apart in src and ds in dst.
func TransposeQuads(dst []float32, ds int, src []float32, ss, rows, cols int) {
	// The matrix whose rows are further apart is read or written in order.
	whole := rows / Quad
	n := cols / Quad
	if n > 0 && whole > 0 {
		_, _ = dst[(n*Quad-1)*ds+whole*Quad*Quad-1], src[(whole*Quad-1)*ss+n*Quad*Quad-1]
		if ss > ds {
			for i := range whole {
				isa.transposeQuads(n, &src[i*Quad*ss], ss, Quad*Quad, &dst[i*Quad*Quad], ds, Quad*ds)
			}
		} else {
			for j := range n {
				isa.transposeQuads(whole, &src[j*Quad*Quad], ss, Quad*ss, &dst[j*Quad*ds], ds, Quad*Quad)
			}
		}
	}
	for i := range rows {
		from := 0
		if i < whole*Quad {
			from = n * Quad
		}
		for j := from; j < cols; j++ {
			copy(dst[j*ds+i*Quad:][:Quad], src[i*ss+j*Quad:][:Quad])
		}
	}
}
