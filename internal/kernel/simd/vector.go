package simd

import (
	"math"
)

// VectorSet holds the elementwise functions of an instruction set. All slices of a call have
// the same length. Outputs come first, and may also be inputs.
type VectorSet struct {
	Add, Sub, Mul, Div                  func(z, x, y []float32)
	Larger                              func(z, x, y []float32)          // the larger of two; NaN if either is NaN
	AddWhereMax                         func(g, x, most, left []float32) // g += left where x = most or x is NaN
	ClearWhereMax                       func(left, x, most []float32)    // left = 0 where x = most or x is NaN
	Relu, Exp, Sigmoid, Tanh, Erf, Gelu func(y, x []float32)
	ReluGrad                            func(gx, y, gy []float32) // gy where y > 0
	GeluGrad                            func(gx, x, gy []float32)
	Affine                              func(y, x []float32, a, b float32) // x·a + b
	clip                                func(y, x []float32, lo, hi float32)
	clipGrad                            func(gx, y, gy []float32, lo, hi float32)    // gy where lo < y < hi
	Quantize                            func(y, x []float32, s, lo, hi, z float32)   // min(max(round(x/s), lo), hi) + z
	QuantizeGrad                        func(gx, x, gy []float32, s, lo, hi float32) // gy/s where lo <= round(x/s) <= hi
	Sum, Largest                        func(x []float32) float32
	SumEach                             func(to, x []float32, size int) // sums of adjacent slices
	Dot                                 func(x, y []float32) float32
	Squares                             func(x []float32, a float32) float32                   // Σ (x - a)²
	Softmax                             func(n int, y, x []float32, a float32)                 // of x·a, in rows of n
	MulShifted                          func(gx, y, gy []float32, a float32)                   // y·(gy - a)
	Normalize                           func(y, x, s, t []float32, a, b float32)               // (x·a + b)·s + t
	NormalizeSums                       func(x, s, gy []float32, a, b float32) (g, gh float32) // Σ gy·s, Σ gy·s·(x·a + b)
	NormalizeGrad                       func(gx, x, s, gy []float32, a, b, c float32)          // gy·s·a + x·b + c
	AddNormalized                       func(gs, x, gy []float32, a, b float32)                // gs += gy·(x·a + b)
}

// roundingShift is so large that float32 has no fractions next to it: adding it rounds to a
// whole number, half to even.
const roundingShift = 3 << 22

