package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

//go:generate go run ../../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg winograd
//go:generate go run ../../internal/armgen -out asm_arm64.s -stubs asm_arm64.go -pkg winograd

// Winograd's algorithm F(m×m, 3×3) computes a tile of m×m outputs of a 3×3
// correlation, for one input channel, with (m+2)² multiplications:
//
//	y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]A
//
// where x is a piece of the input of size (m+2)×(m+2). The idea is to multiply polynomials
// by evaluating them at some points, multiplying the values, and interpolating. (Lavin and Gray, "Fast
// algorithms for convolutional neural networks", 2016.)
//
// For m = 2, with the points 0, ±1 and ∞, this takes 16 multiplications instead of 36. The
// result is as accurate as direct summation: what the transforms lose, the shorter sums gain.
// For m = 4 it takes 36 multiplications instead of 144. With the points 0, ±3/4, ±3/2 and ∞
// the error is twice that of direct summation; with the usual 0, ±1, ±2 and ∞ it is five
// times as large. (Barabasz et al., "Error analysis
// and improving the accuracy of Winograd convolution", 2020.)
//
// The gradient of w follows by transposing: Gᵀ[(Bᵀ·x·B) ⊙ (A·gy·Aᵀ)]G.
const (
	winoA, winoB = 0.75, 1.5
	winoA2       = winoA * winoA
	winoB2       = winoB * winoB
	winoScaleA   = 1 / (2 * winoA2 * (winoA2 - winoB2)) // of rows ±a of G
	winoScaleB   = 1 / (2 * winoB2 * (winoB2 - winoA2)) // of rows ±b of G
	winoScale0   = 1 / (winoA2 * winoB2)                // of row 0 of G
)

// winoForm is the algorithm for one size of tiles.
type winoForm struct {
	m                     int // outputs of a tile on each axis
	input, output, weight winoTransform
	cost                  int // rough cycles to transform a vector of channels of a tile, once
}

var (
	winoAccurate = &winoForm{2, winoInput2, winoOutput2, winoWeight2, 400}
	winoFast     = &winoForm{4, winoInput, winoOutput, winoWeight, 1000}
)

// side returns the size of the piece of input of a tile. Its element ξ, of side², goes into
// matrix product ξ.
func (f *winoForm) side() int { return f.m + 2 }

func (f *winoForm) products() int { return f.side() * f.side() }

// winoTransform is one of the small matrices L, applied as L·x·Lᵀ.
type winoTransform int

const (
	winoInput      winoTransform = iota // Bᵀ: 6×6 to 6×6
	winoOutput                          // Aᵀ: 6×6 to 4×4, plus a bias
	winoOutputGrad                      // A: 4×4 to 6×6
	winoWeight                          // G: 3×3 to 6×6
	winoWeightGrad                      // Gᵀ: 6×6 to 3×3
	winoInput2                          // Bᵀ: 4×4 to 4×4
	winoOutput2                         // Aᵀ: 4×4 to 2×2, plus a bias
	winoWeight2                         // G: 3×3 to 4×4
)

// winoArgs says what to transform. Element (i, j) of channel c of tile t is src[from.at +
// i*from.i + j*from.j + t*from.tile + c]; likewise in dst. The channels are a whole number
// of vectors.
type winoArgs struct {
	tiles, channels int
	src, dst        []float32
	from, to        winoLayout
	bias            []float32 // of each channel, for the outputs
}

type winoLayout struct{ at, i, j, tile int }

// runTransform transforms by the instruction set in use.
func runTransform(kind winoTransform, a *winoArgs) { winogradCode[simd.Active()](kind, a) }

// portableWinograd is the transform in Go.
func portableWinograd(kind winoTransform, a *winoArgs) {
	l := portableTransforms[kind]
	var x, half [6][6]float32
	var column [6]float32
	for t := range a.tiles {
		for c := range a.channels {
			from, to := a.from.at+t*a.from.tile+c, a.to.at+t*a.to.tile+c
			for j := range l.n {
				for i := range l.n {
					column[i] = a.src[from+i*a.from.i+j*a.from.j]
				}
				x[j] = l.apply(&column)
			}
			for i := range l.m {
				for j := range l.n {
					column[j] = x[j][i]
				}
				half[i] = l.apply(&column)
				for j := range l.m {
					v := half[i][j]
					if kind == winoOutput || kind == winoOutput2 {
						v += a.bias[c]
					}
					a.dst[to+i*a.to.i+j*a.to.j] = v
				}
			}
		}
	}
}

var portableTransforms = [...]struct {
	n, m  int
	apply func(x *[6]float32) [6]float32
}{
	winoInput: {6, 6, func(x *[6]float32) [6]float32 {
		evenA, oddA := x[4]-winoB2*x[2], x[3]-winoB2*x[1]
		evenB, oddB := x[4]-winoA2*x[2], x[3]-winoA2*x[1]
		return [6]float32{
			x[4] - (winoA2+winoB2)*x[2] + winoA2*winoB2*x[0],
			evenA + winoA*oddA, evenA - winoA*oddA,
			evenB + winoB*oddB, evenB - winoB*oddB,
			x[5] - (winoA2+winoB2)*x[3] + winoA2*winoB2*x[1],
		}
	}},
	winoOutput: {6, 4, func(x *[6]float32) [6]float32 {
		sa, da, sb, db := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
		return [6]float32{
			x[0] + sa + sb, winoA*da + winoB*db, winoA2*sa + winoB2*sb, x[5] + winoA*winoA2*da + winoB*winoB2*db,
		}
	}},
	winoOutputGrad: {4, 6, func(x *[6]float32) [6]float32 {
		evenA, oddA := x[0]+winoA2*x[2], winoA*x[1]+winoA*winoA2*x[3]
		evenB, oddB := x[0]+winoB2*x[2], winoB*x[1]+winoB*winoB2*x[3]
		return [6]float32{x[0], evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, x[3]}
	}},
	winoWeight: {3, 6, func(x *[6]float32) [6]float32 {
		evenA, oddA := winoScaleA*x[0]+winoScaleA*winoA2*x[2], winoScaleA*winoA*x[1]
		evenB, oddB := winoScaleB*x[0]+winoScaleB*winoB2*x[2], winoScaleB*winoB*x[1]
		return [6]float32{winoScale0 * x[0], evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, x[2]}
	}},
	winoWeightGrad: {6, 3, func(x *[6]float32) [6]float32 {
		sa, da, sb, db := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
		return [6]float32{
			winoScale0*x[0] + winoScaleA*sa + winoScaleB*sb,
			winoScaleA*winoA*da + winoScaleB*winoB*db,
			x[5] + winoScaleA*winoA2*sa + winoScaleB*winoB2*sb,
		}
	}},
	winoInput2: {4, 4, func(x *[6]float32) [6]float32 {
		return [6]float32{x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]}
	}},
	winoOutput2: {4, 2, func(x *[6]float32) [6]float32 {
		return [6]float32{x[0] + x[1] + x[2], x[1] - x[2] - x[3]}
	}},
	winoWeight2: {3, 4, func(x *[6]float32) [6]float32 {
		even, odd := 0.5*(x[0]+x[2]), 0.5*x[1]
		return [6]float32{x[0], even + odd, even - odd, x[2]}
	}},
}
