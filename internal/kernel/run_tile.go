package kernel

// runTile is the task of a microkernel for products of matrices of which one, A,
// is in place with rows that consist of runs. For i < rows, j < cols, cols being at
// most microVecs() vectors,
//
//	c[i·ldc + j] (+)= Σ_{r < runs, p < length} a[i·lda + r·jump + p] · b[(r·length + p)·width + j]
//
// where width is cols in whole vectors; of B all lanes are multiplied, so that those
// beyond cols should not be garbage.
type runTile struct {
	rows, cols         int
	runs, length, jump int
	a                  []float32
	lda                int
	b                  []float32
	c                  []float32
	ldc                int
	add                bool
	later              []float32 // to be prefetched on the way, as fast as a is read
}

// portableRuns computes it as a tile.
func portableRuns(t *runTile) {
	width := roundUp(t.cols, isaLanes())
	row, step := offsets(roundUp(t.rows, microRows())), offsets(t.runs*t.length)
	defer releaseOffsets(row)
	defer releaseOffsets(step)
	for i := range t.rows {
		(*row)[i] = pair{i * t.lda, i * t.ldc}
	}
	padRows(*row, t.rows)
	for p := range *step {
		(*step)[p] = pair{p/t.length*t.jump + p%t.length, p * width}
	}
	part := tile{row: *row, rows: t.rows, cols: t.cols, a: t.a, b: t.b, c: t.c, begin: addTo(t.add)}
	part.runInSteps(*step)
}
