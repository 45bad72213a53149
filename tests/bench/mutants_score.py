"""Mutants of the scoring: from outputs and targets to the number that is compared."""

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.metrics import iou
from harness.metrics.upsample import Resize
from tests.bench.mutants import ICNET, INTRADA, RESNEST, Change, Mutant, wrap

ROW, SCORES = "harness.metrics.topk._row", "harness.metrics.topk.scored_array"
LOGITS, SHARE = "harness.metrics.miou._logits", "harness.metrics.topk._share"
POOLED, RUNNING = "harness.metrics.iou.pooled_class_iou", "harness.metrics.iou.running_mean_iou"
OVERLAP = "harness.metrics.iou.Overlap.of"


def _found(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda original: lambda *given: change(original(*given))


def _in_percent(original: Any) -> Any:
    def share(*given: Any) -> Any:
        measure = original(*given)
        return measure.model_copy(update={"value": 100 * measure.value, "interval": None})

    return share


def _top5_as_top1(original: Any) -> Any:
    def row(scores: Any, label: int) -> Any:
        pred, _, hit5, standard1, standard5, margin = original(scores, label)
        return pred, hit5, hit5, standard1, standard5, margin

    return row


def _without_the_intersection(original: Any) -> Any:
    def of(matrices: Any) -> Any:
        found = original(matrices)
        return iou.Overlap(found.hits, found.union + found.hits)

    return of


def _without_the_ground(values: Any) -> Any:
    return np.where(np.arange(len(values)) == 0, np.nan, values)


def _each_image_alone(original: Any) -> Any:
    def running(overlap: Any) -> float:
        return float(np.mean([original(overlap.at(np.array([place]))) for place in range(len(overlap.hits))]))

    return running


def _over_one_class_more(value: float) -> float:
    return value * 11 / 12


def _nearest(original: Any) -> Any:
    def sources(size: int, target: int, align_corners: bool) -> Any:
        first, second, weight = original(size, target, align_corners)
        return first, second, np.zeros_like(weight)

    return sources


def _corners_not_aligned(original: Any) -> Any:
    return lambda logits, resize: original(logits, Resize(resize.height, resize.width, not resize.align_corners))


def _score(name: str, card: str, *how: Change, survives: str = "") -> Mutant:
    return Mutant(name, card, "accuracy", how, survives=survives)


ABOVE = "it scores above the promise, and the accuracy gate is one-sided by its definition"

MUTANTS = (
    _score("a class index off by one in the argmax", RESNEST, wrap(SCORES, _found(lambda scores: np.roll(scores, 1)))),
    _score("a class index off by one in the argmax", ICNET, wrap(LOGITS, _found(lambda logits: np.roll(logits, 1, 0)))),
    _score("the smallest logit for the largest", RESNEST, wrap(SCORES, _found(np.negative))),
    _score("the smallest logit for the largest", INTRADA, wrap(LOGITS, _found(np.negative))),
    _score("logits cut to integers before the argmax", RESNEST, wrap(SCORES, _found(np.floor))),
    _score("the label map turned around", INTRADA, wrap(LOGITS, _found(lambda logits: logits[:, ::-1, ::-1]))),
    _score("per cent for a fraction", RESNEST, wrap(SHARE, _in_percent)),
    _score("the union counts the intersection twice", ICNET, wrap(OVERLAP, _without_the_intersection)),
    _score("the union counts the intersection twice", INTRADA, wrap(OVERLAP, _without_the_intersection)),
    _score("the ground left out of the mean", INTRADA, wrap(POOLED, _found(_without_the_ground))),
    _score(
        "what is ignored counted as one class more",
        INTRADA,
        wrap("harness.metrics.iou.pooled_iou", _found(_over_one_class_more)),
    ),
    _score("mIoU of each image alone", ICNET, wrap(RUNNING, _each_image_alone)),
    _score(
        "the running mean for the dataset's",
        INTRADA,
        wrap("harness.metrics.iou.pooled_iou", lambda original: iou.running_mean_iou),
    ),
    _score("enlarged to the nearest logit", INTRADA, wrap("harness.metrics.upsample._sources", _nearest)),
    _score(
        "align_corners flipped in the enlargement",
        INTRADA,
        wrap("harness.metrics.miou.resized_tiles", _corners_not_aligned),
    ),
    _score("top-5 counted as top-1", RESNEST, wrap(ROW, _top5_as_top1), survives=ABOVE),
    _score(
        "absent classes left out of the running mean",
        ICNET,
        wrap(RUNNING, lambda original: iou.pooled_iou),
        survives=ABOVE,
    ),
)
