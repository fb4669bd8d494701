#!/usr/bin/env python3
"""Writes coco.json: random objects and detections, and the mean average precision that pycocotools finds for them.

usage: coco.py (with pycocotools 2.0.11 and numpy)
"""
import contextlib, io, json, os
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def case(seed, images, classes, noise, crowds=0):
    rng = np.random.default_rng(seed)
    objects, found = [], []
    for image in range(images):
        for _ in range(int(rng.integers(0, 6))):
            kind, box = int(rng.integers(classes)), np.concatenate([rng.uniform(0, 60, 2), rng.uniform(8, 40, 2)])
            crowd = int(crowds > 0 and rng.random() < crowds)
            objects.append([image, kind, *np.round(box, 2).tolist(), crowd])
            if crowd:  # several are found in it
                for _ in range(3):
                    part = np.concatenate([box[:2] + rng.uniform(0, 0.6, 2) * box[2:], box[2:] * 0.5])
                    found.append([image, kind, *np.round(part, 2).tolist(), round(float(rng.uniform()), 2)])
            for _ in range(int(rng.integers(0, 3))):  # found none, one or two times, sometimes as another class
                other = kind if rng.random() < 0.8 else int(rng.integers(classes))
                found.append([image, other, *np.round(box + rng.normal(0, noise, 4), 2).tolist(), round(float(rng.uniform()), 2)])
        for _ in range(int(rng.integers(0, 3))):
            found.append([image, int(rng.integers(classes)), *np.round(np.concatenate([rng.uniform(0, 60, 2), rng.uniform(8, 40, 2)]), 2).tolist(), round(float(rng.uniform()), 2)])
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(images)], "categories": [{"id": k} for k in range(classes)],
            "annotations": [{"id": i + 1, "image_id": o[0], "category_id": o[1], "bbox": o[2:6], "area": o[4] * o[5], "iscrowd": o[6]} for i, o in enumerate(objects)],
        }
        truth.createIndex()
        answers = truth.loadRes([{"image_id": d[0], "category_id": d[1], "bbox": d[2:6], "score": d[6]} for d in found])
        e = COCOeval(truth, answers, "bbox")
        e.evaluate(), e.accumulate(), e.summarize()
    return {"objects": objects, "found": found, "map50": float(e.stats[1]), "map": float(e.stats[0])}


if __name__ == "__main__":
    cases = [case(1, 4, 1, 2), case(2, 12, 3, 1.5), case(3, 20, 5, 4), case(4, 6, 8, 0.5), case(5, 20, 4, 2, 0.3)]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "coco.json"), "w") as f:
        json.dump(cases, f, separators=(",", ":"))
        f.write("\n")
