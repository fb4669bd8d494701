#!/usr/bin/env python3
"""Makes testdata/contrib: operators that onnxruntime implements and ONNX's reference does not, or not as onnxruntime does; one a model,
with onnxruntime's outputs.

usage: contrib.py [NAME…]

The first operand is a graph input, the others are initializers. There are no golden gradients: internal/ops checks those by
finite differences.
"""
import os, sys
import numpy as np, onnxruntime
from onnx import TensorProto, helper, numpy_helper
import golden

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "contrib")
CASES = {}
rng = np.random.default_rng(0)


def real(*shape, low=-2.0, high=2.0): return lambda: rng.uniform(low, high, shape).astype(np.float32)
def unit(*shape): return real(*shape, low=-0.9, high=0.9)
def positive(*shape): return real(*shape, low=0.01, high=0.05)
def const(*values, dtype=np.int64): return lambda: np.array(values, dtype)
def scalar(value, dtype=np.float32): return lambda: np.array(value, dtype)
def whole(*shape, low=0, high=5, dtype=np.int64): return lambda: rng.integers(low, high, shape).astype(dtype)
def u8(*shape): return whole(*shape, high=256, dtype=np.uint8)
def s8(*shape): return whole(*shape, low=-127, high=128, dtype=np.int8)

def truth(*shape): return lambda: rng.integers(0, 2, shape).astype(bool)
def ids(*shape, high=5): return whole(*shape, high=high, dtype=np.int32)
def mask(*shape): return lambda: np.maximum(rng.integers(0, 2, shape), np.arange(shape[-1]) == 0).astype(np.int32)
def lengths(*values, shape=None, dtype=np.int32): return lambda: np.array(values, dtype).reshape(shape or len(values))


