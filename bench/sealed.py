#!/usr/bin/env python3
"""Measures sealed models: large ones, kills, and what runtimes make of them.

usage: sealed.py large [--gib 4] [--age DIR]   lock and unlock beside cp, sha256sum and age -d
       sealed.py keys [--gib 4.2]              unlock with minimal keys, of some bytes and of 20 MB, beside cp and sha256sum
       sealed.py kill [--times 200]            kill -9 in the middle of --in-place
       sealed.py models                        the reference models in onnxruntime, and float16, bfloat16 and QDQ copies
       sealed.py wild DIR                      models of packages, fetched by ../shared/wild/fetch
       all: [--advparams bin/advparams] [--shared ../shared] [--work DIR]

large and keys need numpy and onnx, keys Go, models and wild onnx, onnxruntime and numpy.
"""
import argparse, hashlib, os, pathlib, random, shutil, subprocess, sys, tempfile, time

p = argparse.ArgumentParser()
p.add_argument("what", choices=["large", "keys", "kill", "models", "wild"])
p.add_argument("folder", nargs="?", type=pathlib.Path)
p.add_argument("--advparams", default="bin/advparams")
p.add_argument("--shared", default="../shared", type=pathlib.Path)
p.add_argument("--work", type=pathlib.Path, help="folder for large files")
p.add_argument("--gib", type=float, default=4)
p.add_argument("--age", type=pathlib.Path, help="folder with age and age-keygen")
p.add_argument("--times", type=int, default=200)
p.add_argument("--mib", type=int, default=32, help="size of the model that is killed")
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--peers", help=argparse.SUPPRESS)  # which bench/run gives to all
p.add_argument("--pair", nargs=2, help=argparse.SUPPRESS)
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


def large_apart(work):
    """Writes the model in a process of its own: numpy would count as memory of the commands that are measured."""
    if os.fork() == 0:
        large(work)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit("no model")


def large_table(work):
    large_apart(work)
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


