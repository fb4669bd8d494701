package ops

import (
	"math"
	"strings"

	"github.com/advparams/advparams/internal/kernel/recurrent"
)

// The activation functions of recurrent operators. Slopes are computed from values,
// which is possible if a function is strictly increasing or constant. Parameters
// with which one decreases are not supported.

// squashParams holds activation_alpha and activation_beta. The functions that have
// such a parameter take the elements in turn.
type squashParams struct{ alpha, beta []float32 }

func (p *squashParams) take(alpha0, beta0 float32) (alpha, beta float32) {
	next := func(list *[]float32, otherwise float32) float32 {
		if len(*list) == 0 {
			return otherwise
		}
		v := (*list)[0]
		*list = (*list)[1:]
		return v
	}
	return next(&p.alpha, alpha0), next(&p.beta, beta0)
}

func (p *squashParams) takeAlpha(alpha0 float32) float32 {
	rest := p.beta
	a, _ := p.take(alpha0, 0)
	p.beta = rest
	return a
}

// activations returns the functions of each direction: f for RNN; f and g for GRU;
// f, g and h for LSTM.
func (l *layer) activations() [][]recurrent.Squash {
	count := [...]int{recurrent.RNN: 1, recurrent.GRU: 2, recurrent.LSTM: 3}[l.cell]
	names := l.StringsAttr("activations")
	if len(names) == 0 {
		usual := [...][]string{recurrent.RNN: {"Tanh"}, recurrent.GRU: {"Sigmoid", "Tanh"}, recurrent.LSTM: {"Sigmoid", "Tanh", "Tanh"}}[l.cell]
		for range l.reverse {
			names = append(names, usual...)
		}
	}
	if len(names) != count*len(l.reverse) {
		l.fail("%d activations; %d are expected", len(names), count*len(l.reverse))
	}
	p := squashParams{l.FloatsAttr("activation_alpha"), l.FloatsAttr("activation_beta")}
	var out [][]recurrent.Squash
	for d := range l.reverse {
		var s []recurrent.Squash
		for _, name := range names[d*count : (d+1)*count] {
			s = append(s, l.squashOf(name, &p))
		}
		out = append(out, s)
	}
	return out
}

// fromValue applies a function, and its slope as a function of the value, to
// slices.
func fromValue(f, slope func(v float32) float32) recurrent.Squash {
	return recurrent.Squash{
		Apply: func(x []float32) {
			for i, v := range x {
				x[i] = f(v)
			}
		},
		Slope: func(gx, y, gy []float32) {
			for i, g := range gy {
				gx[i] = g * slope(y[i])
			}
		},
	}
}

func (l *layer) squashOf(name string, p *squashParams) recurrent.Squash {
	inPlace := func(o unary) recurrent.Squash {
		return recurrent.Squash{Apply: func(x []float32) { o.f(x, x) }, Slope: o.dy}
	}
	// positive rejects parameters with which the value does not determine the
	// slope.
	positive := func(a float32) float32 {
		if !(a > 0) {
			unsupported("activation %s with an alpha of %v", name, a)
		}
		return a
	}
	switch strings.ToLower(name) {
	case "sigmoid":
		return inPlace(opSigmoid)
	case "tanh":
		return inPlace(opTanh)
	case "relu":
		return inPlace(opRelu)
	case "softsign":
		return inPlace(opSoftsign)
	case "softplus":
		return fromValue(
			func(x float32) float32 {
				return max(x, 0) + float32(math.Log1p(math.Exp(-math.Abs(float64(x)))))
			},
			func(y float32) float32 { return -float32(math.Expm1(-float64(y))) })
	case "affine":
		a, b := p.take(1, 0)
		return fromValue(func(x float32) float32 { return a*x + b }, func(float32) float32 { return a })
	case "leakyrelu":
		o := leaky(positive(p.takeAlpha(0.01)))
		o.dy = o.dx // which looks at the sign only
		return inPlace(o)
	case "thresholdedrelu":
		o := thresholded(positive(p.takeAlpha(1)))
		o.dy = opRelu.dy
		return inPlace(o)
	case "scaledtanh":
		a, b := p.take(1, 1)
		positive(a)
		return fromValue(func(x float32) float32 { return a * float32(math.Tanh(float64(b*x))) },
			func(y float32) float32 { return b * (a - y*y/a) })
	case "hardsigmoid":
		a, b := p.take(0.2, 0.5)
		return fromValue(func(x float32) float32 { return max(0, min(1, a*x+b)) }, func(y float32) float32 {
			if y <= 0 || y >= 1 {
				return 0
			}
			return a
		})
	case "elu":
		a := positive(p.takeAlpha(1))
		return fromValue(func(x float32) float32 {
			if x < 0 {
				return a * float32(math.Expm1(float64(x)))
			}
			return x
		}, func(y float32) float32 {
			if y < 0 {
				return y + a
			}
			return 1
		})
	}
	unsupported("activation %q", name)
	return recurrent.Squash{}
}
