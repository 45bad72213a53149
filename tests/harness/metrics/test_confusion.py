"""The tiled argmax and confusion matrix: exact, ties to the lowest class, whatever the size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RunError
from harness.metrics.confusion import (
    TILE_PIXELS,
    channels_last_tiles,
    confusion,
    label_map,
    tiles,
    truncated_hits,
)


def reference_matrix(logits, labels):
    classes = len(logits)
    matrix = np.zeros((classes, classes), np.int64)
    seen = labels >= 0
    np.add.at(matrix, (labels[seen], logits.argmax(axis=0)[seen]), 1)
    return matrix


@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 9), st.integers(1, 9))
def test_it_is_numpys_argmax_even_with_many_ties(seed, classes, height, width):
    random = np.random.default_rng(seed)
    logits = random.integers(-2, 3, (classes, height, width)).astype(np.float32)
    labels = random.integers(-1, classes, (height, width)).astype(np.int16)

    assert np.array_equal(label_map(tiles(logits), (height, width), "x"), logits.argmax(axis=0))
    assert np.array_equal(confusion(tiles(logits), labels, classes, "x"), reference_matrix(logits, labels))


@pytest.mark.parametrize("pixels", [TILE_PIXELS - 1, TILE_PIXELS, TILE_PIXELS + 1])
def test_the_last_tile_may_be_short(pixels):
    random = np.random.default_rng(pixels)
    logits = random.standard_normal((3, 1, pixels), dtype=np.float32)
    labels = random.integers(-1, 3, (1, pixels)).astype(np.int16)

    assert np.array_equal(confusion(tiles(logits), labels, 3, "x"), reference_matrix(logits, labels))


@pytest.mark.parametrize("classes", [181, 300])
def test_many_classes_need_wider_numbers(classes):
    random = np.random.default_rng(classes)
    logits = random.standard_normal((classes, 8, 8), dtype=np.float32)
    labels = random.integers(-1, classes, (8, 8)).astype(np.int16)

    assert np.array_equal(confusion(tiles(logits), labels, classes, "x"), reference_matrix(logits, labels))


def test_half_precision_and_strided_logits_are_read_as_they_are():
    random = np.random.default_rng(3)
    logits = np.moveaxis(random.standard_normal((6, 7, 4)).astype(np.float16), -1, 0)

    assert np.array_equal(label_map(tiles(logits), (6, 7), "x"), logits.argmax(axis=0))


@given(st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 3), st.integers(0, 99))
def test_no_number_hides_in_any_class_or_pixel(bad, channel, pixel):
    logits = np.zeros((4, 10, 10), np.float32)
    logits[channel, pixel // 10, pixel % 10] = bad

    with pytest.raises(RunError, match="NaN or infinity"):
        confusion(tiles(logits), np.zeros((10, 10), np.int16), 4, "x")


def test_the_largest_finite_numbers_are_finite():
    logits = np.full((2, 1, 2), np.finfo(np.float32).max, np.float32)
    logits[0] = np.finfo(np.float32).min

    assert label_map(tiles(logits), (1, 2), "x").tolist() == [[1, 1]]


def test_truncation_makes_ties_that_go_to_the_lowest_class():
    logits = np.array([1.2, 1.9, -0.7]).reshape(3, 1, 1).astype(np.float32)

    assert truncated_hits(tiles(logits), np.array([[0]], np.int16), "x") == 1
    assert truncated_hits(tiles(logits), np.array([[1]], np.int16), "x") == 0


@pytest.mark.parametrize("pixels", [1, 7, 64, 100])
def test_tiles_of_logits_with_the_classes_last_are_those_with_the_classes_first(pixels, monkeypatch):
    monkeypatch.setattr("harness.metrics.confusion.TILE_PIXELS", 7)
    logits = np.random.default_rng(pixels).standard_normal((pixels, 1, 19)).astype(np.float32)

    turned = [(part, tile.copy()) for part, tile in channels_last_tiles(logits)]

    straight = list(tiles(np.ascontiguousarray(np.moveaxis(logits, -1, 0))))
    assert [part for part, _ in turned] == [part for part, _ in straight]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(turned, straight, strict=True))
