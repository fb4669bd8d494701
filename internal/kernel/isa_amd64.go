//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg kernel

// available lists the instruction sets of this processor, best first.
var available = func() (sets []*instructions) {
	x := &cpu.X86
	if x.HasAVX512F && x.HasBMI2 && x.HasAVX2 && x.HasFMA {
		sets = append(sets, &instructions{name: "AVX-512", rows: 8, lanes: 16, vecs: 3, tile: tileAVX512, strip: stripsAVX512.run, runs: runsAVX512, rowSums: rowSumsAVX512, tall: tallAVX512, turnQuads: turnQuadsAVX512, vectorSet: vectorsAVX512, transpose: transposeAVX2, copyRows: copyRowsAVX2, everySecond: everySecondAVX2, weave: weaveAVX2, halveMax: halveMaxAVX2, halveMaxGrad: halveMaxGradAVX2, winograd: winogradAVX512, direct: directAVX512, dots: dotsAVX512, channels: 8, depthwise: depthwiseKernels{}, small: smallKernels{}, tilesInLanes: &lanesAVX512})
	}
	if x.HasAVX2 && x.HasFMA {
		sets = append(sets, &instructions{name: "AVX2", rows: 6, lanes: 8, vecs: 2, tile: tileAVX2, strip: stripsAVX2.run, vectorSet: vectorsAVX2, transpose: transposeAVX2, copyRows: copyRowsAVX2, everySecond: everySecondAVX2, weave: weaveAVX2, halveMax: halveMaxAVX2, halveMaxGrad: halveMaxGradAVX2, winograd: winogradAVX2, direct: directAVX2, dots: dotsAVX2, channels: 4, depthwise: depthwiseKernels{}})
	}
	return append(sets, portable)
}()

var lanesAVX512 = laneKernels{
	windows: laneWindowsAVX512, inputs: laneInputsAVX512, outputs: laneOutputsAVX512,
	products: [3]laneProducts{laneProducts1AVX512, laneProducts2AVX512, laneProducts3AVX512},
	rows:     [3]laneRows{laneRows1AVX512, laneRows2AVX512, laneRows3AVX512},
}

// microkernel is an assembly function that computes n rows a few at a time. The
// last vector of a row has last elements.
type microkernel func(n int, row *int, k int, step *int, a, b, c *float32, last, begin int, bias *float32)

// The microkernels by (height+1)/2 and vectors less one.
var (
	tilesAVX512 = [5][3]microkernel{
		{tile1x1AVX512, tile1x2AVX512, tile1x3AVX512},
		{tile2x1AVX512, tile2x2AVX512, tile2x3AVX512},
		{tile4x1AVX512, tile4x2AVX512, tile4x3AVX512},
		{tile6x1AVX512, tile6x2AVX512, tile6x3AVX512},
		{tile8x1AVX512, tile8x2AVX512, tile8x3AVX512},
	}
	tilesAVX2 = [4][2]microkernel{
		{tile1x1AVX2, tile1x2AVX2},
		{tile2x1AVX2, tile2x2AVX2},
		{tile4x1AVX2, tile4x2AVX2},
		{tile6x1AVX2, tile6x2AVX2},
	}
)

func tileAVX512(t *tile) {
	if t.cols <= 8 { // rather than half a vector
		tileAVX2(t)
		return
	}
	v := (t.cols - 1) / 16
	full := t.rows / 8 * 8
	if full > 0 {
		t.call(tilesAVX512[4][v], 0, full, t.cols-16*v)
	}
	if full < t.rows {
		t.call(tilesAVX512[tileHeight(t.rows-full)][v], full, t.rows-full, t.cols-16*v)
	}
}

func tileAVX2(t *tile) {
	v := (t.cols - 1) / 8
	full := t.rows / 6 * 6
	if full > 0 {
		t.call(tilesAVX2[3][v], 0, full, t.cols-8*v)
	}
	if full < t.rows {
		t.call(tilesAVX2[tileHeight(t.rows-full)][v], full, t.rows-full, t.cols-8*v)
	}
}

func (t *tile) call(f microkernel, i, n, last int) {
	var bias *float32
	switch t.begin {
	case fromRows:
		bias = &t.bias[i]
	case fromColumns:
		bias = &t.bias[0]
	}
	f(n, &t.row[i][0], len(t.step), &t.step[0][0], &t.a[0], &t.b[0], &t.c[0], last, int(t.begin), bias)
}

// tileHeight returns the index of the lowest microkernel for rows rows: 1, 2,
// 4, 6 or 8.
func tileHeight(rows int) int {
	if rows == 1 {
		return 0
	}
	return (rows + 1) / 2
}

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

func halveMaxAVX2(rows, n int, x *float32, line int, y *float32) {
	if n < 8 {
		halveMax4AVX2(rows, n, x, line, y)
	} else {
		halveMax8AVX2(rows, n, x, line, y)
	}
}

func halveMaxGradAVX2(rows, n int, x *float32, line int, gy, gx *float32) {
	if n < 8 {
		halveMaxGrad4AVX2(rows, n, x, line, gy, gx)
	} else {
		halveMaxGrad8AVX2(rows, n, x, line, gy, gx)
	}
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

// winoFunction is the assembly of a transform without a bias.
type winoFunction func(tiles, blocks int, src *float32, si, sj, srcTile, srcBlock int, dst *float32, di, dj, dstTile, dstBlock int)

var (
	winoFunctionsAVX512 = [...]winoFunction{
		winoInput: winogradInputAVX512, winoOutputGrad: winogradOutputGradAVX512, winoWeight: winogradWeightAVX512, winoWeightGrad: winogradWeightGradAVX512,
		winoInput2: winogradInput2AVX512, winoWeight2: winogradWeight2AVX512,
	}
	winoFunctionsAVX2 = [...]winoFunction{
		winoInput: winogradInputAVX2, winoOutputGrad: winogradOutputGradAVX2, winoWeight: winogradWeightAVX2, winoWeightGrad: winogradWeightGradAVX2,
		winoInput2: winogradInput2AVX2, winoWeight2: winogradWeight2AVX2,
	}
)

func winogradAVX512(kind winoTransform, a *winoArgs) {
	blocks, src, dst := a.channels/16, &a.src[a.from.at], &a.dst[a.to.at]
	switch kind {
	case winoOutput:
		winogradOutputAVX512(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 16, dst, a.to.i, a.to.j, a.to.tile, 16, &a.bias[0])
	case winoOutput2:
		winogradOutput2AVX512(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 16, dst, a.to.i, a.to.j, a.to.tile, 16, &a.bias[0])
	default:
		winoFunctionsAVX512[kind](a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 16, dst, a.to.i, a.to.j, a.to.tile, 16)
	}
}

func winogradAVX2(kind winoTransform, a *winoArgs) {
	blocks, src, dst := a.channels/8, &a.src[a.from.at], &a.dst[a.to.at]
	switch kind {
	case winoOutput:
		winogradOutputAVX2(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 8, dst, a.to.i, a.to.j, a.to.tile, 8, &a.bias[0])
	case winoOutput2:
		winogradOutput2AVX2(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 8, dst, a.to.i, a.to.j, a.to.tile, 8, &a.bias[0])
	default:
		winoFunctionsAVX2[kind](a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 8, dst, a.to.i, a.to.j, a.to.tile, 8)
	}
}