def case(op, *operands, name=None, domain="com.microsoft", opset=17, outputs=1, fed=(0,), **attributes):
    """Adds a case. fed lists the operands that are graph inputs; None is an operand left out. outputs is their number, or
    their names, "" for one that is not asked for."""
    key = (name or op).lower()
    assert key not in CASES, key
    if "opset_" in attributes: attributes["opset"] = attributes.pop("opset_")  # an attribute of that name
    CASES[key] = (op, domain, operands, opset, [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else outputs, fed, attributes)


# What is joined with an activation function or a bias.
case("Gelu", real(3, 5)); case("QuickGelu", real(3, 5), alpha=1.5)
case("BiasGelu", real(2, 3, 5), real(5)); case("FastGelu", real(2, 3, 5), real(5)); case("FastGelu", real(3, 5), name="fastgelu_plain")
case("FusedConv", real(2, 3, 6, 7), real(4, 3, 3, 3), real(4), activation="Relu", pads=[1, 1, 1, 1])
case("FusedConv", real(1, 4, 7, 7), real(4, 1, 3, 3), real(4), name="fusedconv_clip", activation="Clip", activation_params=[-1.0, 1.5], group=4, strides=[2, 2])
case("FusedConv", real(1, 2, 5, 5), real(3, 2, 3, 3), real(3), real(1, 3, 3, 3), name="fusedconv_sum", activation="LeakyRelu", activation_params=[0.2])
case("FusedConv", real(1, 2, 5, 5), real(3, 2, 3, 3), name="fusedconv_hardsigmoid", activation="HardSigmoid", activation_params=[0.1, 0.4])
case("FusedGemm", real(3, 4), real(5, 4), real(5), transB=1, alpha=0.5, beta=2.0, activation="Relu"); case("FusedGemm", real(4, 3), real(4, 5), name="fusedgemm_leaky", transA=1, activation="LeakyRelu", activation_alpha=0.3)
case("FusedMatMul", real(2, 4, 3), real(2, 5, 4), transA=1, transB=1, alpha=0.25); case("FusedMatMul", real(2, 3, 4), real(5, 4), name="fusedmatmul_layer", transB=1)
case("FusedMatMul", real(3, 2, 4), real(2, 4, 5), name="fusedmatmul_batch", transBatchA=1); case("TransposeMatMul", real(4, 3), real(4, 5), transA=1)
case("NhwcMaxPool", u8(1, 5, 6, 3), kernel_shape=[2, 2], strides=[2, 2], pads=[0, 1, 1, 0])

# Weights of 8 bits, activations rounded at run time.
case("DynamicQuantizeMatMul", real(2, 3, 8), u8(8, 5), positive(1), const(120, dtype=np.uint8)); case("DynamicQuantizeMatMul", real(3, 8), s8(8, 5), positive(5), const(0, 3, -5, 7, 0, dtype=np.int8), real(5), name="dynamicquantizematmul_columns")
case("MatMulIntegerToFloat", u8(3, 8), s8(8, 5), scalar(0.02), positive(5), scalar(130, np.uint8), None, real(5)); case("MatMulIntegerToFloat", u8(2, 3, 8), u8(8, 5), scalar(0.02), scalar(0.01), scalar(130, np.uint8), scalar(120, np.uint8), name="matmulintegertofloat_batch")
case("DynamicQuantizeLSTM", real(5, 1, 6), u8(2, 6, 12), u8(2, 3, 12), real(2, 24), None, None, None, None, positive(2), const(120, 130, dtype=np.uint8), positive(2), const(120, 130, dtype=np.uint8), outputs=3, direction="bidirectional", hidden_size=3)
case("DynamicQuantizeLSTM", real(4, 2, 6), s8(1, 6, 12), s8(1, 3, 12), real(1, 24), None, unit(1, 2, 3), real(1, 2, 3), real(1, 9), positive(1, 12), whole(1, 12, high=1, dtype=np.int8), positive(1, 12), whole(1, 12, high=1, dtype=np.int8), name="dynamicquantizelstm_columns", outputs=3, hidden_size=3)

# Normalisation.
case("SkipLayerNormalization", real(2, 3, 8), real(2, 3, 8), real(8), real(8), real(8), outputs=["y0", "", "", "y3"], epsilon=1e-5); case("SkipLayerNormalization", real(2, 3, 8), real(3, 8), real(8), name="skiplayernormalization_broadcast")
case("SkipSimplifiedLayerNormalization", real(2, 3, 8), real(2, 3, 8), real(8), real(8), outputs=["y0", "", "", "y3"], epsilon=1e-6)
case("SimplifiedLayerNormalization", real(2, 3, 8), real(8), domain="", axis=-1, epsilon=1e-6, stash_type=1); case("LayerNormalization", real(2, 3, 8), real(8), real(8), name="layernormalization_opset12", domain="", opset=12, axis=-1)
case("EmbedLayerNormalization", ids(2, 4), ids(2, 4, high=2), real(9, 8), real(6, 8), real(2, 8), real(8), real(8), ids(2, 4, high=2), fed=(0, 1, 7), outputs=3, epsilon=1e-5)
case("EmbedLayerNormalization", ids(2, 4), None, real(9, 8), real(6, 8), None, real(8), real(8), None, ids(2, 4, high=6), name="embedlayernormalization_positions", fed=(0, 8), outputs=2)

# Attention: an input of 4, heads of 3.
weights = (real(4, 18), real(18))
case("Attention", real(2, 5, 4), *weights, num_heads=2); case("Attention", real(2, 5, 4), *weights, lengths(5, 3), name="attention_lengths", fed=(0, 3), num_heads=2, mask_filter_value=-1000.0)
case("Attention", real(2, 5, 4), *weights, lengths(5, 3, 0, 1), name="attention_ends", fed=(0, 3), num_heads=2); case("Attention", real(2, 5, 4), *weights, mask(2, 5), name="attention_mask", fed=(0, 3), num_heads=2, scale=0.9)
case("Attention", real(2, 5, 4), *weights, mask(2, 5, 5), name="attention_mask3", fed=(0, 3), num_heads=2, unidirectional=1); case("Attention", real(2, 3, 4), *weights, mask(2, 5), real(2, 2, 2, 2, 3), name="attention_past", fed=(0, 3, 4), outputs=2, num_heads=2, unidirectional=1)
case("Attention", real(2, 5, 4), *weights, None, None, real(1, 2, 5, 5), name="attention_bias", num_heads=2); case("Attention", real(2, 5, 4), real(4, 16), real(16), name="attention_sizes", num_heads=2, qkv_hidden_sizes=[6, 6, 4])
case("QAttention", u8(2, 5, 4), s8(4, 18), real(18), scalar(0.02), scalar(0.01), mask(2, 5), scalar(120, np.uint8), scalar(0, np.int8), fed=(0, 5), num_heads=2); case("QAttention", u8(1, 3, 4), u8(4, 18), real(18), scalar(0.02), positive(18), None, scalar(120, np.uint8), whole(18, low=125, high=131, dtype=np.uint8), name="qattention_past_columns", num_heads=2, unidirectional=1)
qkv = (real(2, 5, 6), real(2, 4, 6), real(2, 4, 4))
case("MultiHeadAttention", *qkv, real(16), mask(2, 4), real(1, 2, 5, 4), fed=(0, 1, 2, 4), num_heads=2); case("MultiHeadAttention", real(2, 3, 6), real(2, 3, 6), real(2, 3, 6), None, mask(2, 5), None, real(2, 2, 2, 3), real(2, 2, 2, 3), name="multiheadattention_past", fed=(0, 1, 2, 4, 6, 7), outputs=3, num_heads=2, unidirectional=1)
case("MultiHeadAttention", real(2, 5, 6), real(2, 2, 4, 3), real(2, 2, 4, 3), name="multiheadattention_cross", fed=(0, 1, 2), num_heads=2)
case("RotaryEmbedding", real(2, 3, 8), lengths(0, 1, 2, 4, 5, 6, shape=(2, 3), dtype=np.int64), unit(9, 2), unit(9, 2), name="contribrotary", fed=(0, 1)); case("RotaryEmbedding", real(1, 2, 3, 6), const(3), unit(9, 2), unit(9, 2), name="contribrotary_offset", fed=(0, 1), interleaved=1, num_heads=2, rotary_embedding_dim=4)
case("GroupQueryAttention", real(2, 3, 32), real(2, 3, 16), real(2, 3, 16), None, None, lengths(2, 2), scalar(3, np.int32), fed=(0, 1, 2, 5), outputs=3, num_heads=4, kv_num_heads=2)
case("GroupQueryAttention", real(2, 1, 64), real(2, 1, 32), real(2, 1, 32), real(2, 2, 4, 16), real(2, 2, 4, 16), lengths(4, 2), scalar(5, np.int32), unit(8, 8), unit(8, 8), name="groupqueryattention_token", fed=(0, 1, 2, 3, 4, 5), outputs=3, num_heads=4, kv_num_heads=2, do_rotary=1, local_window_size=3)
case("GroupQueryAttention", real(1, 4, 128), None, None, None, None, lengths(3), scalar(4, np.int32), unit(8, 8), unit(8, 8), name="groupqueryattention_packed", fed=(0, 5), outputs=3, num_heads=4, kv_num_heads=2, do_rotary=1, rotary_interleaved=1, softcap=5.0, local_window_size=2)
case("GroupQueryAttention", real(1, 2, 32), real(1, 2, 16), real(1, 2, 16), real(1, 2, 3, 8), real(1, 2, 3, 8), lengths(4), scalar(5, np.int32), None, None, None, real(1, 4, 2, 5), real(4), name="groupqueryattention_sink", fed=(0, 1, 2, 3, 4, 5), outputs=3, num_heads=4, kv_num_heads=2)
case("GroupQueryAttention", real(1, 3, 32), real(1, 3, 16), real(1, 3, 16), None, None, lengths(2), scalar(3, np.int32), name="groupqueryattention_smooth", fed=(0, 1, 2, 5), num_heads=4, kv_num_heads=2, smooth_softmax=1)

# Quantised operands and results.
def q(*values): return scalar(values[0]), scalar(values[1], np.uint8)
case("QLinearAdd", u8(2, 3, 4), *q(0.02, 120), u8(3, 1), *q(0.03, 7), *q(0.05, 90)); case("QLinearMul", s8(2, 3, 4), scalar(0.02), scalar(-3, np.int8), s8(2, 3, 4), scalar(0.03), scalar(5, np.int8), scalar(0.05), scalar(1, np.int8))
case("QLinearConcat", scalar(0.05), scalar(90, np.uint8), u8(2, 3), *q(0.02, 120), u8(2, 4), *q(0.06, 7), fed=(2, 5), axis=1); case("QLinearWhere", truth(2, 3), u8(2, 3), *q(0.02, 120), u8(3), *q(0.06, 7), *q(0.05, 90))
case("QLinearSigmoid", u8(4, 5), *q(0.05, 120), *q(1 / 256, 0)); case("QLinearLeakyRelu", u8(4, 5), *q(0.05, 120), *q(0.04, 10), alpha=0.2); case("QLinearSoftmax", u8(2, 5, 3), *q(0.05, 120), *q(1 / 256, 0), axis=1, opset_=13)
case("QLinearSoftmax", u8(2, 5, 3), *q(0.05, 120), *q(1 / 256, 0), name="qlinearsoftmax_opset11", axis=1, opset_=11)
case("QLinearAveragePool", u8(1, 2, 6, 6), *q(0.05, 120), *q(0.04, 100), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]); case("QLinearAveragePool", u8(1, 6, 6, 3), *q(0.05, 120), *q(0.0437, 100), name="qlinearaveragepool_nhwc", kernel_shape=[2, 2], channels_last=1)
case("QLinearGlobalAveragePool", u8(2, 3, 4, 5), *q(0.05, 120), *q(0.04, 100)); case("QLinearGlobalAveragePool", u8(2, 4, 5, 3), *q(0.05, 120), *q(0.04, 100), name="qlinearglobalaveragepool_nhwc", channels_last=1)
case("QGemm", u8(3, 4), *q(0.05, 120), s8(4, 5), positive(5), const(0, 0, 0, 0, 0, dtype=np.int8), whole(5, low=-900, high=900, dtype=np.int32), *q(0.07, 100)); case("QGemm", u8(3, 4), *q(0.05, 120), u8(5, 4), *q(0.02, 127), name="qgemm_float", transB=1, alpha=0.5)
case("QLinearConv", u8(1, 5, 6, 4), *q(0.05, 120), s8(3, 4, 3, 3), positive(3), const(0, 0, 0, dtype=np.int8), *q(0.3, 100), whole(3, low=-900, high=900, dtype=np.int32), name="qlinearconv_nhwc", channels_last=1, pads=[1, 1, 1, 1])
case("QLinearConv", u8(1, 4, 5, 6), *q(0.05, 120), s8(4, 1, 3, 3), *[scalar(0.02), scalar(0, np.int8)], *q(0.3137, 100), name="qlinearconv_depthwise", domain="", group=4)
case("QuantizeLinear", real(3, 4), *q(0.02, 120), name="contribquantizelinear"); case("DequantizeLinear", whole(3, 4, high=60000, dtype=np.uint16), scalar(0.02), scalar(30000, np.uint16), name="contribdequantizelinear")

