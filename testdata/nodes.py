#!/usr/bin/env python3
"""Makes testdata/nodes: one operator a model, with golden outputs and gradients (golden.py).

usage: nodes.py [NAME…]

Float operands are initializers, so that all of them have gradients; what decides shapes is an integer initializer. Operators
without a gradient have graph inputs.
"""
import os, sys
import numpy as np
from onnx import TensorProto, helper, numpy_helper
import golden

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nodes")
CASES = {}
rng = np.random.default_rng(0)


def real(*shape, low=-2.0, high=2.0):
    """Values that float32 holds exactly, so that float64 starts from the same ones."""
    return lambda: rng.uniform(low, high, shape).astype(np.float32)


def positive(*shape): return real(*shape, low=0.3, high=2.5)
def unit(*shape): return real(*shape, low=-0.9, high=0.9)
def between(*shape):
    """Offsets that stay clear of whole numbers, where the slope of an interpolation changes."""
    return lambda: (rng.integers(-2, 2, shape) + rng.uniform(0.2, 0.8, shape)).astype(np.float32)
def const(*values, dtype=np.int64): return lambda: np.array(values, dtype)
def scalar(value, dtype=np.float32): return lambda: np.array(value, dtype)
def whole(*shape, low=0, high=5, dtype=np.int64): return lambda: rng.integers(low, high, shape).astype(dtype)
def truth(*shape): return lambda: rng.integers(0, 2, shape).astype(bool)


def case(op, *operands, name=None, opset=17, outputs=1, gradient=True, fed=False, **attributes):
    """Adds a case. With fed, operands are graph inputs; None is an operand left out."""
    CASES[(name or op).lower()] = (op, operands, opset, outputs, gradient and not fed, fed, attributes)


# One operand, element by element.
for op in "Abs Neg Exp Sigmoid Tanh Relu Softplus Softsign Erf Sin Cos Atan Asinh Sinh Cosh Selu Identity HardSwish".split(): case(op, real(3, 5))
for op in "Sqrt Log Reciprocal".split(): case(op, positive(3, 5))
for op in "Asin Acos Atanh Tan".split(): case(op, unit(3, 5))
case("Acosh", real(3, 5, low=1.2, high=3))
case("Mish", real(3, 5), opset=18)
case("Gelu", real(3, 5), opset=20); case("Gelu", real(3, 5), name="gelu_tanh", opset=20, approximate="tanh")
case("Swish", real(3, 5), opset=24, alpha=0.7)
case("Elu", real(3, 5), alpha=0.7); case("Celu", real(3, 5), alpha=1.3); case("LeakyRelu", real(3, 5), alpha=0.1)
case("HardSigmoid", real(3, 5), alpha=0.3, beta=0.4); case("ThresholdedRelu", real(3, 5), alpha=0.5)
case("Shrink", real(3, 5), lambd=0.5, bias=0.2)
case("PRelu", real(2, 3, 4), real(3, 1))
case("Clip", real(3, 5), scalar(-1), scalar(1.25), gradient=False)
for op in "Floor Ceil Round Sign".split(): case(op, real(3, 5), fed=True)
case("Cast", real(3, 5), name="cast_int32", fed=True, to=TensorProto.INT32)
case("Cast", whole(3, 5), name="cast_float", fed=True, to=TensorProto.FLOAT)

# Two operands and more.
for op in "Add Sub Mul".split(): case(op, real(2, 3, 4), real(3, 1))
case("Div", real(2, 3, 4), positive(4)); case("Pow", positive(2, 3), real(3))
case("Mod", real(3, 4), positive(3, 4), fed=True, fmod=1)
for op in "Max Min Mean Sum".split(): case(op, real(2, 3), real(3), real(2, 1))
for op in "Equal Greater GreaterOrEqual Less LessOrEqual".split(): case(op, whole(3, 4), whole(4), fed=True)
for op in "And Or Xor".split(): case(op, truth(3, 4), truth(4), fed=True)
case("Not", truth(3, 4), fed=True)
case("Where", truth(2, 3), real(2, 3), real(3))
case("BitwiseAnd", whole(3, 4), whole(4), opset=18, fed=True); case("BitShift", whole(3, 4, dtype=np.uint8), whole(4, dtype=np.uint8), fed=True, direction="RIGHT")
case("IsNaN", real(3, 4), fed=True); case("IsInf", real(3, 4), fed=True)

# Products.
case("MatMul", real(2, 3, 4), real(4, 5)); case("MatMul", real(4), real(4, 3), name="matmul_vector")
case("Gemm", real(3, 4), real(5, 4), real(5), transB=1, alpha=0.5, beta=2.0); case("Gemm", real(4, 3), real(4, 5), name="gemm_transposed", transA=1)
case("Einsum", real(2, 3, 4), real(2, 5, 4), equation="bij,bkj->bik")
case("MatMulInteger", whole(3, 4, dtype=np.uint8), whole(4, 2, dtype=np.uint8), fed=True)

