//go:build (amd64 || arm64) && !noasm

package micro

// directKernel is an assembly function for panels of one width. step points to the table of
// steps, or is their constant distance in b.
type directKernel[S interface{ *int | int }] func(panels, n, k int, step S, a, b *float32, at *int, c *float32, cRow, last, begin int, bias, prefetch *float32, ahead int)

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
