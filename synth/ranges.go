package synth

import (
	"math"
	"math/rand/v2"
)

// Range is where the numbers of samples lie. A model is trained in one of them, and
// answers to samples in another say little about it.
type Range string

const (
	// Normal numbers have the mean and the deviation of Options.
	Normal Range = ""
	// Unit numbers lie between 0 and 1, many of them at the ends, as pixels do.
	Unit Range = "from 0 to 1"
	// Bytes lie between 0 and 255.
	Bytes Range = "from 0 to 255"
	// Signal numbers lie between -1 and 1, most of them near 0, as those of sound do.
	Signal Range = "between -1 and 1"
)

// waveform is the length from which on a sample of one channel or two is a signal, and window that
// from which on one is a part of a signal if it has an axis for its only channel.
const (
	waveform = 1000
	window   = 64
)

// Ranges returns the ranges in which models with samples of a shape are trained as a rule,
// and those that are less usual.
func Ranges(shape []int) (usual, others []Range) {
	size, longest := 1, 1
	for _, d := range shape {
		size, longest = size*d, max(longest, d)
	}
	if longest >= waveform && size <= 2*longest || longest >= window && size == longest && len(shape) > 1 {
		return []Range{Signal, Normal}, []Range{Unit}
	}
	return []Range{Normal, Unit}, []Range{Bytes}
}

// place says how a sample of mean 0 and variance 1 becomes one of a range.
type place struct{ mean, deviation, low, high float32 }

// draw returns the place of a sample: samples of a range differ in brightness or loudness,
// and in contrast.
func (r Range) draw(rng *rand.Rand) place {
	inf := float32(math.Inf(1))
	switch r {
	case Unit, Bytes:
		p := place{mean: 0.15 + 0.45*rng.Float32(), deviation: 0.15 + 0.2*rng.Float32(), high: 1}
		if r == Bytes {
			p = place{255 * p.mean, 255 * p.deviation, 0, 255}
		}
		return p
	case Signal:
		return place{deviation: float32(0.03 * math.Pow(10, rng.Float64())), low: -1, high: 1}
	}
	return place{deviation: 1, low: -inf, high: inf}
}

// of returns a number of mean 0 and variance 1 in its place.
func (p place) of(v float32) float32 { return min(max(v*p.deviation+p.mean, p.low), p.high) }
