#!/usr/bin/env python3
"""Measures sealed models: large ones, kills, and what runtimes make of them.

usage: sealed.py large [--gib 4] [--age DIR]   lock and unlock beside cp, sha256sum and age -d
       sealed.py kill [--times 200]            kill -9 in the middle of --in-place
       sealed.py models                        the reference models in onnxruntime, and float16, bfloat16 and QDQ copies
       sealed.py wild DIR                      models of packages, fetched by ../shared/wild/fetch
       all: [--advparams bin/advparams] [--shared ../shared] [--work DIR]

large needs numpy and onnx, models and wild onnx, onnxruntime and numpy.
"""
import argparse, hashlib, json, os, pathlib, random, shutil, signal, subprocess, sys, tempfile, time

p = argparse.ArgumentParser()
p.add_argument("what", choices=["large", "kill", "models", "wild"])
p.add_argument("folder", nargs="?", type=pathlib.Path)
p.add_argument("--advparams", default="bin/advparams")
p.add_argument("--shared", default="../shared", type=pathlib.Path)
p.add_argument("--work", type=pathlib.Path, help="folder for large files")
p.add_argument("--gib", type=float, default=4)
p.add_argument("--age", type=pathlib.Path, help="folder with age and age-keygen")
p.add_argument("--times", type=int, default=200)
p.add_argument("--rounds", type=int, default=3)
a = p.parse_args()
os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")
advparams = str(pathlib.Path(a.advparams).resolve())


def measure(*args, **kw):
    """Runs a command; returns seconds of wall clock and of processors, and its largest resident size in MB."""
    start = time.perf_counter()
    child = subprocess.Popen([str(x) for x in args], **kw)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{args}: status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


def large(work):
    """A chain of products, 64 MiB each, with its weights in three files."""
    import numpy as np, onnx
    from onnx import TensorProto, helper
    rng, n = np.random.default_rng(1), int(a.gib * 16)
    base = rng.standard_normal(1 << 24, dtype=np.float32) * np.float32(1 / 64)
    tensors, nodes = [], []
    for i in range(3):
        with open(work / f"weights{i}.bin", "wb") as f:
            for k in range(i * n // 3, (i + 1) * n // 3):
                t = onnx.TensorProto(name=f"w{k}", data_type=TensorProto.FLOAT, dims=[4096, 4096], data_location=TensorProto.EXTERNAL)
                for key, value in (("location", f.name.split("/")[-1]), ("offset", str(f.tell())), ("length", str(base.nbytes))):
                    t.external_data.add(key=key, value=value)
                np.roll(base, 997 * k).tofile(f)
                tensors.append(t)
                nodes.append(helper.make_node("MatMul", [f"x{k}", t.name], [f"x{k + 1}"]))
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4096])
    graph = helper.make_graph(nodes, "large", [value("x0")], [value(f"x{n}")], tensors)
    (work / "model.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())


def large_table(work):
    if os.fork() == 0:  # numpy would count as memory of the commands that are measured
        large(work)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit("no model")
    names = [f"weights{i}.bin" for i in range(3)] + ["model.onnx"]
    files = [work / n for n in names]
    age = f"{a.age}/" if a.age else ""
    subprocess.run([age + "age-keygen", "-o", work / "id.txt"], check=True, stderr=subprocess.DEVNULL)
    recipient = subprocess.run([age + "age-keygen", "-y", work / "id.txt"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    for f in files:
        subprocess.run([age + "age", "-r", recipient, "-o", f"{f}.age", f], check=True)
    there, back, copy = work / "locked", work / "back", work / "copy"

    def all_files(make, **kw):
        """Sums up what a command for each file takes."""
        each = [measure(*make(f), **kw) for f in files]
        return sum(x[0] for x in each), sum(x[1] for x in each), max(x[2] for x in each)

    def fresh(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def lock():
        fresh(there)
        return measure(advparams, "-q", "protect", work / "model.onnx", "--profile", "sealed", "-o", there / "model.onnx", "--key", there / "key", "--plain-key", stdout=subprocess.DEVNULL)

    def unlock():
        fresh(back)
        return measure(advparams, "-q", "unlock", there / "model.onnx", "--key", there / "key", "-o", back / "model.onnx", stdout=subprocess.DEVNULL)

    def cp():
        fresh(copy)
        return all_files(lambda f: ("cp", "--reflink=never", f, copy))

    def age_d():
        fresh(copy)
        return all_files(lambda f: (age + "age", "-d", "-i", work / "id.txt", "-o", copy / f.name, f"{f}.age"))

    steps = {"cp": cp, "sha256sum": lambda: all_files(lambda f: ("sha256sum", f), stdout=subprocess.DEVNULL), "age -d": age_d, "lock": lock, "unlock": unlock}
    took = {name: [] for name in steps}
    for _ in range(a.rounds):  # in turn, so that whatever else the machine does hits all
        for name, step in steps.items():
            took[name].append(step())
    for f in names:
        assert digest(back / f) == digest(work / f), f
    size = sum(f.stat().st_size for f in files)
    print(f"{size / 2**30:.2f} GiB in {len(files)} files, best of {a.rounds} rounds; key {(there / 'key').stat().st_size} bytes\n")
    print("| | wall clock, s | processors, s | resident, MB |\n|---|---|---|---|")
    best = {name: tuple(min(x[i] for x in rounds) for i in range(2)) + (max(x[2] for x in rounds),) for name, rounds in took.items()}
    for name, (wall, cpu, rss) in best.items():
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {rss:.0f} |")
    unit = best["cp"][0] + best["sha256sum"][0]
    for name in ("lock", "unlock"):
        print(f"\n{name}: {best[name][0] / unit:.2f} × (cp + sha256sum), {best[name][0] / best['age -d'][0]:.2f} × age -d")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


if a.what == "large":
    with tempfile.TemporaryDirectory(dir=a.work) as work:
        large_table(pathlib.Path(work))
