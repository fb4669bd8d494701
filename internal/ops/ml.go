package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// MLDomain is the domain of ONNX's operators for what is no neural network, in which
// converters of scikit-learn and others write what comes before and after one.
const MLDomain = "ai.onnx.ml"

// ml: Scaler, Normalizer, Imputer, Binarizer, OneHotEncoder, FeatureVectorizer,
// ArrayFeatureExtractor, LinearRegressor, LinearClassifier, LabelEncoder, ZipMap.
//
// Strings have no place among numbers. A value of strings is an int64 value that holds
// positions in a list of strings (Value.Strings). ZipMap returns the numbers that it would
// file under names.

// NotNetwork returns what an operator of the domain stands for, if that is no neural
// network and has no gradients, or "".
func NotNetwork(domain, name string) string {
	if domain != MLDomain {
		return ""
	}
	switch name {
	case "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor":
		return "decision trees"
	case "SVMClassifier", "SVMRegressor":
		return "support vector machines"
	}
	return ""
}

// features returns input 0 as float32, [N, F] or of any shape whose last axis is that of the
// features.
func (c *Call) features() *Value {
	x := c.number(0)
	if x.Rank() == 0 {
		c.fail("input of no axes")
	}
	return x
}

// perFeature returns a list attribute as a value that is broadcast along the features of x.
func (c *Call) perFeature(name string, x *Value, otherwise float32) *Value {
	v := c.FloatsAttr(name)
	switch n := x.Shape[x.Rank()-1]; len(v) {
	case 0:
		return c.Scalar(otherwise)
	case 1:
		return c.Scalar(v[0])
	case n:
		return c.Const(nd.Of(slices.Clone(v), n))
	}
	c.fail("attribute %q has %d numbers for an input of shape %v", name, len(v), x.Shape)
	return nil
}

// buildScaler: (X - offset)·scale.
func buildScaler(c *Call) []*Value {
	x := c.features()
	return []*Value{c.Mul(c.Sub(x, c.perFeature("offset", x, 0)), c.perFeature("scale", x, 1))}
}

// buildNormalizer divides rows by their maximum or norm, unless that is 0.
func buildNormalizer(c *Call) []*Value {
	x := c.features()
	last := x.Rank() - 1
	var by *Value
	switch norm := c.String("norm", "MAX"); norm {
	case "MAX":
		if x.Shape[last] == 0 {
			return []*Value{x}
		}
		by = c.Max(x, last)
	case "L1":
		by = c.Sum(c.unary(opAbs, x), last)
	case "L2":
		by = c.Sqrt(c.Sum(c.Mul(x, x), last))
	default:
		c.fail("norm %q", norm)
	}
	return []*Value{c.Div(x, c.Where(c.Equal(by, c.Scalar(0)), c.Scalar(1), by))}
}

// buildImputer replaces what equals replaced_value.
func buildImputer(c *Call) []*Value {
	x := c.Input(0)
	if x.DType == nd.Int64 {
		v := c.IntsAttr("imputed_value_int64s")
		if len(v) != 1 && (x.Rank() == 0 || len(v) != x.Shape[x.Rank()-1]) {
			c.fail("%d imputed values for an input of shape %v", len(v), x.Shape)
		}
		hit := c.Equal(x, c.Const(nd.Scalar(int64(c.Int("replaced_value_int64", 0)))))
		return []*Value{c.Where(hit, c.Ints(v...), x)}
	}
	x = c.features()
	if !c.Has("imputed_value_floats") {
		c.fail("attribute %q is missing", "imputed_value_floats")
	}
	old := c.Float32("replaced_value_float", 0)
	hit := c.Equal(x, c.Scalar(old))
	if old != old {
		hit = c.classify("IsNaN", x, func(f float32) bool { return f != f })
	}
	return []*Value{c.Where(hit, c.perFeature("imputed_value_floats", x, 0), x)}
}

func buildBinarizer(c *Call) []*Value {
	x, limit := c.number(0), c.Float32("threshold", 0)
	return []*Value{c.unary(unary{name: "Binarizer", f: func(y, x []float32) {
		for i, v := range x {
			if y[i] = 0; v > limit {
				y[i] = 1
			}
		}
	}}, x)}
}

// buildOneHotEncoder adds an axis with a 1 at the position of the category.
func buildOneHotEncoder(c *Call) []*Value {
	x, cats := c.Input(0), c.IntsAttr("cats_int64s")
	if cats == nil {
		unsupported("categories that are no integers")
	}
	if x.Strings != nil {
		c.fail("strings for categories that are integers")
	}
	x = c.Cast(x, nd.Int64)
	at := map[int64]int{}
	for i, v := range cats {
		at[int64(v)] = i
	}
	n, mayMiss := len(cats), c.Bool("zeros", true)
	return []*Value{c.emit(nd.Float32, append(slices.Clone(x.Shape), n), Op{
		name: "OneHotEncoder",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Float32s()
			clear(y)
			for i, v := range in[0].Int64s() {
				if k, ok := at[v]; ok {
					y[i*n+k] = 1
				}
			}
		}, func(in []nd.Array) error {
			for _, v := range in[0].Int64s() {
				if _, ok := at[v]; !ok && !mayMiss {
					return fmt.Errorf("%d is none of the categories", v)
				}
			}
			return nil
		}},
	}, x)}
}

