//go:build amd64 && !noasm

package kernel

// The microkernels by vectors less one.
var runKernels = [3]func(n, length int, a *float32, lda, further int, b, c *float32, ldc, last, add int, later *float32){runs8x1AVX512, runs8x2AVX512, runs8x3AVX512}

// runsAVX512 computes 8 rows at a time, and the rest as a tile.
func runsAVX512(t *runTile) {
	const lanes, height = 16, 8
	v, add := (t.cols-1)/lanes, 0
	if t.add {
		add = 1
	}
	f, later, read := runKernels[v], t.later, t.runs*t.length*height
	whole := t.rows / height * height
	for i := 0; i < whole; i += height {
		ahead := &t.b[0] // which is near
		if len(later) > 0 {
			ahead = &later[0]
			later = later[min(read, len(later)):]
		}
		f(t.runs, t.length, &t.a[i*t.lda], t.lda, t.jump-t.length, &t.b[0], &t.c[i*t.ldc], t.ldc, t.cols-v*lanes, add, ahead)
	}
	if whole < t.rows {
		rest := *t
		rest.rows, rest.a, rest.c = t.rows-whole, t.a[whole*t.lda:], t.c[whole*t.ldc:]
		portableRuns(&rest)
	}
}
