package micro

import (
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// RunTile is the task of a microkernel for products of matrices of which one, A,
// is in place with rows that consist of runs. For i < rows, j < cols, cols being at
// most microVecs() vectors,
//
//	c[i·ldc + j] (+)= Σ_{r < runs, p < length} a[i·lda + r·jump + p] · b[(r·length + p)·width + j]
//
// where width is cols in whole vectors; of B all lanes are multiplied, so that those
// beyond cols should not be garbage.
type RunTile struct {
	Rows, Cols         int
	Runs, Length, Jump int
	A                  []float32
	Lda                int
	B                  []float32
	C                  []float32
	Ldc                int
	Add                bool
	Later              []float32 // to be prefetched on the way, as fast as a is read
}

// portableRuns computes it as a tile.
func portableRuns(t *RunTile) {
	width := simd.RoundUp(t.Cols, simd.Lanes())
	row, step := scratch.Pairs(simd.RoundUp(t.Rows, Rows())), scratch.Pairs(t.Runs*t.Length)
	defer scratch.FreePairs(row)
	defer scratch.FreePairs(step)
	for i := range t.Rows {
		(*row)[i] = Pair{i * t.Lda, i * t.Ldc}
	}
	PadRows(*row, t.Rows)
	for p := range *step {
		(*step)[p] = Pair{p/t.Length*t.Jump + p%t.Length, p * width}
	}
	part := Tile{Row: *row, Rows: t.Rows, Cols: t.Cols, A: t.A, B: t.B, C: t.C, Init: InitFrom(t.Add)}
	part.RunInSteps(*step)
}
