"""Preprocessing of the TensorFlow systems: channels last, BGR, raw bytes, and pictures of another size."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from harness.cards import Step, TensorSpec
from harness.errors import CardError, DataError
from harness.preprocess import check_steps, compile_steps, network_input
from harness.samples import Picture

GOLDENS = Path(__file__).parents[1] / "goldens"
RESNEST_SEG = (
    Step(step="bgr"),
    Step(step="scale"),
    Step(step="normalize", params={"mean": [0.406, 0.456, 0.485], "std": [0.225, 0.224, 0.229]}),
)
SPINENET = TensorSpec(name="Placeholder", dtype="uint8", shape=("N", 640, 640, 3), layout="NHWC")


def golden_picture(tag, width=2048, height=1024):
    """Return the picture behind a golden: gradients under 14 rectangles of one colour each."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(f"image:{tag}".encode())))
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [columns * 255 / (width - 1), rows * 255 / (height - 1), (rows + columns) * 3 % 256]
    pixels = np.stack(planes, axis=-1).astype(np.float64)
    for _ in range(14):
        left, top = random.integers(0, width), random.integers(0, height)
        right, bottom = left + 1 + random.integers(0, width // 3 + 1), top + 1 + random.integers(0, height // 3 + 1)
        pixels[top:bottom, left:right] = random.integers(0, 256, 3)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("tag", ["seg0", "seg1"])
def test_pictures_give_bit_for_bit_what_the_resnest_script_wrote(tag):
    with np.load(GOLDENS / "preprocess_resnest_seg.npz") as golden:
        indices, values, stats = (golden[f"{tag}/{key}"] for key in ("idx", "val", "stats"))

    result = compile_steps(RESNEST_SEG)(golden_picture(tag))

    assert (result.dtype, result.shape) == (np.float32, (1024, 2048, 3))
    np.testing.assert_array_equal(result.ravel()[indices], values)
    seen = [result.mean(dtype=np.float64), result.std(dtype=np.float64), result.min(), result.max()]
    np.testing.assert_allclose(seen, stats[:4], rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    pixels=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    late=st.booleans(),
    turned=st.booleans(),
)
def test_rows_at_a_time_equal_step_by_step(pixels, late, turned):
    bgr, scale, normalize = RESNEST_SEG
    transform = compile_steps((scale, normalize, bgr) if late else RESNEST_SEG)
    pixels = pixels[:, :, ::-1] if turned else pixels

    np.testing.assert_array_equal(transform(pixels), transform.step_by_step(pixels))


@pytest.mark.parametrize(("number", "name"), [(0, "det_b.jpeg"), (1, "det_a.png"), (2, "det_rgba.png")])
def test_spinenets_input_is_the_pictures_bytes(number, name):
    with np.load(GOLDENS / "preprocess.npz") as golden:
        indices, values, size = (golden[f"spinenet/{number:05d}.bin/{key}"] for key in ("idx", "val", "nbytes"))
    pixels = np.asarray(Image.open(GOLDENS / "images" / name).convert("RGB"))

    result = compile_steps(())(pixels)

    assert result.nbytes == size
    # Decoders of JPEG may differ by one level.
    np.testing.assert_allclose(result.ravel()[indices].astype(int), values, rtol=0, atol=int(name.endswith("jpeg")))


def test_a_picture_of_another_size_is_refused_unless_the_card_resizes():
    picture = Picture("a", np.zeros((480, 640, 3), np.uint8), "val2017/a.jpg")
    framed = Step(step="letterbox", params={"width": 640, "height": 640, "fill": [124, 116, 104]})

    with pytest.raises(DataError, match=r"val2017/a.jpg: .*got uint8 480 × 640 × 3 from 640x480 px; .*or add a resize"):
        network_input(compile_steps(()), SPINENET, picture)
    sample = network_input(compile_steps((framed,)), SPINENET, picture)
    assert sample.arrays[0].shape == (640, 640, 3)


def test_a_letterboxed_picture_is_pillows_bilinear_one_over_the_colour():
    pixels = np.random.default_rng(1).integers(0, 256, (30, 50, 3), np.uint8)
    step = Step(step="letterbox", params={"width": 100, "height": 90, "fill": [1, 2, 3]})

    result = compile_steps((step,))(pixels)

    expected = np.asarray(Image.fromarray(pixels).resize((100, 60), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(result[:60], expected)
    assert (result[60:] == [1, 2, 3]).all()
    check_steps((step,), TensorSpec(name="x", dtype="uint8", shape=("N", 90, 100, 3)))


@pytest.mark.parametrize("fill", [[1, 2], [1, 2, 256], [-1, 0, 0], "black"])
def test_a_fill_that_is_no_colour_is_refused(fill):
    with pytest.raises(CardError, match=r"fill"):
        compile_steps((Step(step="letterbox", params={"width": 8, "height": 8, "fill": fill}),))
