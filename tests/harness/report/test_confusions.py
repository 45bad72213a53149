"""Confusion matrices from sidecars, by hand arithmetic."""

import numpy as np
import pytest

from harness.report import page
from harness.report.confusions import confusion
from harness.report.read import read
from harness.report.views import Material
from tests.harness import run_folders as made

# Two images of three classes; a cell is true × 3 + taken for.
PIXELS = {
    "ids": ["a", "b"],
    "classes": ["road", "pole", "<b>sky"],
    "image": [0, 0, 1, 1],
    "cell": [0, 3, 4, 8],
    "count": [90, 10, 30, 5],
}
PICTURES = {"ids": ["a", "b", "c", "d"], "label": [0, 0, 1, 2], "pred": [0, 1, 1, 0]}


def found(tmp_path, arrays, kind, names=()):
    case = made.case()
    outcomes = made.with_outcomes(tmp_path, case, arrays, kind)
    report = read(made.write(tmp_path, [made.entry(case, outcomes=outcomes)]), {})
    return confusion(tmp_path, report.cases[0], names)


def test_the_pixels_of_all_images_make_one_matrix(tmp_path):
    matrix = found(tmp_path, PIXELS, "miou")

    assert matrix.classes == ("road", "pole", "<b>sky")
    assert matrix.shares == ((100, 0, 0), (25, 75, 0), (0, 0, 100))
    assert [(pair.true, pair.taken_for, pair.count, pair.share_text) for pair in matrix.pairs] == [
        ("pole", "road", 10, "25.00 %")
    ]


def test_pictures_are_counted_by_label_and_prediction(tmp_path):
    matrix = found(tmp_path, PICTURES, "top-k", ("cat", "dog", "owl"))

    assert matrix.shares == ((50, 50, 0), (0, 100, 0), (100, 0, 0))
    assert [(pair.true, pair.taken_for, pair.share_text) for pair in matrix.pairs] == [
        ("owl", "cat", "100.00 %"),
        ("cat", "dog", "50.00 %"),
    ]


def test_many_classes_are_told_by_their_largest_confusions_only(tmp_path):
    matrix = found(tmp_path, {"ids": ["a", "b"], "label": [0, 40], "pred": [0, 3]}, "top-k")

    assert matrix.shares == ()
    assert [(pair.true, pair.taken_for) for pair in matrix.pairs] == [("40", "3")]


def test_classes_without_bound_take_no_room(tmp_path):
    matrix = found(tmp_path, {"ids": ["a", "b"], "label": [0, 2**40], "pred": [7, 2**40]}, "top-k")

    assert [(pair.true, pair.taken_for, pair.share_text) for pair in matrix.pairs] == [("0", "7", "100.00 %")]


OTHERS = [
    {**PIXELS, "cell": [0, 3, 4, 9]},
    {**PIXELS, "cell": [0, 3, 4, -1]},
    {**PIXELS, "cell": [0.5, 3.0, 4.0, 8.0]},
    {**PIXELS, "cell": ["a", "b", "c", "d"]},
    {**PIXELS, "count": [1]},
    {**PIXELS, "classes": "road"},
    {"ids": ["a"]},
]


@pytest.mark.parametrize("arrays", OTHERS)
def test_a_sidecar_of_another_version_is_told(tmp_path, arrays):
    assert "is not what a run writes" in found(tmp_path, arrays, "miou").lack


# Two images with objects of class 1, 1, 2 and an ignored one. Fates are packed 4 sizes × 10 IoUs, the first bit being
# all sizes at IoU 0.50: 0x80 is set where an object was found there, 0x40 only where one was found at IoU 0.55.
BOXES = {
    "ids": ["a", "b"],
    "class": [1, 1, 2, 2, 1, 3, 1],
    "score": np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.5, 0.9], np.float32),
    "valid": [True, True, True, True, True, True, False],
    "matched": np.array([[0x80], [0], [0x40], [0x80], [0x80], [0], [0x80]], np.uint8).repeat(5, axis=1),
    "ignored": np.array([[0], [0], [0], [0x80], [0], [0], [0]], np.uint8).repeat(5, axis=1),
    "object_class": [1, 1, 2, 2],
    "object_counted": [[True] * 4, [True] * 4, [True] * 4, [False] * 4],
    "object_taken_for": [1, -1, 3, 1],
}


def test_the_fate_of_objects_and_detections_is_counted_by_class(tmp_path):
    fates = found(tmp_path, BOXES, "map", ("cat", "dog")).fates

    assert [(one.name, one.objects, one.found, one.missed, one.alarms) for one in fates.classes] == [
        ("dog", 1, 0, 1, 1),
        ("cat", 2, 1, 1, 1),
        ("class 3", 0, 0, 0, 1),
    ]
    assert [one.found_text for one in fates.classes] == ["0.00 %", "50.00 %", ""]


def test_objects_are_counted_by_class_and_what_they_were_taken_for(tmp_path):
    matrix = found(tmp_path, BOXES, "map", ("cat", "dog"))

    # Of two cats one is seen and the other is not; the only dog that counts is taken for the third class.
    assert matrix.classes == ("cat", "dog", "class 3")
    assert matrix.shares == ((50, 0, 0), (0, 0, 100), (0, 0, 0))
    assert [(pair.true, pair.taken_for, pair.count, pair.share_text) for pair in matrix.pairs] == [
        ("dog", "class 3", 1, "100.00 %")
    ]


def test_a_sidecar_without_the_classes_on_its_objects_says_so_and_shows_their_fates(tmp_path):
    kept = {name: value for name, value in BOXES.items() if name != "object_taken_for"}
    outcomes = made.with_outcomes(tmp_path, made.case(), kept, "map")
    run = made.write(tmp_path, [made.entry(outcomes=outcomes)])

    text = dict(page.pages(read(run, {}), Material(run), "report.html"))["report.html"]
    assert "No confusion matrix: the run kept no detections of other classes" in text
    assert ">class 2<" in text


@pytest.mark.parametrize("lacking", ["matched", "object_class", "score"])
def test_a_sidecar_of_detections_that_lacks_a_column_is_told(tmp_path, lacking):
    kept = {name: value for name, value in BOXES.items() if name != lacking}

    assert "is not what a run writes" in found(tmp_path, kept, "map").lack


def test_a_metric_without_classes_has_no_matrix(tmp_path):
    assert found(tmp_path, {"ids": ["a"]}, "coco") is None


def test_outcomes_without_labels_say_so(tmp_path):
    assert "no labels" in found(tmp_path, {"ids": ["a"], "pred": [0]}, "top-k").lack


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x93NUMPY"])
def test_a_damaged_sidecar_is_told_and_breaks_nothing(tmp_path, content):
    case = made.case()
    outcomes = made.with_outcomes(tmp_path, case, PIXELS, "miou")
    (tmp_path / outcomes.path).write_bytes(content)
    report = read(made.write(tmp_path, [made.entry(case, outcomes=outcomes)]), {})

    assert "cannot be read" in confusion(tmp_path, report.cases[0]).lack


def test_a_sidecar_outside_the_run_is_not_opened(tmp_path):
    made.with_outcomes(tmp_path, made.case(), PIXELS, "miou")
    outside = {"path": f"../outcomes/{made.case().key}.npz", "sha256": "", "kind": "miou"}
    run = made.write(tmp_path / "run", [made.entry(outcomes=outside)])

    assert "not in the run's folder" in confusion(run, read(run, {}).cases[0]).lack
