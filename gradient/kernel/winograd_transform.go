package kernel

// Winograd's algorithm F(4×4, 3×3) computes a tile of 4×4 outputs of a 3×3
// correlation, for one input channel, with 36 multiplications instead of 144:
//
//	y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]A
//
// where x is a 6×6 piece of the input. Products of polynomials are computed by
// evaluating, multiplying and interpolating; the points here are 0, ±3/4, ±3/2
// and ∞, whose matrices lose only a factor of 2 in accuracy against summing
// directly in float32, where the usual 0, ±1, ±2, ∞ lose 4. (Lavin and Gray,
// "Fast algorithms for convolutional neural networks", 2016; Barabasz et al.,
// "Error analysis and improving the accuracy of Winograd convolution", 2020.)
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

// winoTransform is one of the five small matrices L, applied as L·x·Lᵀ.
type winoTransform int

const (
	winoInput      winoTransform = iota // Bᵀ: 6×6 to 6×6
	winoOutput                          // Aᵀ: 6×6 to 4×4, plus a bias
	winoOutputGrad                      // A: 4×4 to 6×6
	winoWeight                          // G: 3×3 to 6×6
	winoWeightGrad                      // Gᵀ: 6×6 to 3×3
)

// winoArgs says what to transform: element (i, j) of channel c of tile t is
// src[from.at + i*from.i + j*from.j + t*from.tile + c], likewise in dst. The
// channels are a whole number of vectors.
type winoArgs struct {
	tiles, channels int
	src, dst        []float32
	from, to        winoLayout
	bias            []float32 // of each channel, for winoOutput
}

type winoLayout struct{ at, i, j, tile int }

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
					if kind == winoOutput {
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
}
