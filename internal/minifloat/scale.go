package minifloat

import "math"

// Mode is how E8M0 rounds a number between two powers of two.
type Mode uint8

// The values of Cast's attribute round_mode.
const (
	Up      Mode = iota // away from zero
	Down                // towards zero
	Nearest             // to the nearer one, up from the middle
)

const (
	scaleBias = 127
	scaleMax  = 254 // the code above it is NaN
)

// newScale returns E8M0: code k represents 2^(k-127). There is neither a sign nor
// a zero.
func newScale() *Format {
	f := &Format{bits: 8, bias: scaleBias, special: allOnes}
	for code := range scaleMax + 1 {
		f.values[code] = float32(math.Ldexp(1, code-scaleBias))
	}
	f.values[scaleMax+1] = float32(math.NaN())
	f.max = float64(f.values[scaleMax])
	return f
}

// RoundScale rounds v to a power of two that E8M0 has. A number out of range
// becomes the smallest or the largest one if saturate is set, else NaN. A negative
// number always becomes NaN.
func (f *Format) RoundScale(v float32, mode Mode, saturate bool) float32 {
	if v < 0 || v != v {
		return float32(math.NaN())
	}
	fraction, exponent := math.Frexp(float64(v)) // v = fraction · 2^exponent, fraction in [½, 1)
	code := exponent - 1 + scaleBias             // of the power of two below
	if mode == Up && fraction > 0.5 || mode == Nearest && fraction >= 0.75 {
		code++
	}
	if v == 0 {
		code = -1
	} else if math.IsInf(float64(v), 0) {
		code = scaleMax + 1
	}
	if clipped := min(max(code, 0), scaleMax); saturate {
		code = clipped
	} else if code != clipped {
		code = scaleMax + 1
	}
	return f.values[code]
}
