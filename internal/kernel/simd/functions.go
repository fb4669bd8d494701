package simd

// The functions in this file are those of the instruction set in use. All slices of a call
// have the same length, unless a function says otherwise. Outputs come first, and may also be
// inputs.

// Functions returns all of them.
func Functions() VectorSet { return isa.VectorSet }

// Add sets z to x + y.
func Add(z, x, y []float32) { isa.Add(z, x, y) }

// Sub sets z to x - y.
func Sub(z, x, y []float32) { isa.Sub(z, x, y) }

// Mul sets z to x·y.
func Mul(z, x, y []float32) { isa.Mul(z, x, y) }

// Div sets z to x/y.
func Div(z, x, y []float32) { isa.Div(z, x, y) }

// Affine sets y to x·a + b.
func Affine(y, x []float32, a, b float32) { isa.Affine(y, x, a, b) }

// Scale multiplies x by f.
func Scale(x []float32, f float32) { isa.Affine(x, x, f, 0) }

// Relu sets y to max(x, 0), NaN staying NaN.
func Relu(y, x []float32) { isa.Relu(y, x) }

// ReluGrad sets gx to gy where y > 0 and to 0 elsewhere; y may be ReLU's output
// or its input.
func ReluGrad(gx, y, gy []float32) { isa.ReluGrad(gx, y, gy) }

// Clip sets y to x clamped to [lo, hi]. If lo > hi, hi wins. NaN stays NaN.
func Clip(y, x []float32, lo, hi float32) { isa.clip(y, x, lo, hi) }

// ClipGrad sets gx to gy where lo < y < hi and to 0 elsewhere, y being
// [ClipSlice]'s output.
func ClipGrad(gx, y, gy []float32, lo, hi float32) { isa.clipGrad(gx, y, gy, lo, hi) }

// Quantize sets y to min(max(round(x/s), lo), hi) + z.
func Quantize(y, x []float32, s, lo, hi, z float32) { isa.Quantize(y, x, s, lo, hi, z) }

// QuantizeGrad sets gx to gy/s where lo ≤ round(x/s) ≤ hi and to 0 elsewhere.
func QuantizeGrad(gx, x, gy []float32, s, lo, hi float32) {
	isa.QuantizeGrad(gx, x, gy, s, lo, hi)
}

// Sum returns the sum of x.
func Sum(x []float32) float32 { return isa.Sum(x) }

// Dot returns the sum of x·y.
func Dot(x, y []float32) float32 { return isa.Dot(x, y) }

// Squares returns the sum of (x - a)².
func Squares(x []float32, a float32) float32 { return isa.Squares(x, a) }

// SumEach sets to to the sums of adjacent pieces of x, of size elements each.
func SumEach(to, x []float32, size int) { isa.SumEach(to, x, size) }

// Max returns the largest element of x, -Inf if there is none.
func Max(x []float32) float32 { return isa.Largest(x) }

// Softmax sets y to the softmax of x·a, in rows of n elements.
func Softmax(n int, y, x []float32, a float32) { isa.Softmax(n, y, x, a) }

// MulShifted sets gx to y·(gy - a).
func MulShifted(gx, y, gy []float32, a float32) { isa.MulShifted(gx, y, gy, a) }

// Normalize sets y to (x·a + b)·s + t.
func Normalize(y, x, s, t []float32, a, b float32) { isa.Normalize(y, x, s, t, a, b) }

// NormalizeSums returns Σ gy·s and Σ gy·s·(x·a + b).
func NormalizeSums(x, s, gy []float32, a, b float32) (g, gh float32) {
	return isa.NormalizeSums(x, s, gy, a, b)
}

// NormalizeGrad sets gx to gy·s·a + x·b + c.
func NormalizeGrad(gx, x, s, gy []float32, a, b, c float32) {
	isa.NormalizeGrad(gx, x, s, gy, a, b, c)
}

// AddNormalized adds gy·(x·a + b) to gs.
func AddNormalized(gs, x, gy []float32, a, b float32) { isa.AddNormalized(gs, x, gy, a, b) }

// Exp sets y to exp(x).
func Exp(y, x []float32) { isa.Exp(y, x) }

// Log sets y to the natural logarithm of x: -Inf for 0, NaN for less.
func Log(y, x []float32) { apply(y, x, logOf) }

// Sigmoid sets y to 1/(1+exp(-x)).
func Sigmoid(y, x []float32) { isa.Sigmoid(y, x) }

// Tanh sets y to the hyperbolic tangent of x.
func Tanh(y, x []float32) { isa.Tanh(y, x) }

// Erf sets y to the error function of x.
func Erf(y, x []float32) { isa.Erf(y, x) }

// Gelu sets y to x·Φ(x), Φ being the normal distribution function: ONNX Gelu with
// approximate="none".
func Gelu(y, x []float32) { isa.Gelu(y, x) }

// GeluGrad sets gx to gy·(Φ(x) + x·φ(x)), with φ the normal density.
func GeluGrad(gx, x, gy []float32) { isa.GeluGrad(gx, x, gy) }
