package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// laneKernels holds the assembly of Winograd's algorithm with tiles in the lanes of a
// vector; see tileLanes and tileRows. All distances are in elements.
type laneKernels struct {
	// windows computes x·B for rows of planes: element j < 4 of each tile of a row goes to
	// plane j of the output of a channel. Rows are written to even and odd alternately. masks
	// has those of windowMasks for every vector of tiles, whose first element lies left
	// elements before src.
	windows func(channels, rows, vectors int, src *float32, srcStep, line, left int, even, odd *float32, step, plane, row int, masks *uint32)
	// inputs computes Bᵀ·x from the output of windows, in which even rows and odd rows are
	// half elements apart.
	inputs func(channels, vectors int, src *float32, srcStep, srcPlane, half, row int, dst *float32, dstStep, plane int)
	// products and rows have functions for 1, 2, … vectors.
	products [mostVectors]laneProducts
	rows     [mostVectors]laneRows
	// outputs computes Aᵀ·p·A plus the bias of each channel. For every vector, at holds where
	// the first row of the outputs of its tiles goes, in pieces of 8. The second row goes line
	// elements further.
	outputs func(channels, vectors int, p *float32, step, plane int, dst *float32, dstStep, line int, at *int, bias *float32)
}

// laneProducts computes u·v, a sum of k steps, for n blocks of
// [micro.Channels] channels. Its result is
// rows of p, pStep apart. It is added to p unless add is 0. The blocks of u are uBlock
// apart. Every two steps it prefetches from each of three addresses, which advance by the
// given numbers of bytes.
type laneProducts func(n, k int, u *float32, uBlock int, v, p *float32, pStep, add int, uStep, vStep, vNext int, prefetch0, prefetch1, prefetch2 *float32, rate0, rate1, rate2 int)

// laneRows computes n channels of a block of the outputs of F(2, 3), from sums of k steps for each
// of three rows of v, vRow apart, and four planes, vPlane apart. p is memory for three
// sums. For each vector it stores yLanes outputs; those of consecutive vectors are yNext
// apart.
type laneRows func(n, k int, u, v *float32, vRow, vPlane int, p, bias, y *float32, yStep, yNext, yLanes int, uStep, vStep, vNext int, prefetch0, prefetch1, prefetch2 *float32, rate0, rate1, rate2 int)

// windowMask says for each lane, by a bit, which elements exist of the vectors that begin 0,
// lanes, 2 and lanes+2 places after the first element of a vector of tiles, and which of the
// tiles exist.
type windowMask [5]uint32

// windowMasks returns the masks for rows of in elements and the given number of tiles.
// Tiles begin left elements before the row.
func windowMasks(left, in, tiles int) (masks []windowMask) {
	for t := 0; t < tiles; t += simd.Lanes() {
		var m windowMask
		for i, first := range []int{0, simd.Lanes(), 2, simd.Lanes() + 2} {
			for l := range simd.Lanes() {
				if at := 2*t + first + l - left; at >= 0 && at < in {
					m[i] |= 1 << l
				}
			}
		}
		m[4] = 1<<min(simd.Lanes(), tiles-t) - 1
		masks = append(masks, m)
	}
	return masks
}

// assembled returns masks as the assembly takes them, n words for each vector of tiles: a
// word of bits for each mask of AVX-512, eight words of ones or zeros for one of AVX2.
func assembled(masks []windowMask) (words []uint32, n int) {
	for _, m := range masks {
		for _, bits := range m {
			if simd.Lanes() == 16 {
				words = append(words, bits)
				continue
			}
			for l := range simd.Lanes() {
				words = append(words, -(bits >> l & 1))
			}
		}
	}
	return words, len(words) / len(masks)
}

// forLanes returns a limit that was measured: with vectors of AVX-512, or with those of AVX2,
// which have half the lanes and half the registers.
func forLanes(sixteen, eight int) int {
	if simd.Lanes() == 16 {
		return sixteen
	}
	return eight
}

// mostVectors is how many vectors of tiles products and rows compute at once.
const mostVectors = 3

// panelWidth returns how many of the remaining vectors to compute next: as many as possible,
// unless a single one would be left at the end.
func panelWidth(left int) int {
	if left == mostVectors+1 {
		return 2
	}
	return min(left, mostVectors)
}

// lookAhead is up to three arrays that a number of calls prefetch evenly.
type lookAhead struct {
	from  [3][]float32
	quota [3]int // elements for each call
}

func (a *lookAhead) spread(calls int) {
	for i, x := range a.from {
		a.quota[i] = (len(x) + calls - 1) / calls
	}
}

// next returns what a call with the given number of steps prefetches. idle is the address
// to use where there is nothing to prefetch.
func (a *lookAhead) next(steps int, idle *float32) (from [3]*float32, rate [3]int) {
	const most = 64 // bytes of a line
	for i, x := range a.from {
		from[i] = idle
		if n := min(a.quota[i], len(x)); n > 0 && steps > 1 {
			from[i], rate[i] = &x[0], min(most, simd.RoundUp(4*n/(steps/2), 4))
			a.from[i] = x[n:]
		}
	}
	return from, rate
}
