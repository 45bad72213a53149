"""Stored outcomes in another order, and of several parts as one: what a run in several looks makes of them.

Beside an array of image numbers stand arrays of its length; `classes` are names; all others are one entry per image.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.samples import Array

NAMES = frozenset({"classes"})
ROWS = {
    "image": ("cell", "count", "class", "score", "valid", "matched", "ignored"),
    "object_image": ("object_class", "object_counted", "object_taken_for"),
}
"""For each array of image numbers, the arrays that have one entry for each of its own."""


def arranged(outcomes: Mapping[str, Array], order: Sequence[int]) -> dict[str, Array]:
    """Return the outcomes with the images in another order: first the one at place `order[0]`, and so on."""
    places = np.asarray(order, np.int64)
    new_place = np.empty_like(places)
    new_place[places] = np.arange(len(places))
    made = {name: array if name in NAMES else array[places] for name, array in _by_image(outcomes).items()}
    for numbers, names in ROWS.items():
        if numbers in outcomes:
            moved = new_place[outcomes[numbers]]
            rows = np.argsort(moved, kind="stable")
            made[numbers] = moved[rows].astype(outcomes[numbers].dtype)
            made |= {name: outcomes[name][rows] for name in names if name in outcomes}
    return {name: made[name] for name in outcomes}


def joined(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the outcomes of several parts as those of one run over all their images, at least one part."""
    starts = np.cumsum([0, *(len(part["ids"]) for part in parts)])
    made = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts]
        if name in NAMES:
            made[name] = arrays[0]
            continue
        if name in ROWS:
            arrays = [(array + start).astype(array.dtype) for array, start in zip(arrays, starts, strict=False)]
        made[name] = np.concatenate(arrays)
    return made


def _by_image(outcomes: Mapping[str, Array]) -> dict[str, Array]:
    of_rows = {name for numbers, names in ROWS.items() if numbers in outcomes for name in (numbers, *names)}
    return {name: array for name, array in outcomes.items() if name not in of_rows}