# Weights of few bits, in blocks.
case("MatMulNBits", real(2, 3, 32), u8(5, 2, 8), positive(10), N=5, K=32, bits=4, block_size=16); case("MatMulNBits", real(3, 40), u8(5, 3, 8), positive(15), u8(10), None, real(5), name="matmulnbits_zeros", N=5, K=40, bits=4, block_size=16)
case("MatMulNBits", real(3, 32), u8(5, 1, 32), positive(5), u8(5), name="matmulnbits_bytes", N=5, K=32, bits=8, block_size=32); case("MatMulNBits", real(3, 64), u8(16, 2, 16), positive(32), name="matmulnbits_rounded", N=16, K=64, bits=4, block_size=32, accuracy_level=4)
case("GatherBlockQuantized", u8(6, 16), ids(2, 3, high=6), positive(6, 2), u8(6, 1), fed=(1,), bits=4, block_size=16); case("GatherBlockQuantized", u8(6, 32), ids(4, high=6), positive(6, 2), name="gatherblockquantized_bytes", fed=(1,), bits=8, block_size=16)

# Regions of images.
def regions(*rows): return lambda: np.array(rows, np.float32)
boxes = regions([0, 0, 4, 3], [1.2, 0.7, 6.5, 5.9], [-2, -1, 9, 9])
case("RoiAlign", real(2, 3, 7, 8), boxes, const(0, 1, 1), domain="", fed=(0, 1), output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.5); case("RoiAlign", real(2, 3, 7, 8), boxes, const(0, 1, 1), name="roialign_adaptive", domain="", fed=(0, 1), output_height=2, output_width=2)
case("RoiAlign", real(2, 3, 7, 8), boxes, const(1, 0, 1), name="roialign_max", domain="", fed=(0, 1), output_height=2, output_width=2, mode="max", sampling_ratio=2); case("RoiAlign", real(2, 3, 7, 8), boxes, const(0, 1, 1), name="roialign_opset10", domain="", opset=10, fed=(0, 1), output_height=2, output_width=2, sampling_ratio=1)

