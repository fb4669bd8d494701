package simd

import (
	"math"
)

// The elementary functions of one float32 are accurate to 2 units in the last place, tanh and
// sigmoid to 3. At ±Inf they return their limits, and NaN for NaN. The polynomials are minimax
// fits made for this package. internal/asmgen writes the same functions for vectors, except
// for the logarithm.

func apply(dst, src []float32, f func(float32) float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = f(v)
	}
}

const (
	expMax = 88.72284    // the largest argument with a finite exponential
	expMin = -103.972084 // below, the exponential rounds to 0
	ln2Hi  = 0.693359375 // few bits: a multiple of it by an integer is exact
	ln2Lo  = -2.12194440e-4
)

// ExpOf returns the exponential of x.
func ExpOf(x float32) float32 {
	switch {
	case x > expMax:
		return float32(math.Inf(1))
	case x < expMin:
		return 0
	case x != x:
		return x
	}
	// x = n·ln2 + r with |r| ≤ ln2/2.
	const toInt = 3 << 22 // adding it rounds to an integer
	n := float32(x*math.Log2E) + toInt - toInt
	r := x - float32(n*ln2Hi) - float32(n*ln2Lo)
	p := float32(0.00138146128)
	p = p*r + 0.00836871006
	p = p*r + 0.041668389
	p = p*r + 0.166665211
	p = p*r + 0.49999994
	p = p*(r*r) + r + 1
	// 2^n in two factors, for results that are subnormal or near overflow.
	i := int32(n)
	h := i >> 1
	return p * power2(h) * power2(i-h)
}

// power2 returns 2^n for -126 ≤ n ≤ 127.
func power2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

func logOf(x float32) float32 {
	switch {
	case x == 0:
		return float32(math.Inf(-1))
	case x < 0:
		return float32(math.NaN())
	case !(x <= math.MaxFloat32): // NaN, +Inf
		return x
	}
	e := int32(0)
	if x < 0x1p-126 {
		x *= 0x1p23
		e = -23
	}
	// x = 2^e·m with √½ ≤ m < √2.
	const sqrtHalf = 0x3f3504f3
	b := math.Float32bits(x) - sqrtHalf
	e += int32(b) >> 23
	f := math.Float32frombits(b&0x7fffff+sqrtHalf) - 1
	p := float32(0.0674664006)
	p = p*f - 0.116756521
	p = p*f + 0.11888162
	p = p*f - 0.124055892
	p = p*f + 0.142195523
	p = p*f - 0.166679963
	p = p*f + 0.200021192
	p = p*f - 0.250000089
	p = p*f + 0.333333135
	n := float32(e)
	f2 := f * f
	return n*ln2Hi + (f + (p*f*f2 - 0.5*f2 + n*ln2Lo))
}

func sigmoid(x float32) float32 {
	e := ExpOf(-abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func tanh(x float32) float32 {
	a := abs(x)
	if a < 0.625 {
		s := x * x
		p := float32(-0.00571704516)
		p = p*s + 0.020650588
		p = p*s - 0.0537434965
		p = p*s + 0.133314908
		p = p*s - 0.333332837
		return x + x*(s*p)
	}
	return CopySign(1-2/(ExpOf(2*a)+1), x)
}

func erf(x float32) float32 {
	a := abs(x)
	if a < 1 {
		s := x * x
		p := float32(7.88912294e-05)
		p = p*s - 0.000802084222
		p = p*s + 0.00518953567
		p = p*s - 0.0268544443
		p = p*s + 0.112836003
		p = p*s - 0.37612626
		p = p*s + 0.128379165 // 2/√π - 1
		return x + x*p
	}
	if a > 4 { // erf is 1 to within half a unit, and the fit ends
		return CopySign(1, x)
	}
	p := float32(0.000185574027) // log(1 - erf)
	p = p*a - 0.00293960748
	p = p*a + 0.0218053181
	p = p*a - 0.103037372
	p = p*a - 0.638225675
	p = p*a - 1.12704003
	p = p*a - 0.000353719312
	return CopySign(1-ExpOf(p), x)
}

// normal is the normal distribution function Φ; for NaN it returns some number. Φ - ½ is
// x·p(x²)/q(x²). The fit minimises the largest error, which is 7e-9 apart from rounding.
// Beyond ±5.5, Φ differs from 0 or 1 by less than that.
func normal(x float32) float32 {
	a := abs(x)
	if !(a < 5.5) {
		if x < 0 {
			return 0
		}
		return 1
	}
	s := x * x
	p := float32(2.2749485850681594e-08)
	p = p*s + 6.352116997732082e-06
	p = p*s + 0.00016882493218872696
	p = p*s + 0.004677256103605032
	p = p*s + 0.03385256975889206
	p = p*s + 0.398942232131958
	q := float32(1.19750745852798e-06)
	q = q*s + 7.364729390246794e-05
	q = q*s + 0.0018844405421987176
	q = q*s + 0.028645828366279602
	q = q*s + 0.2515217363834381
	q = q*s + 1
	return 0.5 + x*p/q
}

func gelu(x float32) float32 {
	if x < -15 { // also -Inf, where the product would be NaN
		return 0
	}
	return x * normal(x)
}

// geluSlope is the derivative Φ(x) + x·φ(x) of gelu; for NaN it returns some number. It is a
// fit like that of normal, with an error of 8e-9. Beyond ±6.2 it differs from 0 or 1 by less
// than 1e-8.
func geluSlope(x float32) float32 {
	if !(abs(x) < 6.2) {
		if x < 0 {
			return 0
		}
		return 1
	}
	s := x * x
	p := float32(-3.06727458118857e-11)
	p = p*s + 1.5008864278029372e-08
	p = p*s + 1.4068743325690807e-06
	p = p*s + 3.199687002402024e-05
	p = p*s + 0.00039102534727319667
	p = p*s + 0.013337996388750148
	p = p*s - 0.012206932229122707
	p = p*s + 0.7978844994077927
	q := float32(4.4220399669873857e-07)
	q = q*s + 1.21790373400945e-05
	q = q*s + 0.00028500110365781416
	q = q*s + 0.0044494621070054995
	q = q*s + 0.04773003728260833
	q = q*s + 0.31803344872334816
	q = q*s + 1
	return 0.5 + x*p/q
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// CopySign returns a, which must not be negative, with the sign of x. It returns NaN if x is
// NaN.
func CopySign(a, x float32) float32 {
	if x != x {
		return x
	}
	return math.Float32frombits(math.Float32bits(a) | math.Float32bits(x)&(1<<31))
}
