//go:build (amd64 || arm64) && !noasm

package micro

// runKernel is an assembly function that computes as many rows as a tile has.
type runKernel func(n, length int, a *float32, lda, gap int, b, c *float32, ldc, last, add int, prefetch *float32)

// call computes the rows of a tile at a time by the microkernels, which are given by number of
// vectors minus one, and the remaining rows as a tile.
func (t *RunTile) call(kernels []runKernel, lanes int) {
	height, v, add := Rows(), (t.Cols-1)/lanes, 0
	if t.Add {
		add = 1
	}
	f, prefetch, read := kernels[v], t.Prefetch, t.Runs*t.Length*height
	whole := t.Rows / height * height
	for i := 0; i < whole; i += height {
		ahead := &t.B[0] // in cache anyway
		if len(prefetch) > 0 {
			ahead = &prefetch[0]
			prefetch = prefetch[min(read, len(prefetch)):]
		}
		f(t.Runs, t.Length, &t.A[i*t.Lda], t.Lda, t.Jump-t.Length, &t.B[0], &t.C[i*t.Ldc], t.Ldc, t.Cols-v*lanes, add, ahead)
	}
	if whole < t.Rows {
		rest := *t
		rest.Rows, rest.A, rest.C = t.Rows-whole, t.A[whole*t.Lda:], t.C[whole*t.Ldc:]
		portableRuns(&rest)
	}
}
