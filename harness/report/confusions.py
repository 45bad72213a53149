"""Confusion matrices from the sidecars of accuracy cases: what was there against what was taken for it."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import sidecar
from harness.report.detections import Fates, fates
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

    Detections have no matrix and what became of each class instead, in `fates`; `lack` says why there is neither.
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
            return Confusion(of_what="objects", fates=fates(found, names))
        return _of_pixels(found) if case.outcomes_kind == "miou" else _of_pictures(found, names)
    except (ValueError, KeyError, IndexError) as error:
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


def _of_pixels(found: Mapping[str, Array]) -> Confusion:
    classes = tuple(shown(str(name)) for name in found["classes"])
    size = len(classes)
    counts = np.bincount(found["cell"], weights=found["count"], minlength=size * size).astype(np.int64)
    return _confusion(classes, counts.reshape(size, size), "pixels")


def _of_pictures(found: Mapping[str, Array], names: Sequence[str]) -> Confusion:
    if "label" not in found:
        return Confusion(lack="the run kept no labels; run it again with this omgate")
    label, taken_for = found["label"].astype(np.int64), found["pred"].astype(np.int64)
    size = max(len(names), int(max(label.max(initial=0), taken_for.max(initial=0))) + 1)
    classes = (*map(shown, names), *map(str, range(len(names), size)))
    counts = np.bincount(label * size + taken_for, minlength=size * size).reshape(size, size)
    return _confusion(classes, counts, "pictures")


def _confusion(classes: tuple[str, ...], counts: Counts, of_what: str) -> Confusion:
    totals = counts.sum(axis=1)
    shares: tuple[tuple[int, ...], ...] = ()
    if len(classes) <= MOST_CLASSES:
        per_cent = np.rint(100 * counts / np.maximum(totals, 1)[:, None]).astype(int)
        shares = tuple(tuple(row) for row in per_cent.tolist())
    return Confusion(classes, shares, _pairs(classes, counts, totals), of_what)


def _pairs(classes: Sequence[str], counts: Counts, totals: Counts) -> tuple[Pair, ...]:
    """Return the confusions with the largest shares of their true class: a large class would else take every place."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-(wrong / np.maximum(totals, 1)[:, None]), axis=None, kind="stable")[:MOST_PAIRS]
    cells = [(int(one) // len(classes), int(one) % len(classes)) for one in order]
    return tuple(
        Pair(
            classes[true], classes[best], int(wrong[true, best]), written(wrong[true, best] / totals[true], "fraction")
        )
        for true, best in cells
        if wrong[true, best]
    )
