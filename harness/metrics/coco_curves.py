"""From stored matches to COCO's twelve numbers: precision over recall, by class, area range and IoU threshold.

The rules are those of COCO's own evaluation (cocoapi, PythonAPI/pycocotools/cocoeval.py, accumulate and summarize):
detections of a class from all images, best score first; precision made non-increasing and read at 101 recalls.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.metrics.coco_match import AREAS, LANES, Flags, Floats, Integers
from harness.samples import Array

RECALLS = np.linspace(0.0, 1.0, 101)
MOST = (1, 10, 100)
"""How many detections of an image and class count, for the three average recalls."""
NAMES = ("map", "ap50", "ap75", "aps", "apm", "apl", "ar1", "ar10", "ar100", "ars", "arm", "arl")
"""The twelve numbers in COCO's order."""


@dataclass(frozen=True)
class _Class:
    """One class that has objects in an area range: `hits` and `misses` are thresholds × detections, best first.

    `image` is each detection's image, `rank` its place among those of its image and class, `objects` each object's
    image.
    """

    hits: Flags
    misses: Flags
    image: Integers
    rank: Integers
    objects: Integers


class Curves:
    """The detections of one protocol, ranked; `rows` tells which detections of the stored outcomes belong to it."""

    def __init__(self, outcomes: Mapping[str, Array], rows: Flags) -> None:
        self.images = len(outcomes["ids"])
        order = np.lexsort((-outcomes["score"], outcomes["class"]))
        order = order[rows[order]]
        ranks = _ranks(outcomes["image"][order], outcomes["class"][order])
        order, self._rank = order[ranks < MOST[-1]], ranks[ranks < MOST[-1]]
        self._class, self._image = outcomes["class"][order], outcomes["image"][order].astype(np.int64)
        self._matched, self._ignored = (unpacked(outcomes[name][order]) for name in ("matched", "ignored"))
        self._object_class, self._object_image = outcomes["object_class"], outcomes["object_image"].astype(np.int64)
        self._counted = outcomes["object_counted"]

    def summary(self) -> dict[str, float]:
        """Return COCO's twelve numbers by name; those of area ranges without objects are left out."""
        found: dict[str, float] = {}
        for number, area in enumerate(AREAS):
            classes = list(self._classes(number))
            if not classes:
                continue
            precision = np.array([_average_precision(one, None) for one in classes])
            if area == "all":
                found |= dict(zip(NAMES, precision_summary(precision), strict=False))
                found |= {f"ar{most}": _mean_recall(classes, most) for most in MOST}
            else:
                found |= {f"ap{area[0]}": float(precision.mean()), f"ar{area[0]}": _mean_recall(classes, MOST[-1])}
        return {name: found[name] for name in NAMES if name in found}

    def mean_precision(self) -> "MeanPrecision":
        """Return mAP as a function of how often each image counts."""
        return MeanPrecision(tuple(self._classes(0)), self.images)

    def _classes(self, area: int) -> Iterator[_Class]:
        counted = self._counted[:, area]
        for number in np.unique(self._object_class[counted]):
            part = slice(*np.searchsorted(self._class, [number, number + 1]))
            matched, ignored = self._matched[area, :, part], self._ignored[area, :, part]
            objects = self._object_image[counted & (self._object_class == number)]
            hits, misses = matched & ~ignored, ~matched & ~ignored
            yield _Class(hits, misses, self._image[part], self._rank[part], objects)


@dataclass(frozen=True)
class MeanPrecision:
    """Mean average precision over thresholds and classes, for images that count once or, in a resample, otherwise."""

    classes: tuple[_Class, ...]
    images: int

    def __call__(self, index: Integers) -> float:
        """Return mAP of the images of `index`, with repeats; NaN where they hold no object."""
        weights = np.bincount(index, minlength=self.images).astype(np.float64)
        present = (one for one in self.classes if weights[one.objects].any())
        values = [_average_precision(one, weights).mean() for one in present]
        return float(np.mean(values)) if values else float("nan")


def precision_summary(precision: Floats) -> tuple[float, float, float]:
    """Return mAP, AP at IoU 0.50 and AP at IoU 0.75 of average precisions, classes × thresholds."""
    return float(precision.mean()), float(precision[:, 0].mean()), float(precision[:, 5].mean())


def packed(flags: Flags) -> npt.NDArray[np.uint8]:
    """Return flags, areas × thresholds × detections, as bits: detections × 5 bytes."""
    return np.packbits(flags.reshape(LANES[0] * LANES[1], -1).T, axis=1)


def unpacked(bits: npt.NDArray[np.uint8]) -> Flags:
    """Return the flags of `packed`."""
    flags = np.unpackbits(bits, axis=1, count=LANES[0] * LANES[1]).view(np.bool_)
    return np.ascontiguousarray(flags.T).reshape(*LANES, -1)


def _average_precision(one: _Class, weights: Floats | None) -> Floats:
    """Return the mean of the precisions at 101 recalls, by threshold; each image counts `weights` times, or once."""
    if not one.image.size:
        return np.zeros(len(one.hits))
    objects = float(len(one.objects)) if weights is None else weights[one.objects].sum()
    times = 1.0 if weights is None else weights[one.image]
    hits, misses = (np.cumsum(flags * times, axis=1) for flags in (one.hits, one.misses))
    precision = hits / (hits + misses + np.spacing(1))
    falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hits / objects
    reached = np.array([np.searchsorted(row, RECALLS) for row in recall])
    read = np.take_along_axis(falling, np.minimum(reached, falling.shape[1] - 1), axis=1)
    mean: Floats = np.where(reached < falling.shape[1], read, 0.0).mean(axis=1)
    return mean


def _mean_recall(classes: list[_Class], most: int) -> float:
    """Return the share of objects found with at most so many detections per image and class: mean over classes."""
    return float(np.mean([one.hits[:, one.rank < most].sum(axis=1) / len(one.objects) for one in classes]))


def _ranks(image: Integers, classes: Integers) -> Integers:
    """Return the place of every detection among those of its image and class, in the order given."""
    order = np.lexsort((image, classes))
    key = np.stack([classes[order], image[order]])
    first = np.concatenate([np.ones(min(1, len(order)), np.bool_), (key[:, 1:] != key[:, :-1]).any(axis=0)])
    place = np.arange(len(order))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = place - place[first][np.cumsum(first) - 1]
    return ranks
