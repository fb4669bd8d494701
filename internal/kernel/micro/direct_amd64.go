//go:build amd64 && !noasm

package micro

// directKernel is an assembly function for panels of one width. step points to the table of
// steps, or is their constant distance in b.
type directKernel[S interface{ *int | int }] func(panels, n, k int, step S, a, b *float32, at *int, c *float32, cRow, last, begin int, bias, prefetch *float32, ahead int)

// The microkernels by number of vectors minus one.
var (
	directsAVX512 = [3]directKernel[*int]{direct8x1AVX512, direct8x2AVX512, direct8x3AVX512}
	directsAVX2   = [3]directKernel[*int]{direct4x1AVX2, direct4x2AVX2, direct4x3AVX2}
	evensAVX512   = [3]directKernel[int]{even8x1AVX512, even8x2AVX512, even8x3AVX512}
)

func directAVX512(t *DirectTile) {
	if s := t.Step; t.Even && len(s) > 1 && t.rate <= 64 { // one cache line for each step
		callDirect(t, 16, &evensAVX512, s[1][1]-s[0][1], t.A[s[0][0]:], t.B[s[0][1]:])
		return
	}
	callDirect(t, 16, &directsAVX512, &t.Step[0][0], t.A, t.B)
}

func directAVX2(t *DirectTile) { callDirect(t, 8, &directsAVX2, &t.Step[0][0], t.A, t.B) }

func callDirect[S interface{ *int | int }](t *DirectTile, lanes int, kernels *[3]directKernel[S], step S, a, b []float32) {
	var bias *float32
	if t.Init == InitRowBias {
		bias = &t.Bias[0]
	}
	some := max(1, 512/len(t.Step)) // panels for which to prefetch from one slice
	t.panelsOf(lanes, func(first, panels, vecs, last int) {
		for ; panels > 0; panels -= some {
			n, end := min(some, panels), lanes
			if n == panels {
				end = last
			}
			prefetch := t.fetch(n * len(t.Step))
			kernels[vecs-1](n, t.N, len(t.Step), step, &a[0], &b[0], &t.At[first][0], &t.C[0], t.CRow, end, int(t.Init), bias, prefetch, t.rate)
			first += n * vecs
		}
	})
}

// fetch returns the address from which the next n steps prefetch.
func (t *DirectTile) fetch(n int) (from *float32) {
	for len(t.prefetch) > 0 && len(t.prefetch[0]) == 0 {
		t.prefetch = t.prefetch[1:]
	}
	if len(t.prefetch) == 0 {
		t.rate = 0
		return &t.A[0]
	}
	from = &t.prefetch[0][0]
	t.prefetch[0] = t.prefetch[0][min(len(t.prefetch[0]), n*t.rate/4):]
	return from
}
