"""Preprocessing against the arrays that the original scripts wrote, and fused against step by step."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from harness.cards import Step
from harness.errors import DataError
from harness.preprocess import compile_steps

GOLDENS = Path(__file__).parents[1] / "goldens"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def step(name, **params):
    return Step(step=name, params=params)


ICNET = (step("scale"), step("normalize", **IMAGENET), step("chw"))
RESNEST50 = (
    step("resize", width=256, height=256, filter="bilinear"),
    step("center_crop", width=224, height=224),
    *ICNET,
)
INTRADA = (
    step("resize", width=1024, height=512, filter="bicubic"),
    step("to_float"),
    step("bgr"),
    step("subtract", mean=[104.00698793, 116.66876762, 122.67891434]),
    step("chw"),
)
CITY = ("city_000000_000000_leftImg8bit", "city_000001_000019_leftImg8bit", "city_000002_000019_leftImg8bit")
PNG_GOLDENS = [
    *((ICNET, "icnet", name) for name in CITY),
    *((INTRADA, "intrada", name) for name in CITY),
    (RESNEST50, "resnest50", "in_landscape"),
    (RESNEST50, "resnest50", "in_small_gray"),
]


def decoded(file_name):
    return np.asarray(Image.open(GOLDENS / "images" / file_name).convert("RGB"))


def probes(model, name):
    with np.load(GOLDENS / "preprocess.npz") as golden:
        return tuple(golden[f"{model}/{name}.bin/{key}"] for key in ("idx", "val", "nbytes", "stats"))


@pytest.mark.parametrize(("steps", "model", "name"), PNG_GOLDENS, ids=[f"{m}-{n}" for _, m, n in PNG_GOLDENS])
def test_png_pictures_give_bit_for_bit_what_the_original_scripts_wrote(steps, model, name):
    indices, values, byte_count, _ = probes(model, name)

    result = compile_steps(steps)(decoded(f"{name}.png"))

    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    assert result.nbytes == byte_count
    np.testing.assert_array_equal(result.ravel()[indices], values)


@pytest.mark.parametrize(("steps", "model", "name"), PNG_GOLDENS, ids=[f"{m}-{n}" for _, m, n in PNG_GOLDENS])
def test_whole_arrays_have_the_mean_deviation_and_extremes_of_the_original_ones(steps, model, name):
    *_, stats = probes(model, name)

    result = compile_steps(steps)(decoded(f"{name}.png")).astype(np.float64)

    seen = [result.mean(), result.std(), result.min(), result.max()]
    np.testing.assert_allclose(seen, stats[:4], rtol=1e-12, atol=1e-12)


def test_a_jpeg_picture_is_within_one_grey_level_of_the_original_result():
    indices, values, _, _ = probes("resnest50", "in_portrait")

    result = compile_steps(RESNEST50)(decoded("in_portrait.JPEG"))

    # JPEG decoders may differ by one level; the smallest standard deviation makes it largest.
    np.testing.assert_allclose(result.ravel()[indices], values, rtol=0, atol=1 / 255 / 0.224 + 1e-6)


@pytest.mark.parametrize(("width", "height"), [(500, 375), (333, 500), (97, 97), (3, 200), (1, 1)])
def test_central_square_is_the_window_of_resnests_own_evaluation(width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    steps = (step("central_square", share=0.875), step("resize", width=224, height=224, filter="bilinear"))

    result = compile_steps(steps)(pixels)

    np.testing.assert_array_equal(result, _reference_upstream_crop(pixels))


def _reference_upstream_crop(pixels):
    """ECenterCrop(224) of ResNeSt: Pillow's own crop of a square of 224 / (224 + 32) of the short side."""
    image = Image.fromarray(pixels)
    side = 224.0 / (224 + 32) * min(image.size)
    left, top = round((image.width - side) / 2.0), round((image.height - side) / 2.0)
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((224, 224), Image.Resampling.BILINEAR))


def test_a_center_crop_leaves_the_odd_row_at_the_bottom_and_the_odd_column_at_the_right():
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)

    result = compile_steps([step("center_crop", width=1, height=2)])(pixels)

    np.testing.assert_array_equal(result, pixels[1:3, 1:2])


