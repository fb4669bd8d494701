package task

import "github.com/advparams/advparams/nd"

const (
	maxElements  = 1 << 24 // of an output in one batch: 64 MiB
	maxPositions = 1 << 16 // answers that are enough to compute a gradient on
	minSamples   = 16      // however many answers each has
)

// Traits.Calibration: an order among few samples is easily undone and remains in
// others, so that tasks which look at the order take more samples.
const (
	fewSamples  = 256
	manySamples = 1024
)

// Batch returns the number of samples, at most n, to compute at a time. It is less
// than n where an output has a choice at every position and is large. truth is the
// truth about any of the samples.
func Batch(o Outlook, truth nd.Array, n int) int {
	size := places(truth) * o.width()
	if truth.DType() == nd.Float32 {
		size = o.size()
	}
	return max(1, min(n, maxElements/size))
}

// Calibration returns the number of samples that are enough to compute a gradient on:
// Traits.Calibration, or fewer where each sample has many answers.
func Calibration(t Task, o Outlook, truth nd.Array) int {
	return Batch(o, truth, min(t.Traits().Calibration, max(minSamples, maxPositions/places(truth))))
}

// places returns the number of choices in the truth about one sample.
func places(truth nd.Array) int {
	if truth.DType() == nd.Float32 || len(truth.Shape) < 2 {
		return 1
	}
	return max(1, nd.Size(truth.Shape[1:]))
}

// width is the number of classes that the output could have at most.
func (o Outlook) width() int {
	width := 1
	for _, n := range o.Shape[min(1, len(o.Shape)):] {
		width = max(width, n)
	}
	return width
}

// size is the number of elements that the output has for one sample, as far as it is
// declared.
func (o Outlook) size() int {
	size := 1
	for _, n := range o.Shape[min(1, len(o.Shape)):] {
		size *= max(n, 1)
	}
	return size
}