# ai.onnx.ml, in float32 where ONNX's reference has float64.
def ml(op, *operands, **more): case(op, *operands, domain="ai.onnx.ml", **more)
ml("Scaler", real(3, 4), offset=[0.5, -1.0, 0.0, 2.0], scale=[2.0, 0.5, 1.0, -1.0]); ml("Scaler", whole(3, 4), name="scaler_ints", offset=[0.5], scale=[2.0])
for norm in ("MAX", "L1", "L2"): ml("Normalizer", real(3, 4), name="normalizer_" + norm.lower(), norm=norm)
ml("Normalizer", lambda: np.array([[0, 0], [3, -4]], np.float32), name="normalizer_zeros", norm="L2")
ml("Imputer", lambda: np.array([[np.nan, 1], [2, np.nan]], np.float32), imputed_value_floats=[5.0, 7.0], replaced_value_float=float("nan")); ml("Imputer", whole(3, 4, high=2), name="imputer_ints", imputed_value_int64s=[9], replaced_value_int64=1)
ml("Binarizer", real(3, 4), threshold=0.5); ml("OneHotEncoder", whole(2, 3), cats_int64s=[3, 1, 0]); ml("FeatureVectorizer", real(3, 2), real(3, 4), fed=(0, 1), inputdimensions=[2, 4])
ml("ArrayFeatureExtractor", real(2, 3, 4), const(3, 0)); ml("ArrayFeatureExtractor", real(4), const(3, 0), name="arrayfeatureextractor_vector")
ml("LinearRegressor", real(3, 4), coefficients=[0.5, -1.0, 2.0, 0.25, 1.0, 1.0, -1.0, -2.0], intercepts=[1.0, -0.5], targets=2)
three = dict(coefficients=[0.5, -1.0, 2.0, 0.25, 1.0, 1.0, -1.0, -2.0, 0.1, 0.2, 0.3, 0.4], intercepts=[1.0, -0.5, 0.0], classlabels_ints=[4, 7, 9])
for how in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"): ml("LinearClassifier", real(5, 4), name="linearclassifier_" + how.lower(), outputs=2, post_transform=how, multi_class=1, **three)
ml("LinearClassifier", real(5, 4), name="linearclassifier_two", outputs=2, post_transform="LOGISTIC", coefficients=[0.5, -1.0, 2.0, 0.25], intercepts=[0.1], classlabels_ints=[0, 1])
ml("LinearClassifier", real(5, 4), name="linearclassifier_both", outputs=2, post_transform="LOGISTIC", coefficients=[-0.5, 1.0, -2.0, -0.25, 0.5, -1.0, 2.0, 0.25], intercepts=[-0.1, 0.1], classlabels_ints=[3, 5])
ml("LabelEncoder", whole(2, 3), keys_int64s=[3, 1, 0], values_int64s=[10, 20, 30], default_int64=5); ml("LabelEncoder", whole(2, 3), name="labelencoder_floats", keys_int64s=[3, 1, 0], values_floats=[0.5, 1.5, -1.0])


