"""Detections compared as sets: rows in another order are equal, other rows are not."""

from pathlib import Path

import numpy as np
import pytest

from harness.cards import ModelCard
from harness.checks.detections import aligned

NAMES = ("NumDetections", "DetectionBoxes", "DetectionClasses", "DetectionScores", "ImageInfo")
SHAPES = (("N",), ("N", 3, 4), ("N", 3), ("N", 3), ("N", 4, 2))


def card(metric="map"):
    return ModelCard.model_validate(
        {
            "name": "detector",
            "family": "detector",
            "classes": 9,
            "source": {"url": "https://example.org", "framework": "tensorflow"},
            "input": ({"name": "image", "dtype": "uint8", "shape": ("N", 8, 8, 3)},),
            "output": tuple(
                {
                    "name": name,
                    "index": index,
                    "dtype": "float32",
                    "shape": shape,
                    "scored": index == 1,
                }
                for index, (name, shape) in enumerate(zip(NAMES, SHAPES, strict=True))
            ),
            "dataset": {"kind": "none", "count": 0},
            "metric": {"name": metric, "protocol": "all-rows"},
            "path": Path("detector/card.toml"),
        }
    )


def outputs(order=(0, 1, 2)):
    boxes = np.array([[0, 0, 4, 4], [1, 1, 5, 5], [2, 0, 6, 4]], np.float32)
    rows = [boxes, np.array([3, 3, 7], np.float32), np.array([0.5, 0.5, 0.25], np.float32)]
    count, info = np.array(3, np.float32), np.ones((4, 2), np.float32)
    return (count, *(array[list(order)] for array in rows), info)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_the_same_rows_in_another_order_become_equal(order):
    found = aligned(card(), outputs(order), outputs())

    for mine, expected in zip(found, outputs(), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_another_class_stays_another_one_whatever_the_order():
    count, boxes, classes, scores, info = outputs((1, 0, 2))
    classes[0] = 4

    found = aligned(card(), (count, boxes, classes, scores, info), outputs())

    np.testing.assert_array_equal(found[1], outputs()[1])
    np.testing.assert_array_equal(found[2], [3, 4, 7])


def test_a_row_is_used_once():
    count, boxes, classes, scores, info = outputs()
    boxes[1] = boxes[0]

    found = aligned(card(), (count, boxes, classes, scores, info), outputs())

    assert sorted(map(tuple, found[1])) == sorted(map(tuple, boxes))
    assert np.abs(found[1] - outputs()[1]).max() > 0


def test_what_cannot_be_compared_row_by_row_stays_as_it_is():
    shorter = tuple(array[:2] if array.ndim and len(array) == 3 else array for array in outputs((1, 0, 2)))
    broken = outputs((1, 0, 2))
    broken[1][0, 0] = np.nan

    for one in (shorter, broken):
        assert all(found is given for found, given in zip(aligned(card(), one, outputs()), one, strict=True))


def test_outputs_that_are_no_detections_stay_as_they_are():
    given = outputs((2, 1, 0))

    assert aligned(card(metric="miou"), given, outputs()) is given
    heads = tuple(one.model_copy(update={"om": not one.scored}) for one in card().output)
    assert aligned(card().model_copy(update={"output": heads}), given, outputs()) is given
