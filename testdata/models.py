#!/usr/bin/env python3
"""Makes testdata/corpus: small modules as PyTorch exports them, with golden outputs and gradients (golden.py).

usage: models.py [NAME…]

The suffix of a name says how a model was made: __ts by the TorchScript exporter (operator set 17), __dyn and __dyn23 by
torch.export (20 and 23), __onnx node by node, for what PyTorch does not write.
"""
import io, os, sys, warnings
import numpy as np, onnx, torch
import torch.nn as nn, torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
import golden

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
EXPORTED, WRITTEN = {}, {}


def exported(*ways, **shapes):
    """Registers a module. Shapes are those of its inputs; one that is a number of the vocabulary and a shape means integers."""
    def put(make):
        EXPORTED[make.__name__] = (make, ways, shapes)
        return make
    return put


def written(make):
    WRITTEN[make.__name__] = make
    return make


class Then(nn.Module):
    """A module that is a function of its parts."""
    def __init__(self, call, **parts):
        super().__init__()
        self.call = call
        for name, part in parts.items(): setattr(self, name, part)

    def forward(self, *x): return self.call(self, *x)


@exported("ts", "dyn", x=(2, 2, 8, 8))
def conv_batchnorm():
    return nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


@exported("ts", "dyn", x=(2, 3, 8, 8))
def depthwise():
    wide = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6(), nn.Conv2d(8, 3, 1))
    return Then(lambda m, x: m.down(x + m.wide(x)).mean((2, 3)), wide=wide, down=nn.Conv2d(3, 6, 5, stride=2, padding=2, groups=3))


@exported("ts", "dyn", x=(2, 2, 6, 6))
def transposed():
    return nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.LeakyReLU(0.1), nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid())


@exported("ts", "dyn", x=(2, 4, 6, 6))
def group_conv():
    return nn.Sequential(nn.Conv2d(4, 8, 3, groups=2, padding=1), nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 4, 1, groups=4), nn.Hardswish(), nn.AvgPool2d(3, 2))


@exported("ts", "dyn", x=(2, 2, 5, 5))
def resize():
    return Then(lambda m, x: m.b(F.interpolate(m.a(F.interpolate(x, scale_factor=2.0, mode="nearest")), size=(7, 9), mode="bilinear", align_corners=False)), a=nn.Conv2d(2, 3, 3, padding=1), b=nn.Conv2d(3, 2, 1))


@exported("ts", "dyn", x=(2, 4, 4, 4))
def shuffle_pad():
    return nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(4, 8, 3), nn.PReLU(8), nn.PixelShuffle(2), nn.InstanceNorm2d(2, affine=True))


@exported("ts", "dyn", x=(2, 3, 16))
def audio():
    return nn.Sequential(nn.Conv1d(3, 6, 3, dilation=2), nn.Tanh(), nn.AvgPool1d(2), nn.Conv1d(6, 4, 3, stride=2), nn.ELU(), nn.Flatten(), nn.Linear(8, 3), nn.Softmax(-1))


@exported("ts", "dyn", x=(2, 4, 8))
def layernorm_gelu():
    return Then(lambda m, x: x + m.down(F.gelu(m.up(m.norm(x)))), norm=nn.LayerNorm(8), up=nn.Linear(8, 16), down=nn.Linear(16, 8))


@exported("ts", "dyn", "dyn23", x=(2, 5, 8))
def attention():
    def call(m, x):
        y = m.norm(x)
        q, k, v = (f(y).reshape(2, 5, 2, 4).transpose(1, 2) for f in (m.q, m.k, m.v))
        return x + m.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 5, 8))
    return Then(call, norm=nn.LayerNorm(8), q=nn.Linear(8, 8), k=nn.Linear(8, 8), v=nn.Linear(8, 8), out=nn.Linear(8, 8))


@exported("ts", "dyn", ids=(11, 2, 6))
def embedding():
    mean = lambda m, ids: m.out((m.words(ids) + m.places.weight).masked_fill((ids == 0).unsqueeze(-1), 0.0).mean(1))
    return Then(mean, words=nn.Embedding(11, 6), places=nn.Embedding(6, 6), out=nn.Linear(6, 3))


@exported("ts", x=(5, 2, 4))
def lstm():
    return Then(lambda m, x: m.out(m.rnn(x)[0][-1]), rnn=nn.LSTM(4, 6), out=nn.Linear(6, 3))


@exported("ts", x=(5, 2, 4))
def gru():
    return Then(lambda m, x: m.out(m.rnn(x)[0].mean(0)), rnn=nn.GRU(4, 6), out=nn.Linear(6, 3))


