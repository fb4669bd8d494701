#!/usr/bin/env python3
"""Our gradients and forward passes against PyTorch and onnxruntime, side by side in one run.

usage: compare.py --advparams BIN --peers DIR [--nets lenet5,resnet20,…] [--threads 1,2] [--rounds 5] [--repeat 3]

DIR holds torch_gradient.py and ort_forward.py (../shared/peers). Each round runs the programs one after the other. The
times are medians over rounds of each program's own median. A ratio is that of two programs in the same round, as the speed
of a shared machine changes from round to round: the table has its median and its range. Below 1 we are faster. Needs: pip
install torch torchvision onnx onnxscript onnxruntime
"""
import argparse, json, os, platform, statistics, subprocess, sys, tempfile

BATCH = {"vgg16": 32}
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


print(f"{processor()}, {os.cpu_count()} cores; milliseconds, medians of {a.rounds} interleaved rounds\n")
print("| network | threads | our gradient | PyTorch | ratio | our forward | onnxruntime | ratio |\n|---|---|---|---|---|---|---|---|", flush=True)
with tempfile.TemporaryDirectory() as folder:
    for net in a.nets.split(","):
        model = os.path.join(folder, net + ".onnx")
        subprocess.run([sys.executable, os.path.join(a.peers, "torch_gradient.py"), net, "--export", model], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for threads in a.threads.split(","):
            kernel = row(net, int(threads), model)
print(f"\nkernels: {kernel}")
