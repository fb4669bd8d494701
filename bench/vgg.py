#!/usr/bin/env python3
"""Trains a VGG-16 of half width (3.7 million parameters) on CIFAR-10, and locks it with minimal.py: a larger network.

usage: vgg.py --advparams BIN --peers DIR [--minutes 10] [-o vgg16.onnx]

DIR is ../shared/peers; the data lies beside it. One thread, as many epochs as fit into the minutes of processor time, which the
first batches are measured for; the first three quarters of them see the images at half their size. Batch normalisations are
folded into the convolutions, as exporters do. A file that is there is not made again. Needs: pip install torch onnx numpy
"""
import argparse, gzip, pathlib, subprocess, sys, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", required=True); ap.add_argument("--peers", type=pathlib.Path, required=True)
ap.add_argument("--minutes", type=float, default=10); ap.add_argument("-o", default="vgg16.onnx")
a = ap.parse_args()
shared = a.peers.resolve().parent
torch.set_num_threads(1); torch.manual_seed(0)
BATCH = 64


class VGG16(nn.Module):
    def __init__(self):
        super().__init__()
        layers, cin = [], 3
        for c in (32, 32, 0, 64, 64, 0, 128, 128, 128, 0, 256, 256, 256, 0, 256, 256, 256, 0):
            if c == 0:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))  # which leaves images of half the size a pixel
                continue
            layers += [nn.Conv2d(cin, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU()]
            cin = c
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def load(name):
    rows = np.frombuffer(gzip.open(shared / "data/cifar10" / name).read(), np.uint8).reshape(-1, 3073)
    mean, std = np.float32([.4914, .4822, .4465]), np.float32([.247, .2435, .2616])
    x = (rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255 - mean[:, None, None]) / std[:, None, None]
    return torch.from_numpy(x), torch.from_numpy(rows[:, 0].astype(np.int64))


def augmented(x):
    """Mirrored at random, and moved by up to four pixels."""
    x = torch.where((torch.rand(len(x)) < 0.5)[:, None, None, None], x.flip(3), x)
    padded, at = F.pad(x, (4, 4, 4, 4), mode="reflect"), torch.randint(0, 9, (len(x), 2)).tolist()
    return torch.stack([image[:, i:i + 32, j:j + 32] for image, (i, j) in zip(padded, at)])


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return torch.cat([net(b) for b in x.split(250)]).argmax(1).eq(y).float().mean().item()


def fused(net):
    net.eval()
    layers = []
    for layer in net.features:
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(nn.MaxPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer)
    net.features = nn.Sequential(*layers)
    return net


def train(minutes):
    (x, y), test = load("data_batch_1.bin.gz"), load("test_batch.bin.gz")
    net = VGG16().to(memory_format=torch.channels_last)
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    opt = torch.optim.SGD(net.parameters(), momentum=0.9, nesterov=True, weight_decay=5e-4)

    def step(rows, rate, small):
        images = augmented(x[rows])
        if small:
            images = F.avg_pool2d(images, 2)
        net.train()
        for group in opt.param_groups:
            group["lr"] = rate
        opt.zero_grad()
        loss = F.cross_entropy(net(images.contiguous(memory_format=torch.channels_last)), y[rows])
        loss.backward()
        opt.step()
        return loss.item()

    def seconds(small):
        """Returns the processor time of an epoch."""
        start = time.process_time()
        for rows in torch.randperm(len(x)).split(BATCH)[:10]:
            step(rows, 1e-3, small)
        return (time.process_time() - start) / 10 * (len(x) / BATCH)

    start = time.process_time()
    epochs = max(1, round(minutes * 60 / (0.75 * seconds(True) + 0.25 * seconds(False))))
    print(f"{epochs} epochs", flush=True)
    done, total = 0, epochs * -(-len(x) // BATCH)
    for e in range(epochs):
        loss = 0
        for rows in torch.randperm(len(x)).split(BATCH):
            rise, fall = done / (0.2 * total), (total - done) / (0.8 * total)
            loss += step(rows, 0.05 * min(rise, fall), e < 0.75 * epochs) * len(rows) / len(x)
            done += 1
        print(f"epoch {e + 1}: loss {loss:.3f}, {time.process_time() - start:.0f} s", flush=True)
    net = fused(net.to(memory_format=torch.contiguous_format))
    print(f"{sum(p.numel() for p in net.parameters())} parameters, test accuracy {accuracy(net, *test):.4f}", flush=True)
    torch.onnx.export(net, torch.zeros(1, 3, 32, 32), a.o, dynamo=False, opset_version=17, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})


if not pathlib.Path(a.o).exists():
    train(a.minutes)
subprocess.run([sys.executable, pathlib.Path(__file__).parent / "minimal.py", "--advparams", a.advparams, "--shared", shared, "--models", "vgg16", "--vgg", a.o], check=True)
