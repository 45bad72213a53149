"""Mutants of the TensorFlow pair's data: records and annotations, on the disk and on their way to the network."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.datasets import tf_example
from harness.datasets.tfrecord import Record, places, read
from tests.bench.mutants import SEGMENTATION, SPINENET, Change, Mutant, edit, forget, wrap
from tests.bench.mutants_card import BGR, step
from tests.bench.mutants_input import before, on_disk
from tests.bench.mutants_run import LABELLED

RECORDS = "harness.datasets.tfrecord.{}"
PICTURE, TARGET = RECORDS.format("TFRecords.picture"), RECORDS.format("TFRecords.target")
OBJECTS = "harness.datasets.coco._objects"
DOUBLED = "width = 128, height = 128"

Rows = dict[str, Any]


def _found(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda original: lambda *given: change(original(*given))


def _of_the_next(original: Any) -> Any:
    def target(self: Any, sample_id: str) -> Any:
        ids = self.ids
        return original(self, ids[(ids.index(sample_id) + 1) % len(ids)])

    return target


def _first_scored_twice(original: Any) -> Any:
    return lambda self: original(replace(self, ids=(self.ids[0], *self.ids[:-1])))


def serialized(record: Record, **other: bytes | int) -> bytes:
    """Return a record as bytes, with other features than its own or more of them."""
    height, width, channels = record.bgr.shape
    sizes = {"height": height, "width": width, "channels": channels}
    content = {"image": record.bgr.tobytes(), "label": record.labels.tobytes(), **sizes, **other}
    return tf_example.record(tf_example.example(content))


def records(change: Callable[[list[Record]], list[bytes]]) -> Change:
    """Return a change of a copy of the record file."""

    def rewrite(root: Path) -> None:
        path = root / "val.tfrecord"
        changed = change([read(place) for place in places(path)])
        path.unlink()
        path.write_bytes(b"".join(changed))

    return on_disk(rewrite)


def _bytes(found: list[Record]) -> list[bytes]:
    return [serialized(record) for record in found]


def _damaged(found: list[Record]) -> list[bytes]:
    content = _bytes(found)
    flipped = bytearray(content[7])
    flipped[len(flipped) // 2] ^= 1
    return [*content[:7], bytes(flipped), *content[8:]]


def _sizes_exchanged(found: list[Record]) -> list[bytes]:
    return [serialized(record, height=record.bgr.shape[1], width=record.bgr.shape[0]) for record in found]


def _label_ids(found: list[Record]) -> list[bytes]:
    return [*_bytes(found[:-1]), serialized(found[-1], label=np.full_like(found[-1].labels, 26).tobytes())]


def _labels_last_first(found: list[Record]) -> list[bytes]:
    """Write labels column by column."""
    return [serialized(record, label=record.labels.T.tobytes()) for record in found]


def _last_class(labels: Any) -> Any:
    return np.where(labels < 0, 10, labels)


def annotations(change: Callable[[Rows, Path], object]) -> Change:
    """Return a change of a copy of the annotations, and of the pictures' folder."""

    def rewrite(root: Path) -> None:
        path = root / "annotations" / "instances_val.json"
        document = json.loads(path.read_bytes())
        change(document, root / "val")
        path.write_text(json.dumps(document), encoding="ascii")

    return on_disk(rewrite)


def enlarged(down: int, across: int) -> Change:
    """Return a change that makes every picture whole times larger, without loss, and its boxes with it."""

    def change(document: Rows, folder: Path) -> None:
        for row in document["images"]:
            path = folder / row["file_name"]
            pixels = np.asarray(Image.open(path).convert("RGB")).repeat(down, axis=0).repeat(across, axis=1)
            path.unlink()
            row |= {"file_name": f"{path.stem}.png", "height": pixels.shape[0], "width": pixels.shape[1]}
            Image.fromarray(pixels).save(path.with_suffix(".png"), compress_level=1)
        for row in document["annotations"]:
            row["bbox"] = [number * factor for number, factor in zip(row["bbox"], (across, down) * 2, strict=True)]

    return annotations(change)


def shrunk(name: str, **params: str) -> Change:
    """Return a change of the card: one step that makes the pictures 128 × 128 again."""
    given = ", ".join([DOUBLED, *(f"{key} = {value}" for key, value in params.items())])
    return edit(r"^\[metric\]", step(name, given).replace("\\", "") + "[metric]")


def _counted_from_0(document: Rows, folder: Path) -> None:
    for table, key in (("annotations", "category_id"), ("categories", "id")):
        for row in document[table]:
            row[key] -= 1


