"""Confusion matrices from the sidecars of accuracy cases: what was there against what was taken for it."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness import sidecar
from harness.report.detections import Fates, crossings, fates
from harness.report.document import CasePart
from harness.report.shown import shown
from harness.samples import Array
from harness.units import written

MOST_CLASSES = 30
"""More rows than that are not read on a page: there only the most frequent confusions are listed."""
MOST_PAIRS = 8
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """One confusion: how many (pixels or pictures) of a class were taken for another, and of how many."""

    true: str
    taken_for: str
    count: int
    share_text: str


@dataclass(frozen=True)
class Confusion:
    """Rows are the true classes; `shares` in whole per cent of their row, empty where there are too many classes.

    Detections also have what became of each class, in `fates`; `lack` says why there is no matrix.
    """

    classes: tuple[str, ...] = ()
    shares: tuple[tuple[int, ...], ...] = ()
    pairs: tuple[Pair, ...] = ()
    of_what: str = ""
    lack: str = ""
    fates: Fates | None = None


def confusion(folder: Path, case: CasePart, names: Sequence[str] = ()) -> Confusion | None:
    """Return the confusions of a case, None where its metric has none; a damaged file is told in `lack`."""
    if case.outcomes_kind not in ("miou", "top-k", "map"):
        return None
    found = outcomes(folder, case.outcomes_file)
    if isinstance(found, str):
        return Confusion(lack=found)
    try:
        if case.outcomes_kind == "map":
            return _of_objects(found, names)
        return _of_pixels(found) if case.outcomes_kind == "miou" else _of_pictures(found, names)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return Confusion(lack=f"{case.outcomes_file} is not what a run writes: {shown(' '.join(str(error).split()))}")


def outcomes(folder: Path, file: str) -> dict[str, Array] | str:
    """Return the arrays of a sidecar below a run's folder, or why there are none."""
    root = folder.resolve()
    path = (root / file).resolve()
    if not file or not path.is_relative_to(root) or not path.is_file():
        return f"{shown(file) or 'a sidecar'} is not in the run's folder"
    try:
        return sidecar.read(path)
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        return f"{shown(file)} cannot be read: {shown(' '.join(str(error).split()))}"


class _Cells(NamedTuple):
    """The pairs of classes that occur, by their places: how often, and how often the true class does in all."""

    true: Counts
    taken_for: Counts
    times: Counts
    total: Counts


def _of_pixels(found: Mapping[str, Array]) -> Confusion:
    classes = tuple(shown(str(name)) for name in found["classes"])
    size = len(classes)
    counts = np.bincount(found["cell"], weights=found["count"], minlength=size * size).astype(np.int64)
    counts = counts.reshape(size, size)
    return _confusion(classes, _cells(counts, counts.sum(axis=1)), "pixels")


def _of_pictures(found: Mapping[str, Array], names: Sequence[str]) -> Confusion:
    if "label" not in found:
        return Confusion(lack="the run kept no labels; run it again with this omgate")
    both = np.stack([found["label"], found["pred"]]).astype(np.int64)
    # All classes where they are few, else those that occur: the square of all would be as large as it is empty.
    whole = max(len(names), int(both.max(initial=-1)) + 1)
    present = np.arange(whole) if whole <= MOST_CLASSES else np.unique(both)
    size = len(present)
    label, taken_for = np.searchsorted(present, both)
    cells, counts = np.unique(label * size + taken_for, return_counts=True)
    totals = np.bincount(label, minlength=size)
    classes = tuple(shown(names[one]) if 0 <= one < len(names) else str(one) for one in present.tolist())
    made = _confusion(classes, _Cells(cells // size, cells % size, counts, totals[cells // size]), "pictures")
    return made if whole <= MOST_CLASSES else replace(made, shares=())


def _of_objects(found: Mapping[str, Array], names: Sequence[str]) -> Confusion:
    told = fates(found, names)
    if "object_taken_for" not in found:
        return Confusion(lack="the run kept no detections of other classes; run it again with this omgate", fates=told)
    crossed = crossings(found, names)
    return replace(_confusion(crossed.classes, _cells(crossed.counts, crossed.totals), "objects"), fates=told)


def _cells(counts: Counts, totals: Counts) -> _Cells:
    """Return the cells of a matrix, true × taken for, that are not empty."""
    true, taken_for = np.nonzero(counts)
    return _Cells(true, taken_for, counts[true, taken_for], totals[true])


def _confusion(classes: tuple[str, ...], cells: _Cells, of_what: str) -> Confusion:
    shares: tuple[tuple[int, ...], ...] = ()
    if len(classes) <= MOST_CLASSES:
        per_cent = np.zeros((len(classes), len(classes)), np.int64)
        per_cent[cells.true, cells.taken_for] = np.rint(100 * cells.times / cells.total)
        shares = tuple(tuple(row) for row in per_cent.tolist())
    return Confusion(classes, shares, _pairs(classes, cells), of_what)


def _pairs(classes: Sequence[str], cells: _Cells) -> tuple[Pair, ...]:
    """Return the confusions with the largest shares of their true class: a large class would else take every place."""
    wrong = np.flatnonzero(cells.true != cells.taken_for)
    share = cells.times / cells.total
    worst = wrong[np.argsort(-share[wrong], kind="stable")][:MOST_PAIRS].tolist()
    return tuple(
        Pair(
            classes[cells.true[at]], classes[cells.taken_for[at]], int(cells.times[at]),
            written(float(share[at]), "fraction"),
        )
        for at in worst
    )  # fmt: skip
