package amx

// largest is the bits of the least size that is too large: rounding might make it infinite.
const largest = 0x7f000000 // 2¹²⁷

// Round writes rows of n words to dst, dstRow apart. Word i of a row holds element i of a row of x
// and that of a row of y, rounded to bfloat16. Rows of x and y are xRow apart. Without y its
// elements are 0. ok is false if an element is infinite, no number, or too large.
func Round(rows, n int, x, y []float32, xRow int, dst []uint32, dstRow int) (ok bool) {
	if rows == 0 || n == 0 {
		return true
	}
	_, _ = x[(rows-1)*xRow+n-1], dst[(rows-1)*dstRow+n-1]
	if len(y) == 0 {
		return round(rows, n, &x[0], &x[0], xRow, 0, &dst[0], dstRow) < largest
	}
	_ = y[(rows-1)*xRow+n-1]
	return round(rows, n, &x[0], &y[0], xRow, 0xffff, &dst[0], dstRow) < largest
}

// AddRows copies rows of n elements, ss apart in src and ds apart in dst, and adds a number to
// each element.
func AddRows(rows, n int, dst []float32, ds int, src []float32, ss int, add float32) {
	if rows == 0 || n == 0 {
		return
	}
	_, _ = dst[(rows-1)*ds+n-1], src[(rows-1)*ss+n-1]
	copyAdding(rows, n, &src[0], ss, add, &dst[0], ds)
}
