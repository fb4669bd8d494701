// Command asmgen writes the amd64 assembly of a kernel package with avo: that of the
// package which -pkg names. Run it through "go generate"; the output is committed.
package main

import (
	"flag"
	"log"
	"slices"

	. "github.com/mmcloughlin/avo/build"
)

// packages writes the assembly of each package. Tables that several kernels read come
// first, and the table of constants last among them.
var packages = map[string]func(){
	"simd":      simdKernels,
	"micro":     microKernels,
	"depthwise": depthwiseKernels,
	"winograd":  winogradKernels,
	"pool":      poolKernels,
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
		for _, e := range slices.Concat(elementwises, maths) {
			e.write(v)
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
}

func microKernels() {
	maskData()
	for _, v := range []vectors{avx512, avx2} {
		tiles(v)
		directs(v)
		strips(v)
		dots(v)
	}
	allRuns()
	talls()
}

func depthwiseKernels() {
	everyOtherData()
	interleaveData()
	for _, v := range []vectors{avx512, avx2} {
		depthwise(v, 3)
		depthwise(v, 5)
	}
	whole(8)
	whole(16)
	small(9)
	small(25)
}

func winogradKernels() {
	everyOtherData()
	interleaveData()
	constantData()
	for _, v := range []vectors{avx512, avx2} {
		for _, l := range transforms {
			transform(v, l)
		}
	}
	laneWindows()
	laneInputs()
	for vecs := range 3 {
		laneProducts(vecs + 1)
		laneRows(vecs + 1)
	}
	laneOutputs()
}

func poolKernels() {
	halves(4)
	halves(8)
}
