"""Scenes of several digits each, for detection, in the COCO layout."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.datasets import digit_glyphs as glyphs
from harness.datasets.digit_scenes import Scene, SceneParams, scenes, train_ids
from harness.samples import Objects

QUALITY = 95
"""Of the JPEG files; colours are not subsampled, so a decoded pixel is a few grey levels from the drawn one."""
DIGITS = 10
FEWEST_PIXELS = 12
"""A digit with less visible ink is not annotated."""


class BoxParams(SceneParams):
    """How the scenes look, as for `digit-scenes`; nothing is left unscored."""


class BoxedScene(NamedTuple):
    """A scene with its objects: `pixels` uint8 height × width × 3 RGB; category id = digit + 1."""

    pixels: npt.NDArray[np.uint8]
    objects: Objects


def boxed_scenes(params: BoxParams, split: glyphs.Split) -> Iterator[BoxedScene]:
    """Yield `params.count` scenes; a digit's box is the smallest that holds its ink, its area that ink."""
    for scene in scenes(params, split):
        yield BoxedScene(scene.pixels, _objects(params, scene))


def write_coco(params: BoxParams, root: Path) -> None:
    """Write `annotations/instances_val.json` and `val/<12 digits>.jpg` below `root`.

    The images are listed in the reverse order of their ids, as COCO's own files do not sort them either.
    """
    from PIL import Image

    (root / "val").mkdir(parents=True)
    (root / "annotations").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, scene in enumerate(boxed_scenes(params, "val"), start=1):
        name = f"{number:012d}.jpg"
        Image.fromarray(scene.pixels).save(root / "val" / name, quality=QUALITY, subsampling=0)
        images.insert(0, {"id": number, "file_name": name, "height": params.height, "width": params.width})
        annotations += _annotations(scene.objects, number, len(annotations) + 1)
    categories = [{"id": digit + 1, "name": str(digit)} for digit in range(DIGITS)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "instances_val.json").write_text(json.dumps(document), encoding="ascii")


def _objects(params: BoxParams, scene: Scene) -> Objects:
    """Find the digits by their labels: there is at most one in a slot."""
    found = train_ids(scene.label_ids)
    boxes, classes, areas = [], [], []
    for top in range(0, params.height, params.slot):
        for left in range(0, params.width, params.slot):
            part = found[top : top + params.slot, left : left + params.slot]
            rows, columns = np.nonzero(part > 0)
            if len(rows) < FEWEST_PIXELS:
                continue
            size = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
            boxes.append((left + int(columns.min()), top + int(rows.min()), *size))
            classes.append(int(part[rows[0], columns[0]]))
            areas.append(len(rows))
    return Objects(
        height=params.height,
        width=params.width,
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        areas=np.array(areas, np.float64),
        crowd=np.zeros(len(boxes), np.bool_),
    )


def _annotations(objects: Objects, image_id: int, first_id: int) -> Iterator[dict[str, Any]]:
    rows = zip(objects.boxes.tolist(), objects.classes.tolist(), objects.areas.tolist(), strict=True)
    for number, (box, category, area) in enumerate(rows, start=first_id):
        row = {"id": number, "image_id": image_id, "category_id": category, "bbox": box, "area": area, "iscrowd": 0}
        yield row | {"segmentation": []}
