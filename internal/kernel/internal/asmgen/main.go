// Command asmgen writes the amd64 assembly of a kernel package with avo: that of the
// package which -pkg names. Run it through "go generate"; the output is committed.
//
// # Files
//
//	main.go              which kernels a package has
//	vectors.go           the instruction sets: AVX-512 and AVX2
//	code.go              arithmetic on vectors: formula.Code
//	cpuid.go             the instructions CPUID and PAUSE, and the register MXCSR
//	elementwise.go       functions on slices
//	softmax.go           softmax of rows
//	runs.go              matrix products: rows of A in runs
//	rowsums.go           sums of eight rows
//	sums.go              sums of adjacent slices
//	copy.go              copies of rows
//	transpose.go         transposition
//	quads.go             transposition of 4×4 quads
//	interleave.go        every second element of rows
//	halve.go             pooling with windows of 2×2
//	where_max.go         the place of a maximum, and comparisons
//	gemm.go              matrix products: tiles
//	strip.go             matrix products: strips of rows
//	tall.go              matrix products: all channels of one vector of positions
//	dots.go              gradients of weights as inner products
//	direct.go            direct convolutions
//	separate.go          even and odd elements
//	depthwise.go         depthwise convolutions
//	depthwise_back.go    depthwise: the gradient of the input
//	depthwise_gate.go    depthwise: clamp or gate of what is stored
//	depthwise_weight.go  depthwise: the gradient of the weights
//	depthwise_whole.go   depthwise: 3×3 on whole planes
//	depthwise_few.go     the same with few registers: those of AVX2
//	small.go             depthwise: planes that fit one vector
//	amx.go               products of tiles, and what they are made of: rounded numbers
//	winograd.go          transforms of F(4×4, 3×3)
//	lanes.go             transforms with tiles in the lanes
//	lane_products.go     products with tiles in the lanes
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"

	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// packages writes the assembly of each package. Tables that several kernels read come
// first, and the table of constants last among them.
var packages = map[string]func(){
	"simd":      simdKernels,
	"micro":     microKernels,
	"depthwise": depthwiseKernels,
	"winograd":  winogradKernels,
	"pool":      poolKernels,
	"amx":       amxKernels,
}

func main() {
	flag.Parse()
	name := flag.Lookup("pkg").Value.String()
	write, ok := packages[name]
	if !ok {
		log.Fatalf("no assembly for package %q", name)
	}
	ConstraintExpr("!noasm")
	write()
	Generate()
}

func simdKernels() {
	maskData()
	constantData()
	for _, v := range []vectors{avx512, avx2} {
		sumEach(v)
		for _, e := range formula.Elementwises[reg.VecVirtual]() {
			elementwise{e}.write(v)
		}
		softmax(v)
	}
	rowSums()
	quads()
	transpose()
	copyRows(4)
	copyRows(8)
	everySecond(4)
	everySecond(8)
	interleave()
	cpuid()
	pause()
	control()
}

func microKernels() {
	maskData()
	for _, v := range []vectors{avx512, avx2} {
		tiles(v)
		directs(v)
		strips(v)
		dots(v)
		allRuns(v)
	}
	talls()
}

func depthwiseKernels() {
	maskData()
	everyOtherData()
	interleaveData()
	for _, v := range []vectors{avx512, avx2} {
		depthwise(v, 3)
		depthwise(v, 5)
	}
	whole(avx512)
	whole(avx2)
	small(avx512, 9)
	small(avx512, 25)
	small(avx2, 9)
}

func winogradKernels() {
	everyOtherData()
	interleaveData()
	constantData()
	for _, v := range []vectors{avx512, avx2} {
		for _, l := range formula.Transforms[reg.VecVirtual]() {
			transform(v, l)
		}
		lanes(v)
	}
}

func poolKernels() {
	halves(4)
	halves(8)
}

func amxKernels() {
	tileShapeData()
	addRows()
	round()
	tileProducts(1)
	tileProducts(2)
}
