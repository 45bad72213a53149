"""Scoring as many images as COCO's validation set has takes a small part of pycocotools' time, to the same numbers."""

import contextlib
import io
import time
from typing import Any

import numpy as np
import pytest

from harness import metrics
from harness.cards import ModelCard
from harness.metrics.coco_curves import NAMES
from harness.samples import Array, Objects, Outputs
from tests.bench.figures import Figures

pytestmark = pytest.mark.slow
IMAGES, ROWS, CLASSES, OBJECTS = 5000, 100, 80, 7
OUTPUTS = {"NumDetections": (), "DetectionBoxes": (100, 4), "DetectionClasses": (100,), "DetectionScores": (100,)}


def test_scoring_5000_images_takes_a_quarter_of_pycocotools_time(figures: Figures, one_core: None) -> None:
    images = [_image(number) for number in range(IMAGES)]

    start = time.perf_counter()
    scorer = metrics.make_scorer(_card())
    for number, (outputs, objects) in enumerate(images):
        scorer.add(Outputs(f"{number:012d}", outputs), objects)
    numbers = {measure.name: measure.value for measure in scorer.measures() if measure.protocol == "standard"}
    ours = time.perf_counter() - start
    theirs, expected = _by_pycocotools(images)

    assert [numbers[name] for name in NAMES] == pytest.approx(expected, abs=1e-6)
    note = f" ({ours:.1f} s)"
    figures.at_least("pycocotools / scoring 5,000 images with 100 detections each", theirs / ours, 4.0, " ×", note)


def _card() -> ModelCard:
    outputs = [{"name": name, "dtype": "float32", "shape": ("N", *shape)} for name, shape in OUTPUTS.items()]
    return ModelCard.model_validate(
        {
            "name": "detector",
            "family": "f",
            "classes": CLASSES,
            "source": {"url": "u", "framework": "tensorflow"},
            "input": ({"name": "x", "dtype": "uint8", "shape": ("N", 640, 640, 3)},),
            "output": tuple({**one, "index": i, "scored": i == 1} for i, one in enumerate(outputs)),
            "dataset": {"kind": "coco", "count": IMAGES},
            "metric": {"name": "map", "protocol": "standard"},
        }
    )


def _image(number: int) -> tuple[tuple[Array, ...], Objects]:
    """Return detections and objects of an image: half of the detections lie around an object, the others anywhere."""
    random = np.random.default_rng(number)
    corner, size = random.uniform(0, 500, (OBJECTS, 2)), random.uniform(5, 140, (OBJECTS, 2))
    classes = random.integers(1, CLASSES + 1, OBJECTS)
    aimed = random.integers(0, OBJECTS, ROWS // 2)
    near = np.hstack([corner, corner + size])[aimed] + random.normal(0, 0.08, (ROWS // 2, 4)) * np.tile(size[aimed], 2)
    anywhere = random.uniform(0, 500, (ROWS - ROWS // 2, 2))
    far = np.hstack([anywhere, anywhere + random.uniform(5, 140, anywhere.shape)])
    boxes = np.vstack([near, far])[:, [1, 0, 3, 2]].astype(np.float32)  # top, left, bottom, right
    found = np.concatenate([classes[aimed], random.integers(1, CLASSES + 1, len(far))]).astype(np.float32)
    scores = random.random(ROWS).astype(np.float32)
    objects = Objects(
        640, 640, np.hstack([corner, size]), classes, 0.7 * size.prod(axis=1), random.random(OBJECTS) < 0.02
    )
    return (np.float32(ROWS).reshape(1), boxes, found, scores), objects


def _by_pycocotools(images: list[tuple[tuple[Array, ...], Objects]]) -> tuple[float, list[float]]:
    """Return seconds and the twelve numbers; writing the documents that pycocotools reads is not counted."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, results = _documents(images)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = truth
        annotated.createIndex()
        evaluation = COCOeval(annotated, annotated.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return time.perf_counter() - start, list(evaluation.stats)


def _documents(images: list[tuple[tuple[Array, ...], Objects]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, ((_, corners, found, scores), objects) in enumerate(images, start=1):
        size = corners[:, 2:] - corners[:, :2]
        boxes = np.hstack([corners[:, 1::-1], size[:, ::-1]]).astype(np.float64).tolist()
        rows = zip(boxes, found.tolist(), scores.tolist(), strict=True)
        results += [{"image_id": number, "bbox": b, "category_id": int(c), "score": s} for b, c, s in rows]
        columns = (objects.boxes, objects.classes, objects.areas, objects.crowd)
        for box, category, area, crowd in zip(*(column.tolist() for column in columns), strict=True):
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "bbox": box}
            annotations.append({**row, "area": area, "iscrowd": int(crowd)})
    truth = {
        "images": [{"id": number, "height": 640, "width": 640} for number in range(1, len(images) + 1)],
        "annotations": annotations,
        "categories": [{"id": number, "name": str(number)} for number in range(1, CLASSES + 1)],
        "info": {},
    }
    return truth, results
