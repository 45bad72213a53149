"""Matches and the twelve numbers against pycocotools and faster-coco-eval, on boxes that collide in every way."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics.coco_curves import NAMES, Curves, packed
from harness.metrics.coco_match import Detections, Truth, match

# Few distinct places and sizes, around the limits of COCO's area ranges, so that boxes coincide, nest and tie.
BOX = st.tuples(
    *[st.sampled_from([0.0, 1.0, 5.0, 20.0])] * 2,
    *[st.sampled_from([10.0, 31.0, 32.0, 33.0, 40.0, 95.0, 96.0, 97.0, 110.0])] * 2,
)
OBJECTS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 7]), BOX, st.sampled_from([0.5, 1.0]), st.booleans()),
    min_size=1,
    max_size=14,
)
DETECTIONS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 7]), BOX, st.sampled_from([-1.0, 0.25, 0.5, 0.75])),
    min_size=1,
    max_size=30,
)


def columns(rows, types):
    return [np.array(column, dtype) for column, dtype in zip(zip(*rows, strict=True), types, strict=True)]


def our_numbers(objects, detections, images=4):
    """Return the twelve numbers, -1 where a number is left out, as COCO prints them."""
    objects = [(image - 1, one, box, share * box[2] * box[3], crowd) for image, one, box, share, crowd in objects]
    detections = [(image - 1, *rest) for image, *rest in detections]
    truth = Truth(*columns(objects, (np.int64, np.int64, np.float64, np.float64, np.bool_)))
    found = Detections(*columns(detections, (np.int64, np.int64, np.float64, np.float32)))
    fate = match(found, truth)
    order = np.argsort(found.image, kind="stable")
    outcomes = {
        "ids": np.arange(images).astype(str),
        "image": found.image[order],
        "class": found.classes[order],
        "score": found.scores[order],
        "matched": packed(fate.matched)[order],
        "ignored": packed(fate.ignored)[order],
        "object_image": truth.image,
        "object_class": truth.classes,
        "object_counted": ~truth.ignored.T,
    }
    numbers = Curves(outcomes, np.ones(len(order), np.bool_)).summary()
    return np.array([numbers.get(name, -1.0) for name in NAMES])


def documents(objects, detections, images=4):
    annotations = [
        {"id": number, "image_id": image, "category_id": one, "bbox": list(box), "area": share * box[2] * box[3],
         "iscrowd": int(crowd)}
        for number, (image, one, box, share, crowd) in enumerate(objects, start=1)
    ]  # fmt: skip
    truth = {
        "images": [{"id": number, "height": 200, "width": 200} for number in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": number, "name": str(number)} for number in (1, 2, 7)],
        "info": {},
    }
    results = [
        {"image_id": image, "category_id": one, "bbox": list(box), "score": score}
        for image, one, box, score in detections
    ]
    return truth, results


def pycocotools_numbers(truth, results):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = truth
        annotated.createIndex()
        evaluation = COCOeval(annotated, annotated.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.array(evaluation.stats)


def faster_numbers(truth, results):
    from faster_coco_eval import COCO, COCOeval_faster

    annotated = COCO(truth)
    evaluation = COCOeval_faster(annotated, annotated.loadRes(results), "bbox")
    evaluation.run()
    return np.array(evaluation.stats)


@settings(max_examples=60, deadline=None)
@given(objects=OBJECTS, detections=DETECTIONS)
def test_the_twelve_numbers_are_those_of_pycocotools(objects, detections):
    expected = pycocotools_numbers(*documents(objects, detections))

    np.testing.assert_allclose(our_numbers(objects, detections), expected, rtol=0, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(objects=OBJECTS, detections=DETECTIONS)
def test_the_twelve_numbers_are_those_of_faster_coco_eval(objects, detections):
    expected = faster_numbers(*documents(objects, detections))

    np.testing.assert_allclose(our_numbers(objects, detections), expected, rtol=0, atol=1e-12)


def test_more_than_a_hundred_detections_of_one_class_and_image_are_cut_as_coco_cuts_them():
    generator = np.random.default_rng(5)
    objects = [(1 + number % 4, 1, (25.0 * (number // 4), 10.0, 20.0, 20.0), 1.0, False) for number in range(24)]
    detections = [
        (image, one, (box[0] + shift, box[1], box[2], box[3]), float(np.float32(score)))
        for image, one, box, *_ in objects
        for shift, score in zip(generator.normal(0, 2, 40), generator.random(40), strict=True)
    ]
    detections += [(1, 1, (300.0, 300.0, 5.0, 5.0), 2.0)] * 90

    expected = pycocotools_numbers(*documents(objects, detections))
    np.testing.assert_allclose(our_numbers(objects, detections), expected, rtol=0, atol=1e-12)
    assert expected[0] < pycocotools_numbers(*documents(objects, detections[: 24 * 40]))[0]  # and the cut is felt


def fates(objects, detections):
    truth = Truth(*columns(objects, (np.int64, np.int64, np.float64, np.float64, np.bool_)))
    found = Detections(*columns(detections, (np.int64, np.int64, np.float64, np.float32)))
    fate = match(found, truth)
    return fate.matched[0, 0].tolist(), fate.ignored[0, 0].tolist()


def test_an_object_is_found_once_by_the_best_score():
    objects = [(0, 1, (0, 0, 10, 10), 100, False)]
    detections = [(0, 1, (0, 0, 10, 9), 0.5), (0, 1, (0, 0, 10, 6), 0.9), (0, 1, (0, 0, 10, 4), 1.0)]

    assert fates(objects, detections) == ([False, True, False], [False, False, False])


def test_a_crowd_takes_any_number_of_detections_and_none_of_them_counts():
    objects = [(0, 1, (0, 0, 100, 100), 10_000, True)]
    detections = [(0, 1, (10, 10, 5, 5), 0.5), (0, 1, (20, 20, 5, 5), 0.9)]

    assert fates(objects, detections) == ([True, True], [True, True])


@pytest.mark.parametrize("detection", [(1, 1), (0, 2)], ids=["image", "class"])
def test_only_objects_of_the_same_image_and_class_are_found(detection):
    objects = [(0, 1, (0, 0, 10, 10), 100, False)]

    assert fates(objects, [(*detection, (0, 0, 10, 10), 0.5)]) == ([False], [False])


def test_a_free_object_goes_before_an_ignored_one_that_overlaps_more():
    objects = [(0, 1, (0, 0, 10, 10), 100, True), (0, 1, (0, 0, 10, 8), 80, False)]

    assert fates(objects, [(0, 1, (0, 0, 10, 10), 0.5)]) == ([True], [False])