// PortableVectors holds the functions in Go.
var PortableVectors = VectorSet{
	Add: func(z, x, y []float32) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] + y[i]
		}
	},
	Sub: func(z, x, y []float32) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] - y[i]
		}
	},
	Mul: func(z, x, y []float32) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] * y[i]
		}
	},
	Div: func(z, x, y []float32) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] / y[i]
		}
	},
	Larger: func(z, x, y []float32) {
		for i, v := range x {
			z[i] = max(v, y[i])
		}
	},
	AddWhereMax: func(g, x, most, left []float32) {
		for i, v := range x {
			if v == most[i] || v != v {
				g[i] += left[i]
			}
		}
	},
	ClearWhereMax: func(left, x, most []float32) {
		for i, v := range x {
			if v == most[i] || v != v {
				left[i] = 0
			}
		}
	},
	Relu: func(y, x []float32) {
		for i, v := range x {
			y[i] = max(v, 0)
		}
	},
	Exp:     func(y, x []float32) { apply(y, x, ExpOf) },
	Sigmoid: func(y, x []float32) { apply(y, x, sigmoid) },
	Tanh:    func(y, x []float32) { apply(y, x, tanh) },
	Erf:     func(y, x []float32) { apply(y, x, erf) },
	Gelu:    func(y, x []float32) { apply(y, x, gelu) },
	clip: func(y, x []float32, lo, hi float32) {
		for i, v := range x {
			y[i] = min(max(v, lo), hi)
		}
	},
	clipGrad: func(gx, y, gy []float32, lo, hi float32) {
		for i, v := range y {
			g := gy[i]
			if !(lo < v && v < hi) {
				g = 0
			}
			gx[i] = g
		}
	},
	Quantize: func(y, x []float32, s, lo, hi, z float32) {
		for i, v := range x {
			// Clamping before rounding gives the same result, as the bounds are whole
			// numbers.
			y[i] = min(max(v/s, lo), hi) + roundingShift - roundingShift + z
		}
	},
	QuantizeGrad: func(gx, x, gy []float32, s, lo, hi float32) {
		for i, v := range x {
			r, mask := min(max(v/s, lo-1), hi+1)+roundingShift-roundingShift, uint32(0)
			if min(max(r, lo), hi) == r {
				mask = math.MaxUint32
			}
			gx[i] = math.Float32frombits(math.Float32bits(gy[i]/s) & mask)
		}
	},
	ReluGrad: func(gx, y, gy []float32) {
		for i, v := range y {
			// A branch would be mispredicted half of the time. The bits of positive numbers lie
			// between those of 0 and of infinity, and those of NaN beyond.
			const infinity = 0x7f800000
			mask := uint32((int64(math.Float32bits(v)-1) - infinity) >> 63)
			gx[i] = math.Float32frombits(math.Float32bits(gy[i]) & mask)
		}
	},
	GeluGrad: func(gx, x, gy []float32) {
		for i, v := range x {
			gx[i] = gy[i] * geluSlope(v)
		}
	},
	Affine: func(y, x []float32, a, b float32) {
		for i, v := range x {
			y[i] = v*a + b
		}
	},
	// Sums of one slice are added up in eight interleaved chains: this is faster and more
	// accurate than a single chain.
	SumEach: func(to, x []float32, size int) {
		for i := range to {
			to[i] = 0
			for _, v := range x[i*size : (i+1)*size] {
				to[i] += v
			}
		}
	},
	Sum: func(x []float32) float32 {
		var s [8]float32
		for ; len(x) >= 8; x = x[8:] {
			for i := range s {
				s[i] += x[i]
			}
		}
		for i, v := range x {
			s[i] += v
		}
		return (s[0] + s[4] + (s[2] + s[6])) + (s[1] + s[5] + (s[3] + s[7]))
	},
	Largest: func(x []float32) float32 {
		m := float32(math.Inf(-1))
		for _, v := range x {
			m = max(m, v)
		}
		return m
	},
	Dot: func(x, y []float32) float32 {
		var s [8]float32
		y = y[:len(x)]
		for ; len(x) >= 8; x, y = x[8:], y[8:] {
			for i := range s {
				s[i] += x[i] * y[i]
			}
		}
		for i, v := range x {
			s[i] += v * y[i]
		}
		return (s[0] + s[4] + (s[2] + s[6])) + (s[1] + s[5] + (s[3] + s[7]))
	},
	Squares: func(x []float32, a float32) (s float32) {
		for _, v := range x {
			s += (v - a) * (v - a)
		}
		return s
	},
	Softmax: func(n int, y, x []float32, a float32) {
		for ; len(x) > 0; x, y = x[n:], y[n:] {
			top := float32(math.Inf(-1))
			for i, v := range x[:n] {
				y[i] = v * a
				top = max(top, y[i])
			}
			sum := float32(0)
			for i, v := range y[:n] {
				y[i] = ExpOf(v - top)
				sum += y[i]
			}
			for i := range y[:n] {
				y[i] /= sum
			}
		}
	},
	MulShifted: func(gx, y, gy []float32, a float32) {
		for i, v := range y {
			gx[i] = v * (gy[i] - a)
		}
	},
	Normalize: func(y, x, s, t []float32, a, b float32) {
		for i, v := range x {
			y[i] = (v*a+b)*s[i] + t[i]
		}
	},
	NormalizeSums: func(x, s, gy []float32, a, b float32) (g, gh float32) {
		for i, v := range x {
			d := gy[i] * s[i]
			g += d
			gh += d * (v*a + b)
		}
		return g, gh
	},
	NormalizeGrad: func(gx, x, s, gy []float32, a, b, c float32) {
		for i, v := range x {
			gx[i] = gy[i]*s[i]*a + (v*b + c)
		}
	},
	AddNormalized: func(gs, x, gy []float32, a, b float32) {
		for i, v := range x {
			gs[i] += gy[i] * (v*a + b)
		}
	},
}
