package micro

// TallTile is the task of the microkernel: for i < n ≤ high and the lanes l of some
// vectors
//
//	c[i·cRow + l] = bias[i] + Σ_p a[p·high + i] · b[p·bRow + l]
//
// On the way it prefetches from later: as many lines as it reads of b, 16 at a time
// that follow one another and then so much further on.
type TallTile struct {
	Vectors, N, High, K int
	A, B, Later         []float32
	BRow, Further       int
	C                   []float32
	CRow                int
	Bias                []float32
}

// TallHigh is how many channels the highest kernel has; others have 8 and 16.
const TallHigh = 24