// buildFeatureVectorizer joins the features of all inputs.
func buildFeatureVectorizer(c *Call) []*Value {
	if c.NumInputs() == 0 {
		c.fail("no inputs")
	}
	var parts []*Value
	for i := range c.NumInputs() {
		x := c.number(i)
		switch x.Rank() {
		case 1:
			x = c.Reshape(x, 1, x.Len())
		case 2:
		default:
			c.fail("input %d of shape %v; one or two axes are expected", i, x.Shape)
		}
		parts = append(parts, x)
	}
	return []*Value{c.Concat(1, parts...)}
}

// buildArrayFeatureExtractor picks elements of the last axis. A vector becomes a row.
func buildArrayFeatureExtractor(c *Call) []*Value {
	x, at := c.Input(0), c.Input(1)
	if x.Rank() == 0 || at.DType != nd.Int64 {
		c.fail("input of shape %v and indices of type %v", x.Shape, at.DType)
	}
	y := c.Gather(x, c.Reshape(at, at.Len()), x.Rank()-1)
	if x.Rank() == 1 {
		y = c.Reshape(y, 1, y.Len())
	}
	return []*Value{y}
}

// linearScores returns X·Wᵀ + b for the attributes coefficients and intercepts.
func (c *Call) linearScores(x *Value, n int) *Value {
	w := c.FloatsAttr("coefficients")
	if x.Rank() == 1 {
		x = c.Reshape(x, 1, x.Len())
	}
	if x.Rank() != 2 || n < 1 || len(w) != n*x.Shape[1] {
		c.fail("%d coefficients for %d results of an input of shape %v", len(w), n, x.Shape)
	}
	y := c.gemm(false, true, x, c.Const(nd.Of(slices.Clone(w), n, x.Shape[1])))
	if b := c.FloatsAttr("intercepts"); len(b) == n {
		y = c.Add(y, c.Const(nd.Of(slices.Clone(b), n)))
	} else if len(b) > 0 {
		c.fail("%d intercepts for %d results", len(b), n)
	}
	return y
}

// transformed applies the attribute post_transform to rows of scores.
func (c *Call) transformed(y *Value) *Value {
	switch how := c.String("post_transform", "NONE"); how {
	case "NONE":
	case "LOGISTIC":
		return c.Sigmoid(y)
	case "SOFTMAX":
		return c.Softmax(y, 1)
	case "SOFTMAX_ZERO": // scores of exactly 0 stay 0
		keep := c.Not(c.Equal(y, c.Scalar(0)))
		e := c.Where(keep, c.Exp(c.Sub(y, c.Max(y, 1))), c.Scalar(0))
		return c.Div(e, c.Maximum(c.Sum(e, 1), c.Scalar(math.SmallestNonzeroFloat32)))
	default:
		unsupported("post_transform %q", how)
	}
	return y
}

func buildLinearRegressor(c *Call) []*Value {
	return []*Value{c.transformed(c.linearScores(c.features(), c.Int("targets", 1)))}
}

// buildLinearClassifier returns labels and scores. One score of two classes is that of the
// second; the first has what is missing.
func buildLinearClassifier(c *Call) []*Value {
	numbers, names := c.IntsAttr("classlabels_ints"), c.StringsAttr("classlabels_strings")
	n := len(c.FloatsAttr("intercepts"))
	if n == 0 {
		n = max(len(numbers), len(names))
	}
	y := c.linearScores(c.features(), n)
	how := c.String("post_transform", "NONE")
	var at *Value
	if two := n == 1 && max(len(numbers), len(names)) == 2; two {
		limit := float32(0)
		p := c.transformed(y)
		if how == "LOGISTIC" {
			limit = 0.5
		} else if how != "NONE" {
			unsupported("post_transform %q of one score", how)
		}
		at = c.Reshape(c.Cast(c.compare(opGreater, p, c.Scalar(limit)), nd.Int64), y.Shape[0])
		first := c.Neg(p)
		if how == "LOGISTIC" {
			first = c.Sub(c.Scalar(1), p)
		}
		y = c.Concat(1, first, p)
	} else {
		at = c.squeeze(c.argExtreme("ArgMax", false, false, y, 1), []int{1})
		y = c.transformed(y)
	}
	if names != nil {
		at.Strings = names
		return []*Value{at, y}
	}
	if len(numbers) != y.Shape[1] {
		c.fail("%d labels for %d scores", len(numbers), y.Shape[1])
	}
	return []*Value{c.Gather(c.Ints(numbers...), at, 0), y}
}

var mlOperators = family{
	"Scaler":                {1, buildScaler},
	"Normalizer":            {1, buildNormalizer},
	"Imputer":               {1, buildImputer},
	"Binarizer":             {1, buildBinarizer},
	"OneHotEncoder":         {1, buildOneHotEncoder},
	"FeatureVectorizer":     {1, buildFeatureVectorizer},
	"ArrayFeatureExtractor": {1, buildArrayFeatureExtractor},
	"LinearRegressor":       {1, buildLinearRegressor},
	"LinearClassifier":      {1, buildLinearClassifier},
	"LabelEncoder":          {1, buildLabelEncoder},
	"ZipMap":                {1, func(c *Call) []*Value { return []*Value{c.Float(0)} }},
}
