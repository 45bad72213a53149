"""Matching detections to annotated objects by COCO's rules, for many images at once.

The rules are those of COCO's own evaluation (cocoapi, PythonAPI/pycocotools/cocoeval.py, evaluateImg). Best score
first, a detection takes the object of its class that overlaps it most and is still free; ignored objects come second,
and crowds are never used up. Images, classes, area ranges and IoU thresholds do not influence each other: so round k
settles the k-th best detection of every image and class, at all ranges and thresholds, in a few array operations.
Evaluating 5,000 images so takes a fifth of the time of faster-coco-eval, whose matches stay inside its C++.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
LANES = len(AREAS), len(THRESHOLDS)
NOTHING = -1

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Boxes:
    """Boxes of some images, one row each: `boxes` float64 [n, 4] left, top, width, height; `image` counts from 0."""

    image: Integers
    classes: Integers
    boxes: Floats

    @property
    def group(self) -> Integers:
        """A number for each image and class: boxes with different ones have nothing to do with each other."""
        return self.image * (1 << 32) + self.classes


@dataclass(frozen=True)
class Truth(Boxes):
    """Annotated objects."""

    areas: Floats
    crowd: Flags

    @property
    def ignored(self) -> Flags:
        """Whether an object does not count: areas × objects."""
        return self.crowd[None, :] | _outside(self.areas)


@dataclass(frozen=True)
class Detections(Boxes):
    """Detected objects, in the order in which equal scores count."""

    scores: npt.NDArray[np.float32]


class Matches(NamedTuple):
    """Detections' fates, each areas × thresholds × detections: an object was found; the detection does not count.

    `object` is the object that a detection found among those of all sizes at the lowest threshold, else `NOTHING`.
    """

    matched: Flags
    ignored: Flags
    object: Integers


@dataclass(frozen=True)
class _Pairs:
    """Detections and objects of one image and class that overlap enough for the lowest threshold.

    The pairs of a detection stand together, its objects in their order.
    """

    detection: Integers
    object: Integers
    iou: Floats

    def at(self, index: Integers | Flags | slice) -> "_Pairs":
        return _Pairs(self.detection[index], self.object[index], self.iou[index])


def match(detections: Detections, truth: Truth) -> Matches:
    """Return the fate of every detection, in their order."""
    ignored = truth.ignored
    pairs, rounds = _pairs(detections, truth)
    taken = np.zeros((*LANES, len(truth.image)), np.bool_)
    matched = np.zeros((*LANES, len(detections.image)), np.bool_)
    outside = _outside(detections.boxes[:, 2] * detections.boxes[:, 3])
    not_counted = np.repeat(outside[:, None, :], LANES[1], axis=1)
    own = np.full(len(detections.image), NOTHING)
    for part in _parts(rounds):
        now = pairs.at(part)
        free = ~taken[..., now.object] | truth.crowd[now.object]
        area, threshold, winner = _winners(now, free, ignored[:, None, now.object])
        found, finder = now.object[winner], now.detection[winner]
        taken[area, threshold, found] = True
        matched[area, threshold, finder] = True
        not_counted[area, threshold, finder] = ignored[area, found]
        first = (area == 0) & (threshold == 0)
        own[finder[first]] = found[first]
    return Matches(matched, not_counted, own)


def taken_for(detections: Detections, truth: Truth, fate: Matches, sure: Flags) -> Integers:
    """Return for each object the class of the detection on it at the lowest threshold, `NOTHING` where there is none.

    Only `sure` detections are looked at, first those of the object's own class, as COCO matched them; then, best first,
    those that are left, of whatever class, for the objects that are left.
    """
    found = np.full(len(truth.image), NOTHING)
    hits = sure & (fate.object != NOTHING)
    found[fate.object[hits]] = detections.classes[hits]
    free = np.flatnonzero(sure & ~hits)
    missed = np.flatnonzero((found == NOTHING) & ~truth.ignored[0])
    others = Detections(detections.image[free], np.zeros_like(free), detections.boxes[free], detections.scores[free])
    objects = Truth(
        truth.image[missed], np.zeros_like(missed), truth.boxes[missed], truth.areas[missed], truth.crowd[missed]
    )
    across = match(others, objects).object
    found[missed[across[across != NOTHING]]] = detections.classes[free[across != NOTHING]]
    return found


def _pairs(detections: Detections, truth: Truth) -> tuple[_Pairs, Integers]:
    """Return the pairs in the order of their rounds, and the round of each."""
    best_first = np.lexsort((-detections.scores, detections.group))
    by_group = np.argsort(truth.group, kind="stable")
    groups, wanted = truth.group[by_group], detections.group[best_first]
    first = np.searchsorted(groups, wanted)
    counts = np.searchsorted(groups, wanted, side="right") - first
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    detection, found = np.repeat(best_first, counts), by_group[np.repeat(first, counts) + offset]
    iou = _iou(detections.boxes[detection], truth.boxes[found], truth.crowd[found])
    pairs = _Pairs(detection, found, iou).at(iou >= THRESHOLDS[0])
    rounds = _rounds(pairs.detection, detections.group[pairs.detection])
    order = np.argsort(rounds, kind="stable")
    return pairs.at(order), rounds[order]


def _iou(detected: Floats, annotated: Floats, crowd: Flags) -> Floats:
    """Return the intersection over the union of pairs of boxes; over the detected box where the other is a crowd."""
    low = np.maximum(detected[:, :2], annotated[:, :2])
    high = np.minimum(detected[:, :2] + detected[:, 2:], annotated[:, :2] + annotated[:, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    own = detected[:, 2] * detected[:, 3]
    union = np.where(crowd, own, own + annotated[:, 2] * annotated[:, 3] - common)
    iou: Floats = np.divide(common, union, out=np.zeros_like(common), where=common > 0)
    return iou


def _rounds(detection: Integers, group: Integers) -> Integers:
    """Return, for pairs sorted by group and detection, which of its group's detections each belongs to."""
    number = np.cumsum(_changes(detection)) - 1
    first = _changes(group)
    rounds: Integers = number - number[first][np.cumsum(first) - 1]
    return rounds


