// Command asmgen writes the amd64 assembly of package kernel with avo. Run it
// through "go generate" in internal/kernel; the output is committed.
package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("!noasm")
	maskData()
	everyOtherData()
	turnByTurnData()
	constantData()
	for _, v := range []vectors{avx512, avx2} {
		tiles(v)
		directs(v)
		strips(v)
		dots(v)
		sumEach(v)
		for _, l := range transforms {
			transform(v, l)
		}
		for _, e := range slices.Concat(elementwises, maths) {
			e.write(v)
		}
		softmax(v)
		depthwise(v, 3)
		depthwise(v, 5)
	}
	allRuns()
	rowSums()
	quads()
	talls()
	whole(8)
	whole(16)
	small(9)
	small(25)
	transpose()
	copyRows(4)
	copyRows(8)
	everySecond(4)
	everySecond(8)
	weave()
	cpuid()
	pause()
	laneWindows()
	laneInputs()
	for vecs := range 3 {
		laneProducts(vecs + 1)
		laneRows(vecs + 1)
	}
	laneOutputs()
	halves(4)
	halves(8)
	Generate()
}
