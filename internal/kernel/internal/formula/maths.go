package formula

// The functions of scalar.go in package simd, with the same polynomials.

const (
	signBit = uint32(1) << 31
	log2E   = 1.4426950408889634
	ln2Hi   = 0.693359375
	ln2Lo   = -2.12194440e-4
)

// Exp returns e to the power of x, and leaves x alone.
func Exp[V any](c Code[V], x V) V {
	// Beyond these the result is infinite or 0 anyway.
	x = c.Greatest(-104, c.Least(89, x))
	n := c.Round(c.Times(log2E, x))
	r := c.Fma(c.Fma(x, -ln2Hi, n), -ln2Lo, n)
	q := c.Horner(r, 0.00138146128, 0.00836871006, 0.041668389, 0.166665211, 0.49999994)
	p := c.Plus(1, r)
	c.MulAdd(p, c.Mul(r, r), q)
	return c.Scale(p, n)
}

func abs[V any](c Code[V], x V) V { return c.And(^signBit, x) }

// withSign returns a, which is positive, with the sign of x.
func withSign[V any](c Code[V], a, x V) V { return c.Or(a, c.And(signBit, x)) }

func sigmoid[V any](c Code[V], x V) V {
	e := Exp(c, c.Or(x, c.Hold(signBit))) // exp(-|x|)
	one := c.Hold(1.0)
	t := c.Div(one, c.Add(one, e))
	return c.Where(x, 0, c.Mul(e, t), t)
}

func tanh[V any](c Code[V], x V) V {
	a := abs(c, x)
	s := c.Mul(x, x)
	p := c.Mul(s, c.Horner(s, -0.00571704516, 0.020650588, -0.0537434965, 0.133314908, -0.333332837))
	small := c.Copy(x)
	c.MulAdd(small, x, p)
	one := c.Hold(1.0)
	e := c.Plus(1, Exp(c, c.Add(a, a)))
	large := c.Sub(one, c.Div(c.Hold(2.0), e))
	return c.Where(a, 0.625, small, withSign(c, large, x))
}

func erf[V any](c Code[V], x V) V {
	a := abs(c, x)
	s := c.Mul(x, x)
	p := c.Horner(s, 7.88912294e-05, -0.000802084222, 0.00518953567, -0.0268544443, 0.112836003, -0.37612626, 0.128379165)
	small := c.Copy(x)
	c.MulAdd(small, x, p)
	// log(1 - erf), up to where erf is 1
	q := c.Horner(c.Least(4, a), 0.000185574027, -0.00293960748, 0.0218053181, -0.103037372, -0.638225675, -1.12704003, -0.000353719312)
	large := c.Sub(c.Hold(1.0), Exp(c, q))
	return c.Where(a, 1, small, withSign(c, large, x))
}

// normal returns the normal distribution function, or a number if x is none.
func normal[V any](c Code[V], x V) V {
	s := c.Least(31, c.Mul(x, x))
	p := c.Horner(s, 2.2749485850681594e-08, 6.352116997732082e-06, 0.00016882493218872696, 0.004677256103605032, 0.03385256975889206, 0.398942232131958)
	q := c.Horner(s, 1.19750745852798e-06, 7.364729390246794e-05, 0.0018844405421987176, 0.028645828366279602, 0.2515217363834381, 1)
	return step(c, x, 5.5, p, q)
}

// step returns 1/2 + x·p/q up to the limits on either side of 0, and 0 or 1 beyond.
func step[V any](c Code[V], x V, limit float64, p, q V) V {
	inside := c.Div(c.Mul(x, p), q)
	return c.Plus(0.5, c.Where(abs(c, x), limit, inside, withSign(c, c.Hold(0.5), x)))
}

func gelu[V any](c Code[V], x V) V {
	x = c.Greatest(-15, x) // so that -Inf does not meet 0
	return c.Mul(x, normal(c, x))
}

// geluSlope returns the derivative of gelu, or a number if x is none.
func geluSlope[V any](c Code[V], x V) V {
	s := c.Least(39, c.Mul(x, x))
	p := c.Horner(s, -3.06727458118857e-11, 1.5008864278029372e-08, 1.4068743325690807e-06, 3.199687002402024e-05, 0.00039102534727319667, 0.013337996388750148, -0.012206932229122707, 0.7978844994077927)
	q := c.Horner(s, 4.4220399669873857e-07, 1.21790373400945e-05, 0.00028500110365781416, 0.0044494621070054995, 0.04773003728260833, 0.31803344872334816, 1)
	return step(c, x, 6.2, p, q)
}
