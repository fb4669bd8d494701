package task

import "github.com/advparams/advparams/nd"

const (
	maxElements  = 1 << 24 // of an output at a time: 64 MiB
	maxPositions = 1 << 16 // that are enough to take a gradient on
	minSamples   = 16      // all the same
)

// Batch returns how many samples, at most n, are to be computed at a time: an
// output with a choice at every position may be large. truth is that of any of
// the samples.
func Batch(o Outlook, truth nd.Array, n int) int {
	return max(1, min(n, maxElements/(places(truth)*o.width())))
}

// Calibration returns how many samples say enough about a gradient: fewer than
// usual where each of them has many answers, and more where they are compared with
// each other, for an order among few samples is easily undone and remains in others.
func Calibration(t Task, o Outlook, truth nd.Array) int {
	n := 256
	if _, vectors := t.(Embedding); t.Together() > 1 && !vectors {
		n = 1024
	}
	return Batch(o, truth, min(n, max(minSamples, maxPositions/places(truth))))
}

// places is the number of choices that a sample has.
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
