#!/usr/bin/env python3
"""Fine-tunes a locked LeNet-5 with `advparams attack` and in PyTorch, on the same samples, and compares the accuracies.

usage: finetune.py --advparams BIN --peers DIR [--samples 6000] [--epochs 10] [--grid sgd:0.02,adam:0.001] [--profile minimal]

DIR (../shared/peers) has the network; data and model lie beside it. Both sides keep a tenth of the samples, each its own, to
choose the best epoch by. The exit status is 1 if a difference exceeds --points. Needs: pip install torch onnx numpy
"""
import argparse, gzip, json, math, os, subprocess, sys, tempfile
import numpy as np, onnx, torch, torch.nn.functional as F

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", required=True); ap.add_argument("--peers", required=True)
ap.add_argument("--samples", type=int, default=6000); ap.add_argument("--epochs", type=int, default=10); ap.add_argument("--batch", type=int, default=64)
ap.add_argument("--grid", default="sgd:0.02,adam:0.001"); ap.add_argument("--profile", default="minimal")
ap.add_argument("--points", type=float, default=1.5); ap.add_argument("--seed", type=int, default=1)
a = ap.parse_args()
torch.set_num_threads(1)
sys.path.insert(0, a.peers)
from nets import LeNet5

shared = os.path.dirname(os.path.abspath(a.peers))
data = os.path.join(shared, "data", "fashion-mnist")
model = os.path.join(shared, "models", "fmnist-lenet5.onnx")


def idx(name, offset):
    with gzip.open(os.path.join(data, name)) as f:
        return np.frombuffer(f.read(), np.uint8, offset=offset)


def samples(part):
    x = idx(part + "-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).astype(np.float32)
    return (x / 255 - 0.286) / 0.353, idx(part + "-labels-idx1-ubyte.gz", 8).astype(np.int64)


def ours(folder, locked, train, test):
    for name, (x, y) in (("train", train), ("test", test)):
        np.savez(os.path.join(folder, name + ".npz"), input=x, labels=y)
    run = lambda *args: subprocess.run([os.path.abspath(a.advparams), *args], check=True, stdout=subprocess.PIPE, text=True).stdout
    run("protect", model, "--data", data, "--mean", "0.286", "--std", "0.353", "--profile", a.profile, "-o", locked, "--key", locked + ".key", "--plain-key", "-q")
    out = run("attack", locked, "--data", os.path.join(folder, "train.npz"), "--test", os.path.join(folder, "test.npz"), "--fraction", "1", "--attacks", "fine-tune",
              "--epochs", str(a.epochs), "--batch", str(a.batch), "--grid", a.grid, "--seed", str(a.seed), "--threads", "1", "--json", "-q")
    r = json.loads(out)
    return r["locked_accuracy"], {s["optimiser"]: s["accuracy"] for s in r["attacks"][0]["settings"]}


def accuracy(net, x, y):
    with torch.no_grad():
        return sum((net(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum().item() for i in range(0, len(x), 500)) / len(x)


def theirs(locked, optimiser, train, test):
    net = LeNet5()
    weights = {t.name: torch.tensor(onnx.numpy_helper.to_array(t)) for t in onnx.load(locked).graph.initializer}
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    start = accuracy(net, *test)
    rule, rate = optimiser.split(":")
    rate = float(rate)
    opt = torch.optim.Adam(net.parameters(), rate) if rule == "adam" else torch.optim.SGD(net.parameters(), rate, momentum=0.9)
    gen = torch.Generator().manual_seed(a.seed)
    order = torch.randperm(len(train[0]), generator=gen)
    kept = len(order) // 10
    valid, (x, y) = [t[order[:kept]] for t in train], [t[order[kept:]] for t in train]
    steps, step, best = a.epochs * math.ceil(len(x) / a.batch), 0, (-1, 0)
    for _ in range(a.epochs):
        for rows in torch.randperm(len(x), generator=gen).split(a.batch):
            for group in opt.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
            step += 1
            opt.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            opt.step()
        score = accuracy(net, *valid)
        if score >= best[0]:
            best = score, accuracy(net, *test)
    return start, best[1]


train, test = samples("train"), samples("t10k")
rows = np.random.default_rng(a.seed).permutation(len(train[0]))[:a.samples]
train = train[0][rows], train[1][rows]
with tempfile.TemporaryDirectory() as folder:
    locked = os.path.join(folder, "locked.onnx")
    start, settings = ours(folder, locked, train, test)
    tensors = [[torch.from_numpy(t) for t in part] for part in (train, test)]
    print(f"LeNet-5 with a {a.profile} lock, {a.samples} samples, {a.epochs} epochs; test accuracy in percent\n")
    print("| | advparams | PyTorch | difference |\n|---|---|---|---|", flush=True)
    worst = 0
    for optimiser, mine in settings.items():
        before, peer = theirs(locked, optimiser, *tensors)
        if optimiser == next(iter(settings)):
            print(f"| locked | {100 * start:.2f} | {100 * before:.2f} | {100 * (start - before):+.2f} |")
        print(f"| {optimiser} | {100 * mine:.2f} | {100 * peer:.2f} | {100 * (mine - peer):+.2f} |", flush=True)
        worst = max(worst, 100 * abs(mine - peer), 100 * abs(start - before))
if worst > a.points:
    sys.exit(f"a difference of {worst:.2f} points exceeds {a.points}")
