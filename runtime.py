# Runs a model in onnxruntime on batches of samples: python3 -c SCRIPT MODEL FOLDER THREADS [OUTPUT ...]
# FOLDER has the inputs in 0.npz, 1.npz and so on; outputs go to out0.npz, out1.npz and so on.
import os, sys
try:
    import numpy, onnxruntime
except ImportError as e:
    sys.exit(f"no-onnxruntime: {e}")
model, folder, threads, outputs = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
options = onnxruntime.SessionOptions()
options.log_severity_level, options.intra_op_num_threads = 4, threads
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
types = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool"}
names = outputs or [o.name for o in session.get_outputs()]

def array(y):
    if isinstance(y, list): # of a ZipMap: a number for each name
        y = numpy.array([[row[name] for name in sorted(row)] for row in y], "float32")
    return numpy.asarray(y, None if y.dtype.kind in "biu" else "float32")

for i in range(sum(name[0].isdigit() for name in os.listdir(folder))):
    arrays = numpy.load(os.path.join(folder, f"{i}.npz"))
    feed = {x.name: arrays[x.name].astype(types.get(x.type) or x.type[7:-1]) for x in session.get_inputs()}
    found = {str(k): array(y) for k, y in enumerate(session.run(names, feed))}
    numpy.savez(os.path.join(folder, f"out{i}.npz"), **found)
print(onnxruntime.__version__)
