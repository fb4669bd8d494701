package minifloat

import "math"

// Mode is how a number between two powers of two is rounded to FLOAT8E8M0.
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

// newScale returns FLOAT8E8M0: code k stands for 2^(k-127). There is neither a
// sign nor a zero.
func newScale() *Format {
	f := &Format{bits: 8, bias: scaleBias, special: allOnes}
	for code := range scaleMax + 1 {
		f.values[code] = float32(math.Ldexp(1, code-scaleBias))
	}
	f.values[scaleMax+1] = float32(math.NaN())
	f.max = float64(f.values[scaleMax])
	return f
}

// RoundScale returns the power of two in FLOAT8E8M0 for v. What is out of range
// becomes the smallest or the largest when saturate is set, NaN otherwise;
// negative numbers are always NaN.
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
