"""Detections are compared as sets: where scores tie, two backends list the same rows in another order."""

import numpy as np

from harness.cards import ModelCard
from harness.metrics.coco_outputs import positions
from harness.samples import Array

ROWS = ("boxes", "classes", "scores")


def aligned(card: ModelCard, got: tuple[Array, ...], expected: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the outputs of one image with their detections in the order of `expected`, each row with the nearest one.

    Outputs of a card that is no detector's, or that keeps no detections, and such as cannot be compared row by row stay
    as they are.
    """
    if card.metric.name != "map" or card.scored_output not in card.kept_outputs:
        return got
    places = [positions(card)[role] for role in ROWS]
    shapes = [(got[place].shape, expected[place].shape) for place in places]
    finite = all(np.isfinite(arrays[place]).all() for arrays in (got, expected) for place in places)
    if not finite or any(mine != theirs for mine, theirs in shapes):
        return got
    order = _nearest([got[place] for place in places], [expected[place] for place in places])
    return tuple(array[order] if place in places else array for place, array in enumerate(got))


def _nearest(got: list[Array], expected: list[Array]) -> Array:
    """Return which row of `got` belongs to each row of `expected`: the assignment of least total distance."""
    from scipy.optimize import linear_sum_assignment

    distance = np.zeros((len(expected[0]), len(got[0])))
    for mine, theirs in zip(got, expected, strict=True):
        a, b = (np.asarray(array, np.float64).reshape(len(array), -1) for array in (mine, theirs))
        distance += np.abs(b[:, None] - a[None]).max(axis=2) / max(float(np.abs(b).max()), 1e-30)
    order: Array = linear_sum_assignment(distance)[1]
    return order