def test_bgr_before_and_after_the_mean_pairs_it_with_other_channels():
    pixels = np.array([[[10, 20, 30]]], np.uint8)
    mean = step("subtract", mean=[1, 2, 3])

    before = compile_steps([step("to_float"), step("bgr"), mean, step("chw")])(pixels)
    after = compile_steps([step("to_float"), mean, step("bgr"), step("chw")])(pixels)

    assert before.ravel().tolist() == [29, 18, 7]
    assert after.ravel().tolist() == [27, 18, 9]


def test_without_chw_the_channels_stay_last():
    pixels = np.array([[[0, 51, 255], [255, 0, 51]]], np.uint8)

    result = compile_steps([step("scale")])(pixels)

    np.testing.assert_array_equal(result, np.float32([[[0, 0.2, 1], [1, 0, 0.2]]]))


def test_no_steps_give_the_bytes_themselves():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)

    result = compile_steps([])(pixels)

    np.testing.assert_array_equal(result, pixels)
    assert result.dtype == np.uint8


numbers = st.floats(-300, 300, width=32)
means = st.builds(lambda mean: step("subtract", mean=mean), st.tuples(numbers, numbers, numbers))
deviations = st.tuples(*[st.floats(2**-7, 300, width=32)] * 3)
normalizing = st.builds(
    lambda mean, std: step("normalize", mean=mean, std=std), st.tuples(numbers, numbers, numbers), deviations
)
float_steps = st.lists(st.one_of(means, normalizing, st.just(step("bgr"))), max_size=4)
byte_steps = st.lists(
    st.sampled_from([step("bgr"), step("center_crop", width=5, height=3), step("central_square", share=0.6)]),
    max_size=2,
)
starts = st.sampled_from([step("scale"), step("to_float")])
ends = st.sampled_from([(step("chw"),), (), (step("chw"),)])
pictures = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


@given(pixels=pictures, head=byte_steps, start=starts, tail=float_steps, end=ends)
def test_fused_steps_equal_the_plain_steps_bit_for_bit(pixels, head, start, tail, end):
    transform = compile_steps([*head, start, *tail, *end])

    fused, plain = transform(pixels), transform.step_by_step(pixels)

    assert fused.tobytes() == plain.tobytes()
    assert fused.shape == plain.shape
    assert fused.shape == transform.form(*pixels.shape[:2]).sizes


@pytest.mark.parametrize("width", [700, 200_000], ids=["many-blocks", "rows-larger-than-a-block"])
def test_pictures_of_several_blocks_equal_the_plain_steps(width):
    pixels = np.random.default_rng(1).integers(0, 256, (1_400_000 // width, width, 3), dtype=np.uint8)
    transform = compile_steps(ICNET)

    fused, plain = transform(pixels), transform.step_by_step(pixels)

    np.testing.assert_array_equal(fused, plain)


def test_every_byte_value_is_normalised_as_float32_arithmetic_says():
    pixels = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)

    result = compile_steps(ICNET)(pixels)

    expected = (np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.456)) / np.float32(0.224)
    np.testing.assert_array_equal(result[1].ravel(), expected)


@pytest.mark.parametrize("steps", [ICNET, ICNET[:2]], ids=["fused", "channels-last"])
def test_a_given_output_array_is_written_and_returned(steps):
    pixels = np.random.default_rng(2).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    transform = compile_steps(steps)
    out = np.zeros(transform.form(6, 4).sizes, np.float32)

    result = transform(pixels, out)

    assert result is out
    np.testing.assert_array_equal(out, transform.step_by_step(pixels))


@pytest.mark.parametrize(("shape", "dtype"), [((3, 6, 5), "float32"), ((3, 6, 4), "float64")])
def test_an_output_array_of_another_shape_or_dtype_is_refused(shape, dtype):
    transform = compile_steps(ICNET)

    with pytest.raises(DataError, match="expected an output array of float32 3 × 6 × 4"):
        transform(np.zeros((6, 4, 3), np.uint8), np.zeros(shape, dtype))


def test_the_picture_is_not_changed():
    pixels = np.full((4, 4, 3), 7, np.uint8)
    pixels.flags.writeable = False

    compile_steps(INTRADA)(pixels)

    assert (pixels == 7).all()


@settings(max_examples=20)
@given(pixels=pictures)
def test_flipping_channels_twice_changes_nothing(pixels):
    flipped = compile_steps([step("bgr"), step("scale"), step("bgr"), step("chw")])

    assert flipped(pixels).tobytes() == compile_steps([step("scale"), step("chw")])(pixels).tobytes()
