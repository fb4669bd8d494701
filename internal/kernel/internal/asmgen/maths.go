package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The functions of scalar.go in package simd, with the same polynomials.

const (
	signBit = uint32(1) << 31
	log2E   = 1.4426950408889634
	ln2Hi   = 0.693359375
	ln2Lo   = -2.12194440e-4
)

// exp leaves x alone.
func (c *code) exp(x reg.VecVirtual) reg.VecVirtual {
	// Beyond these the result is infinite or 0 anyway.
	x = c.greatest(-104, c.least(89, x))
	n := c.round(c.times(log2E, x))
	r := c.fma(c.fma(x, -ln2Hi, n), -ln2Lo, n)
	q := c.horner(r, 0.00138146128, 0.00836871006, 0.041668389, 0.166665211, 0.49999994)
	p := c.plus(1, r)
	VFMADD231PS(c.mul(r, r), q, p)
	if c.lanes == 16 {
		VSCALEFPS(n, p, p)
		return p
	}
	// 2^n in two factors, for results that are subnormal or near overflow.
	i, h := YMM(), YMM()
	VCVTPS2DQ(n, i)
	VPSRAD(U8(1), i, h)
	VPSUBD(h, i, i)
	for _, k := range []reg.VecVirtual{h, i} {
		VPADDD(c.constant(uint32(127)), k, k)
		VPSLLD(U8(23), k, k)
		VMULPS(k, p, p)
	}
	return p
}

func (c *code) abs(x reg.VecVirtual) reg.VecVirtual { return c.and(^signBit, x) }

// withSign returns a, which is positive, with the sign of x.
func (c *code) withSign(a, x reg.VecVirtual) reg.VecVirtual { return c.or(a, c.and(signBit, x)) }

func (c *code) sigmoid(x reg.VecVirtual) reg.VecVirtual {
	e := c.exp(c.or(x, c.hold(signBit))) // exp(-|x|)
	one := c.hold(1.0)
	t := c.div(one, c.add(one, e))
	return c.where(x, 0, c.mul(e, t), t)
}

func (c *code) tanh(x reg.VecVirtual) reg.VecVirtual {
	a := c.abs(x)
	s := c.mul(x, x)
	p := c.mul(s, c.horner(s, -0.00571704516, 0.020650588, -0.0537434965, 0.133314908, -0.333332837))
	small := c.copy(x)
	VFMADD231PS(x, p, small)
	one := c.hold(1.0)
	e := c.plus(1, c.exp(c.add(a, a)))
	large := c.sub(one, c.div(c.hold(2.0), e))
	return c.where(a, 0.625, small, c.withSign(large, x))
}

func (c *code) erf(x reg.VecVirtual) reg.VecVirtual {
	a := c.abs(x)
	s := c.mul(x, x)
	p := c.horner(s, 7.88912294e-05, -0.000802084222, 0.00518953567, -0.0268544443, 0.112836003, -0.37612626, 0.128379165)
	small := c.copy(x)
	VFMADD231PS(x, p, small)
	// log(1 - erf), up to where erf is 1
	q := c.horner(c.least(4, a), 0.000185574027, -0.00293960748, 0.0218053181, -0.103037372, -0.638225675, -1.12704003, -0.000353719312)
	large := c.sub(c.hold(1.0), c.exp(q))
	return c.where(a, 1, small, c.withSign(large, x))
}

// normal returns the normal distribution function, or a number if x is none.
func (c *code) normal(x reg.VecVirtual) reg.VecVirtual {
	s := c.least(31, c.mul(x, x))
	p := c.horner(s, 2.2749485850681594e-08, 6.352116997732082e-06, 0.00016882493218872696, 0.004677256103605032, 0.03385256975889206, 0.398942232131958)
	q := c.horner(s, 1.19750745852798e-06, 7.364729390246794e-05, 0.0018844405421987176, 0.028645828366279602, 0.2515217363834381, 1)
	return c.step(x, 5.5, p, q)
}

// step returns 1/2 + x·p/q up to the limits on either side of 0, and 0 or 1 beyond.
func (c *code) step(x reg.VecVirtual, limit float64, p, q reg.VecVirtual) reg.VecVirtual {
	inside := c.div(c.mul(x, p), q)
	return c.plus(0.5, c.where(c.abs(x), limit, inside, c.withSign(c.hold(0.5), x)))
}

func (c *code) gelu(x reg.VecVirtual) reg.VecVirtual {
	x = c.greatest(-15, x) // so that -Inf does not meet 0
	return c.mul(x, c.normal(x))
}

// geluSlope returns the derivative of gelu, or a number if x is none.
func (c *code) geluSlope(x reg.VecVirtual) reg.VecVirtual {
	s := c.least(39, c.mul(x, x))
	p := c.horner(s, -3.06727458118857e-11, 1.5008864278029372e-08, 1.4068743325690807e-06, 3.199687002402024e-05, 0.00039102534727319667, 0.013337996388750148, -0.012206932229122707, 0.7978844994077927)
	q := c.horner(s, 4.4220399669873857e-07, 1.21790373400945e-05, 0.00028500110365781416, 0.0044494621070054995, 0.04773003728260833, 0.31803344872334816, 1)
	return c.step(x, 6.2, p, q)
}

func unary(name string, f func(c *code, x reg.VecVirtual) reg.VecVirtual) elementwise {
	return elementwise{name: name, in: []string{"x"}, out: "y", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual { return f(c, in[0]) }}
}

var maths = []elementwise{
	unary("exp", (*code).exp),
	unary("sigmoid", (*code).sigmoid),
	unary("tanh", (*code).tanh),
	unary("erf", (*code).erf),
	unary("gelu", (*code).gelu),
	{name: "geluGrad", in: []string{"x", "gy"}, out: "gx", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual {
		return c.mul(in[1], c.geluSlope(in[0]))
	}},
}
