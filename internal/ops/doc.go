// Package ops implements the ONNX operators: for each its shape rule, its forward
// computation and its gradient, as Gorgonia operators that can be differentiated
// symbolically.
//
// One file holds one family of operators. A family is a table from operator name to build function.
//
// A build function receives a Call, which is a node with its attributes and input values, and returns
// the output values. It is written with the methods of Builder (Add, MatMul, Reshape …). Gradients are
// written with the same methods, so whatever a build function emits is differentiable.
//
// A Builder emits Ops. An Op is a Kernel, which computes the output, and a gradient rule. Kernels have
// capabilities: small interfaces that an executor finds by type assertion.
//
// A value whose inputs are all known at compile time is computed at once, by the kernel that would run
// later. This removes shape arithmetic, which is nearly half of the nodes that PyTorch's exporters
// write.
//
// # Files
//
//	activation.go            Relu, Sigmoid, Gelu and other activation functions
//	arithmetic.go            Add, Sub, Mul, Div, Pow, Sum, Mean
//	attention.go             the operator Attention
//	attention_fused.go       attention as one kernel, which reads heads where a layer left them
//	attention_pattern.go     recognises attention that exporters write as several operators
//	batchnorm.go             BatchNormalization, folded into a convolution before it
//	broadcast.go             shapes and strides of broadcast operands
//	builder.go               Builder: makes values, emits operators, folds constants
//	call.go                  Call: reads the attributes and inputs of a node
//	cast.go                  Cast, CastLike, and the element types that values have
//	clip.go                  Clip, Where, Max, Min
//	compare.go               Equal, Less, And, Not, IsNaN and other predicates
//	constant.go              Constant, ConstantOfShape, Range
//	control.go               If, Loop, Scan
//	contrib.go               the domain com.microsoft
//	contrib_attention.go     Attention, QAttention, MultiHeadAttention, RotaryEmbedding of onnxruntime
//	contrib_blocks.go        MatMulNBits, GatherBlockQuantized
//	contrib_dynamic.go       DynamicQuantizeMatMul, DynamicQuantizeLSTM, MatMulIntegerToFloat
//	contrib_fused.go         FusedConv, FusedMatMul, BiasGelu and other fused nodes of onnxruntime
//	contrib_grouped.go       GroupQueryAttention
//	contrib_heads.go         what onnxruntime's kinds of attention have in common
//	contrib_norm.go          SkipLayerNormalization, EmbedLayerNormalization and their kin
//	contrib_qlinear.go       QLinearAdd, QLinearConcat, QGemm and their kin
//	conv.go                  Conv, ConvTranspose
//	conv_gate.go             the gradient of ReLU or Clip within that of a convolution
//	conv_kernel.go           kernels of convolutions and of their gradients
//	cumsum.go                CumSum, CumProd
//	doc.go                   this overview
//	documentation.go         writes docs/operators.md
//	dot.go                   the inner product, which stands for any loss
//	dropout.go               Dropout
//	einsum.go                Einsum
//	errors.go                errors that end a build
//	experimental.go          Crop, ImageScaler and others that converters of Core ML models wrote
//	family.go                a family of operators: a table of build functions
//	folding.go               Col2Im, AffineGrid
//	fourier.go               DFT, STFT, window functions
//	gather.go                Gather, GatherElements, GatherND, ReverseSequence
//	deformconv.go            DeformConv
//	gridsample.go            GridSample
//	index.go                 numbers of nodes, found without searching for them; Grad
//	integer.go               Mod, BitwiseAnd, BitShift and other integer operators
//	kernel.go                Kernel and the capabilities of kernels
//	limits.go                bounds on the size of values, on folded constants and on work
//	work.go                  how much work an operator is
//	linear.go                recognises the linear layer that a classifier ends in
//	losses.go                NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss
//	lpnorm.go                LpNormalization, LRN, MeanVarianceNormalization
//	mask.go                  OneHot, Trilu, EyeLike
//	matmul.go                MatMul, Gemm
//	ml.go                    the domain ai.onnx.ml: Scaler, LinearClassifier and what else is around networks
//	ml_labels.go             LabelEncoder
//	nogradient.go            the operators without a gradient
//	moved.go                 attributes that became inputs
//	nonzero.go               NonZero, Compress, Unique
//	normalization.go         LayerNormalization, GroupNormalization and their kin
//	op.go                    Op: kernel, gradient rule, inputs and output
//	optional.go              Optional, OptionalHasElement, OptionalGetElement
//	pad.go                   Pad
//	patterns.go              recognises biases and GELU that are written as several operators
//	pool.go                  MaxPool, AveragePool and the global ones
//	prelu.go                 PRelu
//	qlinear.go               QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger
//	quantize.go              QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear
//	quantize_axis.go         quantisation with one scale, or one for each index of an axis
//	random.go                RandomNormal, RandomUniform, Bernoulli, Multinomial
//	reading.go               how a weight acts on the output of an operator
//	recurrent.go             RNN, GRU, LSTM
//	recurrent_activation.go  the activation functions of recurrent operators
//	reduce.go                ReduceSum, ReduceMean, ReduceMax and other reductions
//	registry.go              all families; finds an operator by domain and name
//	resize.go                Resize, Upsample
//	resize_sampling.go       which input elements an element of Resize is made of
//	nms.go                   NonMaxSuppression
//	roialign.go              RoiAlign
//	rotary.go                RotaryEmbedding
//	scatter.go               ScatterElements, ScatterND, TensorScatter
//	sdop.go                  the side of Op that Gorgonia sees
//	sequence.go              SequenceAt, SequenceInsert and other sequence operators
//	shape.go                 Reshape, Transpose, Slice, Concat and other shape operators
//	softmax.go               Softmax, LogSoftmax
//	spatial.go               DepthToSpace, SpaceToDepth
//	strings.go               values of strings
//	topk.go                  TopK, ArgMax, ArgMin
//	trigonometry.go          Sin, Cos, Tan and their inverses
//	unary.go                 Exp, Log, Sqrt and other functions of one operand
//	unsquashed.go            outputs without the activation that holds them between two ends
//	value.go                 Value: an edge of the graph
//	view_algebra.go          composes strided views, and says what they cover
//	views.go                 data movement as strided views, sums as their adjoints
//	window.go                the attributes of sliding windows: strides, dilations, padding
package ops
