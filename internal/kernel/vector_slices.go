package kernel

// The functions of the instruction set in use. Slices have the same length; outputs,
// which come first, may also be inputs.

// vectorFunctions returns all of them.
func vectorFunctions() vectorSet { return isa.vectorSet }

// AddSlice sets z to x + y.
func AddSlice(z, x, y []float32) { isa.add(z, x, y) }

// SubSlice sets z to x - y.
func SubSlice(z, x, y []float32) { isa.sub(z, x, y) }

// MulSlice sets z to x·y.
func MulSlice(z, x, y []float32) { isa.mul(z, x, y) }

// DivSlice sets z to x/y.
func DivSlice(z, x, y []float32) { isa.div(z, x, y) }

// AffineSlice sets y to x·a + b.
func AffineSlice(y, x []float32, a, b float32) { isa.affine(y, x, a, b) }

// scale multiplies x by f.
func scale(x []float32, f float32) { isa.affine(x, x, f, 0) }

// ReluSlice sets y to max(x, 0), NaN staying NaN.
func ReluSlice(y, x []float32) { isa.relu(y, x) }

// reluGradSlice sets gx to gy where y > 0 and to 0 elsewhere; y may be ReLU's output
// or its input.
func reluGradSlice(gx, y, gy []float32) { isa.reluGrad(gx, y, gy) }

// ClipSlice sets y to x limited to [lo, hi]; hi wins where they contradict. NaN stays
// NaN.
func ClipSlice(y, x []float32, lo, hi float32) { isa.clip(y, x, lo, hi) }

// ClipGradSlice sets gx to gy where lo < y < hi and to 0 elsewhere, y being
// [ClipSlice]'s output.
func ClipGradSlice(gx, y, gy []float32, lo, hi float32) { isa.clipGrad(gx, y, gy, lo, hi) }

// quantizeSlice sets y to min(max(round(x/s), lo), hi) + z.
func quantizeSlice(y, x []float32, s, lo, hi, z float32) { isa.quantize(y, x, s, lo, hi, z) }

// quantizeGradSlice sets gx to gy/s where lo ≤ round(x/s) ≤ hi and to 0 elsewhere.
func quantizeGradSlice(gx, x, gy []float32, s, lo, hi float32) {
	isa.quantizeGrad(gx, x, gy, s, lo, hi)
}

// sum returns the sum of x, dot that of x·y, and squaresOf that of (x - a)².
func sum(x []float32) float32                  { return isa.sum(x) }
func dot(x, y []float32) float32               { return isa.dot(x, y) }
func squaresOf(x []float32, a float32) float32 { return isa.squares(x, a) }

// sumEachSlice sets to to the sums of adjacent pieces of x, of size elements each.
func sumEachSlice(to, x []float32, size int) { isa.sumEach(to, x, size) }

// largestOf returns the largest element of x, -Inf if there is none.
func largestOf(x []float32) float32 { return isa.largest(x) }

// softmaxRows sets y to the softmax of x·a, in rows of n elements.
func softmaxRows(n int, y, x []float32, a float32) { isa.softmax(n, y, x, a) }

// mulShiftedSlice sets gx to y·(gy - a).
func mulShiftedSlice(gx, y, gy []float32, a float32) { isa.mulShifted(gx, y, gy, a) }

// normalizeSlice sets y to (x·a + b)·s + t.
func normalizeSlice(y, x, s, t []float32, a, b float32) { isa.normalize(y, x, s, t, a, b) }

// normalizeSumsOf returns Σ gy·s and Σ gy·s·(x·a + b).
func normalizeSumsOf(x, s, gy []float32, a, b float32) (g, gh float32) {
	return isa.normalizeSums(x, s, gy, a, b)
}

// normalizeGradSlice sets gx to gy·s·a + x·b + c.
func normalizeGradSlice(gx, x, s, gy []float32, a, b, c float32) {
	isa.normalizeGrad(gx, x, s, gy, a, b, c)
}

// addNormalizedSlice adds gy·(x·a + b) to gs.
func addNormalizedSlice(gs, x, gy []float32, a, b float32) { isa.addNormalized(gs, x, gy, a, b) }

// ExpSlice sets y to exp(x).
func ExpSlice(y, x []float32) { isa.exp(y, x) }

// LogSlice sets y to the natural logarithm of x: -Inf for 0, NaN for less.
func LogSlice(y, x []float32) { apply(y, x, log) }

// SigmoidSlice sets y to 1/(1+exp(-x)).
func SigmoidSlice(y, x []float32) { isa.sigmoid(y, x) }

// TanhSlice sets y to the hyperbolic tangent of x.
func TanhSlice(y, x []float32) { isa.tanh(y, x) }

// ErfSlice sets y to the error function of x.
func ErfSlice(y, x []float32) { isa.erf(y, x) }

// GeluSlice sets y to x·Φ(x), Φ being the normal distribution function: ONNX Gelu with
// approximate="none".
func GeluSlice(y, x []float32) { isa.gelu(y, x) }

// geluGradSlice sets gx to gy·(Φ(x) + x·φ(x)), with φ the normal density.
func geluGradSlice(gx, x, gy []float32) { isa.geluGrad(gx, x, gy) }
