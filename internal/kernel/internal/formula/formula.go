// Package formula has what the generators of assembly for different processors share: the
// elementwise functions and the polynomials of exp, tanh and others, in terms of arithmetic
// on vectors.
//
// # Files
//
//	formula.go      arithmetic on vectors, as a generator provides it
//	maths.go        exp, tanh, erf and other functions
//	elementwise.go  the functions on slices
//	winograd.go     the transforms of Winograd's convolutions
package formula

// Code writes arithmetic on vectors V of an instruction set. Its methods return a new
// register unless they say otherwise.
type Code[V any] interface {
	Copy(x V) V
	// Hold returns a constant: a float64, which is rounded to float32, or the bits of a uint32.
	Hold(value any) V
	Add(x, y V) V
	Sub(x, y V) V
	Mul(x, y V) V
	Div(x, y V) V
	// Larger returns the larger of x and y, NaN if either is.
	Larger(x, y V) V
	// Times returns x times a constant, Plus x plus a constant.
	Times(value float64, x V) V
	Plus(value float64, x V) V
	// Fma adds a constant times x to sum, and returns sum.
	Fma(sum V, value float64, x V) V
	// MulAdd adds x·y to sum, in the register of sum, and returns it.
	MulAdd(sum, x, y V) V
	// MulThenAdd returns p·x + y, in the register of p or y.
	MulThenAdd(p, x, y V) V
	// AddTo adds x to sum, and LargestTo sets sum to the larger of the two, in its register.
	AddTo(sum, x V)
	LargestTo(sum, x V)
	// Horner evaluates a polynomial in x, the coefficient of the highest power first.
	Horner(x V, coefficients ...float64) V
	// Least returns the lesser of x and a constant, Greatest the greater; NaN if x is.
	Least(value float64, x V) V
	Greatest(value float64, x V) V
	// Clamp returns min(max(x, lo), hi), NaN if x is, in the register of x.
	Clamp(x, lo, hi V) V
	And(bits uint32, x V) V
	Or(x, y V) V
	// Where returns y where x is less than a constant, and z elsewhere, also for NaN.
	Where(x V, value float64, y, z V) V
	// WherePositive returns y where x > 0, else 0.
	WherePositive(x, y V) V
	// Inside returns y where lo <= x <= hi, else 0, Between where lo < x < hi. Both may overwrite y.
	Inside(x, lo, hi, y V) V
	Between(x, lo, hi, y V) V
	// WhereMost returns y where x is the maximum, which a NaN is, else 0, and ExceptMost where it
	// is not.
	WhereMost(x, most, y V) V
	ExceptMost(x, most, y V) V
	// Round rounds to whole numbers, half to even, in the register of x.
	Round(x V) V
	// Scale returns p·2ⁿ, in the register of p, also where that is subnormal or infinite.
	Scale(p, n V) V
	// Clean returns x with a constant in the lanes that do not exist.
	Clean(x V, value float64) V
}