def _parts(rounds: Integers) -> list[slice]:
    """Return where each round stands in the sorted `rounds`."""
    starts = [*np.flatnonzero(_changes(rounds)).tolist(), len(rounds)]
    return [slice(start, stop) for start, stop in pairwise(starts)]


def _winners(pairs: _Pairs, free: Flags, ignored: Flags) -> tuple[Integers, Integers, Integers]:
    """Return the pairs that become matches, as area, threshold and pair; there is one at most for a detection.

    The largest overlap wins, the last of equals; an ignored object only where no other is left.
    """
    first = _changes(pairs.detection)
    starts, owner = np.flatnonzero(first), np.cumsum(first) - 1
    possible = free & (pairs.iou >= THRESHOLDS[:, None])
    counted = np.logical_or.reduceat(possible & ~ignored, starts, axis=-1)
    possible &= ~ignored | ~counted[..., owner]
    largest = np.maximum.reduceat(np.where(possible, pairs.iou, -1.0), starts, axis=-1)
    possible &= pairs.iou == largest[..., owner]
    last = np.maximum.reduceat(np.where(possible, np.arange(len(owner)), -1), starts, axis=-1)
    area, threshold, which = np.nonzero(last >= 0)
    return area, threshold, last[area, threshold, which]


def _changes(values: Integers) -> Flags:
    """Return where a value differs from the one before; the first always does."""
    return np.concatenate([np.ones(min(1, len(values)), np.bool_), values[1:] != values[:-1]])


def _outside(areas: Floats) -> Flags:
    """Return which areas are outside each area range: ranges × areas."""
    limits = np.array(list(AREAS.values()))
    return (areas < limits[:, :1]) | (areas > limits[:, 1:])
