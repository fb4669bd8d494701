//go:build amd64 && !noasm

package simd

import (
	"golang.org/x/sys/cpu"
)

// available lists the instruction sets of this processor, best first.
var available = func() (sets []*instructions) {
	x := &cpu.X86
	if x.HasAVX512F && x.HasBMI2 && x.HasAVX2 && x.HasFMA {
		wide := instructions{
			name: "AVX-512", level: AVX512, lanes: 16, VectorSet: vectorsAVX512, transpose: transposeAVX2, copyRows: copyRowsAVX2,
			everySecond: everySecondAVX2, interleave: interleaveAVX2, rowSums: rowSumsAVX512, transposeQuads: transposeQuadsAVX512,
		}
		if x.HasAVX512BW && x.HasAMXTile && x.HasAMXBF16 && mayUseTiles() {
			tiles := wide
			tiles.name, tiles.level = "AMX", AMX
			sets = append(sets, &tiles)
		}
		sets = append(sets, &wide)
	}
	if x.HasAVX2 && x.HasFMA {
		sets = append(sets, &instructions{
			name: "AVX2", level: AVX2, lanes: 8, VectorSet: vectorsAVX2, transpose: transposeAVX2, copyRows: copyRowsAVX2,
			everySecond: everySecondAVX2, interleave: interleaveAVX2,
		})
	}
	return append(sets, portable)
}()

func transposeAVX2(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int) {
	if ds < 8 {
		cols-- // its eight elements would reach past the end of dst's last row
	}
	if lines == 0 || cols < 8 {
		return 0
	}
	_, _ = dst[(lines-1)*dstLine+(cols-1)*ds+7], src[(lines-1)*srcLine+(rows-1)*ss+cols-1]
	transpose8AVX2(lines, cols, &src[0], ss, srcLine, rows, &dst[0], ds, dstLine)
	return cols
}

func everySecondAVX2(rows, n int, src *float32, ss int, dst *float32, ds int) {
	if n < 8 {
		everySecond4AVX2(rows, n, src, ss, dst, ds)
	} else {
		everySecond8AVX2(rows, n, src, ss, dst, ds)
	}
}

func copyRowsAVX2(rows, n int, src *float32, ss int, dst *float32, ds int) {
	if n < 8 {
		copyRows4AVX2(rows, n, src, ss, dst, ds)
	} else {
		copyRows8AVX2(rows, n, src, ss, dst, ds)
	}
}
