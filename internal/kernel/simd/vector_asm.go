//go:build (amd64 || arm64) && !noasm

package simd

// vectorAssembly holds the functions of a VectorSet in assembly, which take a length and
// pointers.
type vectorAssembly struct {
	add, sub, mul, div, reluGrad, geluGrad func(n int, x, y, z *float32)
	larger, clearWhereMax                  func(n int, x, y, z *float32)
	addWhereMax                            func(n int, x, most, left, g *float32)
	relu, exp, sigmoid, tanh, erf, gelu    func(n int, x, y *float32)
	affine, clip                           func(n int, x, y *float32, a, b float32)
	clipGrad                               func(n int, x, gy, gx *float32, lo, hi float32)
	quantize                               func(n int, x, y *float32, s, lo, hi, z float32)
	quantizeGrad                           func(n int, x, gy, gx *float32, s, lo, hi float32)
	sum, largest                           func(n int, x *float32) float32
	sumEach                                func(n, size int, x, to *float32)
	dot                                    func(n int, x, y *float32) float32
	squares                                func(n int, x *float32, a float32) float32
	softmax                                func(rows, n int, x, y *float32, a float32)
	mulShifted                             func(n int, y, gy, gx *float32, a float32)
	normalize                              func(n int, x, s, t, y *float32, a, b float32)
	normalizeSums                          func(n int, x, s, gy *float32, a, b float32) (g, gh float32)
	normalizeGrad                          func(n int, x, s, gy, gx *float32, a, b, c float32)
	addNormalized                          func(n int, x, gy, gs *float32, a, b float32)
}

// pointer returns the address of x, or nil if n is 0. It panics if x has fewer than n
// elements.
func pointer(x []float32, n int) *float32 {
	if n == 0 {
		return nil
	}
	return &x[:n][0]
}

// set wraps the functions so that they take slices.
func (f vectorAssembly) set() VectorSet {
	unary := func(f func(n int, x, y *float32)) func(y, x []float32) {
		return func(y, x []float32) {
			n := len(x)
			f(n, pointer(x, n), pointer(y, n))
		}
	}
	binary := func(f func(n int, x, y, z *float32)) func(z, x, y []float32) {
		return func(z, x, y []float32) {
			n := len(y)
			f(n, pointer(x, n), pointer(y, n), pointer(z, n))
		}
	}
	return VectorSet{
		Larger: binary(f.larger),
		AddWhereMax: func(g, x, most, left []float32) {
			n := len(x)
			f.addWhereMax(n, pointer(x, n), pointer(most, n), pointer(left, n), pointer(g, n))
		},
		ClearWhereMax: func(left, x, most []float32) {
			n := len(x)
			f.clearWhereMax(n, pointer(x, n), pointer(most, n), pointer(left, n))
		},
		Add: binary(f.add), Sub: binary(f.sub), Mul: binary(f.mul), Div: binary(f.div), ReluGrad: binary(f.reluGrad), GeluGrad: binary(f.geluGrad),
		Relu: unary(f.relu), Exp: unary(f.exp), Sigmoid: unary(f.sigmoid), Tanh: unary(f.tanh), Erf: unary(f.erf), Gelu: unary(f.gelu),
		Affine: func(y, x []float32, a, b float32) {
			n := len(x)
			f.affine(n, pointer(x, n), pointer(y, n), a, b)
		},
		clip: func(y, x []float32, lo, hi float32) {
			n := len(x)
			f.clip(n, pointer(x, n), pointer(y, n), lo, hi)
		},
		clipGrad: func(gx, x, gy []float32, lo, hi float32) {
			n := len(x)
			f.clipGrad(n, pointer(x, n), pointer(gy, n), pointer(gx, n), lo, hi)
		},
		Quantize: func(y, x []float32, s, lo, hi, z float32) {
			n := len(x)
			f.quantize(n, pointer(x, n), pointer(y, n), s, lo, hi, z)
		},
		QuantizeGrad: func(gx, x, gy []float32, s, lo, hi float32) {
			n := len(x)
			f.quantizeGrad(n, pointer(x, n), pointer(gy, n), pointer(gx, n), s, lo, hi)
		},
		Sum: func(x []float32) float32 { return f.sum(len(x), pointer(x, len(x))) },
		SumEach: func(to, x []float32, size int) {
			if n := len(to); n > 0 {
				f.sumEach(n, size, pointer(x, n*size), &to[0])
			}
		},
		Largest: func(x []float32) float32 { return f.largest(len(x), pointer(x, len(x))) },
		Dot: func(x, y []float32) float32 {
			n := len(y)
			return f.dot(n, pointer(x, n), pointer(y, n))
		},
		Squares: func(x []float32, a float32) float32 { return f.squares(len(x), pointer(x, len(x)), a) },
		Softmax: func(n int, y, x []float32, a float32) {
			if len(x) > 0 {
				f.softmax(len(x)/n, n, &x[0], pointer(y, len(x)), a)
			}
		},
		MulShifted: func(gx, y, gy []float32, a float32) {
			n := len(gy)
			f.mulShifted(n, pointer(y, n), pointer(gy, n), pointer(gx, n), a)
		},
		Normalize: func(y, x, s, t []float32, a, b float32) {
			n := len(x)
			f.normalize(n, pointer(x, n), pointer(s, n), pointer(t, n), pointer(y, n), a, b)
		},
		NormalizeSums: func(x, s, gy []float32, a, b float32) (g, gh float32) {
			n := len(x)
			return f.normalizeSums(n, pointer(x, n), pointer(s, n), pointer(gy, n), a, b)
		},
		NormalizeGrad: func(gx, x, s, gy []float32, a, b, c float32) {
			n := len(x)
			f.normalizeGrad(n, pointer(x, n), pointer(s, n), pointer(gy, n), pointer(gx, n), a, b, c)
		},
		AddNormalized: func(gs, x, gy []float32, a, b float32) {
			n := len(x)
			f.addNormalized(n, pointer(x, n), pointer(gy, n), pointer(gs, n), a, b)
		},
	}
}
