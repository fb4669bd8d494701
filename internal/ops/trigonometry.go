package ops

import "math"

// trigonometry: Sin, Cos, Tan, Sinh, Cosh and their inverses; Tanh is in
// activation.go.

// derivative applies a derivative to slices.
func derivative(d func(v float64) float64) func(gx, v, gy []float32) {
	return slope(func(v float32) float32 { return float32(d(float64(v))) })
}

// function makes a unary of a function and its derivative at x.
func function(name string, f, d func(x float64) float64) unary {
	return unary{name: name, f: each1(f), dx: derivative(d)}
}

var angles = family{
	"Sin":   {7, buildUnary(function("Sin", math.Sin, math.Cos))},
	"Cos":   {7, buildUnary(function("Cos", math.Cos, func(x float64) float64 { return -math.Sin(x) }))},
	"Tan":   {7, buildUnary(unary{name: "Tan", f: each1(math.Tan), dy: derivative(func(y float64) float64 { return 1 + y*y })})},
	"Asin":  {7, buildUnary(function("Asin", math.Asin, func(x float64) float64 { return 1 / math.Sqrt(1-x*x) }))},
	"Acos":  {7, buildUnary(function("Acos", math.Acos, func(x float64) float64 { return -1 / math.Sqrt(1-x*x) }))},
	"Atan":  {7, buildUnary(function("Atan", math.Atan, func(x float64) float64 { return 1 / (1 + x*x) }))},
	"Sinh":  {9, buildUnary(function("Sinh", math.Sinh, math.Cosh))},
	"Cosh":  {9, buildUnary(function("Cosh", math.Cosh, math.Sinh))},
	"Asinh": {9, buildUnary(function("Asinh", math.Asinh, func(x float64) float64 { return 1 / math.Sqrt(x*x+1) }))},
	"Acosh": {9, buildUnary(function("Acosh", math.Acosh, func(x float64) float64 { return 1 / math.Sqrt(x*x-1) }))},
	"Atanh": {9, buildUnary(function("Atanh", math.Atanh, func(x float64) float64 { return 1 / (1 - x*x) }))},
}
