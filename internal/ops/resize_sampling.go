package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/resample"
	"github.com/advparams/advparams/nd"
)

// sampling says how Resize computes an element of the output: the position on the
// input's axis, and the weights of the elements around it.
type sampling struct {
	mode           string // nearest, linear or cubic
	coordinates    string // coordinate_transformation_mode
	nearest        string // nearest_mode
	cubic          float64
	antialias      bool
	excludeOutside bool
	extrapolation  float32
}

// upsampling is the sampling of Upsample, and of Resize in opset 10.
func (c *Call) upsampling() sampling {
	s := sampling{mode: c.String("mode", "nearest"), coordinates: "asymmetric", nearest: "floor"}
	if s.mode != "nearest" && s.mode != "linear" {
		c.fail("mode %q", s.mode)
	}
	return s
}

// sampling reads the attributes of Resize from opset 11 on.
func (c *Call) sampling() sampling {
	s := sampling{
		mode:           c.String("mode", "nearest"),
		coordinates:    c.String("coordinate_transformation_mode", "half_pixel"),
		nearest:        c.String("nearest_mode", "round_prefer_floor"),
		cubic:          float64(c.Float32("cubic_coeff_a", -0.75)),
		antialias:      c.Bool("antialias", false),
		excludeOutside: c.Bool("exclude_outside", false),
		extrapolation:  c.Float32("extrapolation_value", 0),
	}
	if !slices.Contains([]string{"nearest", "linear", "cubic"}, s.mode) {
		c.fail("mode %q", s.mode)
	}
	if !slices.Contains([]string{"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}, s.nearest) {
		c.fail("nearest_mode %q", s.nearest)
	}
	switch s.coordinates {
	case "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize":
	default:
		c.fail("coordinate_transformation_mode %q", s.coordinates)
	}
	return s
}

func (s sampling) crops() bool { return s.coordinates == "tf_crop_and_resize" }

// positions returns the positions of the output's elements on the input's axis. For
// crops it also returns which of them lie beyond the ends.
func (s sampling) positions(a resizedAxis) (positions []float64, outside []bool) {
	positions = make([]float64, a.out)
	for i := range positions {
		positions[i] = s.position(a, float64(i))
	}
	if s.crops() {
		outside = make([]bool, a.out)
		for i, p := range positions {
			if !(p >= 0 && p <= float64(a.in-1)) {
				positions[i], outside[i] = 0, true
			}
		}
	}
	return positions, outside
}

// position returns the position of element i of the output. Where ONNX divides by
// length_resized - 1, its reference implementation uses the length before it was
// rounded down to an integer.
func (s sampling) position(a resizedAxis, i float64) float64 {
	last := float64(a.in - 1)
	switch s.coordinates {
	case "asymmetric":
		return i / a.scale
	case "tf_half_pixel_for_nn":
		return (i + 0.5) / a.scale
	case "align_corners":
		if i == 0 {
			return 0
		}
		return i * last / (a.length - 1)
	case "tf_crop_and_resize":
		if a.out == 1 {
			return (a.start + a.end) / 2 * last
		}
		return a.start*last + i*(a.end-a.start)*last/(a.length-1)
	case "pytorch_half_pixel":
		if a.out == 1 {
			return 0
		}
	case "half_pixel_symmetric":
		// The centre of the input maps to the centre of the output.
		shift := float64(a.in) / 2 * (1 - float64(a.out)/a.length)
		return shift + (i+0.5)/a.scale - 0.5
	}
	return (i+0.5)/a.scale - 0.5
}

// round returns the element nearest to a position, which may lie outside the axis.
func (s sampling) round(p float64) float64 {
	switch s.nearest {
	case "floor":
		return math.Floor(p)
	case "ceil":
		return math.Ceil(p)
	case "round_prefer_ceil":
		return math.Floor(p + 0.5)
	default:
		return math.Ceil(p - 0.5)
	}
}

// weight returns the interpolating function at distance t.
func (s sampling) weight(t float64) float64 {
	a := s.cubic
	switch t = math.Abs(t); {
	case s.mode == "linear":
		return max(0, 1-t)
	case t <= 1:
		return ((a+2)*t-(a+3))*t*t + 1
	case t < 2:
		return ((t-5)*t+8)*t*a - 4*a
	}
	return 0
}

// reach returns how far from a position elements have a weight, and what distances are
// multiplied by.
func (s sampling) reach(a resizedAxis) (reach, squeeze float64) {
	reach, squeeze = 1, 1
	if s.mode == "cubic" {
		reach = 2
	}
	if s.antialias && a.scale < 1 { // as wide as the elements of the output
		squeeze = a.scale
	}
	return reach / squeeze, squeeze
}

// taps returns the matrix [out, in] of weights. An element beyond an end is the one
// at that end, or has no weight.
func (s sampling) taps(a resizedAxis, positions []float64) resample.Taps {
	m := resample.Taps{In: a.in, Out: a.out, Start: make([]int, 1, a.out+1)}
	reach, squeeze := s.reach(a)
	for _, p := range positions {
		row, sum := len(m.Index), 0.0
		var weights []float64
		for k := int(math.Floor(p-reach)) + 1; k < int(math.Ceil(p+reach)); k++ {
			w := s.weight((float64(k) - p) * squeeze)
			if s.excludeOutside && (k < 0 || k >= a.in) {
				continue
			}
			sum += w
			at := min(max(k, 0), a.in-1)
			if n := len(m.Index); n > row && m.Index[n-1] == at {
				weights[n-1-row] += w
				continue
			}
			m.Index, weights = append(m.Index, at), append(weights, w)
		}
		for _, w := range weights {
			m.Weight = append(m.Weight, float32(w/sum))
		}
		m.Start = append(m.Start, len(m.Index))
	}
	return m
}

// interpolate multiplies an axis of x by a matrix.
func (b *Builder) interpolate(x *Value, axis int, m resample.Taps) *Value {
	shape := slices.Clone(x.Shape)
	shape[axis] = m.Out
	outer, inner := nd.Size(shape[:axis]), nd.Size(shape[axis+1:])
	return b.emit(nd.Float32, shape, Op{
		name: "Resize",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			m.Interpolate(w, outer, inner, in[0].Float32s(), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value { return []*Value{b.interpolate(gy, axis, m.Transposed())} },
		more: perElement * count(outer, inner, len(m.Index)),
	}, x)
}
