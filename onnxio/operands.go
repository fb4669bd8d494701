package onnxio

import (
	"strings"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// An operand says what an operator does with one of its inputs.
type operand byte

const (
	numbers    operand = 'd' // computes with its values
	trained    operand = 'w' // the same; a tensor that comes from training, however small
	quantised  operand = 'q' // computes with integers that stand for other numbers
	scale      operand = 'c' // of quantised numbers
	zeroPoint  operand = 'z' // of quantised numbers
	structural operand = 's' // shapes, axes, indices, limits, conditions, exponents …
	shapeOnly  operand = '-' // only the tensor's shape or type matters
)

// operandsOf has a letter for each input of an operator; the last one stands for all
// further inputs too. Operators that are missing compute with all their inputs.
var operandsOf = map[string]string{
	"Conv": "dw", "ConvTranspose": "dw", "DeformConv": "dwdwd", "Gemm": "dw", "PRelu": "dw",
	"BatchNormalization": "dw", "InstanceNormalization": "dw", "LayerNormalization": "dw",
	"GroupNormalization": "dw", "RMSNormalization": "dw", "SimplifiedLayerNormalization": "dw",
	"LSTM": "dwwwsddw", "GRU": "dwwwsd", "RNN": "dwwwsd",

	"Reshape": "ds", "Expand": "ds", "Tile": "ds", "Pad": "ds", "Slice": "ds", "Resize": "ds", "Upsample": "ds",
	"Squeeze": "ds", "Unsqueeze": "ds", "Split": "ds", "SplitToSequence": "ds", "Trilu": "ds", "CumSum": "ds",
	"CumProd": "ds", "CenterCropPad": "ds", "Col2Im": "ds", "AffineGrid": "ds", "Compress": "ds", "TopK": "ds",
	"Gather": "ds", "GatherElements": "ds", "GatherND": "ds", "ReverseSequence": "ds", "MaxUnpool": "ds",
	"Scatter": "dsd", "ScatterElements": "dsd", "ScatterND": "dsd", "TensorScatter": "dds",
	"ReduceSum": "ds", "ReduceMean": "ds", "ReduceMax": "ds", "ReduceMin": "ds", "ReduceProd": "ds",
	"ReduceL1": "ds", "ReduceL2": "ds", "ReduceSumSquare": "ds", "ReduceLogSum": "ds", "ReduceLogSumExp": "ds",
	"Clip": "ds", "Dropout": "ds", "Pow": "ds", "Mod": "ds", "BitShift": "ds", "Where": "sd", "If": "s", "Loop": "ssd",
	"Range": "s", "OneHot": "s", "ConstantOfShape": "s", "NonMaxSuppression": "dds", "RoiAlign": "dds",
	"SequenceAt": "ds", "SequenceErase": "ds", "SequenceInsert": "dds",
	"DFT": "ds", "STFT": "dsds", "MelWeightMatrix": "s", "HannWindow": "s", "HammingWindow": "s", "BlackmanWindow": "s",
	"NegativeLogLikelihoodLoss": "dsd", "SoftmaxCrossEntropyLoss": "dsd", "RotaryEmbedding": "ddds", "Attention": "dddddds",
	"Shape": "-", "Size": "-", "EyeLike": "-", "RandomNormalLike": "-", "RandomUniformLike": "-", "CastLike": "d-",

	"QuantizeLinear": "dcz", "DequantizeLinear": "qcz", "ConvInteger": "qqzz", "MatMulInteger": "qqzz",
	"QLinearConv": "qczqczczq", "QLinearMatMul": "qczqczcz",

	microsoft + "FusedConv": "dwwd", microsoft + "NhwcConv": "dw", microsoft + "NhwcFusedConv": "dwwd",
	microsoft + "FusedGemm": "dw", microsoft + "BiasGelu": "dw", microsoft + "FastGelu": "dw",
	microsoft + "BiasAdd": "dwd", microsoft + "BiasSplitGelu": "dw", microsoft + "GroupNorm": "dw",
	microsoft + "SkipLayerNormalization": "ddw", microsoft + "SkipSimplifiedLayerNormalization": "ddw",
	microsoft + "EmbedLayerNormalization": "ssdddwws", microsoft + "Attention": "dwwsdds",
	microsoft + "PackedAttention": "dwwssd", microsoft + "MultiHeadAttention": "dddwsd",
	microsoft + "DecoderMaskedMultiHeadAttention": "dddsdddssw",
	microsoft + "GroupQueryAttention":             "dddddssddsd", microsoft + "RotaryEmbedding": "dsd",
	microsoft + "Trilu": "ds", microsoft + "TorchEmbedding": "ds", microsoft + "CropAndResize": "ds",
	microsoft + "QuantizeLinear": "dcz", microsoft + "DequantizeLinear": "qcz",
	microsoft + "MatMulNBits": "dqcqsw", microsoft + "MatMulBnb4": "dqc", microsoft + "MatMulFpQ4": "dqs",
	microsoft + "GatherBlockQuantized": "qscq",
	microsoft + "QAttention":           "qqwccszzd", microsoft + "QGemm": "qczqczqcz",
	microsoft + "DynamicQuantizeMatMul": "dqczw", microsoft + "MatMulIntegerToFloat": "qqcczzw",
	microsoft + "DynamicQuantizeLSTM": "dqqwsddwczcz",
	microsoft + "QLinearAdd":          "qczqczcz", microsoft + "QLinearMul": "qczqczcz", microsoft + "QLinearWhere": "sqczqczcz",
	microsoft + "QLinearConcat": "cz" + strings.Repeat("qcz", 64), microsoft + "QLinearConv": "qczqczczq",
	microsoft + "QLinearSigmoid": "qczcz", microsoft + "QLinearLeakyRelu": "qczcz", microsoft + "QLinearSoftmax": "qczcz",
	microsoft + "QLinearAveragePool": "qczcz", microsoft + "QLinearGlobalAveragePool": "qczcz",
	microsoft + "QLinearReduceMean": "qczcz", microsoft + "QEmbedLayerNormalization": "ssqqqqqscccccz",
}

const microsoft = "com.microsoft."

// standardDomain reports whether a domain is that of ONNX's own operators.
func standardDomain(domain string) bool { return onnxpb.Domain(domain) == "" }

// operandOf says what an operator does with input i.
func operandOf(domain, operator string, i int) operand {
	name := operator
	if !standardDomain(domain) {
		name = domain + "." + operator
	}
	letters := operandsOf[name]
	if letters == "" {
		return numbers
	}
	return operand(letters[min(i, len(letters)-1)])
}

// knownOperator reports whether it is known what an operator does with its inputs.
// All standard operators count: those that are not in the table compute with all of
// them.
func knownOperator(domain, operator string) bool {
	return standardDomain(domain) || operandsOf[domain+"."+operator] != ""
}

// movers are operators that pass on the elements of their first input, or of all
// inputs, without computing anything.
var movers = map[string]bool{
	"Identity": true, "Reshape": true, "Transpose": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true,
	"Slice": true, "Split": true, "Concat": true, "Expand": true, "Tile": true, "Pad": true,
	"Gather": true, "GatherElements": true, "GatherND": true, "DepthToSpace": true, "SpaceToDepth": true,
	passOn: true,
}

// passOn stands for what is no node of its own: a value that enters or leaves a
// branch, the body of a loop or a function.
const passOn = "(pass on)"
