//go:build amd64 && !noasm

package simd

var vectorsAVX512 = vectorAssembly{
	add: addAVX512, sub: subAVX512, mul: mulAVX512, div: divAVX512, larger: largerAVX512, addWhereMax: addWhereMaxAVX512, clearWhereMax: clearWhereMaxAVX512, reluGrad: reluGradAVX512, geluGrad: geluGradAVX512,
	relu: reluAVX512, exp: expAVX512, sigmoid: sigmoidAVX512, tanh: tanhAVX512, erf: erfAVX512, gelu: geluAVX512,
	affine: affineAVX512, clip: clipAVX512, clipGrad: clipGradAVX512, quantize: quantizeAVX512, quantizeGrad: quantizeGradAVX512, sum: sumAVX512, sumEach: sumEachAVX512, largest: largestAVX512, dot: dotAVX512, squares: squaresAVX512,
	softmax: softmaxAVX512, mulShifted: mulShiftedAVX512,
	normalize: normalizeAVX512, normalizeSums: normalizeSumsAVX512, normalizeGrad: normalizeGradAVX512, addNormalized: addNormalizedAVX512,
}.set()

var vectorsAVX2 = vectorAssembly{
	add: addAVX2, sub: subAVX2, mul: mulAVX2, div: divAVX2, larger: largerAVX2, addWhereMax: addWhereMaxAVX2, clearWhereMax: clearWhereMaxAVX2, reluGrad: reluGradAVX2, geluGrad: geluGradAVX2,
	relu: reluAVX2, exp: expAVX2, sigmoid: sigmoidAVX2, tanh: tanhAVX2, erf: erfAVX2, gelu: geluAVX2,
	affine: affineAVX2, clip: clipAVX2, clipGrad: clipGradAVX2, quantize: quantizeAVX2, quantizeGrad: quantizeGradAVX2, sum: sumAVX2, sumEach: sumEachAVX2, largest: largestAVX2, dot: dotAVX2, squares: squaresAVX2,
	softmax: softmaxAVX2, mulShifted: mulShiftedAVX2,
	normalize: normalizeAVX2, normalizeSums: normalizeSumsAVX2, normalizeGrad: normalizeGradAVX2, addNormalized: addNormalizedAVX2,
}.set()