def keys_table(work):
    """Minimal keys: one change, and as many as take 20 MB. In turn, so that other load hits all."""
    large_apart(work)
    files = [work / n for n in ["weights0.bin", "weights1.bin", "weights2.bin", "model.onnx"]]
    locked, back, copy = work / "locked", work / "back", work / "copy"
    size = sum(f.stat().st_size for f in files)
    root = pathlib.Path(__file__).parent.parent
    subprocess.run([os.environ.get("GO", "go"), "build", "-o", work / "largekey", "./bench/largekey"], cwd=root, check=True)
    for changes in (1, 3_700_000):
        locked.mkdir()
        subprocess.run([work / "largekey", "-changes", str(changes), work / "model.onnx", locked / "model.onnx", locked / "key"], check=True)
        took = {"cp": [], "sha256sum": [], "unlock": []}
        for _ in range(a.rounds):
            for name in took:
                for folder in (copy, back):
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir()
                if name == "cp":
                    took[name].append(measure("cp", "--reflink=never", *files, copy))
                elif name == "sha256sum":
                    took[name].append(measure("sha256sum", *files, stdout=subprocess.DEVNULL))
                else:
                    took[name].append(measure(advparams, "-q", "unlock", locked / "model.onnx", "--key", locked / "key", "-o", back / "model.onnx", stdout=subprocess.DEVNULL))
                    for f in files:
                        assert (back / f.name).stat().st_size == f.stat().st_size
        print(f"{size / 1e9:.2f} GB in {len(files) - 1} data files, key of {(locked / 'key').stat().st_size:,} bytes, {changes:,} changes")
        for name, rounds in took.items():
            print(f"  {name}: " + ", ".join(f"{wall:.1f} s ({cpu:.1f} s of processors)" for wall, cpu, _ in rounds) + f", {max(r[2] for r in rounds):.0f} MB resident")
        for k, kind in enumerate(("wall clock", "processors")):
            ratios = [u[k] / (c[k] + d[k]) for u, c, d in zip(took["unlock"], took["cp"], took["sha256sum"])]
            print(f"  unlock / (cp + sha256sum), {kind}: " + ", ".join(f"{r:.2f}" for r in ratios))
        shutil.rmtree(locked)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def protect(model, locked, key):
    """Seals a model; returns what went wrong, or None."""
    done = subprocess.run([advparams, "-q", "protect", model, "--profile", "sealed", "-o", locked, "--key", key, "--plain-key"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.stderr.strip().splitlines()[0] if done.returncode else None


def comes_back(model, locked, key, folder):
    back = folder / "back" / model.name
    shutil.rmtree(back.parent, ignore_errors=True)
    back.parent.mkdir()
    subprocess.run([advparams, "-q", "unlock", locked, "--key", key, "-o", back], check=True, stdout=subprocess.DEVNULL)
    return digest(back) == digest(model)


def kill_table(work):
    """kill -9 at random moments: after the next run the files are locked or original, never lost."""
    size = a.mib << 20  # a model with one tensor, which a node uses
    def field(n, b):
        out, v = bytes([n << 3 | 2]), len(b)
        while v > 127:
            out, v = out + bytes([v & 127 | 128]), v >> 7
        return out + bytes([v]) + b
    dims = b"".join(b"\x08" + bytes([v & 127 | 128, v >> 7 & 127 | 128, v >> 14 & 127 | 128, v >> 21]) for v in [size // 4])
    tensor = dims + b"\x10\x01" + field(8, b"w") + field(9, random.Random(1).randbytes(size))
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Mul")
    value = lambda n: field(1, n) + field(2, field(1, b"\x08\x01"))
    graph = field(1, node) + field(2, b"g") + field(5, tensor) + field(11, value(b"x")) + field(12, value(b"y"))
    original = b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11")
    model, key = work / "model.onnx", work / "key"
    model.write_bytes(original)
    first = digest(model)
    lock = [advparams, "-q", "protect", model, "--profile", "sealed", "--in-place", "--key", key, "--plain-key"]
    unlock = [advparams, "-q", "unlock", model, "--key", key, "--in-place"]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = pathlib.Path(f"{model}.advparams-journal")
    took = {}
    for name, command in (("lock", lock), ("unlock", unlock)):
        start = time.perf_counter()
        subprocess.run(command, check=True, **quiet)
        took[name] = time.perf_counter() - start
    assert digest(model) == first
    key.unlink()
    half = 0
    counts = {"original": 0, "locked": 0}
    for n in range(a.times):
        name = "lock" if n % 2 == 0 else "unlock"
        if name == "unlock":
            key.unlink(missing_ok=True)
            subprocess.run(lock, check=True, **quiet)
        child = subprocess.Popen(lock if name == "lock" else unlock, **quiet)
        time.sleep(random.uniform(0, took[name]))
        child.kill()
        child.wait()
        half += journal.exists()
        # The next run: unlocking, if there is a key by now.
        if key.exists():
            before = subprocess.run(unlock, **quiet).returncode
            counts["locked" if before == 0 else "original"] += 1
        else:
            subprocess.run([*lock[:-2], key, "--plain-key"], check=True, **quiet)
            subprocess.run(unlock, check=True, **quiet)
            counts["original"] += 1
        if digest(model) != first or journal.exists():
            sys.exit(f"kill {n}: lost")
        key.unlink(missing_ok=True)
    print(f"killed {a.times} times, {half} of them in the middle of the work: the model came back every time")


def session(path, level):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def levels():
    import onnxruntime as ort
    l = ort.GraphOptimizationLevel
    return [l.ORT_DISABLE_ALL, l.ORT_ENABLE_BASIC, l.ORT_ENABLE_EXTENDED, l.ORT_ENABLE_ALL]


def images(dataset, n):
    """Returns images as the reference models take them, and labels."""
    import gzip, numpy as np
    folder = a.shared / "data" / dataset
    if dataset == "cifar10":
        name = next(p for p in folder.rglob("test_batch.bin*"))
        records = np.frombuffer((gzip.open(name) if name.suffix == ".gz" else open(name, "rb")).read(3073 * n), np.uint8).reshape(-1, 3073)
        mean, std = np.float32([[.4914, .4822, .4465], [.247, .2435, .2616]]).reshape(2, 1, 3, 1, 1)
        return (records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255 - mean) / std, records[:, 0]
    pixels, labels = (np.frombuffer(gzip.open(next(folder.rglob(f"t10k-{x}*"))).read(), np.uint8) for x in ("images", "labels"))
    return (pixels[16:].reshape(-1, 1, 28, 28)[:n].astype(np.float32) / 255 - np.float32(.286)) / np.float32(.353), labels[8:][:n]


def copies(model, folder, x):
    """Yields the model and what people make of it."""
    import onnx
    from onnx import numpy_helper
    yield "float32", model
    try:
        from onnxconverter_common import float16
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    except ImportError as e:
        print(f"{e.name} is not installed: no copies in other types", file=sys.stderr)
        return
    m = onnx.load(model)
    half = folder / "float16.onnx"
    onnx.save(float16.convert_float_to_float16(m, keep_io_types=True), half)
    yield "float16", half
    # bfloat16 weights, cast to float32 where they are used: few kernels compute in it.
    import numpy as np
    m = onnx.load(model)
    casts = []
    for t in m.graph.initializer:
        if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) > 1:
            bits = numpy_helper.to_array(t).view(np.uint32) >> 16
            casts.append(onnx.helper.make_node("Cast", [t.name + "_bf16"], [t.name], to=onnx.TensorProto.FLOAT))
            t.CopyFrom(onnx.TensorProto(name=t.name + "_bf16", data_type=onnx.TensorProto.BFLOAT16, dims=t.dims, raw_data=bits.astype("<u2").tobytes()))
    nodes = list(m.graph.node)
    del m.graph.node[:]
    m.graph.node.extend(casts + nodes)
    names = {c.output[0] for c in casts}
    for i in reversed(range(len(m.graph.input))):
        if m.graph.input[i].name in names:
            del m.graph.input[i]
    short = folder / "bfloat16.onnx"
    onnx.save(m, short)
    yield "bfloat16", short

    class Images(CalibrationDataReader):
        def __init__(self):
            self.batches = iter(x[:200].reshape(10, 20, *x.shape[1:]))

        def get_next(self):
            batch = next(self.batches, None)
            return None if batch is None else {session(model, levels()[0]).get_inputs()[0].name: batch}

    qdq = folder / "qdq.onnx"
    try:
        quantize_static(str(model), str(qdq), Images(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    except Exception as e:
        print(f"{model.name}: not quantised: {e}", file=sys.stderr)
        return
    yield "int8, QDQ", qdq


def models_table(work):
    import numpy as np, onnx
    print("| model | type | checker | finite | accuracy | sealed | time | key |\n|---|---|---|---|---|---|---|---|")
    for file, dataset in (("fmnist-lenet5.onnx", "fashion-mnist"), ("fmnist-keras-cnn.onnx", "fashion-mnist"), ("cifar10-resnet20.onnx", "cifar10")):
        model = (a.shared / "models" / file).resolve()
        x, y = images(dataset, 1000)
        if len(session(model, levels()[0]).get_inputs()[0].shape) == 4 and session(model, levels()[0]).get_inputs()[0].shape[-1] == 1:
            x = x.transpose(0, 2, 3, 1)
        for kind, path in copies(model, work, x):
            locked, key = work / "locked.onnx", work / "key"
            for f in (locked, key):
                f.unlink(missing_ok=True)
            if wrong := protect(path, locked, key):
                sys.exit(f"{path}: {wrong}")
            assert comes_back(path, locked, key, work), path
            onnx.checker.check_model(str(locked), full_check=True)
            finite, accuracy, ratios = True, {}, []
            for level in levels():
                pair = {f: session(f, level) for f in (path, locked)}
                name = pair[path].get_inputs()[0].name
                for f, s in pair.items():
                    out = s.run(None, {name: x})[0]
                    finite &= bool(np.isfinite(out).all())
                    accuracy[f] = 100 * float((out.argmax(1) == y).mean())
                times = {f: [] for f in pair}
                for _ in range(15):  # in turn: what else the machine does hits both
                    for f, s in pair.items():
                        start = time.process_time()
                        s.run(None, {name: x[:100]})
                        times[f].append(time.process_time() - start)
                ratios.append(min(times[locked]) / min(times[path]))
            print(f"| {file} | {kind} | valid | {'yes' if finite else 'NO'} | {accuracy[path]:.1f} | {accuracy[locked]:.1f} | {min(ratios):.2f}–{max(ratios):.2f} | {key.stat().st_size} |", flush=True)


UNKNOWN = "loads, but the inputs are not known"


def run_wild(original, locked):
    """Runs both models on the same inputs; prints what came out. In a process of its own: runtimes crash."""
    import numpy as np
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_, "tensor(uint8)": np.uint8}
    results = []
    for path in (original, locked):
        rng = np.random.default_rng(1)
        try:
            s = session(path, levels()[-1])
        except Exception as e:
            print("the original does not load" if path == original else f"sealed DOES NOT LOAD: {e}"[:150])
            return
        for size in (64, 1, 16, 224):
            feed = {}
            for i in s.get_inputs():
                shape = [d if isinstance(d, int) and d > 0 else (1 if k == 0 else size) for k, d in enumerate(i.shape)]
                v = rng.random(shape) if "float" in i.type or "double" in i.type else rng.integers(0, 2, shape)
                feed[i.name] = np.asarray(v, kinds.get(i.type, np.float32))
            try:
                out = s.run(None, feed)
            except Exception:
                out = None
                continue
            break
        results.append(None if out is None else all(np.isfinite(o).all() for o in out if hasattr(o, "dtype") and o.dtype.kind == "f"))
    if results[0] is None:
        print(UNKNOWN)
    elif results[1] is None:
        print("original runs, sealed DOES NOT")
    else:
        print("runs" if results[1] or not results[0] else "NOT FINITE")


def wild_table(work):
    """Seals and unseals every model; a table by package, and what is not as it should be, by name."""
    import collections
    packages, notes = {}, []
    models = sorted(p for p in a.folder.resolve().rglob("*.onnx") if "backend__test" not in p.name or "__light__" in p.name)
    for model in models:
        name = model.relative_to(a.folder.resolve())
        data = model.with_name(model.name + ".data")
        if data.exists():  # fetch put the folders into the names: undo that, since the model knows its data by name
            folder = work / "data"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            model = pathlib.Path(shutil.copy(model, folder / model.name.split("__")[-1]))
            shutil.copy(data, folder / data.name.split("__")[-1])
        locked, key = work / "locked.onnx", work / "key"
        for f in (locked, key):
            f.unlink(missing_ok=True)
        if wrong := protect(model, locked, key):
            outcome = wrong.replace(str(model), "")
        elif not comes_back(model, locked, key, work):
            outcome = "DOES NOT COME BACK"
        else:
            child = subprocess.run([sys.executable, __file__, "wild", "--pair", model, locked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
            outcome = child.stdout.strip() or (child.stderr.strip().splitlines() or [f"status {child.returncode}"])[-1][:150]
        known = outcome in ("runs", UNKNOWN)
        row = packages.setdefault(name.parts[0], collections.Counter())
        row["models"] += 1
        row["back"] += wrong is None and outcome != "DOES NOT COME BACK"
        row["runs"] += outcome == "runs"
        row["loads"] += outcome == UNKNOWN
        if not known:
            notes.append(f"* {name}: {outcome}")
        print(f"{name}: {outcome}", file=sys.stderr, flush=True)
    print("| package | models | bit for bit back | run sealed | load sealed, inputs not known |\n|---|---|---|---|---|")
    packages["all"] = sum(packages.values(), collections.Counter())
    for package, row in packages.items():
        print(f"| {package} | {row['models']} | {row['back']} | {row['runs']} | {row['loads']} |")
    print("\n" + "\n".join(notes))


if a.pair:
    run_wild(*a.pair)
    sys.exit()
table = {"large": large_table, "keys": keys_table, "kill": kill_table, "models": models_table, "wild": wild_table}[a.what]
with tempfile.TemporaryDirectory(dir=a.work) as work:
    table(pathlib.Path(work))
