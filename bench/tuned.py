#!/usr/bin/env python3
"""Tunes a small residual network from a public one, locks it, and attacks the locks with the public one.

usage: tuned.py --advparams BIN --peers DIR [--folder bin/tuned] [--first 6000] [--epochs 8] [--tune 2] [--fraction 0.25]
                [--profiles minimal,sealed] [--first-seed 1] [--seeds 3]

DIR is ../shared/peers; CIFAR-10 lies beside it. The public network is trained on the first images (subset A), and tuned on the
others (subset B), of which the attacker has a share. One thread. Each seed is another attacker and, if sealed, another key.
Files that are there are not made again, reports of attacks included.

The verdict is on means over the attackers. A minimal lock has to be undone to within a point of the original. Of a sealed
model, the best attack is compared with its own control, which is the same attack on another draw from what the file shows: the
difference has to be below half a point or two standard errors, and the standard error below a point. The zero line is printed,
and is not what is judged by: it is chosen on few samples among more settings than the attack is, so that it may be below a
start that it contains.
The exit status is 1 if either fails. Needs: pip install torch onnx numpy
"""
import argparse, gzip, json, os, pathlib, statistics, subprocess, sys
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", required=True); ap.add_argument("--peers", type=pathlib.Path, required=True)
ap.add_argument("--folder", type=pathlib.Path, default="bin/tuned"); ap.add_argument("--first", type=int, default=6000)
ap.add_argument("--epochs", type=int, default=8); ap.add_argument("--tune", type=int, default=2); ap.add_argument("--test", type=int, default=2000)
ap.add_argument("--fraction", default="0.25"); ap.add_argument("--attack-epochs", default="4"); ap.add_argument("--grid", default="adam:0.001")
ap.add_argument("--profiles", default="minimal,sealed"); ap.add_argument("--first-seed", type=int, default=1)
ap.add_argument("--seeds", type=int, default=3); ap.add_argument("--train-only", action="store_true")
a = ap.parse_args()
torch.set_num_threads(1); torch.manual_seed(0)
a.folder.mkdir(parents=True, exist_ok=True)


class Block(nn.Module):
    def __init__(self, cin, c, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)
        self.short = nn.Conv2d(cin, c, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.short(x))


class ResNet8(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def load(name):
    rows = np.frombuffer(gzip.open(a.peers.resolve().parent / "data/cifar10" / name).read(), np.uint8).reshape(-1, 3073)
    mean, std = np.float32([.4914, .4822, .4465]), np.float32([.247, .2435, .2616])
    x = (rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255 - mean[:, None, None]) / std[:, None, None]
    return torch.from_numpy(x), torch.from_numpy(rows[:, 0].astype(np.int64))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return torch.cat([net(b) for b in x.split(250)]).argmax(1).eq(y).float().mean().item()


def train(net, x, y, epochs, rate):
    opt = torch.optim.SGD(net.parameters(), rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = epochs * (len(x) // 64)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    for _ in range(epochs):
        net.train()
        for rows in torch.randperm(len(x)).split(64)[:len(x) // 64]:
            batch = x[rows]
            batch = torch.where((torch.rand(len(rows)) < 0.5)[:, None, None, None], batch.flip(3), batch)
            opt.zero_grad(); F.cross_entropy(net(batch), y[rows]).backward(); opt.step(); plan.step()


def export(net, path):
    net.eval()
    torch.onnx.export(net, (torch.zeros(1, 3, 32, 32),), path, dynamo=False, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "n"}, "logits": {0: "n"}}, opset_version=17)


def run(*args, status=(0,)):
    p = subprocess.run([os.path.abspath(a.advparams), *map(str, args)], stdout=subprocess.PIPE, text=True)
    if p.returncode not in status:
        sys.exit(f"advparams {args[0]}: exit status {p.returncode}")
    return json.loads(p.stdout) if "--json" in args else None


public, original, data, test = (a.folder / n for n in ("public.onnx", "original.onnx", "b.npz", "test.npz"))
if not original.exists():
    (x, y), (tx, ty) = load("data_batch_1.bin.gz"), load("test_batch.bin.gz")
    tx, ty, b = tx[:a.test], ty[:a.test], slice(a.first, None)
    np.savez(data, input=x[b].numpy(), labels=y[b].numpy()); np.savez(test, input=tx.numpy(), labels=ty.numpy())
    net = ResNet8()
    train(net, x[:a.first], y[:a.first], a.epochs, 0.1)
    print(f"public: {100 * accuracy(net, tx, ty):.2f} %", flush=True); export(net, public)
    train(net, x[b], y[b], a.tune, 0.01)
    print(f"tuned: {100 * accuracy(net, tx, ty):.2f} %", flush=True); export(net, original)
if a.train_only:
    sys.exit()


def attack(profile, seed):
    """Returns the report of one attacker."""
    kept = a.folder / f"{profile}-{a.fraction}-{seed}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    locked = a.folder / f"{profile}{seed if profile == 'sealed' else ''}.onnx"
    key = pathlib.Path(f"{locked}.key")
    if not key.exists():
        run("protect", original, "--data", data, "--profile", profile, "-o", locked, "--key", key, "--plain-key", "--force", "-q")
    r = run("attack", locked, "--data", data, "--test", test, "--fraction", a.fraction, "--seed", seed, "--public", public, "--attacks", "public,fine-tune",
            "--epochs", a.attack_epochs, "--batch", 32, "--grid", a.grid, "--threads", 1, "--json", "-q")
    r["original"] = run("verify", "--locked", locked, "--key", key, "--data", test, "--json", "-q")["accuracy"]["unlocked"]
    kept.write_text(json.dumps(r))
    return r


def mean(x):
    """Mean and its standard error, in points."""
    return 100 * statistics.mean(x), 100 * statistics.stdev(x) / len(x) ** 0.5 if len(x) > 1 else float("inf")


failed = False
print("| lock, attacker | locked | best attack | reaches | its control | zero line | advantage |\n|---|---|---|---|---|---|---|")
for profile in a.profiles.split(","):
    short, over = [], []  # of the original, and over the control
    for seed in range(a.first_seed, a.first_seed + a.seeds):
        r = attack(profile, seed)
        best = next(x for x in r["attacks"] if x["name"] == r["best_attack"])
        short.append(r["original"] - best["accuracy"])
        over.append(best["accuracy"] - best["control"]["accuracy"])
        print(f"| {profile}, {seed} | {100 * r['locked_accuracy']:.1f} | {best['name']}: {best['setting']} | {100 * best['accuracy']:.1f} | "
              f"{100 * best['control']['accuracy']:.1f} | {100 * r['zero_line']['accuracy']:.1f} ({r['zero_line']['setting']}) | {100 * r['advantage']:+.1f} |", flush=True)
    if profile == "minimal":
        m, error = mean(short)
        bad = m > 1
        print(f"\noriginal {100 * r['original']:.1f} %; the best attack is {m:.1f} ± {error:.1f} points below it: {'NOT ' if bad else ''}undone")
    else:
        m, error = mean(over)
        bad = m > max(0.5, 2 * error) or error > 1
        print(f"\nsealed: the best attack is {m:+.1f} ± {error:.1f} points over its control: {'NOT within noise, or too few attackers' if bad else 'within noise'}")
    failed |= bad
sys.exit(failed)
