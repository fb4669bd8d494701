package micro

import (
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// RunTile is the task of a microkernel for matrix products whose left matrix, A, lies in
// place: each of its rows consists of runs of elements. Cols is at most [Vecs] vectors. For
// i < Rows and j < Cols,
//
//	C[i·Ldc + j] (+)= Σ_{r < Runs, p < Length} A[i·Lda + r·Jump + p] · B[(r·Length + p)·width + j]
//
// where width is Cols in whole vectors. All lanes of B are multiplied, so those beyond Cols
// should hold ordinary numbers.
type RunTile struct {
	Rows, Cols         int
	Runs, Length, Jump int
	A                  []float32
	Lda                int
	B                  []float32
	C                  []float32
	Ldc                int
	Add                bool
	Prefetch           []float32 // memory to prefetch, as fast as A is read
}

// portableRuns computes the task as a [Tile].
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
