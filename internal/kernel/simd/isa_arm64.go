//go:build arm64 && !noasm

package simd

// available lists the instruction sets, best first. Every arm64 processor that Go runs on has
// NEON.
var available = []*instructions{
	{
		name: "NEON", level: NEON, lanes: 4, VectorSet: vectorsNEON, transpose: transposeRowsNEON, copyRows: copyRowsNEON,
		everySecond: everySecondNEON, interleave: interleaveNEON,
	},
	portable,
}

func transposeRowsNEON(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int) {
	wide, f := 4, transpose4NEON
	if rows > 4 {
		wide, f = 8, transpose8NEON
	}
	if ds < wide {
		cols-- // its elements would reach past the end of dst's last row
	}
	if lines == 0 || cols < 4 {
		return 0
	}
	_, _ = dst[(lines-1)*dstLine+(cols-1)*ds+wide-1], src[(lines-1)*srcLine+(rows-1)*ss+cols-1]
	f(lines, cols, &src[0], ss, srcLine, rows, &dst[0], ds, dstLine)
	return cols
}
