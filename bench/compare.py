#!/usr/bin/env python3
"""Our gradients and forward passes against PyTorch and onnxruntime, side by side in one run.

usage: compare.py --advparams BIN --peers DIR [--nets lenet5,resnet20,…] [--threads 1,2] [--rounds 3]

DIR holds torch_gradient.py and ort_forward.py (../shared/peers). Each round runs the programs one after the other; the
table has the medians over rounds of each program's own median. A ratio below 1 says that we are faster. Needs: pip install
torch torchvision onnx onnxscript onnxruntime
"""
import argparse, json, os, platform, statistics, subprocess, sys, tempfile

BATCH = {"vgg16": 32}
SHAPE = {"lenet5": "1,28,28"}

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", required=True); ap.add_argument("--peers", required=True)
ap.add_argument("--nets", default="lenet5,resnet20,mobilenetv2,vgg16,vit"); ap.add_argument("--threads", default="1,2")
ap.add_argument("--rounds", type=int, default=3); ap.add_argument("--repeat", type=int, default=5)
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
    median = statistics.median
    forward, gradient = median(o[0] for o in ours), median(o[1] for o in ours)
    t, o = median(torch), median(ort)
    print(f"| {net} | {threads} | {gradient:.1f} | {t:.1f} | **{gradient / t:.2f}** | {forward:.1f} | {o:.1f} | **{forward / o:.2f}** |", flush=True)
    return kernel


print(f"{processor()}, {os.cpu_count()} cores; milliseconds, medians of {a.rounds} interleaved rounds\n")
print("| network | threads | our gradient | PyTorch | ratio | our forward | onnxruntime | ratio |\n|---|---|---|---|---|---|---|---|", flush=True)
with tempfile.TemporaryDirectory() as folder:
    for net in a.nets.split(","):
        model = os.path.join(folder, net + ".onnx")
        subprocess.run([sys.executable, os.path.join(a.peers, "torch_gradient.py"), net, "--export", model], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for threads in a.threads.split(","):
            kernel = row(net, int(threads), model)
print(f"\nkernels: {kernel}")
