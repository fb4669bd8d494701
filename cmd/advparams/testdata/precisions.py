#!/usr/bin/env python3
"""Make copies of an image classifier in other precisions, as users make them.

usage: precisions.py MODEL.onnx CIFAR10.bin.gz FOLDER

Writes float16.onnx (onnxconverter-common) and per-tensor.onnx and per-channel.onnx
(onnxruntime's quantize_static, calibrated on 200 images) to FOLDER. Exit status 3:
a module is missing.
"""
import gzip, os, sys

try:
    import numpy as np, onnx
    from onnxconverter_common import float16
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
except ImportError as e:
    print(f"{e.name} is not installed"); sys.exit(3)

model, data, folder = sys.argv[1:]
records = np.frombuffer(gzip.open(data).read(3073 * 200), np.uint8).reshape(-1, 3073)
mean, std = np.float32([[.4914, .4822, .4465], [.247, .2435, .2616]]).reshape(2, 1, 3, 1, 1)
images = (records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255 - mean) / std


class Images(CalibrationDataReader):
    def __init__(self):
        self.batches = iter(np.split(images, 10))

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"input": batch}


onnx.save(float16.convert_float_to_float16(onnx.load(model), keep_io_types=True), os.path.join(folder, "float16.onnx"))
for name, channels in (("per-tensor", False), ("per-channel", True)):
    quantize_static(model, os.path.join(folder, name + ".onnx"), Images(), quant_format=QuantFormat.QDQ,
                    per_channel=channels, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
