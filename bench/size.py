#!/usr/bin/env python3
"""Locks networks of the size that people have: ResNet-50, MobileNetV3, ViT-B/16 and BERT-base at their own resolution.

usage: size.py [--advparams bin/advparams] [--folder bin/size] [--models resnet50,mobilenet_v3_large,vit_b_16,bert] [--seeds 0] [--make-only]

No trained weights are at hand. The bodies are those of PyTorch and transformers as they are made, with batch normalisations measured
on the data; only the last layer is fitted, by ridge regression. That is enough to be right on classes that are told apart easily:
gratings of 20 kinds that differ in direction and colour, and texts of eight subjects. So what is measured is time, memory and the work in
runs over the samples. Changes are harder to find than in trained weights, whose ranges are wider. Samples for judging are others than
those for fitting and searching. Needs: pip install numpy onnx torch torchvision transformers
"""
import argparse, math, pathlib
import numpy as np, torch, torch.nn as nn
import measured

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", default="bin/advparams"); ap.add_argument("--peers", help="not used")
ap.add_argument("--folder", type=pathlib.Path, default="bin/size"); ap.add_argument("--models", default="resnet50,mobilenet_v3_large,vit_b_16,bert")
ap.add_argument("--seeds", default="0"); ap.add_argument("--samples", type=int, default=256)
ap.add_argument("--flags", default="", help="more flags for protect"); ap.add_argument("--make-only", action="store_true")
a = ap.parse_args()
torch.manual_seed(0)
DIRECTIONS, COLOURS = 5, ((1, .2, .2), (.2, 1, .2), (.2, .3, 1), (.9, .9, .9))
SUBJECTS, TOKENS, LENGTH = 8, 30522, 128


def gratings(n, rng):
    """Returns images [n,3,224,224] and their classes."""
    labels = rng.integers(0, DIRECTIONS * len(COLOURS), n)
    y, x = np.mgrid[:224, :224].astype(np.float32) / 224
    images = np.empty((n, 3, 224, 224), np.float32)
    for i, label in enumerate(labels):
        angle = math.pi * (label % DIRECTIONS + rng.normal(0, .12)) / DIRECTIONS
        wave = np.sin(2 * math.pi * rng.uniform(12, 24) * (x * math.cos(angle) + y * math.sin(angle)) + rng.uniform(0, 6.3))
        colour = np.float32(COLOURS[label // DIRECTIONS]) * rng.uniform(.5, 1) + rng.normal(0, .08, 3).astype(np.float32)
        images[i] = wave * colour[:, None, None] + rng.normal(0, .3, (3, 224, 224))
    return images, labels


def texts(n, rng):
    """Returns token ids [n,LENGTH] and their subjects: each has words of its own among those of all."""
    labels = rng.integers(0, SUBJECTS, n)
    ids = rng.zipf(1.3, (n, LENGTH)) % 20000 + 1000
    own = rng.random(ids.shape) < .2
    ids[own] = (21000 + labels[:, None] * 1000 + rng.integers(0, 300, ids.shape))[own]
    return ids.astype(np.int64), labels


class Bert(nn.Module):
    """BERT-base with the mean of its last states before the last layer."""

    def __init__(self):
        super().__init__()
        from transformers import BertConfig, BertModel
        self.body, self.last = BertModel(BertConfig(vocab_size=TOKENS), add_pooling_layer=False), nn.Linear(768, SUBJECTS)

    def forward(self, ids):
        return self.last(self.body(ids).last_hidden_state.mean(1))


def network(name):
    """Returns a network, its last layer, and what makes its samples."""
    if name == "bert":
        net = Bert()
        return net, net.last, texts
    import torchvision
    net = getattr(torchvision.models, name)(num_classes=DIRECTIONS * len(COLOURS))
    return net, [m for m in net.modules() if isinstance(m, nn.Linear)][-1], gratings


def make(name, path, search, judge):
    net, last, samples = network(name)
    x, y = samples(4 * a.samples, np.random.default_rng(0))
    x, norms = torch.from_numpy(x), [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    seen = []
    last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().double()))
    with torch.no_grad():
        for m in norms:
            m.momentum = None  # the mean of all batches
            m.reset_running_stats()
            m.train()
        if norms:
            [m.train(False) for m in net.modules() if not isinstance(m, nn.BatchNorm2d)]
            [net(b) for b in x[:a.samples].split(64)]
        net.eval()
        seen.clear()
        [net(b) for b in x.split(32)]
        f = torch.cat(seen)
        mean, wanted = f.mean(0), 10. * nn.functional.one_hot(torch.from_numpy(y), last.out_features).double()
        f = f - mean
        w = torch.linalg.solve(f.T @ f + 1e-2 * f.var() * len(f) * torch.eye(f.shape[1]), f.T @ (wanted - wanted.mean(0)))
        last.weight.copy_(w.T)
        last.bias.copy_(wanted.mean(0) - mean @ w)
    example = x[:2]
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(net, example, path, dynamo=False, opset_version=17, input_names=["input"], output_names=["logits"], dynamic_axes=axes)
    for file, seed in ((search, 1), (judge, 2)):
        x, y = samples(a.samples, np.random.default_rng(seed))
        np.savez(file, input=x, labels=y)


a.folder.mkdir(parents=True, exist_ok=True)
print("| model | seed | changed | of | accuracy on other samples | runs | CPU seconds | memory, GB |\n|---|---|---|---|---|---|---|---|")
for name in a.models.split(","):
    model, search, judge, locked, key = (a.folder / f for f in (f"{name}.onnx", f"{name}.npz", f"{name}-judge.npz", "locked.onnx", "locked.key"))
    if not model.exists():
        make(name, model, search, judge)
    if a.make_only:
        continue
    for seed in a.seeds.split(","):
        key.unlink(missing_ok=True)
        found, seconds, memory = measured.run(a.advparams, "protect", str(model), "--data", str(search), "--seed", seed, "-o", str(locked), "--key", str(key), "--plain-key", "--force", "--allow-partial", *a.flags.split())
        seen, _, _ = measured.run(a.advparams, "verify", "--original", str(model), "--locked", str(locked), "--data", str(judge))
        print(f"| {name} | {seed} | {found['params_changed']} | {found['params_total']:,} | {seen['accuracy']['original']:.4f} → {seen['accuracy']['locked']:.4f} "
              f"| {found['forward_passes']:.1f} | {seconds:.0f} | {memory:.1f} |", flush=True)
