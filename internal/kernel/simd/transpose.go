package simd

// Transpose sets dst[j*ds+i] = src[i*ss+j] for i < rows ≤ 8 and j < cols. It may overwrite
// the first eight elements of each of the cols rows of dst, or four if rows ≤ 4 and
// vectors have four.
func Transpose(dst []float32, ds int, src []float32, ss, rows, cols int) {
	TransposeLines(1, dst, ds, 0, src, ss, 0, rows, cols)
}

// TransposeLines is [Transpose] for several matrices, dstLine apart in dst and srcLine in src.
func TransposeLines(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) {
	done := isa.transpose(lines, dst, ds, dstLine, src, ss, srcLine, rows, cols)
	if done == cols {
		return
	}
	for l := range lines {
		for i := range rows {
			for j := done; j < cols; j++ {
				dst[l*dstLine+j*ds+i] = src[l*srcLine+i*ss+j]
			}
		}
	}
}

// noTranspose leaves everything to its caller; see [instructions].
func noTranspose(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int) {
	return 0
}

// TransposeAll sets dst[j*ds+i] = src[i*ss+j] for any number of rows and columns, i < rows and
// j < cols. It writes nothing else.
func TransposeAll(dst []float32, ds int, src []float32, ss, rows, cols int) {
	if rows < 8 {
		for i := range rows {
			for j, v := range src[i*ss : i*ss+cols] {
				dst[j*ds+i] = v
			}
		}
		return
	}
	// Few columns at a time: if ds is a power of two, their cache lines compete for the same
	// sets of the cache.
	for j0 := 0; j0 < cols; {
		j1 := j0 + 8
		if cols-j1 < 8 {
			j1 = cols
		}
		TransposeLines(rows/8, dst[j0*ds:], ds, 8, src[j0:], ss, 8*ss, 8, j1-j0)
		if i := rows - 8; rows%8 > 0 { // the last eight rows overlap the ones before
			Transpose(dst[j0*ds+i:], ds, src[i*ss+j0:], ss, 8, j1-j0)
		}
		j0 = j1
	}
}
