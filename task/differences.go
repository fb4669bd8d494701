package task

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// lessMean returns rows less their means.
func lessMean(x []float32, width int) []float32 {
	out := slices.Clone(x)
	for row := range slices.Chunk(out, width) {
		mean := float32(0)
		for _, v := range row {
			mean += v / float32(width)
		}
		for i := range row {
			row[i] -= mean
		}
	}
	return out
}

// parts returns the outputs as the task compares them.
func (t Outputs) parts(outputs []nd.Array) (list []part, width int, err error) {
	list, width, err = parts(outputs)
	for k, p := range list {
		if t.differs(p) {
			list[k].x = lessMean(p.x, p.width)
		}
	}
	return list, width, err
}

// differs reports whether the numbers of an output are compared less their mean.
func (t Outputs) differs(p part) bool { return t.Differences && p.width > 1 && p.width <= maxPerOutput }
