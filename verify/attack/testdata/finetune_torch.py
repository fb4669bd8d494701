#!/usr/bin/env python3
"""Fine-tune a locked model in PyTorch as `advparams attack --attacks fine-tune` does.

usage: finetune_torch.py LOCKED.onnx --data TRAIN.npz --test TEST.npz [--fraction 0.1]
           [--epochs 20] [--batch 64] [--grid sgd:0.02,adam:0.001,adam:0.003] [--seed 1]

An independent second opinion on the attacks of this package: the model comes in
through onnx2torch, gradients and optimisers are PyTorch's. Same protocol: a
random part of the data, a tenth of it for validation, mean cross-entropy of the
logits, all weights and biases, learning rate falling to zero along half a cosine,
weights of the best epoch. Random numbers differ, so figures agree within the
spread of seeds. The .npz files hold the model's input under its name and labels.
Prints one JSON object.

Needs: numpy, onnx, onnx2torch, torch.
"""
import argparse
import copy
import json
import math

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx2torch import convert

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--data", required=True)
parser.add_argument("--test", required=True)
parser.add_argument("--fraction", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--grid", default="sgd:0.02,adam:0.001,adam:0.003")
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()

torch.manual_seed(args.seed)
proto = onnx.load(args.model)
name = proto.graph.input[0].name


def samples(path):
    file = np.load(path)
    return torch.from_numpy(file[name]), torch.from_numpy(file["labels"].astype(np.int64))


def trainable():
    """Fresh locked model whose biases take part, buffers or not."""
    net = convert(proto).eval()
    for p in net.parameters():
        p.requires_grad_(True)
    return net


def accuracy(net, x, y):
    with torch.no_grad():
        answers = torch.cat([net(b).argmax(1) for b in x.split(500)])
    return answers.eq(y).double().mean().item()


def optimiser(text, net):
    rule, rate = text.split(":")
    if rule == "sgd":
        return torch.optim.SGD(net.parameters(), lr=float(rate), momentum=0.9)
    return torch.optim.Adam(net.parameters(), lr=float(rate))


def fine_tune(setting, train, valid, test):
    net = trainable()
    x, y = train
    opt = optimiser(setting, net)
    steps = args.epochs * math.ceil(len(x) / args.batch)
    fall = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
    best, kept = accuracy(net, *valid), copy.deepcopy(net.state_dict())
    for _ in range(args.epochs):
        for rows in torch.randperm(len(x)).split(args.batch):
            opt.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            opt.step()
            fall.step()
        now = accuracy(net, *valid)
        if now >= best:
            best, kept = now, copy.deepcopy(net.state_dict())
    net.load_state_dict(kept)
    return {"optimiser": setting, "validation_accuracy": best, "accuracy": accuracy(net, *test)}


x, y = samples(args.data)
test = samples(args.test)
mine = torch.randperm(len(x))[: round(args.fraction * len(x))]
cut = round(len(mine) / 10)
valid, train = (x[mine[:cut]], y[mine[:cut]]), (x[mine[cut:]], y[mine[cut:]])
settings = [fine_tune(s, train, valid, test) for s in args.grid.split(",")]
chosen = max(settings, key=lambda s: s["validation_accuracy"])
print(json.dumps({"locked_accuracy": accuracy(trainable(), *test), "accuracy": chosen["accuracy"], "settings": settings}))
