package kernel

// tallTile is the task of the microkernel: for i < n ≤ high and the lanes l of some
// vectors
//
//	c[i·cRow + l] = bias[i] + Σ_p a[p·high + i] · b[p·bRow + l]
//
// On the way it prefetches from later: as many lines as it reads of b, 16 at a time
// that follow one another and then so much further on.
type tallTile struct {
	vectors, n, high, k int
	a, b, later         []float32
	bRow, further       int
	c                   []float32
	cRow                int
	bias                []float32
}

// tallHigh is how many channels the highest kernel has; others have 8 and 16.
const tallHigh = 24
