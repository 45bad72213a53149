"""What preprocessing refuses, in a card and in a picture, and what its digest tells apart."""

import numpy as np
import pytest

from harness.cards import Step, TensorSpec
from harness.errors import CardError, DataError
from harness.preprocess import check_steps, compile_steps, digest, network_input
from harness.samples import Picture

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


def spec(shape=("N", 3, 224, 224), dtype="float32"):
    return TensorSpec(name="actual_input_1", dtype=dtype, shape=shape)


BAD_STEPS = {
    "unknown-step": ([step("resise", width=1, height=1, filter="nearest")], r"preprocess\[0\].step: .*'resize'\?"),
    "unknown-filter": ([step("resize", width=1, height=1, filter="bilinaer")], r"filter: .*did you mean 'bilinear'\?"),
    "extra-parameter": (
        [step("scale"), step("chw", heigth=1)],
        r"preprocess\[1\].params: heigth: unknown parameter of 'chw'; known: none",
    ),
    "misspelt-parameter": (
        [step("resize", widht=1, height=1, filter="nearest")],
        r"params: widht: unknown parameter of 'resize'; did you mean 'width'\?",
    ),
    "missing-parameter": ([step("center_crop", width=1)], r"params: height: expected this key, got nothing; add it"),
    "text-for-number": ([step("center_crop", width="1", height=1)], r"width: expected an integer, got '1'"),
    "zero-size": ([step("center_crop", width=0, height=1)], r"width: expected more than 0, got 0"),
    "truth-for-number": ([step("center_crop", width=True, height=1)], r"width: expected an integer, got True"),
    "two-means": ([step("to_float"), step("subtract", mean=[1, 2])], r"mean: expected 3 numbers, .*got 2"),
    "four-means": ([step("to_float"), step("subtract", mean=[1, 2, 3, 4])], r"mean: .*got 4"),
    "text-in-mean": ([step("to_float"), step("subtract", mean=[1, "2", 3])], r"mean\[1\]: expected a number, got '2'"),
    "infinite-mean": ([step("to_float"), step("subtract", mean=[1, float("inf"), 3])], r"mean\[1\]: .*finite"),
    "zero-deviation": (
        [step("scale"), step("normalize", mean=[0, 0, 0], std=[1, 0, 1])],
        r"std\[1\]: expected more than 0.0, got 0",
    ),
    "share-above-one": ([step("central_square", share=1.5)], r"share: expected at most 1.0, got 1.5"),
    "scaled-twice": ([step("scale"), step("scale")], r"preprocess\[1\].step: 'scale' takes uint8, got float32; .*once"),
    "never-scaled": ([step("normalize", **IMAGENET)], r"'normalize' takes float32, got uint8; put 'to_float' or"),
    "resized-late": ([step("scale"), step("resize", width=1, height=1, filter="nearest")], r"'resize' takes uint8"),
    "after-chw": ([step("scale"), step("chw"), step("bgr")], r"\[2\].step: expected nothing after 'chw', got 'bgr'"),
}


@pytest.mark.parametrize(("steps", "message"), BAD_STEPS.values(), ids=BAD_STEPS)
def test_a_wrong_step_is_one_line_naming_it(steps, message):
    with pytest.raises(CardError, match=message) as caught:
        compile_steps(steps)

    assert "\n" not in str(caught.value)


def test_the_error_of_a_step_starts_with_the_given_place():
    with pytest.raises(CardError, match=r"^icnet/card.toml: preprocess\[0\].step: "):
        compile_steps([step("scael")], "icnet/card.toml: preprocess")


@pytest.mark.parametrize(
    ("steps", "input_spec"),
    [
        (RESNEST50, spec()),
        (INTRADA, spec(("N", 3, 512, 1024))),
        (ICNET, spec(("N", 3, 1024, 2048))),
        (ICNET, spec((1, 3, 64, 64))),
        ((), spec(("N", 640, 640, 3), "uint8")),
    ],
    ids=["resnest50", "intrada", "icnet", "fixed-batch", "spinenet"],
)
def test_steps_that_can_give_the_input_pass(steps, input_spec):
    check_steps(steps, input_spec)


@pytest.mark.parametrize(
    ("steps", "input_spec", "message"),
    [
        (RESNEST50, spec(("N", 3, 256, 256)), "float32 3 × 256 × 256, got float32 3 × 224 × 224"),
        (RESNEST50[:-1], spec(), "got float32 224 × 224 × 3"),
        (ICNET[:0], spec(), "got uint8 any × any × 3"),
        (ICNET, spec(("N", 3, 1024, 2048), "float16"), "float16 3 × 1024 × 2048, got float32"),
        (ICNET, spec(("N", 1024)), "float32 1024, got float32 3 × any × any"),
        ((step("resize", width=20, height=20, filter="nearest"), *RESNEST50[1:]), spec(), "got float32 3 × 20 × 20"),
    ],
    ids=["size", "layout", "no-steps", "dtype", "rank", "crop-larger-than-resize"],
)
def test_steps_that_cannot_give_the_input_are_refused_with_both_forms(steps, input_spec, message):
    with pytest.raises(CardError, match=message):
        check_steps(steps, input_spec)


def test_a_network_input_carries_the_id_and_file_of_its_picture():
    picture = Picture("a", np.zeros((300, 200, 3), np.uint8), "val/a.png")

    sample = network_input(compile_steps(RESNEST50), spec(), picture)

    assert (sample.id, sample.source) == ("a", "val/a.png")
    assert [array.shape for array in sample.arrays] == [(3, 224, 224)]


def test_a_picture_of_the_wrong_size_is_an_error_that_names_its_file():
    picture = Picture("a", np.zeros((1024, 2047, 3), np.uint8), "val/a.png")

    with pytest.raises(
        DataError, match=r"^val/a.png: .*3 × 1024 × 2048.*got float32 3 × 1024 × 2047 from 2047x1024 px"
    ):
        network_input(compile_steps(ICNET), spec(("N", 3, 1024, 2048)), picture)


def test_a_picture_smaller_than_the_crop_is_an_error_that_names_its_file():
    picture = Picture("a", np.zeros((200, 300, 3), np.uint8), "val/a.png")

    with pytest.raises(DataError, match=r"^val/a.png: .*got float32 3 × 200 × 224 from 300x200 px"):
        network_input(compile_steps(RESNEST50[1:]), spec(), picture)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_pixels_that_are_no_rgb_bytes_are_refused(pixels):
    with pytest.raises(DataError, match=r"^a: expected uint8 height × width × 3"):
        network_input(compile_steps(ICNET), spec(), Picture("a", pixels))


def test_the_digest_ignores_the_order_of_parameters_and_int_or_float():
    one = step("normalize", mean=[0, 0, 0], std=[1, 1, 1])
    same = step("normalize", std=(1.0, 1.0, 1.0), mean=(0.0, 0.0, 0.0))

    assert digest([step("scale"), one]) == digest([step("scale"), same])


def test_the_digest_differs_for_every_change_of_steps():
    variants = [ICNET, ICNET[:2], RESNEST50, INTRADA, (step("bgr"), *ICNET), (step("to_float"), *ICNET[1:]), ()]

    assert len({digest(steps) for steps in variants}) == len(variants)
