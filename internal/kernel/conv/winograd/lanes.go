package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// laneKernels are the assembly functions for Winograd's algorithm with tiles in the
// lanes of a vector, see tileLanes and tileRows. Distances are in elements.
type laneKernels struct {
	// windows computes x·B for rows of planes: element j < 4 of each tile in a row,
	// into plane j of what it writes for a channel. The rows go to even and odd turn by
	// turn. For every vector of tiles, masks holds which elements exist of those that
	// begin 0, 16, 2 and 18 places from the first's, which is left of src, and which
	// tiles do.
	windows func(channels, rows, vectors int, src *float32, srcStep, line, left int, even, odd *float32, step, plane, row int, masks *uint32)
	// inputs computes Bᵀ·x from what windows has written with half elements between
	// the even rows and the odd ones.
	inputs func(channels, vectors int, src *float32, srcStep, srcPlane, half, row int, dst *float32, dstStep, plane int)
	// products and rows are for 1, 2 or 3 vectors.
	products [3]laneProducts
	rows     [3]laneRows
	// outputs computes Aᵀ·p·A plus the bias of each channel. For every vector, at holds
	// where the first row of its tiles' outputs goes, 8 by 8; the second goes line
	// elements further.
	outputs func(channels, vectors int, p *float32, step, plane int, dst *float32, dstStep, line int, at *int, bias *float32)
}

// laneProducts computes, for n blocks of 8 channels, u·v as a sum of k steps: rows of
// p that are pStep apart, to which it is added unless add is 0. The blocks of u are
// uBlock apart.
//
// Every two steps prefetch from later0, later1 and later2, which move on by pace0 and
// so on.
type laneProducts func(n, k int, u *float32, uBlock int, v, p *float32, pStep, add int, uStep, vStep, vNext int, later0, later1, later2 *float32, pace0, pace1, pace2 int)

// laneRows computes n of 8 channels of the outputs of F(2, 3): from sums of k steps
// for each of three rows of v, vRow apart, and four planes, vPlane apart. It uses p for
// three sums. Of each vector, yLanes outputs are stored, yNext after those of the one
// before.
type laneRows func(n, k int, u, v *float32, vRow, vPlane int, p, bias, y *float32, yStep, yNext, yLanes int, uStep, vStep, vNext int, later0, later1, later2 *float32, pace0, pace1, pace2 int)

// windowMasks returns the masks for rows of in elements, before which tiles begin by
// left elements, and of so many tiles.
func windowMasks(left, in, tiles int) (masks []uint32) {
	for t := 0; t < tiles; t += simd.Lanes() {
		for _, first := range []int{0, simd.Lanes(), 2, simd.Lanes() + 2} {
			mask := uint32(0)
			for l := range simd.Lanes() {
				if at := 2*t + first + l - left; at >= 0 && at < in {
					mask |= 1 << l
				}
			}
			masks = append(masks, mask)
		}
		masks = append(masks, 1<<min(simd.Lanes(), tiles-t)-1)
	}
	return masks
}

// panelWidth returns how many vectors to compute next if so many are left: three,
// unless one would be left over in the end.
func panelWidth(left int) int {
	if left == 4 {
		return 2
	}
	return min(left, 3)
}

// lookAhead is up to three arrays to be prefetched evenly by a number of calls.
type lookAhead struct {
	from  [3][]float32
	quota [3]int // elements for a call
}

func (a *lookAhead) spread(calls int) {
	for i, x := range a.from {
		a.quota[i] = (len(x) + calls - 1) / calls
	}
}

// next returns what a call of so many steps is to prefetch; idle is an address of no
// matter.
func (a *lookAhead) next(steps int, idle *float32) (from [3]*float32, pace [3]int) {
	const most = 64 // bytes of a line
	for i, x := range a.from {
		from[i] = idle
		if n := min(a.quota[i], len(x)); n > 0 && steps > 1 {
			from[i], pace[i] = &x[0], min(most, simd.RoundUp(4*n/(steps/2), 4))
			a.from[i] = x[n:]
		}
	}
	return from, pace
}
