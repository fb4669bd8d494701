#!/usr/bin/env python3
"""Locks the reference models with several seeds, verifies the locks on all test images, and prints a table.

usage: minimal.py [--advparams bin/advparams] [--shared ../shared] [--models lenet5,keras,resnet20] [--seeds 0,1,2]
                  [--labels data|model] [--data dataset|none] [--beam N] [--bounds tensor|none] [--vgg FILE] [--peer]

Needs Python's standard library only. The model vgg16 is the FILE that vgg.py has made. --peer also runs torch_advparams.py on the same model, which needs torch, onnx2torch and
numpy, and compares wall-clock times from start to end, one thread each.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

MODELS = {
    "lenet5": ("fmnist-lenet5.onnx", "fashion-mnist", ["--mean", "0.286", "--std", "0.353"], []),
    "keras": ("fmnist-keras-cnn.onnx", "fashion-mnist", [], ["--mean", "0.286", "--std", "0.353"]),
    "resnet20": ("cifar10-resnet20.onnx", "cifar10", ["--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.2435,0.2616"], []),
}
MODELS["vgg16"] = (None, *MODELS["resnet20"][1:])
PEER_MODELS = {"lenet5", "resnet20"}  # make_npz.py writes the layout of these

p = argparse.ArgumentParser()
p.add_argument("--advparams", default="bin/advparams")
p.add_argument("--shared", default="../shared", type=pathlib.Path)
p.add_argument("--models", default="lenet5,keras,resnet20")
p.add_argument("--seeds", default="0,1,2")
p.add_argument("--labels", default="data")
p.add_argument("--data", default="dataset", choices=["dataset", "none"])
p.add_argument("--beam", default="1")
p.add_argument("--bounds", default="tensor", choices=["tensor", "none"])
p.add_argument("--vgg", type=pathlib.Path)
p.add_argument("--peer", action="store_true")
a = p.parse_args()
os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")


def run(*args):
    """Returns what a command of advparams prints, and the seconds it took."""
    start = time.perf_counter()
    out = subprocess.run([a.advparams, *args, "--json", "--quiet"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out), time.perf_counter() - start


def peer(folder, file, data):
    """Returns the peer's result, with the seconds of the whole process."""
    for split, limit in (("train", "500"), ("test", "10000")):
        subprocess.run([sys.executable, a.shared / "peers/make_npz.py", data, split, folder / f"{split}.npz", limit], check=True)
    start = time.perf_counter()
    out = subprocess.run([sys.executable, a.shared / "peers/torch_advparams.py", a.shared / "models" / file, "--data", folder / "train.npz", "--test", folder / "test.npz"],
                         check=True, stdout=subprocess.PIPE).stdout
    result = json.loads(out)
    result["process"] = time.perf_counter() - start
    return result


def mean(values):
    return sum(values) / len(values)


print("| model | seed | changed | test accuracy | information, bits | gradients | evaluations | seconds |\n|---|---|---|---|---|---|---|---|")
for name in a.models.split(","):
    file, data, scale, inputs = MODELS[name]
    model, images = str(a.shared / "models" / file if file else a.vgg), ["--data", str(a.shared / "data" / data), *scale]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for seed in a.seeds.split(","):
            locked, key = str(folder / "locked.onnx"), str(folder / f"key-{seed}")  # keys are not replaced
            samples = [*images, "--labels", a.labels] if a.data == "dataset" else ["--data", "none", *inputs]
            found, seconds = run("protect", model, *samples, "--seed", seed, "--beam", a.beam, "--bounds", a.bounds, "-o", locked, "--key", key, "--plain-key", "--force", "--threads", "1")
            checked, _ = run("verify", "--locked", locked, *images, "--threads", "1")
            row = (found["params_changed"], checked["accuracy"]["locked"], checked["information_bits"]["locked"], found["gradient_passes"], found["evaluations"], seconds)
            rows.append(row)
            print(f"| {name} | {seed} | %d | %.4f | %.3f | %d | %d | %.1f |" % row, flush=True)
        print(f"| {name} | mean | %.1f | %.4f | %.3f | %.1f | %.0f | %.1f |" % tuple(mean(c) for c in zip(*rows)), flush=True)
        if a.peer and name in PEER_MODELS:
            r = peer(folder, file, data)
            ours = mean([row[-1] for row in rows])
            print(f"\n{name}: torch_advparams.py changes {r['params_changed']} to {r['accuracy']['locked']:.4f} in {r['process']:.1f} s ({r['search_seconds']:.1f} s of them the search, "
                  f"the rest starting and two passes over the test images); advparams protect takes {ours:.1f} s: {r['process'] / ours:.1f}× as fast\n", flush=True)
