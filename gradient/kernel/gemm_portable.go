package kernel

const tileM, tileN = 4, 4

// tileProduct computes the rows×cols corner of a tileM×tileN tile of C, from
// panels of A and B packed k steps deep.
func tileProduct(k int, a, b, c []float32, ldc, rows, cols int, add bool) {
	var t [tileM * tileN]float32
	tile4x4(k, a, b, &t)
	for i := range rows {
		row := c[i*ldc : i*ldc+cols]
		for j := range row {
			if add {
				row[j] += t[i*tileN+j]
			} else {
				row[j] = t[i*tileN+j]
			}
		}
	}
}

func tile4x4(k int, a, b []float32, t *[16]float32) {
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 float32
	a, b = a[:4*k], b[:4*k]
	for len(a) >= 4 && len(b) >= 4 {
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		x := a[0]
		c00 += x * b0
		c01 += x * b1
		c02 += x * b2
		c03 += x * b3
		x = a[1]
		c10 += x * b0
		c11 += x * b1
		c12 += x * b2
		c13 += x * b3
		x = a[2]
		c20 += x * b0
		c21 += x * b1
		c22 += x * b2
		c23 += x * b3
		x = a[3]
		c30 += x * b0
		c31 += x * b1
		c32 += x * b2
		c33 += x * b3
		a, b = a[4:], b[4:]
	}
	*t = [16]float32{c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33}
}
