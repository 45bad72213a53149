"""Which anchors SpineNet's training gives to an object, and the codes of its box; by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness import cards, networks, train
from harness.samples import Objects

tf = pytest.importorskip("tensorflow", reason="the networks are TensorFlow's")


def objects(*boxes: tuple[float, float, float, float], classes: tuple[int, ...]) -> Objects:
    count = len(boxes)
    rows = np.array(boxes, np.float64).reshape(-1, 4)
    return Objects(64, 64, rows, np.array(classes, np.int64), np.ones(count), np.zeros(count, np.bool_))


def truth(anchors: list[list[float]], target: Objects) -> tuple[np.ndarray, np.ndarray]:
    lesson = train.read_lesson(cards.get("spinenet-tiny"))
    assert lesson.truth is not None
    network = SimpleNamespace(anchors=lambda: np.array(anchors, np.float32))
    numbers, codes = lesson.truth(network, [target])
    return numbers[0], codes[0]


def test_anchors_are_an_objects_from_half_overlap_on_and_background_below_two_fifths():
    # overlaps with the box of 10 × 10: all, 60 of 100, 45 of 100, 30 of 100, none
    anchors = [[0, 0, 10, 10], [0, 0, 6, 10], [0, 0, 4.5, 10], [0, 0, 3, 10], [20, 20, 30, 30]]

    numbers, _ = truth(anchors, objects((0, 0, 10, 10), classes=(7,)))

    assert numbers.tolist() == [7, 7, -1, 0, 0]


def test_an_object_that_no_anchor_fits_gets_the_best_one():
    numbers, _ = truth([[0, 0, 40, 40], [20, 20, 60, 60]], objects((0, 0, 10, 10), classes=(3,)))

    assert numbers.tolist() == [3, 0]


def test_a_picture_without_objects_is_all_background():
    numbers, codes = truth([[0, 0, 10, 10]], objects(classes=()))

    assert numbers.tolist() == [0]
    assert not codes.any()


def test_an_anchor_that_two_objects_share_is_the_nearer_ones():
    numbers, _ = truth([[0, 0, 10, 10], [0, 8, 10, 18]], objects((0, 0, 10, 10), (7, 0, 10, 10), classes=(1, 2)))

    assert numbers.tolist() == [1, 2]


def test_the_network_decodes_the_codes_into_the_objects_box():
    card = cards.get("spinenet-tiny")
    network = networks.made_at(networks.network_file(card), card.network)
    lesson = train.read_lesson(card)
    assert lesson.truth is not None
    numbers, codes = lesson.truth(network, [objects((30, 40, 33, 25), classes=(4,))])
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        decoded = session.run(network._decoded(tf.constant(codes)))

    mine = decoded[0][numbers[0] == 4]
    assert len(mine)
    np.testing.assert_allclose(mine, np.tile([40, 30, 65, 63], (len(mine), 1)), atol=1e-3)
