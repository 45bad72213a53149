"""Stored outcomes in another order and of several parts: the numbers of a run that scored them so."""

import numpy as np
import pytest

from harness.cards import Metric
from harness.metrics import from_outcomes
from harness.metrics.arranging import arranged, joined

TOP1 = Metric(name="top1", protocol="by-name")
MIOU = Metric(name="miou", protocol="running-mean")


def top1(rights):
    hits = np.array(rights, np.bool_)
    names = np.array([f"image {number}" for number in range(len(hits))])
    return {"ids": names, **dict.fromkeys(("hit1", "hit5", "standard1", "standard5"), hits)}


def miou():
    """Return three images of two classes: 0 right and 3 wrong pixels, 4 right, 1 right and 1 wrong."""
    return {
        "ids": np.array(["a", "b", "c"]),
        "classes": np.array(["road", "sky"]),
        "image": np.array([0, 1, 2, 2], np.int32),
        "cell": np.array([1, 0, 3, 2], np.int32),
        "count": np.array([3, 4, 1, 1]),
        "truncated_hits": np.array([0, 4, 1]),
    }


def detections():
    rows = {"class": [1, 1, 1], "score": [0.9, 0.8, 0.7], "valid": [True, True, False]}
    bits = np.arange(15, dtype=np.uint8).reshape(3, 5)
    return {
        "ids": np.array(["a", "b"]),
        "image": np.array([0, 0, 1], np.int32),
        **{name: np.array(values) for name, values in rows.items()},
        "matched": bits,
        "ignored": bits + 100,
        "object_image": np.array([0, 1, 1], np.int32),
        "object_class": np.array([1, 2, 3], np.int32),
        "object_counted": np.array([[True] * 4, [False] * 4, [True] * 4]),
        "object_taken_for": np.array([1, -1, 3], np.int32),
    }


def same(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        assert np.array_equal(array, other[name]), name


@pytest.mark.parametrize("outcomes", [top1([1, 0, 1]), miou(), detections()])
def test_an_order_and_back_is_what_it_was(outcomes):
    order = np.random.default_rng(1).permutation(len(outcomes["ids"]))

    there = arranged(outcomes, order.tolist())

    assert there["ids"].tolist() == [outcomes["ids"][place] for place in order]
    same(arranged(there, np.argsort(order).tolist()), outcomes)


def test_the_rows_of_an_image_go_where_it_goes_in_their_order():
    turned = arranged(detections(), [1, 0])

    assert turned["image"].tolist() == [0, 1, 1]
    assert turned["score"].tolist() == [0.7, 0.9, 0.8]
    assert turned["matched"][0].tolist() == [10, 11, 12, 13, 14]
    assert turned["object_class"].tolist() == [2, 3, 1]
    assert turned["object_image"].tolist() == [0, 0, 1]
    assert turned["object_taken_for"].tolist() == [-1, 3, 1]


def test_a_number_that_depends_on_the_order_follows_it():
    # b first: IoU of road 4/4, sky 0/0 counted 0, so 1/2; then a: road 4/7, sky 0/3; then c: road 4/8, sky 1/5
    found = from_outcomes(MIOU, arranged(miou(), [1, 0, 2]))

    assert found[0].value == pytest.approx((1 / 2 + 2 / 7 + (4 / 8 + 1 / 5) / 2) / 3, abs=1e-6)


def test_parts_are_one_run():
    whole = joined([top1([1, 0]), top1([0, 0, 1])])

    assert whole["hit1"].tolist() == [True, False, False, False, True]
    assert from_outcomes(TOP1, whole)[0].value == 2 / 5


@pytest.mark.parametrize("outcomes", [miou(), detections()])
def test_the_second_part_is_numbered_after_the_first(outcomes):
    both = joined([outcomes, outcomes])
    count = len(outcomes["ids"])

    assert len(both["ids"]) == 2 * count
    assert both["image"].tolist() == [*outcomes["image"], *(outcomes["image"] + count)]
    assert both["image"].dtype == np.int32
    assert both.get("classes", np.array(["road", "sky"])).tolist() == ["road", "sky"]
