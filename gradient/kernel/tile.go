package kernel

// tile is the task of a microkernel, the inner loop of nearly everything here.
// For i < rows and j < cols, cols being at most isa.vecs vectors,
//
//	c[row[i].c + j] (+)= Σ_p a[row[i].a + step[p].a] · b[step[p].b + j]
//
// where the first number of a pair is the offset in a, the second that in c or
// b. The tables make it a product of matrices in any layout as well as a
// convolution that reads its image in place.
type tile struct {
	row        []pair // rounded up to a multiple of isa.rows, see padRows
	step       []pair // at least one
	rows, cols int
	a, b, c    []float32
	add        bool
}

type pair [2]int

// padRows repeats row n-1 to the end of the table: microkernels read, but never
// store, as many rows as they are high.
func padRows(row []pair, n int) {
	for i := n; i < len(row); i++ {
		row[i] = row[n-1]
	}
}

func (t *tile) run() { isa.tile(t) }

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
		at := t.row[i+r][1] + j
		c := t.c[at : at+4 : at+4]
		if t.add {
			c[0], c[1], c[2], c[3] = c[0]+s[0], c[1]+s[1], c[2]+s[2], c[3]+s[3]
		} else {
			c[0], c[1], c[2], c[3] = s[0], s[1], s[2], s[3]
		}
	}
}

// partialTile computes rows i0 to i1 and columns j0 to j1 element by element,
// with the additions of a full tile in the same order.
func partialTile(t *tile, i0, j0, i1, j1 int) {
	for _, r := range t.row[i0:i1] {
		for j := j0; j < j1; j++ {
			var sum float32
			for _, s := range t.step {
				sum += t.a[r[0]+s[0]] * t.b[s[1]+j]
			}
			if t.add {
				sum += t.c[r[1]+j]
			}
			t.c[r[1]+j] = sum
		}
	}
}

// runInSteps computes the tile with a long table of steps, a part at a time, so
// that the rows of b in use stay in cache; add is that of the first part.
func (t *tile) runInSteps(steps []pair, add bool) {
	for p := 0; p < len(steps); p += depthStep {
		t.step, t.add = steps[p:min(p+depthStep, len(steps))], add || p > 0
		t.run()
	}
}
