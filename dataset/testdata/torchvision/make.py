"""Makes torchvision.npz: images, and what torchvision makes of them.

    pip install torchvision pillow numpy
    python make.py

The images are fields of smooth noise with edges and grain, as photographs have them, of
sizes from 17 to 160 pixels. Each is resized and cropped in the ways that TestTorchvision
repeats. Values are bytes, before they are normalised.
"""
import os

import numpy as np
import torchvision
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

BILINEAR, BICUBIC, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC, InterpolationMode.NEAREST
WAYS = {
    "cover": Compose([Resize(24, BILINEAR), CenterCrop(24)]),
    "imagenet": Compose([Resize(27, BILINEAR), CenterCrop(24)]),
    "clip": Compose([Resize(24, BICUBIC), CenterCrop(24)]),
    "exact": Resize((20, 28), BILINEAR),
    "bicubic": Resize((20, 28), BICUBIC),
    "nearest": Resize((20, 28), NEAREST),
    "crop": CenterCrop((25, 30)),
}


def photograph(rng, h, w):
    """Smooth colours, a few straight edges, and grain."""
    coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    x = np.asarray(Image.fromarray(coarse).resize((w, h), Image.BICUBIC)).astype(float)
    for _ in range(3):
        nx, ny = rng.normal(size=2)
        side = nx * (np.arange(w)[None, :] - rng.uniform(0, w)) + ny * (np.arange(h)[:, None] - rng.uniform(0, h)) > 0
        x += side[..., None] * rng.uniform(-90, 90, 3)
    x += rng.normal(size=x.shape) * rng.choice([0, 0, 4])
    return np.clip(np.round(x), 0, 255).astype(np.uint8)


def main():
    rng = np.random.default_rng(1)
    out = {"torchvision": np.array([int(v) for v in torchvision.__version__.split("+")[0].split(".")])}
    for i in range(50):
        h, w = rng.integers(14, 42, 2) if i < 46 else rng.integers(80, 120, 2)
        pixels = photograph(rng, int(h), int(w))
        image = Image.fromarray(pixels)
        out[f"{i}"] = pixels
        for name, way in WAYS.items():
            if i % len(WAYS) == list(WAYS).index(name) or i >= 46:
                out[f"{i}/{name}"] = np.asarray(way(image))
    np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "torchvision.npz"), **out)


main()
