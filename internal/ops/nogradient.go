package ops

import "github.com/advparams/advparams/onnxio/onnxpb"

// withoutGradient lists the operators without a gradient, each with the reason. An
// initializer that influences the outputs only through them has a gradient of
// zeros.
var withoutGradient = map[string]string{
	"Shape": "a shape", "Size": "a shape",
	"Constant": "no input", "ConstantOfShape": "filled with a constant", "EyeLike": "filled with constants", "Range": "decides a shape",
	"ArgMax": "an index", "ArgMin": "an index", "NonZero": "indices", "OneHot": "of indices; its values have a gradient",
	"Equal": "a truth value", "Greater": "a truth value", "GreaterOrEqual": "a truth value", "Less": "a truth value", "LessOrEqual": "a truth value",
	"And": "a truth value", "Or": "a truth value", "Xor": "a truth value", "Not": "a truth value", "IsNaN": "a truth value", "IsInf": "a truth value",
	"BitwiseAnd": "integers", "BitwiseOr": "integers", "BitwiseXor": "integers", "BitShift": "integers",
	"RandomNormal": "no input", "RandomUniform": "no input", "RandomNormalLike": "a shape", "RandomUniformLike": "a shape", "Bernoulli": "a truth value", "Multinomial": "an index",
	"OptionalHasElement": "a truth value", "SequenceEmpty": "no input", "SequenceLength": "a number of tensors",
	"HannWindow": "filled with constants", "HammingWindow": "filled with constants", "BlackmanWindow": "filled with constants",
	"Floor": "zero almost everywhere", "Ceil": "zero almost everywhere", "Sign": "zero almost everywhere",

	MLDomain + ".Binarizer": "a truth value", MLDomain + ".OneHotEncoder": "of categories", MLDomain + ".LabelEncoder": "of labels",
}

// WithoutGradient returns the reason why an operator has no gradient, or "" if it
// has one.
func WithoutGradient(domain, name string) string {
	if d := onnxpb.Domain(domain); d != "" {
		name = d + "." + name
	}
	return withoutGradient[name]
}
