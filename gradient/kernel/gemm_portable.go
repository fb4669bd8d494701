package kernel

// portable is the instruction set of the Go implementations.
var portable = &instructions{name: "portable", rows: 4, lanes: 4, vecs: 1, tile: portableTile}

// portableTile is the microkernel of [tile] in Go, for at most 4×4.
func portableTile(t *tile) {
	if t.rows < 4 || t.cols < 4 {
		partialTile(t)
		return
	}
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 float32
	at, a := 0, t.a[:3*t.ra+(t.k-1)*t.ka+1]
	r1, r2, r3 := t.ra, 2*t.ra, 3*t.ra
	for p := range t.k {
		b := t.b[p*t.kb : p*t.kb+4 : p*t.kb+4]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		x := a[at]
		c00 += x * b0
		c01 += x * b1
		c02 += x * b2
		c03 += x * b3
		x = a[at+r1]
		c10 += x * b0
		c11 += x * b1
		c12 += x * b2
		c13 += x * b3
		x = a[at+r2]
		c20 += x * b0
		c21 += x * b1
		c22 += x * b2
		c23 += x * b3
		x = a[at+r3]
		c30 += x * b0
		c31 += x * b1
		c32 += x * b2
		c33 += x * b3
		at += t.ka
	}
	for i, s := range [4][4]float32{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}} {
		c := t.c[i*t.ldc : i*t.ldc+4 : i*t.ldc+4]
		if t.add {
			c[0], c[1], c[2], c[3] = c[0]+s[0], c[1]+s[1], c[2]+s[2], c[3]+s[3]
		} else {
			c[0], c[1], c[2], c[3] = s[0], s[1], s[2], s[3]
		}
	}
}

// partialTile computes a tile of any size, element by element. The additions
// are those of a full tile, in the same order.
func partialTile(t *tile) {
	for i := range t.rows {
		for j := range t.cols {
			var s float32
			for p := range t.k {
				s += t.a[i*t.ra+p*t.ka] * t.b[p*t.kb+j]
			}
			if t.add {
				s += t.c[i*t.ldc+j]
			}
			t.c[i*t.ldc+j] = s
		}
	}
}
