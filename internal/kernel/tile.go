package kernel

// tile is the task of a microkernel, the inner loop of nearly everything here.
// For i < rows and j < cols, cols being at most microVecs() vectors,
//
//	c[row[i].c + j] = begin(i, j) + Σ_p a[row[i].a + step[p].a] · b[step[p].b + j]
//
// where the first number of a pair is the offset in a, the second that in c or
// b. The tables make it a product of matrices in any layout as well as a
// convolution that reads its image in place.
type tile struct {
	row        []pair // rounded up to a multiple of microRows(), see padRows
	step       []pair // at least one
	rows, cols int
	a, b, c    []float32
	begin      beginning
	bias       []float32
}

// beginning says what a tile's products are added to.
type beginning int

const (
	fromZero    beginning = iota // nothing
	fromC                        // what c holds
	fromRows                     // bias[i], the bias being rounded up like row
	fromColumns                  // bias[j]
)

// addTo is the beginning of a tile that adds to c, or overwrites it.
func addTo(c bool) beginning {
	if c {
		return fromC
	}
	return fromZero
}

// pair is two offsets, see [tile].
type pair = [2]int

// padRows repeats row n-1 to the end of the table: microkernels read, but never
// store, as many rows as they are high.
func padRows(row []pair, n int) {
	for i := n; i < len(row); i++ {
		row[i] = row[n-1]
	}
}

// portableTile computes 4×4 elements at a time.
func portableTile(t *tile) {
	for i := 0; i < t.rows; i += 4 {
		for j := 0; j < t.cols; j += 4 {
			if i+4 <= t.rows && j+4 <= t.cols {
				tile4x4(t, i, j)
			} else {
				partialTile(t, i, j, min(i+4, t.rows), min(j+4, t.cols))
			}
		}
	}
}

func tile4x4(t *tile, i, j int) {
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 float32
	a0, a1, a2, a3 := t.a[t.row[i][0]:], t.a[t.row[i+1][0]:], t.a[t.row[i+2][0]:], t.a[t.row[i+3][0]:]
	for _, s := range t.step {
		b := t.b[s[1]+j : s[1]+j+4 : s[1]+j+4]
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

// set stores the sum for element (i, j) on top of where it begins.
func (t *tile) set(i, j int, sum float32) {
	c := &t.c[t.row[i][1]+j]
	switch t.begin {
	case fromC:
		sum += *c
	case fromRows:
		sum += t.bias[i]
	case fromColumns:
		sum += t.bias[j]
	}
	*c = sum
}

// partialTile computes rows i0 to i1 and columns j0 to j1 element by element,
// with the additions of a full tile in the same order.
func partialTile(t *tile, i0, j0, i1, j1 int) {
	for i := i0; i < i1; i++ {
		r := t.row[i]
		for j := j0; j < j1; j++ {
			var sum float32
			for _, s := range t.step {
				sum += t.a[r[0]+s[0]] * t.b[s[1]+j]
			}
			t.set(i, j, sum)
		}
	}
}

// depthStep is how many steps runInSteps adds up at once.
const depthStep = 128

// runInSteps computes the tile with a long table of steps, a part at a time: the
// rows of b in use stay in cache, and a sum of sums is more accurate.
func (t *tile) runInSteps(steps []pair) {
	begin := t.begin
	for p := 0; p < len(steps); p += depthStep {
		t.step = steps[p:min(p+depthStep, len(steps))]
		t.run()
		t.begin = fromC
	}
	t.begin = begin
}

// split divides columns into panels of whole vectors, as evenly as possible.
type split struct {
	n, vectors, panels int
}

func newSplit(n int) split {
	v := (n + isaLanes() - 1) / isaLanes()
	return split{n, v, (v + microVecs() - 1) / microVecs()}
}

// panel returns the columns of panel i.
func (s split) panel(i int) (j0, j1 int) {
	return i * s.vectors / s.panels * isaLanes(), min((i+1)*s.vectors/s.panels*isaLanes(), s.n)
}
