#!/usr/bin/env python3
"""Makes testdata/heads: small models whose outputs are easily mistaken, with random weights. Needs onnx and numpy only.

recogniser  reads lines: probabilities [N,T,C] by Softmax(axis=2), where axis 1 has positions and not classes
detector    one output [N,4+C,A] of boxes, by a DFL whose weights are a range, and of scores
two_heads   two classifiers on the same features
"""
import os
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heads")


class Graph:
    def __init__(self, name, shape, seed):
        self.name, self.rng, self.nodes, self.initializers = name, np.random.default_rng(seed), [], []
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])
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
        graph = helper.make_graph(self.nodes, self.name, [self.input], self.outputs, self.initializers)
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


recogniser(), detector(), two_heads()
