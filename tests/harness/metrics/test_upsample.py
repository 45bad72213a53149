"""Bilinear resizing against linear interpolation by numpy, in float64, one axis after the other."""

from itertools import pairwise

import numpy as np
import pytest

from harness.metrics.upsample import Resize, resized_tiles

CASES = [((65, 129), (1024, 2048)), ((7, 5), (13, 21)), ((3, 4), (3, 4)), ((1, 6), (9, 2)), ((8, 8), (4, 1))]


def resized(logits, resize):
    parts = [tile.copy() for _, tile in resized_tiles(logits, resize)]
    return np.concatenate(parts, axis=1).reshape(len(logits), resize.height, resize.width)


def interpolated(line, positions):
    return np.interp(positions, np.arange(len(line)), line)


def reference(logits, height, width, align_corners):
    """Interpolate each axis at the positions that define the two kinds of resize, edges repeated."""
    result = logits.astype(np.float64)
    for axis, target in ((1, height), (2, width)):
        size, index = logits.shape[axis], np.arange(target)
        aligned = index * (size - 1) / max(target - 1, 1)
        positions = aligned if align_corners else (index + 0.5) * size / target - 0.5
        result = np.apply_along_axis(interpolated, axis, result, positions)
    return result


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(("size", "target"), CASES)
def test_it_is_linear_interpolation_along_both_axes(size, target, align_corners):
    logits = np.random.default_rng(5).standard_normal((2, *size)).astype(np.float32)

    got = resized(logits, Resize(*target, align_corners))

    np.testing.assert_allclose(got, reference(logits, *target, align_corners), atol=5e-4, rtol=0)


def test_aligned_corners_keep_the_corners_and_halve_the_middle():
    logits = np.array([[[0.0, 2.0], [4.0, 6.0]]], np.float32)

    assert resized(logits, Resize(3, 3, True))[0].tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]


def test_tiles_name_their_pixels_and_cover_all_of_them():
    parts = [part for part, _ in resized_tiles(np.zeros((1, 4, 4), np.float32), Resize(100, 3000, True))]

    assert (parts[0].start, parts[-1].stop) == (0, 300_000)
    assert all(before.stop == after.start for before, after in pairwise(parts))


def test_no_number_stays_none():
    logits = np.zeros((1, 2, 2), np.float32)
    logits[0, 0, 0] = np.nan

    assert np.isnan(resized(logits, Resize(4, 4, True))).any()


@pytest.mark.parametrize("arguments", [(0, 4, True), (4, -1, True), (4, 4, "yes")])
def test_an_impossible_size_is_refused(arguments):
    with pytest.raises(ValueError, match="Resize"):
        Resize(*arguments)
