"""Mean intersection over union, from one confusion matrix over the whole set and as the ICNet script averages it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.cards import ModelCard
from harness.errors import CardError
from harness.metrics import iou, outputs
from harness.metrics.confusion import Tile, channels_last_tiles, confusion, label_map, tiles, truncated_hits
from harness.metrics.upsample import Resize, resized_tiles
from harness.results import Measure
from harness.samples import Array, Outputs


class MiouScorer:
    """Counts a confusion matrix per image; every measure comes from these matrices.

    The scored output is classes × height × width, or height × width × classes where the card's layout is NHWC.
    Card parameters: `upsample = { height, width, align_corners }` resizes the logits bilinearly before the argmax, as
    the IntraDA script does; `pixel_accuracy = "truncated"` also counts the ICNet script's pixel accuracy.
    """

    def __init__(self, card: ModelCard) -> None:
        """Raise CardError for a protocol or parameter that is not built in."""
        iou.protocol(card.metric)
        _resize(card)
        self._card = card
        self._ids: list[str] = []
        self._matrices: list[Array] = []
        self._truncated = card.metric.params.get("pixel_accuracy") == "truncated"
        self._hits: list[int] = []

    def add(self, found: Outputs, target: Any) -> None:
        """Score one image; `target` is an int16 map of train ids, -1 where ignored.

        Raises RunError: `nan` for NaN or infinity in any kept output, `data` for a wrong shape or label.
        """
        card, labels = self._card, np.asarray(target)
        outputs.check_finite(card, found, skip_scored=True)
        where = outputs.place(card, found.sample_id, card.scored_output.name)
        logits = _logits(card, found)
        outputs.check_shape(where, _size(card, logits), labels.shape)
        self._matrices.append(confusion(_tiles(card, logits), labels, card.class_count, where))
        if self._truncated:
            self._hits.append(truncated_hits(_tiles(card, logits), labels, where))
        self._ids.append(found.sample_id)

    def measures(self) -> tuple[Measure, ...]:
        """Return mIoU and pixel accuracy, the README's protocol first, then the IoU of every class seen."""
        return iou.measures(self._card.metric, self.outcomes())

    def outcomes(self) -> dict[str, Array]:
        """Return the non-zero cells of every image's matrix: `image`, `cell` (true × classes + best) and `count`."""
        names = self._card.classes if isinstance(self._card.classes, tuple) else map(str, range(self._card.class_count))
        return iou.sparse(self._ids, self._matrices, list(names), self._hits if self._truncated else None)

    def worst(self, n: int) -> tuple[str, ...]:
        """Return up to `n` images with the lowest mean IoU over the classes they show, the worst first."""
        each = (iou.pooled_iou(iou.Overlap.of(matrix[None])) for matrix in self._matrices)
        scored = zip(each, self._ids, strict=True)
        ranked = sorted((value, name) for value, name in scored if not np.isnan(value))
        return tuple(f"{name} (mIoU {100 * value:.2f} %)" for value, name in ranked[:n])


def prediction(card: ModelCard, found: Outputs) -> Array:
    """Return the label map, height × width, that the metric would score; raises RunError for NaN or infinity."""
    outputs.check_finite(card, found, skip_scored=True)
    logits = _logits(card, found)
    where = outputs.place(card, found.sample_id, card.scored_output.name)
    return label_map(_tiles(card, logits), _size(card, logits), where)


def _resize(card: ModelCard) -> Resize | None:
    """Return the card's resize of the logits, if it has one; raises CardError for parameters that are none."""
    params = dict(card.metric.params)
    if params.pop("pixel_accuracy", "truncated") != "truncated":
        raise CardError("metric.params.pixel_accuracy", "expected 'truncated'")
    table = params.pop("upsample", None)
    if params:
        raise CardError("metric.params", "unknown parameters", ", ".join(map(repr, params)))
    if table is None:
        return None
    try:
        return Resize(**table)
    except (TypeError, ValueError) as error:
        what = "expected { height, width, align_corners }: two positive integers, true or false"
        raise CardError("metric.params.upsample", what, str(error)) from error


def _logits(card: ModelCard, found: Outputs) -> Array:
    """Return the scored output, with the classes first or, where the card's layout is NHWC, last."""
    logits = outputs.scored_array(card, found)
    where = outputs.place(card, found.sample_id, card.scored_output.name)
    classes, size = (card.class_count,), logits.shape[-3:-1] if _channels_last(card) else logits.shape[-2:]
    outputs.check_shape(where, logits.shape, (*size, *classes) if _channels_last(card) else (*classes, *size))
    return logits


def _channels_last(card: ModelCard) -> bool:
    return card.scored_output.layout == "NHWC"


def _size(card: ModelCard, logits: Array) -> tuple[int, ...]:
    resize = _resize(card)
    if resize is not None:
        return resize.height, resize.width
    return logits.shape[:2] if _channels_last(card) else logits.shape[1:]


def _tiles(card: ModelCard, logits: Array) -> Iterator[Tile]:
    resize = _resize(card)
    if resize is not None:
        return resized_tiles(np.moveaxis(logits, -1, 0) if _channels_last(card) else logits, resize)
    return channels_last_tiles(logits) if _channels_last(card) else tiles(logits)
