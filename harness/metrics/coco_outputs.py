"""Reading detections from a network's outputs: their number, boxes, classes, scores, and how the image was resized.

Card parameter `outputs = { count, boxes, classes, scores, info }` names the outputs where they are not called as in
SpineNet's graph. Boxes are (top, left, bottom, right) in pixels of the resized image; row 2 of `info` is the scale of
that image, down and across. A graph without `info` resizes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.cards import ModelCard
from harness.errors import CardError, RunError
from harness.metrics.outputs import check_finite, check_shape, place, scored_array
from harness.samples import Array, Outputs

NAMES = {
    "count": "NumDetections",
    "boxes": "DetectionBoxes",
    "classes": "DetectionClasses",
    "scores": "DetectionScores",
    "info": "ImageInfo",
}
SCALE_ROW = 2


@dataclass(frozen=True)
class Rows:
    """The rows of one or more images: `boxes` float64 [n, 4] left, top, width, height; `valid` False for padding."""

    boxes: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """Return the rows of all parts, in order."""
        none = cls(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.bool_))
        columns = [(part.boxes, part.classes, part.scores, part.valid) for part in (none, *parts)]
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def at(self, index: npt.NDArray[np.int64]) -> "Rows":
        """Return some rows, in this order."""
        return Rows(self.boxes[index], self.classes[index], self.scores[index], self.valid[index])

    def scaled(self, across: float, down: float) -> "Rows":
        """Return the rows with boxes larger by these factors."""
        return Rows(self.boxes * (across, down, across, down), self.classes, self.scores, self.valid)


def positions(card: ModelCard) -> dict[str, int]:
    """Return where each output is among the kept ones; raises CardError for unknown parameters and missing outputs."""
    params = dict(card.metric.params)
    names = params.pop("outputs", {})
    if params or not isinstance(names, dict) or set(names) - set(NAMES):
        raise CardError("metric.params", f"expected outputs = {{ {', '.join(NAMES)} }}", str(card.metric.params))
    kept = [spec.name.removesuffix(":0") for spec in card.kept_outputs]
    found = {}
    for role, usual in NAMES.items():
        name = str(names.get(role, usual)).removesuffix(":0")
        if name in kept:
            found[role] = kept.index(name)
        elif role != "info" or role in names:
            what = f"expected an output {name!r} with the {role} of the detections"
            raise CardError("output", what, ", ".join(kept), "name it in metric.params.outputs")
    return found


def rows(card: ModelCard, found: Outputs) -> Rows:
    """Return all rows of one image, in pixels of the network's input.

    Divided and subtracted in float32, as SpineNet's evaluation does. Raises RunError: `nan` for NaN or infinity,
    `data` for a wrong shape, a class that the card has not, or padding that scores higher than a detection.
    """
    corners, classes, scores, count = _arrays(card, found)
    size = corners[:, 2:] - corners[:, :2]
    boxes = np.concatenate([corners[:, 1::-1], size[:, ::-1]], axis=1).astype(np.float64)
    valid = np.arange(len(scores)) < count
    _check_padding(place(card, found.sample_id, "scores"), scores, valid)
    return Rows(boxes, classes, scores, valid)


def sorted_rows(card: ModelCard, found: Outputs) -> Array:
    """Return rows × (class, top, left, bottom, right, score), in whole pixels and per cent, sorted; padding is 0."""
    corners, classes, scores, count = _arrays(card, found)
    table = np.column_stack([classes, np.rint(corners), np.rint(100 * scores)]).astype(np.int32)
    table[count:] = 0
    return table[np.lexsort(table.T[::-1])]


def _arrays(card: ModelCard, found: Outputs) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.float32], int]:
    """Return the corners in the network's input, classes, scores, and how many rows are detections."""
    scored_array(card, found)
    check_finite(card, found, skip_scored=False)
    where = place(card, found.sample_id, "detections")
    named = {role: np.asarray(found.arrays[position]) for role, position in positions(card).items()}
    scores = np.asarray(named["scores"], np.float32)
    check_shape(where, named["boxes"].shape, (scores.size, 4))
    check_shape(where, named["classes"].shape, scores.shape)
    count = named["count"].reshape(-1)
    check_shape(where, count.shape, (1,))
    classes = _whole(where, named["classes"], card.class_count)
    corners = named["boxes"].astype(np.float32)
    if "info" in named:
        check_shape(where, named["info"].shape, (4, 2))
        scale = named["info"][SCALE_ROW].astype(np.float32)
        if (scale <= 0).any():
            raise RunError(where, "expected a positive scale", str(scale), kind="data", stage="score")
        corners /= np.tile(scale, 2)
    return corners, classes, scores, int(_whole(where, count, scores.size)[0])


def _whole(where: str, values: Array, most: int) -> npt.NDArray[np.int64]:
    """Return values as integers; raises RunError unless they are whole numbers from 0 to `most`."""
    whole = values.astype(np.int64)
    if (whole != values).any() or (whole < 0).any() or (whole > most).any():
        wrong = values[(whole != values) | (whole < 0) | (whole > most)][0]
        raise RunError(where, f"expected whole numbers from 0 to {most}", str(wrong), kind="data", stage="score")
    return whole


def _check_padding(where: str, scores: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> None:
    """Matches of detections are those without padding only while no padding row comes before a detection."""
    if valid.any() and not valid.all() and scores[~valid].max() > scores[valid].min():
        what, got = "expected padding rows to score no higher than any detection", f"{scores[~valid].max():g}"
        raise RunError(where, what, got, "compare the count with the scores", kind="data", stage="score")
