package resample

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// GridSample reads images at arbitrary points. Each image x of a batch, of shape [C, In…],
// has points of shape [Out…, r] in r = len(In) dimensions. Their coordinates, innermost
// axis first, go from -1 to 1. This is torch's grid_sample and ONNX GridSample.
type GridSample struct {
	Batch, Channels int
	In, Out         []int // spatial shapes, at most three axes
	Mode            SampleMode
	Padding         SamplePadding
	// AlignCorners puts -1 and 1 on the centres of the outermost elements
	// instead of their outer edges.
	AlignCorners bool
}

// SampleMode is how a point between elements is read.
type SampleMode int

// The modes.
const (
	SampleNearest SampleMode = iota
	SampleLinear
	SampleCubic
)

// SamplePadding is what lies outside an image.
type SamplePadding int

// The paddings.
const (
	PadZeros SamplePadding = iota
	PadBorder
	PadReflection
)

// gridTap is an element that a point reads: its position in the image, its weight, and the
// derivatives of the weight by the coordinates of the point.
type gridTap struct {
	at     int
	weight float32
	slope  [3]float32
}

// Forward computes y [Batch, Channels, Out…].
func (g GridSample) Forward(w *parallel.Workers, x, grid, y []float32) {
	in, points := nd.Size(g.In), nd.Size(g.Out)
	w.For(g.Batch*points, parallel.GrainOf(8*g.Channels), func(lo, hi int) {
		var taps []gridTap
		for p := lo; p < hi; p++ {
			taps = g.taps(grid[p*len(g.In):], taps[:0])
			n, p := p/points, p%points
			for c := n * g.Channels; c < (n+1)*g.Channels; c++ {
				sum := float32(0)
				for _, t := range taps {
					sum += t.weight * x[c*in+t.at]
				}
				y[c*points+p] = sum
			}
		}
	})
}

// GradInput computes gx from gy.
func (g GridSample) GradInput(w *parallel.Workers, grid, gy, gx []float32) {
	in, points := nd.Size(g.In), nd.Size(g.Out)
	w.For(g.Batch, 1, func(lo, hi int) {
		clear(gx[lo*g.Channels*in : hi*g.Channels*in])
		var taps []gridTap
		for p := lo * points; p < hi*points; p++ {
			taps = g.taps(grid[p*len(g.In):], taps[:0])
			n, p := p/points, p%points
			for c := n * g.Channels; c < (n+1)*g.Channels; c++ {
				for _, t := range taps {
					gx[c*in+t.at] += t.weight * gy[c*points+p]
				}
			}
		}
	})
}

// GradGrid computes the gradient with respect to the points. It is zero in
// nearest mode.
func (g GridSample) GradGrid(w *parallel.Workers, x, grid, gy, ggrid []float32) {
	in, points, r := nd.Size(g.In), nd.Size(g.Out), len(g.In)
	w.For(g.Batch*points, parallel.GrainOf(8*g.Channels), func(lo, hi int) {
		var taps []gridTap
		for q := lo; q < hi; q++ {
			taps = g.taps(grid[q*r:], taps[:0])
			n, p := q/points, q%points
			var sum [3]float32
			for c := n * g.Channels; c < (n+1)*g.Channels; c++ {
				for _, t := range taps {
					v := x[c*in+t.at] * gy[c*points+p]
					for d := range r {
						sum[d] += v * t.slope[d]
					}
				}
			}
			copy(ggrid[q*r:(q+1)*r], sum[:r])
		}
	})
}

// taps appends what the point is read from. Weights are products over the axes.
func (g GridSample) taps(point []float32, taps []gridTap) []gridTap {
	taps = append(taps, gridTap{weight: 1})
	for axis, n := range g.In {
		d := len(g.In) - 1 - axis // the coordinates come innermost first
		var line [4]gridTap
		count := g.along(n, float64(point[d]), &line)
		known := len(taps)
		for _, t := range taps[:known] {
			for _, l := range line[:count] {
				u := gridTap{at: t.at*n + l.at, weight: t.weight * l.weight}
				for k := range u.slope {
					u.slope[k] = t.slope[k] * l.weight
				}
				u.slope[d] = t.weight * l.slope[0]
				taps = append(taps, u)
			}
		}
		taps = append(taps[:0], taps[known:]...)
	}
	return taps
}

// along fills in the elements on one axis of n that coordinate u falls between,
// and returns how many they are.
func (g GridSample) along(n int, u float64, line *[4]gridTap) (count int) {
	scale := float64(n) / 2 // of the coordinate
	p := (u+1)*scale - 0.5
	if g.AlignCorners {
		scale = float64(n-1) / 2
		p = (u + 1) * scale
	}
	if g.Mode != SampleCubic {
		var s float64
		p, s = g.inside(n, p)
		scale *= s
	}
	if !(math.Abs(p) < 1<<40) {
		return 0 // not a number, or nowhere near
	}
	put := func(at, weight, slope float64) {
		if g.Mode == SampleCubic {
			at, _ = g.inside(n, at)
		}
		if at >= 0 && at < float64(n) {
			line[count] = gridTap{at: int(at), weight: float32(weight), slope: [3]float32{float32(slope * scale)}}
			count++
		}
	}
	first := math.Floor(p)
	t := p - first
	switch g.Mode {
	case SampleNearest:
		put(math.RoundToEven(p), 1, 0)
	case SampleLinear:
		put(first, 1-t, -1)
		put(first+1, t, 1)
	case SampleCubic:
		for k := -1.0; k <= 2; k++ {
			w, dw := cubic(t - k)
			put(first+k, w, dw)
		}
	}
	return count
}

// inside moves a position into the image as the padding says, and returns the
// derivative of that.
func (g GridSample) inside(n int, p float64) (q, slope float64) {
	last := float64(n - 1)
	slope = 1
	if g.Padding == PadReflection {
		low, span := -0.5, float64(n)
		if g.AlignCorners {
			low, span = 0, last
		}
		if span == 0 {
			return 0, 0
		}
		turn := math.Mod(math.Abs(p-low), 2*span)
		if p < low {
			slope = -1
		}
		if turn > span {
			turn, slope = 2*span-turn, -slope
		}
		p = low + turn
	}
	if g.Padding != PadZeros {
		if p <= 0 || p >= last {
			slope = 0
		}
		p = min(max(p, 0), last)
	}
	return p, slope
}

// cubic is the interpolating function for a = -0.75 at a signed distance, with
// its derivative.
func cubic(d float64) (w, slope float64) {
	const a = -0.75
	t, sign := math.Abs(d), 1.0
	if d < 0 {
		sign = -1
	}
	switch {
	case t <= 1:
		return ((a+2)*t-(a+3))*t*t + 1, sign * (3*(a+2)*t - 2*(a+3)) * t
	case t < 2:
		return ((t-5)*t+8)*t*a - 4*a, sign * ((3*t-10)*t + 8) * a
	}
	return 0, 0
}
