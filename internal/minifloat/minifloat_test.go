package minifloat

import (
	"math"
	"testing"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// formats names the formats for messages.
var formats = map[*Format]string{
	E4M3FN: "E4M3FN", E4M3FNUZ: "E4M3FNUZ", E5M2: "E5M2", E5M2FNUZ: "E5M2FNUZ", E2M1: "E2M1", E8M0: "E8M0",
}

func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// TestValue: the codes of the largest, the smallest and the special numbers, as
// the specifications tabulate them.
func TestValue(t *testing.T) {
	for _, c := range []struct {
		f    *Format
		code uint8
		want float32
	}{
		{E4M3FN, 0x7e, 448},
		{E4M3FN, 0x7f, nan},
		{E4M3FN, 0xff, nan},
		{E4M3FN, 0x08, 0x1p-6},
		{E4M3FN, 0x01, 0x1p-9},
		{E4M3FN, 0x80, float32(math.Copysign(0, -1))},
		{E4M3FNUZ, 0x7f, 240},
		{E4M3FNUZ, 0x80, nan},
		{E4M3FNUZ, 0x01, 0x1p-10},
		{E5M2, 0x7b, 57344},
		{E5M2, 0x7c, inf},
		{E5M2, 0xfc, -inf},
		{E5M2, 0x7d, nan},
		{E5M2, 0x01, 0x1p-16},
		{E5M2FNUZ, 0x7f, 57344},
		{E5M2FNUZ, 0x80, nan},
		{E5M2FNUZ, 0x01, 0x1p-17},
		{E2M1, 0x7, 6},
		{E2M1, 0x1, 0.5},
		{E2M1, 0xb, -1.5},
		{E8M0, 0, 0x1p-127},
		{E8M0, 127, 1},
		{E8M0, 254, 0x1p127},
		{E8M0, 255, nan},
	} {
		if got := c.f.Value(c.code); !same(got, c.want) {
			t.Errorf("%v: %#x represents %v, want %v", formats[c.f], c.code, got, c.want)
		}
	}
}

// TestRound: every number of a format rounds to itself, the midpoint of two
// neighbours to the even code, and a number beside the midpoint to the nearer one.
func TestRound(t *testing.T) {
	for f, name := range formats {
		if f == E8M0 {
			continue // TestRoundScale
		}
		half := 1 << (f.bits - 1)
		for code := range 2 * half {
			v := f.Value(uint8(code))
			if got := f.Round(v, true); !same(got, v) && !math.IsInf(float64(v), 0) {
				t.Errorf("%v: %#x is %v, which rounds to %v", name, code, v, got)
			}
			if code%half == half-1 {
				continue // no neighbour of the same sign
			}
			next := f.Value(uint8(code + 1))
			if v != v || next != next || math.IsInf(float64(next), 0) {
				continue
			}
			middle, even := (v+next)/2, v
			if code%2 == 1 {
				even = next
			}
			if got := f.Round(middle, true); !same(got, even) {
				t.Errorf("%v: %v, between %v and %v, rounds to %v", name, middle, v, next, got)
			}
			if got := f.Round(math.Nextafter32(middle, v), true); !same(got, v) {
				t.Errorf("%v: just before %v rounds to %v, want %v", name, middle, got, v)
			}
			if got := f.Round(math.Nextafter32(middle, next), true); !same(got, next) {
				t.Errorf("%v: just past %v rounds to %v, want %v", name, middle, got, next)
			}
		}
	}
}

// TestOverflow is the table in the documentation of ONNX's Cast.
func TestOverflow(t *testing.T) {
	for _, c := range []struct {
		f                    *Format
		v                    float32
		saturated, otherwise float32
	}{
		{E4M3FN, inf, 448, nan},
		{E4M3FN, -inf, -448, nan},
		{E4M3FN, nan, nan, nan},
		{E4M3FN, 464, 448, 448}, // rounds down
		{E4M3FN, 465, 448, nan},
		{E4M3FNUZ, -1e9, -240, nan},
		{E4M3FNUZ, float32(math.Copysign(0, -1)), 0, 0},
		{E5M2, inf, 57344, inf},
		{E5M2, -1e9, -57344, -inf},
		{E5M2FNUZ, 1e9, 57344, nan},
		{E5M2FNUZ, -1e-9, 0, 0},
		{E2M1, -inf, -6, -6},
		{E2M1, nan, 0, 0},
		{E8M0, 3, 4, 4},
	} {
		if got := c.f.Round(c.v, true); !same(got, c.saturated) {
			t.Errorf("%v: %v saturates to %v, want %v", formats[c.f], c.v, got, c.saturated)
		}
		if got := c.f.Round(c.v, false); !same(got, c.otherwise) {
			t.Errorf("%v: %v rounds to %v, want %v", formats[c.f], c.v, got, c.otherwise)
		}
	}
}

func TestRoundScale(t *testing.T) {
	f := E8M0
	const smallest, largest = 0x1p-127, 0x1p127
	for _, c := range []struct {
		v        float32
		mode     Mode
		saturate bool
		want     float32
	}{
		{1, Up, true, 1}, {1, Down, true, 1}, {1, Nearest, true, 1},
		{1.1, Up, true, 2}, {1.1, Down, true, 1}, {1.1, Nearest, true, 1},
		{1.5, Up, true, 2}, {1.5, Down, true, 1}, {1.5, Nearest, true, 2},
		{0, Up, true, smallest}, {0, Nearest, false, nan},
		{0x1p-140, Nearest, true, smallest}, {0x1p-140, Nearest, false, nan},
		{inf, Up, true, largest}, {inf, Nearest, false, nan},
		{math.MaxFloat32, Up, true, largest}, {math.MaxFloat32, Up, false, nan}, {math.MaxFloat32, Down, false, largest},
		{-1, Up, true, nan}, {nan, Up, true, nan},
	} {
		if got := f.RoundScale(c.v, c.mode, c.saturate); !same(got, c.want) {
			t.Errorf("%v in mode %d, saturate %v, becomes %v, want %v", c.v, c.mode, c.saturate, got, c.want)
		}
	}
}