def convolution_model(rng, name, store, before=()):
    """Conv, Relu, Flatten, Gemm. store(name, weights) makes nodes and initializers that give the weights under that name."""
    weights = {"conv.weight": rng.normal(0, 0.4, (4, 2, 3, 3)), "conv.bias": rng.normal(0, 0.2, 4), "fc.weight": rng.normal(0, 0.2, (3, 64)), "fc.bias": rng.normal(0, 0.2, 3)}
    nodes, initializers = list(before), []
    for key, w in weights.items():
        n, i = store(key, w.astype(np.float32))
        nodes += n; initializers += i
    nodes += [helper.make_node("Conv", ["x" if not before else "x_q", "conv.weight", "conv.bias"], ["a"], pads=[0, 0, 0, 0]), helper.make_node("Relu", ["a"], ["b"]),
              helper.make_node("Flatten", ["b"], ["c"]), helper.make_node("Gemm", ["c", "fc.weight", "fc.bias"], ["y"], transB=1)]
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info("x", 1, ["N", 2, 6, 6])], [helper.make_tensor_value_info("y", 1, ["N", 3])], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def cast_weights(kind, rng, name):
    """Weights of 16 bits that a Cast widens."""
    def store(key, w):
        small = w.astype(helper.tensor_dtype_to_np_dtype(kind))
        return [helper.make_node("Cast", [key + ".16"], [key], to=TensorProto.FLOAT)], [numpy_helper.from_array(small, key + ".16")]
    return convolution_model(rng, name, store)


@written
def float16_weights(rng, name): return cast_weights(TensorProto.FLOAT16, rng, name)


@written
def bfloat16_weights(rng, name): return cast_weights(TensorProto.BFLOAT16, rng, name)


@written
def float64_weights(rng, name):
    return convolution_model(rng, name, lambda key, w: ([helper.make_node("Cast", [key + ".64"], [key], to=TensorProto.FLOAT)], [numpy_helper.from_array(w.astype(np.float64), key + ".64")]))


@written
def constant_weights(rng, name):
    """As paddle2onnx writes models: the convolution's weights lie in Constant nodes."""
    def store(key, w):
        t = numpy_helper.from_array(w, key)
        return ([helper.make_node("Constant", [], [key], value=t)], []) if key.startswith("conv") else ([], [t])
    return convolution_model(rng, name, store)


@written
def quantised(rng, name):
    """Static quantisation with QuantizeLinear and DequantizeLinear: weights of int8 a channel, activations of uint8."""
    def store(key, w):
        if key.endswith("bias"): return [], [numpy_helper.from_array(w, key)]
        scale = np.abs(w.reshape(len(w), -1)).max(1) / 127
        q = np.rint(w / scale.reshape(-1, *[1] * (w.ndim - 1))).astype(np.int8)
        return [helper.make_node("DequantizeLinear", [key + ".q", key + ".scale"], [key], axis=0)], [numpy_helper.from_array(q, key + ".q"), numpy_helper.from_array(scale.astype(np.float32), key + ".scale")]
    before = [helper.make_node("Constant", [], ["x_scale"], value_float=0.02), helper.make_node("Constant", [], ["x_zero"], value=numpy_helper.from_array(np.uint8(128))),
              helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["x_u8"]), helper.make_node("DequantizeLinear", ["x_u8", "x_scale", "x_zero"], ["x_q"])]
    return convolution_model(rng, name, store, before)


@written
def external_data(rng, name):
    """Weights of 128 bytes and more lie in a file of their own, aligned."""
    return convolution_model(rng, name, lambda key, w: ([], [numpy_helper.from_array(w, key)]))


def export(make, way, shapes, seed):
    torch.manual_seed(seed)
    module = make().eval()
    with torch.no_grad():
        for key, v in module.state_dict().items():  # statistics and affine parameters that are not 0 and 1
            if v.is_floating_point() and v.ndim == 1: v.copy_(torch.rand_like(v) + 0.5 if "var" in key or "weight" in key else torch.randn_like(v) * 0.3)
    inputs = {n: torch.randn(s) if n == "x" else torch.randint(s[0], s[1:]) for n, s in shapes.items()}
    file, names = io.BytesIO(), dict(input_names=list(inputs), output_names=["y"])
    if way == "ts": torch.onnx.export(module, tuple(inputs.values()), file, dynamo=False, opset_version=17, do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE, **names)
    else: torch.onnx.export(module, tuple(inputs.values()), file, dynamo=True, opset_version=23 if way == "dyn23" else 20, external_data=False, verbose=False, **names)
    model = onnx.load_from_string(file.getvalue())
    return model, {n: v.numpy() for n, v in inputs.items()}


def make(name, way, seed):
    if name in EXPORTED:
        model, inputs = export(EXPORTED[name][0], way, EXPORTED[name][2], seed)
    else:
        rng = np.random.default_rng(seed)
        model, inputs = WRITTEN[name](rng, name), {"x": rng.normal(0, 1, (2, 2, 6, 6)).astype(np.float32)}
    return model, golden.golden(model, inputs)


def main(names):
    warnings.simplefilter("ignore")
    if not names: golden.clear(FOLDER)
    todo = [(n, w) for n, (_, ways, _) in EXPORTED.items() for w in ways] + [(n, "onnx") for n in WRITTEN]
    for name, way in todo:
        if names and name not in names: continue
        for seed in range(20):
            try: model, arrays = make(name, way, seed)
            except golden.Kink as kink: reason = kink; continue
            break
        else: sys.exit(f"{name}: no smooth point: {reason}")
        golden.write(os.path.join(FOLDER, f"{name}__{way}"), model, arrays, external=name == "external_data")
        print(f"{name}__{way}", "seed", seed, sum(t.ByteSize() for t in model.graph.initializer), "bytes of weights", sorted({n.op_type for n in model.graph.node}))


if __name__ == "__main__": main(sys.argv[1:])