# Convolution and pooling.
case("Conv", real(2, 3, 6, 7), real(4, 3, 3, 3), real(4), pads=[1, 1, 1, 1])
case("Conv", real(1, 2, 7, 7), real(3, 2, 3, 3), name="conv_strided", strides=[2, 2], pads=[1, 0, 1, 0])
case("Conv", real(1, 4, 6, 6), real(4, 1, 3, 3), real(4), name="conv_depthwise", group=4, pads=[1, 1, 1, 1])
case("Conv", real(1, 4, 5, 5), real(6, 2, 3, 3), name="conv_grouped", group=2)
case("Conv", real(2, 2, 9), real(3, 2, 3), name="conv_dilated", dilations=[2])
case("Conv", real(2, 5, 4, 4), real(6, 5, 1, 1), name="conv_pointwise")
case("Conv", real(1, 2, 4, 4, 4), real(2, 2, 2, 2, 2), name="conv_3d")
case("DeformConv", real(1, 2, 4, 3), real(2, 1, 2, 2), between(1, 16, 3, 2), real(2), real(1, 8, 3, 2), opset=19, group=2, offset_group=2)
case("DeformConv", real(2, 2, 5, 4), real(1, 2, 3, 2), between(2, 12, 3, 2), name="deformconv_strided", opset=22, pads=[1, 1, 1, 1], strides=[2, 2], dilations=[1, 2])
case("ConvTranspose", real(1, 3, 4, 4), real(3, 2, 3, 3), real(2), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
case("MaxPool", real(2, 3, 6, 6), kernel_shape=[2, 2], strides=[2, 2]); case("MaxPool", real(1, 2, 7, 7), name="maxpool_overlapping", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
case("AveragePool", real(2, 3, 6, 6), kernel_shape=[3, 3], pads=[1, 1, 1, 1]); case("AveragePool", real(1, 2, 6, 6), name="averagepool_count", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
for op in "GlobalAveragePool GlobalMaxPool".split(): case(op, real(2, 3, 4, 5))
case("Col2Im", real(1, 8, 9), const(4, 4), const(2, 2), opset=18)

# Normalisation.
case("BatchNormalization", real(2, 3, 4, 4), real(3), real(3), real(3), positive(3), epsilon=1e-3)
case("LayerNormalization", real(2, 3, 4), real(4), real(4)); case("LayerNormalization", real(2, 3, 4), real(3, 4), name="layernormalization_axes", axis=1)
case("InstanceNormalization", real(2, 3, 5), real(3), real(3)); case("GroupNormalization", real(2, 4, 5), real(4), real(4), opset=21, num_groups=2)
case("RMSNormalization", real(2, 3, 4), real(4), opset=23)
case("LRN", real(1, 5, 3, 3), size=3); case("LpNormalization", real(3, 4), axis=1, p=2)
for op in "Softmax LogSoftmax".split(): case(op, real(2, 3, 4), axis=1)

case("SoftmaxCrossEntropyLoss", real(4, 3), whole(4, high=3)); case("NegativeLogLikelihoodLoss", real(4, 3), whole(4, high=3), reduction="sum")
case("DFT", real(1, 6, 1), axis=1); case("HannWindow", scalar(6, np.int64), gradient=False)

# Reductions.
for op in "ReduceMean ReduceMax ReduceMin ReduceL2 ReduceLogSumExp ReduceSumSquare".split(): case(op, real(2, 3, 4), axes=[1], keepdims=0)
for op in "ReduceProd ReduceL1 ReduceLogSum".split(): case(op, positive(2, 3, 4), axes=[0, 2])
case("ReduceSum", real(2, 3, 4), const(-1)); case("ReduceSum", real(2, 3), name="reducesum_all", keepdims=0)
for op in "ArgMax ArgMin".split(): case(op, real(3, 5), fed=True, axis=1)
case("TopK", real(3, 6), const(2), outputs=2); case("CumSum", real(3, 4), scalar(1, np.int64), reverse=1)

# Shapes, views and indexing.
case("Reshape", real(2, 6), const(3, -1)); case("Flatten", real(2, 3, 4), axis=2); case("Transpose", real(2, 3, 4), perm=[2, 0, 1])
case("Squeeze", real(2, 1, 3), const(1)); case("Unsqueeze", real(2, 3), const(0, 2)); case("Expand", real(3, 1), const(2, 3, 4)); case("Tile", real(2, 3), const(2, 2))
case("Concat", real(2, 3), real(2, 1), axis=1); case("Split", real(2, 6), const(2, 4), outputs=2, axis=1)
case("Slice", real(5, 6), const(4, 1), const(0, 6), const(0, 1), const(-2, 2))
case("Pad", real(2, 3), const(0, 1, 2, 0)); case("Pad", real(3, 5), const(1, 2, 1, 2), name="pad_reflect", mode="reflect"); case("Pad", real(2, 3), const(1, 0, 0, 2), name="pad_edge", mode="edge")
case("Gather", real(4, 3), const(2, 0, -1, 2)); case("GatherElements", real(3, 3), lambda: np.array([[0, 2], [1, 1], [2, 0]]), axis=1); case("GatherND", real(2, 3, 4), lambda: np.array([[0, 1], [1, 2]]))
case("ScatterElements", real(3, 4), lambda: np.array([[0, 2], [1, 3]]), real(2, 2), axis=1); case("ScatterND", real(4, 3), lambda: np.array([[1], [3]]), real(2, 3))
case("DepthToSpace", real(1, 8, 2, 3), blocksize=2, mode="CRD"); case("SpaceToDepth", real(1, 2, 4, 6), blocksize=2)
case("Range", scalar(2, np.int64), scalar(11, np.int64), scalar(3, np.int64), gradient=False); case("ConstantOfShape", const(2, 3), gradient=False, value=helper.make_tensor("value", TensorProto.FLOAT, [1], [0.5]))
case("Dropout", real(2, 3)); case("CastLike", real(2, 3), real(1), fed=True); case("Unique", whole(8), fed=True, outputs=4)
case("Trilu", real(3, 4), upper=0); case("OneHot", whole(4, high=3), scalar(3, np.int64), const(0.5, 2, dtype=np.float32)); case("EyeLike", real(3, 4), fed=True)
case("Shape", real(2, 3), fed=True); case("Size", real(2, 3), fed=True); case("NonZero", truth(3, 4), fed=True)
case("Compress", real(4, 3), const(1, 0, 1, 1, dtype=bool), axis=0); case("ReverseSequence", real(4, 2, 3), const(3, 4), time_axis=0, batch_axis=1)
case("Resize", real(1, 2, 3, 4), None, None, const(1, 2, 6, 7), name="resize_linear", mode="linear"); case("Resize", real(1, 1, 3, 3), None, const(1, 1, 2, 2, dtype=np.float32), name="resize_nearest", gradient=False, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
case("Resize", real(1, 1, 4, 4), None, None, const(1, 1, 6, 6), name="resize_cubic", mode="cubic", coordinate_transformation_mode="align_corners")
case("GridSample", real(1, 2, 4, 4), unit(1, 3, 3, 2), gradient=False, align_corners=1)
case("AffineGrid", unit(1, 2, 3), const(1, 1, 3, 4), opset=20, gradient=False)

# Recurrence and attention.
case("RNN", real(4, 2, 3), unit(1, 5, 3), unit(1, 5, 5), unit(1, 10), outputs=2, hidden_size=5)
case("LSTM", real(4, 2, 3), unit(1, 16, 3), unit(1, 16, 4), unit(1, 32), outputs=3, hidden_size=4)
case("GRU", real(4, 2, 3), unit(1, 12, 3), unit(1, 12, 4), unit(1, 24), outputs=2, hidden_size=4, linear_before_reset=1)
case("Attention", real(1, 2, 3, 4), real(1, 2, 5, 4), real(1, 2, 5, 4), opset=23); case("Attention", real(2, 2, 4, 4), real(2, 2, 4, 4), real(2, 2, 4, 4), name="attention_causal", opset=23, is_causal=1)
case("RotaryEmbedding", real(1, 2, 3, 4), real(1, 3, 2), real(1, 3, 2), opset=23)

# Quantisation.
case("QuantizeLinear", real(3, 4), scalar(0.05), scalar(128, np.uint8), opset=19, fed=True)
case("DequantizeLinear", whole(3, 4, high=255, dtype=np.uint8), scalar(0.05), scalar(128, np.uint8), opset=19, fed=True)
case("QLinearMatMul", whole(3, 4, dtype=np.uint8), scalar(0.1), scalar(2, np.uint8), whole(4, 2, dtype=np.uint8), scalar(0.2), scalar(1, np.uint8), scalar(0.05), scalar(100, np.uint8), fed=True)
case("ConvInteger", whole(1, 2, 4, 4, dtype=np.uint8), whole(3, 2, 2, 2, dtype=np.uint8), fed=True)
case("DynamicQuantizeLinear", real(3, 4), outputs=3, fed=True)


def make(name, op, operands, opset, outputs, gradient, fed, attributes):
    values = {f"x{i}": make() for i, make in enumerate(operands) if make is not None}
    node = helper.make_node(op, ["" if make is None else f"x{i}" for i, make in enumerate(operands)], [f"y{i}" for i in range(outputs)], **attributes)
    info = lambda n, v: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
    graph = helper.make_graph([node], name, [info(n, v) for n, v in values.items()] if fed else [], [helper.make_value_info(o, helper.make_tensor_type_proto(1, None)) for o in node.output],
                              [] if fed else [numpy_helper.from_array(v, n) for n, v in values.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    arrays = golden.golden(model, values if fed else {}, gradient)
    for v in model.graph.output:
        y = arrays["out/" + v.name]
        v.CopyFrom(info(v.name, y))
    return model, arrays


def main(names):
    global rng
    if not names: golden.clear(FOLDER)
    for name, parts in CASES.items():
        if names and name not in names: continue
        for seed in range(20):
            rng = np.random.default_rng(seed)
            try:
                model, arrays = make(name, *parts)
                break
            except golden.Kink as kink: reason = kink
        else: sys.exit(f"{name}: no smooth point: {reason}")
        golden.write(os.path.join(FOLDER, name), model, arrays)
    print(len(CASES), "cases")


if __name__ == "__main__": main(sys.argv[1:])