def make(op, domain, operands, opset, outputs, fed, attributes):
    values = {f"x{i}": make() for i, make in enumerate(operands) if make is not None}
    node = helper.make_node(op, ["" if make is None else f"x{i}" for i, make in enumerate(operands)], outputs, domain=domain, **attributes)
    info = lambda n, v: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
    feeds = {f"x{i}": values.pop(f"x{i}") for i in fed}
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, {"ai.onnx.ml": 3}.get(domain, 1))] * (domain != "")
    graph = helper.make_graph([node], op, [info(n, v) for n, v in feeds.items()], [helper.make_empty_tensor_value_info(o) for o in outputs if o], [numpy_helper.from_array(v, n) for n, v in values.items()])
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads, options.log_severity_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, 1, 4
    run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    arrays = {"in/" + n: v for n, v in feeds.items()}
    for v, y in zip(model.graph.output, run.run(None, feeds)):
        arrays["out/" + v.name] = y
        v.CopyFrom(info(v.name, y))
    return model, arrays


def main(names):
    global rng
    os.makedirs(FOLDER, exist_ok=True)
    if not names: golden.clear(FOLDER)
    for name, parts in CASES.items():
        if names and name not in names: continue
        rng = np.random.default_rng(0)
        golden.write(os.path.join(FOLDER, name), *make(*parts), check=False)  # onnx does not know them
    print(len(CASES), "cases")


if __name__ == "__main__": main(sys.argv[1:])
