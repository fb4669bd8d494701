//go:build amd64 && !noasm

package micro

// The microkernels by number of vectors minus one.
var (
	directsAVX512 = [3]directKernel[*int]{direct8x1AVX512, direct8x2AVX512, direct8x3AVX512}
	directsAVX2   = [3]directKernel[*int]{direct4x1AVX2, direct4x2AVX2, direct4x3AVX2}
	evensAVX512   = [3]directKernel[int]{even8x1AVX512, even8x2AVX512, even8x3AVX512}
	evensAVX2     = [3]directKernel[int]{even4x1AVX2, even4x2AVX2, even4x3AVX2}
)

func directAVX512(t *DirectTile) { t.call(16, &directsAVX512, &evensAVX512) }

func directAVX2(t *DirectTile) { t.call(8, &directsAVX2, &evensAVX2) }

// call computes the tile by the kernels for even steps if its steps are even.
func (t *DirectTile) call(lanes int, directs *[3]directKernel[*int], evens *[3]directKernel[int]) {
	if s := t.Step; t.Even && len(s) > 1 && t.rate <= 64 { // one cache line for each step
		callDirect(t, lanes, evens, s[1][1]-s[0][1], t.A[s[0][0]:], t.B[s[0][1]:])
		return
	}
	callDirect(t, lanes, directs, &t.Step[0][0], t.A, t.B)
}
