#!/usr/bin/env python3
"""Makes testdata/heads: small models whose outputs are easily mistaken, with random weights. Needs onnx and numpy only.

recogniser  reads lines: probabilities [N,T,C] by Softmax(axis=2), where axis 1 has positions and not classes
detector    one output [N,4+C,A] of boxes, by a DFL whose weights are a range, and of scores
two_heads   two classifiers on the same features
vad         voice activity as silero does it: a scalar sample rate that chooses a branch of If,
            which has its weights in Constant nodes, and a state with the batch on axis 1
crnn        reads lines: logits [T,N,C], with the batch on axis 1 as CTC wants it
graph       message passing on the nodes and edges of one graph, without an axis of samples
"""
import os
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heads")


class Graph:
    def __init__(self, name, shape, seed):
        self.name, self.rng, self.nodes, self.initializers = name, np.random.default_rng(seed), [], []
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])]
        self.outputs = []

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, *shape):
        fan = int(np.prod(shape[1:])) if len(shape) != 2 else shape[0]
        return self.constant(name, self.rng.normal(0, (2 / fan) ** 0.5, shape).astype(np.float32))

    def bias(self, name, n):
        return self.constant(name, self.rng.normal(0, 0.1, n).astype(np.float32))

    def node(self, op, output, *inputs, **attributes):
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=f"{op} {output}", **attributes))
        return output

    def conv(self, x, name, channels, into, kernel=3, stride=1):
        pad = kernel // 2
        return self.node("Conv", name, x, self.weight(name + ".weight", into, channels, kernel, kernel), self.bias(name + ".bias", into), pads=[pad] * 4, strides=[stride] * 2)

    def linear(self, x, name, width, into):
        return self.node("Gemm", name, x, self.weight(name + ".weight", width, into), self.bias(name + ".bias", into))

    def output(self, name, *shape):
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]))

    def save(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="heads.py")
        onnx.checker.check_model(model, full_check=True)
        os.makedirs(FOLDER, exist_ok=True)
        onnx.save(model, os.path.join(FOLDER, self.name + ".onnx"))


def recogniser():
    g = Graph("recogniser", (1, 8, 20), 1)
    x = g.node("Relu", "r1", g.conv("x", "conv1", 1, 8))
    x = g.node("Relu", "r2", g.conv(x, "conv2", 8, 12))
    x = g.node("Tanh", "column", g.node("Conv", "heights", x, g.weight("column.weight", 12, 12, 8, 1)))
    x = g.node("Squeeze", "line", x, g.constant("height", np.array([2], np.int64)))
    x = g.node("Transpose", "steps", x, perm=[0, 2, 1])
    x = g.node("Add", "logits", g.node("MatMul", "product", x, g.weight("fc.weight", 12, 7)), g.bias("fc.bias", 7))
    g.node("Softmax", "probabilities", x, axis=2)
    g.output("probabilities", 20, 7)
    g.save()


def detector():
    g = Graph("detector", (3, 16, 16), 2)
    x = g.node("Relu", "r1", g.conv("x", "stem", 3, 12, stride=2))
    x = g.node("Relu", "r2", g.conv(x, "neck", 12, 16, stride=2))
    distances = g.node("Reshape", "bins", g.conv(x, "box", 16, 4 * 8, kernel=1), g.constant("bins shape", np.array([0, 4, 8, 16], np.int64)))
    distances = g.node("Softmax", "weights", g.node("Transpose", "by bin", distances, perm=[0, 2, 1, 3]), axis=1)
    boxes = g.node("Conv", "expected", distances, g.constant("dfl.weight", np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1)))
    boxes = g.node("Reshape", "boxes", boxes, g.constant("boxes shape", np.array([0, 4, 16], np.int64)))
    boxes = g.node("Mul", "pixels", boxes, g.constant("stride", np.array([4], np.float32)))
    scores = g.node("Reshape", "class logits", g.conv(x, "class", 16, 5, kernel=1), g.constant("scores shape", np.array([0, 5, 16], np.int64)))
    g.node("Concat", "detections", boxes, g.node("Sigmoid", "scores", scores), axis=1)
    g.output("detections", 9, 16)
    g.save()


