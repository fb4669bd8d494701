#!/usr/bin/env python3
"""Our gradients and forward passes against PyTorch and onnxruntime, side by side in one run.

usage: compare.py --advparams BIN --peers DIR [--nets lenet5,resnet20,…] [--threads 1,2] [--rounds 5] [--repeat 3]

DIR holds torch_gradient.py and ort_forward.py (../shared/peers). Each round runs the programs one after the other. The
times are medians over rounds of each program's own median. A ratio is that of two programs in the same round, as the speed
of a shared machine changes from round to round: the table has its median and its range. Below 1 we are faster. The second table
has errors of gradients: the largest difference from float64 (onnx_oracle.py), as a share of the largest element of the same
weight, and the same for PyTorch's float32: the least and the largest of five batches of eight images, as in some an activation
lies within rounding of a kink. Of weights with more than 4,096 elements, 256 count. --rounds 0 leaves out the times. Needs: pip install torch torchvision onnx onnxscript onnxruntime
"""
import argparse, json, os, platform, statistics, subprocess, sys, tempfile
import numpy as np, onnx

BATCH = {"vgg16": 32}
BATCHES = 5  # for errors
SHAPE = {"lenet5": "1,28,28"}

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", required=True); ap.add_argument("--peers", required=True)
ap.add_argument("--nets", default="lenet5,resnet20,mobilenetv2,vgg16,vit"); ap.add_argument("--threads", default="1,2")
ap.add_argument("--rounds", type=int, default=5); ap.add_argument("--repeat", type=int, default=3)
a = ap.parse_args()
a.advparams = os.path.abspath(a.advparams)


def run(command, threads):
    """The JSON object that a program prints last."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return json.loads(out[out.index("{"):])


def processor():
    try:
        return next(l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def row(net, threads, model):
    batch = BATCH.get(net, 100)
    peer = lambda script, *args: run([sys.executable, os.path.join(a.peers, script), *args, "--batch", str(batch), "--repeat", str(a.repeat), "--threads", str(threads)], threads)
    ours, torch, ort, kernel = [], [], [], ""
    for _ in range(a.rounds):
        r = run([a.advparams, "bench", model, "--json", "--batch", str(batch), "--repeat", str(a.repeat), "--threads", str(threads)], threads)
        ours.append((r["forward_ms"]["median"], r["gradient_ms"]["median"])); kernel = r["kernel"]
        torch.append(peer("torch_gradient.py", net)["best_median_ms"])
        ort.append(peer("ort_forward.py", model, "--shape", SHAPE.get(net, "3,32,32"))["median_ms"])
    forward, gradient = zip(*ours)
    print(f"| {net} | {threads} | {against(gradient, torch)} | {against(forward, ort)} |", flush=True)
    return kernel


def against(ours, peer):
    """Cells: both medians, the median of the ratios and their range."""
    median = statistics.median
    ratios = [x / y for x, y in zip(ours, peer)]
    return f"{median(ours):.1f} | {median(peer):.1f} | **{median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})"


def with_biases(model):
    """Draws vectors of a network that nobody trained. Its biases are 0, which puts activations onto the kinks of ReLU6."""
    m, rng = onnx.load(model), np.random.default_rng(0)
    for t in m.graph.initializer:
        x = onnx.numpy_helper.to_array(t)
        if x.ndim == 1 and x.dtype == np.float32:
            t.CopyFrom(onnx.numpy_helper.from_array(x + rng.normal(0, .1, x.shape).astype(np.float32), t.name))
    onnx.save(m, model)


def errors(net, model, folder):
    """A row of the second table, from batches of normal images."""
    at = lambda name: os.path.join(folder, name + ".npz")
    shape = [int(n) for n in SHAPE.get(net, "3,32,32").split(",")]
    with_biases(model)
    worst = []
    for seed in range(BATCHES):
        np.savez(at("in"), input=np.random.default_rng(seed).normal(size=(8, *shape)).astype(np.float32))
        oracle = [sys.executable, os.path.join(a.peers, "onnx_oracle.py"), model, "--data", at("in"), "--out"]
        for command in ([*oracle, at("exact")], [*oracle, at("torch"), "--float32"], [a.advparams, "gradients", model, "--data", at("in"), "-o", at("ours"), "--force", "-q"]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        worst.append(errors_of(*(np.load(at(name)) for name in ("exact", "ours", "torch"))))
    print(f"| {net} |" + "".join(f" {min(w):.1e} | {max(w):.1e} |" for w in zip(*worst)), flush=True)


def errors_of(exact, ours, torch):
    """The largest errors of our gradients and of PyTorch's."""
    worst = [0., 0.]
    for key in exact.files:
        kind, _, name = key.partition("/")
        if kind not in ("grad", "gradval"):
            continue
        whole, x = ours["grad/" + name].ravel(), exact[key].ravel()
        size = max(np.abs(x).max(), np.abs(whole).max(), 1e-30)
        for i, g in enumerate((whole if kind == "grad" else whole[exact["gradidx/" + name]], torch[key].ravel())):
            worst[i] = max(worst[i], np.abs(g - x).max() / size)
    return worst


kernel, models = "", {}
print(f"{processor()}, {os.cpu_count()} cores; milliseconds, medians of {a.rounds} interleaved rounds\n")
print("| network | threads | our gradient | PyTorch | ratio | our forward | onnxruntime | ratio |\n|---|---|---|---|---|---|---|---|", flush=True)
with tempfile.TemporaryDirectory() as folder:
    for net in a.nets.split(","):
        models[net] = os.path.join(folder, net + ".onnx")
        subprocess.run([sys.executable, os.path.join(a.peers, "torch_gradient.py"), net, "--export", models[net]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for threads in a.threads.split(",") if a.rounds else []:
            kernel = row(net, int(threads), models[net])
    print(f"\nkernels: {kernel}\n\n| network | our error, least | largest | PyTorch's, least | largest |\n|---|---|---|---|---|", flush=True)
    for net, model in models.items():
        errors(net, model, folder)
