package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Tile is the task of the most general microkernel, the inner loop of most matrix products
// and convolutions. Cols is at most [Vecs] vectors. For i < Rows and j < Cols,
//
//	C[Row[i].c + j] = init(i, j) + Σ_p A[Row[i].a + Step[p].a] · B[Step[p].b + j]
//
// The first number of a pair is an offset in A, the second one in C or B. With tables of
// offsets, the operands can be matrices in any layout, and a convolution can read its image
// in place.
type Tile struct {
	Row        []Pair // padded to a multiple of Rows(); see PadRows
	Step       []Pair // at least one
	Rows, Cols int
	A, B, C    []float32
	Init       Init
	Bias       []float32
}

// Init says what the products are added to.
type Init int

const (
	InitZero       Init = iota // 0
	InitC                      // the contents of C
	InitRowBias                // Bias[i]; Bias is padded like Row
	InitColumnBias             // Bias[j]
)

// InitFrom returns InitC if the products are added to C, InitZero if they overwrite it.
func InitFrom(c bool) Init {
	if c {
		return InitC
	}
	return InitZero
}

// Pair is two offsets; see [Tile].
type Pair = [2]int

// PadRows fills the table after its first n rows with copies of row n-1. Microkernels read
// whole blocks of rows and do not store those in excess.
func PadRows(row []Pair, n int) {
	for i := n; i < len(row); i++ {
		row[i] = row[n-1]
	}
}

// portableTile computes 4×4 elements at a time.
func portableTile(t *Tile) {
	for i := 0; i < t.Rows; i += 4 {
		for j := 0; j < t.Cols; j += 4 {
			if i+4 <= t.Rows && j+4 <= t.Cols {
				tile4x4(t, i, j)
			} else {
				partialTile(t, i, j, min(i+4, t.Rows), min(j+4, t.Cols))
			}
		}
	}
}

func tile4x4(t *Tile, i, j int) {
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 float32
	a0, a1, a2, a3 := t.A[t.Row[i][0]:], t.A[t.Row[i+1][0]:], t.A[t.Row[i+2][0]:], t.A[t.Row[i+3][0]:]
	for _, s := range t.Step {
		b := t.B[s[1]+j : s[1]+j+4 : s[1]+j+4]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		x := a0[s[0]]
		c00 += x * b0
		c01 += x * b1
		c02 += x * b2
		c03 += x * b3
		x = a1[s[0]]
		c10 += x * b0
		c11 += x * b1
		c12 += x * b2
		c13 += x * b3
		x = a2[s[0]]
		c20 += x * b0
		c21 += x * b1
		c22 += x * b2
		c23 += x * b3
		x = a3[s[0]]
		c30 += x * b0
		c31 += x * b1
		c32 += x * b2
		c33 += x * b3
	}
	for r, s := range [4][4]float32{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}} {
		for l, v := range s {
			t.set(i+r, j+l, v)
		}
	}
}

// set stores element (i, j): its sum of products, plus what it is added to.
func (t *Tile) set(i, j int, sum float32) {
	c := &t.C[t.Row[i][1]+j]
	switch t.Init {
	case InitC:
		sum += *c
	case InitRowBias:
		sum += t.Bias[i]
	case InitColumnBias:
		sum += t.Bias[j]
	}
	*c = sum
}

// partialTile computes rows i0 to i1 and columns j0 to j1 element by element. It adds in
// the order of a full tile.
func partialTile(t *Tile, i0, j0, i1, j1 int) {
	for i := i0; i < i1; i++ {
		r := t.Row[i]
		for j := j0; j < j1; j++ {
			var sum float32
			for _, s := range t.Step {
				sum += t.A[r[0]+s[0]] * t.B[s[1]+j]
			}
			t.set(i, j, sum)
		}
	}
}

// DepthStep is how many steps [Tile.RunInSteps] adds up at once.
const DepthStep = 128

// RunInSteps computes the tile for a long table of steps, depthStep of them at a time. The
// rows of B in use stay in cache, and a sum of sums is more accurate.
func (t *Tile) RunInSteps(steps []Pair) {
	begin := t.Init
	for p := 0; p < len(steps); p += DepthStep {
		t.Step = steps[p:min(p+DepthStep, len(steps))]
		t.Run()
		t.Init = InitC
	}
	t.Init = begin
}

// Split divides columns into panels of whole vectors that differ by at most one vector.
type Split struct {
	n, vectors, Panels int
}

// NewSplit divides n columns.
func NewSplit(n int) Split {
	v := (n + simd.Lanes() - 1) / simd.Lanes()
	return Split{n, v, (v + Vecs() - 1) / Vecs()}
}

// Panel returns the first column of panel i and the one after its last.
func (s Split) Panel(i int) (j0, j1 int) {
	return i * s.vectors / s.Panels * simd.Lanes(), min((i+1)*s.vectors/s.Panels*simd.Lanes(), s.n)
}
