package micro

// TallTile is the task of a microkernel that keeps all rows of a product in registers. For
// i < N ≤ High and the lanes l of Vectors vectors,
//
//	C[i·CRow + l] = Bias[i] + Σ_p A[p·High + i] · B[p·BRow + l]
//
// On the way it prefetches as many cache lines as it reads of B: 16 adjacent ones at a time,
// with a gap between one such group and the next.
type TallTile struct {
	Vectors, N, High, K int
	A, B, Prefetch      []float32
	BRow, Gap           int
	C                   []float32
	CRow                int
	Bias                []float32
}

// TallHigh is how many rows the tallest kernel has; the others have 8 and 16.
const TallHigh = 24
