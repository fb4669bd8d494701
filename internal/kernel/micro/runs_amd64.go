//go:build amd64 && !noasm

package micro

// The microkernels by number of vectors minus one.
var runKernels = [3]func(n, length int, a *float32, lda, further int, b, c *float32, ldc, last, add int, later *float32){runs8x1AVX512, runs8x2AVX512, runs8x3AVX512}

// runsAVX512 computes 8 rows at a time, and the remaining rows as a tile.
func runsAVX512(t *RunTile) {
	const lanes, height = 16, 8
	v, add := (t.Cols-1)/lanes, 0
	if t.Add {
		add = 1
	}
	f, later, read := runKernels[v], t.Later, t.Runs*t.Length*height
	whole := t.Rows / height * height
	for i := 0; i < whole; i += height {
		ahead := &t.B[0] // in cache anyway
		if len(later) > 0 {
			ahead = &later[0]
			later = later[min(read, len(later)):]
		}
		f(t.Runs, t.Length, &t.A[i*t.Lda], t.Lda, t.Jump-t.Length, &t.B[0], &t.C[i*t.Ldc], t.Ldc, t.Cols-v*lanes, add, ahead)
	}
	if whole < t.Rows {
		rest := *t
		rest.Rows, rest.A, rest.C = t.Rows-whole, t.A[whole*t.Lda:], t.C[whole*t.Ldc:]
		portableRuns(&rest)
	}
}
