"""What became of objects and detections, class by class, from the sidecars of detection cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.report.shown import shown
from harness.samples import SURE, Array
from harness.units import written

FIRST_LANE = 0x80
"""The bit of all sizes at IoU 0.50: fates are packed areas × thresholds, the highest bit first."""
MOST_CLASSES = 90


@dataclass(frozen=True)
class ClassFate:
    """A class's objects, how many of them were found and missed, and how many detections were of no object."""

    name: str
    objects: int
    found: int
    missed: int
    found_text: str
    alarms: int


@dataclass(frozen=True)
class Fates:
    """The classes, that with the largest share of missed objects first."""

    classes: tuple[ClassFate, ...] = ()
    score_text: str = f"{SURE:g}"


@dataclass(frozen=True)
class Crossings:
    """How often an object of each class (row) is taken for each (column); `totals` also count those with nothing on."""

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    totals: npt.NDArray[np.int64]


def fates(found: Mapping[str, Array], names: Sequence[str]) -> Fates:
    """Return what became of the objects and detections of a sidecar, at IoU 0.50 and scores from 0.3.

    Objects that COCO ignores are left out. Raises KeyError, ValueError or IndexError for what is no such sidecar.
    """
    matched, ignored = ((found[name][:, 0] & FIRST_LANE) != 0 for name in ("matched", "ignored"))
    sure = found["valid"] & (found["score"] >= SURE) & ~ignored
    of_object = found["object_class"][found["object_counted"][:, 0]].astype(np.int64)
    of_detection = found["class"].astype(np.int64)
    size = 1 + max(int(of_object.max(initial=0)), int(of_detection.max(initial=0)), len(names))
    counted = [np.bincount(some, minlength=size).tolist() for some in
               (of_object, of_detection[sure & matched], of_detection[sure & ~matched])]  # fmt: skip
    rows = [_fate(names, at, *one) for at, one in enumerate(zip(*counted, strict=True)) if any(one)]
    rows.sort(key=lambda one: (-one.missed / one.objects if one.objects else 0.0, -one.alarms))
    return Fates(tuple(rows[:MOST_CLASSES]))


def crossings(found: Mapping[str, Array], names: Sequence[str]) -> Crossings:
    """Return what the objects that count were taken for, the classes that occur only; raises as `fates`."""
    counted = found["object_counted"][:, 0]
    true, taken_for = (found[name][counted].astype(np.int64) for name in ("object_class", "object_taken_for"))
    on = taken_for >= 0
    present = np.unique(np.concatenate([true, taken_for[on]]))
    size = len(present)
    row, column = np.searchsorted(present, true), np.searchsorted(present, taken_for[on])
    counts = np.bincount(row[on] * size + column, minlength=size * size).reshape(size, size)
    totals = np.bincount(row, minlength=size)
    return Crossings(tuple(_name(names, number) for number in present.tolist()), counts, totals)


def _name(names: Sequence[str], number: int) -> str:
    """Return what a class is called; COCO counts categories from 1."""
    return shown(names[number - 1]) if 0 < number <= len(names) else f"class {number}"


def _fate(names: Sequence[str], number: int, objects: int, hits: int, alarms: int) -> ClassFate:
    share = written(hits / objects, "fraction") if objects else ""
    return ClassFate(_name(names, number), objects, hits, objects - hits, share, alarms)
