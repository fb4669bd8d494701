//go:build arm64 && !noasm

package simd

var vectorsNEON = vectorAssembly{
	add: addNEON, sub: subNEON, mul: mulNEON, div: divNEON, larger: largerNEON, addWhereMax: addWhereMaxNEON, clearWhereMax: clearWhereMaxNEON, reluGrad: reluGradNEON, geluGrad: geluGradNEON,
	relu: reluNEON, exp: expNEON, sigmoid: sigmoidNEON, tanh: tanhNEON, erf: erfNEON, gelu: geluNEON,
	affine: affineNEON, clip: clipNEON, clipGrad: clipGradNEON, quantize: quantizeNEON, quantizeGrad: quantizeGradNEON, sum: sumNEON, sumEach: sumEachNEON, largest: largestNEON, dot: dotNEON, squares: squaresNEON,
	softmax: softmaxNEON, mulShifted: mulShiftedNEON,
	normalize: normalizeNEON, normalizeSums: normalizeSumsNEON, normalizeGrad: normalizeGradNEON, addNormalized: addNormalizedNEON,
}.set()
