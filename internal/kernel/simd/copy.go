package simd

// PackSlack is how many elements packing functions may write past the end of their output.
const PackSlack = 64

// CopyRows copies rows of n elements between matrices with rows ds and ss apart.
func CopyRows(dst []float32, ds int, src []float32, ss, rows, n int) {
	if rows <= 0 || n <= 0 {
		return
	}
	_, _ = dst[(rows-1)*ds+n-1], src[(rows-1)*ss+n-1]
	if isa.copyRows != nil && n >= 4 {
		isa.copyRows(rows, n, &src[0], ss, &dst[0], ds)
		return
	}
	for i := range rows {
		copy(dst[i*ds:i*ds+n], src[i*ss:i*ss+n])
	}
}

// CopyEvery copies rows of n elements. In src the elements of a row are step apart and rows ss
// apart; in dst elements are adjacent and rows ds apart.
func CopyEvery(dst []float32, ds int, src []float32, ss, step, rows, n int) {
	if step == 1 {
		CopyRows(dst, ds, src, ss, rows, n)
		return
	}
	if isa.everySecond != nil && step == 2 && n >= 4 {
		_, _ = dst[(rows-1)*ds+n-1], src[(rows-1)*ss+2*n-2]
		isa.everySecond(rows, n, &src[0], ss, &dst[0], ds)
		return
	}
	for r := range rows {
		from := src[r*ss:]
		for i := range dst[r*ds : r*ds+n] {
			dst[r*ds+i] = from[i*step]
		}
	}
}

// CanInterleave reports whether [InterleaveRows] can be called.
func CanInterleave() bool { return isa.interleave != nil }

// InterleaveRows writes rows of dst, ds apart, in which the elements of rows of x and y
// alternate. Rows of x and y have n ≥ 8 elements and are ss apart.
func InterleaveRows(rows, n int, x, y []float32, ss int, dst []float32, ds int) {
	isa.interleave(rows, n, &x[0], &y[0], ss, &dst[0], ds)
}

// Fill sets all elements of x to v.
func Fill(x []float32, v float32) {
	const few = 32 // the rest is copied from these
	for i := range x[:min(few, len(x))] {
		x[i] = v
	}
	for n := few; n < len(x); n *= 2 {
		copy(x[n:], x[:n])
	}
}

// RoundUp returns the least multiple of to that is not less than n.
func RoundUp(n, to int) int { return (n + to - 1) / to * to }
