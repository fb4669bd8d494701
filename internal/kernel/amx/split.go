package amx

// Largest is the bits of the largest size of an element that parts may hold. What is larger,
// or no number, is none of theirs.
const largest = 0x7f000000 // 2¹²⁷

// Split writes rows of n words to dst, dstRow apart. Word i of a row holds element i of a row
// of x and that of a row of y as parts, which are dstPart apart. Rows of x and y are xRow
// apart. Without y its elements are 0. ok is false if an element is infinite, no number, or so
// large that rounding might make it so.
func Split(parts Parts, rows, n int, x, y []float32, xRow int, dst []uint32, dstRow, dstPart int) (ok bool) {
	if rows == 0 || n == 0 {
		return true
	}
	_ = x[(rows-1)*xRow+n-1]
	_ = dst[(int(parts)-1)*dstPart+(rows-1)*dstRow+n-1]
	if len(y) == 0 {
		return split(parts, rows, n, &x[0], &x[0], xRow, 0, &dst[0], dstRow, dstPart) < largest
	}
	_ = y[(rows-1)*xRow+n-1]
	return split(parts, rows, n, &x[0], &y[0], xRow, 0xffff, &dst[0], dstRow, dstPart) < largest
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