def two_heads():
    g = Graph("two_heads", (1, 12, 12), 3)
    x = g.node("Relu", "r1", g.conv("x", "conv1", 1, 8, stride=2))
    x = g.node("Tanh", "r2", g.conv(x, "conv2", 8, 8, stride=2))
    x = g.node("Flatten", "features", x)
    g.node("Softmax", "digit", g.linear(x, "digit_fc", 72, 6), axis=1)
    g.node("Softmax", "parity", g.linear(x, "parity_fc", 72, 2), axis=1)
    g.output("digit", 6)
    g.output("parity", 2)
    g.save()


def value(name, *shape, of=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, of, list(shape))


def vad():
    g = Graph("vad", (), 4)
    g.inputs = [value("input", "batch", 64), value("state", 2, "batch", 8), value("sr", of=TensorProto.INT64)]

    def branch(name):
        def constant(what, *shape):
            t = numpy_helper.from_array(g.rng.normal(0, shape[0] ** -0.5, shape).astype(np.float32))
            return helper.make_node("Constant", [], [f"{name} {what}"], value=t)
        nodes = [constant("w", 64, 8), constant("b", 1, 8),
                 helper.make_node("MatMul", ["input", f"{name} w"], [f"{name} p"]),
                 helper.make_node("Add", [f"{name} p", f"{name} b"], [f"{name} features"])]
        return helper.make_graph(nodes, name, [], [value(f"{name} features", "batch", 8)])
    g.node("Equal", "wide", "sr", g.constant("16000", np.array(16000, np.int64)))
    x = g.node("If", "features", "wide", then_branch=branch("16k"), else_branch=branch("8k"))
    for i in "01":
        g.node("Gather", "state" + i, "state", g.constant(i, np.array(int(i), np.int64)), axis=0)
    h = g.node("MatMul", "recurrent", "state0", g.weight("u", 8, 8))
    h = g.node("Tanh", "h", g.node("Add", "sum", x, h))
    g.node("Mul", "kept", "state1", g.constant("forget", np.array([0.5] * 7 + [0.4], np.float32)))
    g.node("Add", "cell", "kept", h)
    for s in ("h", "cell"):
        g.node("Unsqueeze", s + " row", s, g.constant(s + " axis", np.array([0], np.int64)))
    g.node("Concat", "stateN", "h row", "cell row", axis=0)
    g.node("Sigmoid", "output", g.linear(g.node("Add", "both", h, "cell"), "fc", 8, 1))
    g.outputs = [value("output", "batch", 1), value("stateN", 2, "batch", 8)]
    g.save()


def crnn():
    g = Graph("crnn", (1, 8, 20), 5)
    x = g.node("Relu", "r1", g.conv("x", "conv1", 1, 8))
    x = g.node("Tanh", "column", g.node("Conv", "heights", x, g.weight("column.weight", 12, 8, 8, 1)))
    x = g.node("Squeeze", "line", x, g.constant("height", np.array([2], np.int64)))
    x = g.node("Transpose", "steps", x, perm=[2, 0, 1])
    g.node("Add", "logits", g.node("MatMul", "product", x, g.weight("fc.weight", 12, 7)), g.bias("fc.bias", 7))
    g.outputs = [value("logits", 20, "N", 7)]
    g.save()


def graph():
    g = Graph("graph", (), 6)
    g.inputs = [value("feat", "num_nodes", 6), value("edge_index", 2, "num_edges", of=TensorProto.INT64)]
    h = g.node("Relu", "h", g.linear("feat", "embed", 6, 16))
    for name, i in (("source", 0), ("target", 1)):
        g.node("Gather", name, "edge_index", g.constant(name + " row", np.array(i, np.int64)), axis=0)
    messages = g.node("Tanh", "messages", g.linear(g.node("Gather", "sent", h, "source", axis=0), "message", 16, 16))
    index = g.node("Expand", "index", g.node("Unsqueeze", "column", "target", g.constant("last", np.array([1], np.int64))), g.node("Shape", "size", messages))
    x = g.node("ScatterElements", "received", h, index, messages, axis=0, reduction="add")
    x = g.node("ReduceMean", "pooled", x, axes=[0], keepdims=1)
    g.linear(x, "readout", 16, 4)
    g.outputs = [value("readout", 1, 4)]
    g.save()


if __name__ == "__main__":
    recogniser(), detector(), two_heads(), vad(), crnn(), graph()