def _image_missing(document: Rows, folder: Path) -> None:
    del document["images"][0]


def _file_missing(document: Rows, folder: Path) -> None:
    (folder / document["images"][0]["file_name"]).unlink()


def _corners(objects: Any) -> Any:
    """Take width and height for the right and the lower end."""
    boxes = objects.boxes.copy()
    boxes[:, 2:] = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return replace(objects, boxes=boxes)


def _next_class(objects: Any) -> Any:
    return replace(objects, classes=objects.classes % 10 + 1)


def _rows_before_columns(objects: Any) -> Any:
    return replace(objects, boxes=objects.boxes[:, [1, 0, 3, 2]])


def _one(name: str, card: str, *how: Change, code: str = "missed", survives: str = "") -> Mutant:
    return Mutant(name, card, "accuracy", how, code, 1, survives)


SEGMENTED = (
    _one("RGB for BGR", SEGMENTATION, edit(BGR, "")),
    _one(
        "records read as RGB",
        SEGMENTATION,
        wrap(PICTURE, _found(lambda picture: replace(picture, pixels=picture.pixels[:, :, ::-1]))),
    ),
    _one(
        "the mean of red on blue",
        SEGMENTATION,
        edit(r"mean = \[0.406, 0.456, 0.485\]", "mean = [0.485, 0.456, 0.406]"),
        survives="it costs 0.13 points of the tiny weights, and the card tolerates 0.2",
    ),
    _one(
        "mean and std exchanged",
        SEGMENTATION,
        edit(r"mean = (.*), std = (.*) }", r"mean = \2, std = \1 }"),
    ),
    _one("pixels of label 255 scored as the last class", SEGMENTATION, wrap(TARGET, _found(_last_class))),
    _one("labels of the next record", SEGMENTATION, wrap(TARGET, _of_the_next)),
    _one("labels written column by column", SEGMENTATION, records(_labels_last_first)),
    _one("a record dropped", SEGMENTATION, records(lambda found: _bytes(found[:-1])), code="wrong-error"),
    _one("a record twice", SEGMENTATION, records(lambda found: _bytes([*found, found[3]])), code="wrong-error"),
    _one(
        "the first record scored twice, the last never, by both",
        SEGMENTATION,
        forget("outcomes"),
        wrap(LABELLED, _first_scored_twice),
        code="wrong-error",
    ),
    _one("a record with a flipped bit", SEGMENTATION, records(_damaged), code="wrong-error"),
    _one("height and width exchanged in the records", SEGMENTATION, records(_sizes_exchanged), code="wrong-error"),
    _one("label ids where train ids belong", SEGMENTATION, records(_label_ids), code="wrong-error"),
    _one(
        "NHWC read as NCHW",
        SEGMENTATION,
        edit(r'("N", 64, 128, 11\]\nlayout = )"NHWC"', r'\1"NCHW"'),
        code="wrong-error",
    ),
)

DETECTED = (
    _one("BGR for RGB", SPINENET, before(lambda pixels: pixels[:, :, ::-1])),
    _one("height and width transposed", SPINENET, before(lambda pixels: pixels.swapaxes(0, 1))),
    _one("a class id shifted by one", SPINENET, wrap(OBJECTS, _found(_next_class))),
    _one("corners for width and height of the annotations", SPINENET, wrap(OBJECTS, _found(_corners))),
    _one("annotated boxes as y before x", SPINENET, wrap(OBJECTS, _found(_rows_before_columns))),
    _one("categories that count from 0", SPINENET, annotations(_counted_from_0), code="wrong-error"),
    _one("an annotation for an image that is not listed", SPINENET, annotations(_image_missing), code="wrong-error"),
    _one("a picture missing", SPINENET, annotations(_file_missing), code="wrong-error"),
    _one(
        "a letterbox where pictures are stretched",
        SPINENET,
        enlarged(1, 2),
        shrunk("letterbox", fill="[0, 0, 0]"),
    ),
    _one(
        "boxes not mapped back to larger pictures",
        SPINENET,
        enlarged(2, 2),
        shrunk("resize", filter='"nearest"'),
        wrap("harness.metrics.coco_map.scale_to_input", lambda original: lambda *given: (1.0, 1.0)),
    ),
    _one("larger pictures, not resized", SPINENET, enlarged(2, 2), code="wrong-error"),
)

MUTANTS = (*SEGMENTED, *DETECTED)
