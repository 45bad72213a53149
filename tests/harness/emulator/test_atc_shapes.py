"""--input_shape and the profiles of dynamic axes."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator import atc_flags, atc_shapes
from harness.emulator.atc_errors import AtcError
from tests.harness.emulator.toy_graphs import Atc, convolution, execute


def read(**flags: str) -> atc_shapes.Shapes:
    return atc_shapes.read({**atc_flags.DEFAULTS, **flags})


@pytest.mark.parametrize(
    "text", ["x:1,3,8,8;y:2", "x: 1,3,8,8;y:2", " x:1, 3, 8, 8 ; y: 2 ;", "x:1,3,8,8;;y:2"]
)  # blanks as READMEs have them
def test_shapes_are_read_whatever_the_blanks(text: str) -> None:
    assert atc_shapes.parse(text) == {"x": (1, 3, 8, 8), "y": (2,)}


def test_a_names_own_colon_stays_with_it() -> None:
    assert atc_shapes.parse("scope/x:0:1,3") == {"scope/x:0": (1, 3)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x", "E10002"),
        ("x:", "E10002"),
        (":1,3", "E10002"),
        ("x:1,a", "E10002"),
        ("x:1,,3", "E10002"),
        ("x:1~4,3", "E10002"),
        ("x:1.0,3", "E10002"),
        ("x:１,3", "E10002"),
        ("x:0,3", "E10011"),
        ("x:-2,3", "E10011"),
        ("x:-1,3", "E10011"),
    ],
)
def test_another_grammar_is_refused(text: str, code: str) -> None:
    with pytest.raises(AtcError) as caught:
        read(input_shape=text)

    assert caught.value.code == code


@given(text=st.text(alphabet="x:;,-10 ~“", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    shapes = {}
    with contextlib.suppress(AtcError):
        shapes = atc_shapes.parse(text)

    assert all(size >= 1 or size == -1 for shape in shapes.values() for size in shape)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"input_shape": "x:1,3,8,8", "dynamic_batch_size": "1,2"}, "E10031"),
        ({"input_shape": "x:-1,-1,8,8", "dynamic_batch_size": "1,2"}, "E10018"),
        ({"input_shape": "x:-1,3,8,8", "dynamic_batch_size": "4"}, "E10035"),
        ({"input_shape": "x:-1,3,8,8", "dynamic_batch_size": ",".join(map(str, range(1, 103)))}, "E10036"),
        ({"input_shape": "x:-1,3,8,8", "dynamic_batch_size": "1,1"}, "E10039"),
        ({"input_shape": "x:-1,3,8,8", "dynamic_batch_size": "0,1"}, "E10038"),
        ({"input_shape": "x:-1,3,8,8", "dynamic_batch_size": "1,two"}, "E10014"),
        ({"input_shape": "x:1,3,-1,-1", "dynamic_image_size": "8,8,8;4,4,4"}, "E10020"),
        ({"input_shape": "x:-1,3,-1,-1", "dynamic_image_size": "8,8;4,4"}, "E10019"),
        ({"input_shape": "x:1,3,8,8", "dynamic_image_size": "8,8;4,4"}, "E10040"),
        ({"input_shape": "x:-1,3,-1,8", "dynamic_dims": "1;2"}, "E10045"),
        ({"input_shape": "x:-1,3,8,8", "dynamic_dims": "1,8;2,8"}, "E10046"),
        ({"input_shape": "x:-1,3,8,-1", "dynamic_dims": "1,8;2"}, "E10037"),
        ({"input_shape": "x:1,3,8,8", "dynamic_dims": "1;2"}, "E10040"),
    ],
)
def test_profiles_and_shapes_that_contradict_each_other_are_refused(flags: dict[str, str], code: str) -> None:
    with pytest.raises(AtcError) as caught:
        read(**flags)

    assert caught.value.code == code


def test_profiles_of_two_kinds_are_refused() -> None:
    usual = {"model": "m", "framework": "5", "output": "o", "soc_version": "Ascend310"}
    flags = {**atc_flags.DEFAULTS, **usual, "dynamic_batch_size": "1,2", "dynamic_dims": "1;2"}

    with pytest.raises(AtcError) as caught:
        atc_flags.check(flags, (6, 0))

    assert caught.value.code == "E10009"


def test_the_largest_profile_fills_the_free_axes() -> None:
    batch = read(input_shape="x:-1,3;y:-1,5", dynamic_batch_size="1,8,4")
    image = read(input_shape="x:1,-1,-1,3", input_format="NHWC", dynamic_image_size="8,16;4,4")
    dims = read(input_shape="x:-1,3,-1;y:-1", dynamic_dims="1,2,3;4,5,6")

    assert batch.largest() == {"x": (8, 3), "y": (8, 5)}
    assert image.largest() == {"x": (1, 8, 16, 3)}
    assert dims.largest() == {"x": (4, 3, 5), "y": (6,)}
    assert dims.at((1, 2, 3)) == {"x": (1, 3, 2), "y": (3,)}


def test_a_dynamic_batch_is_kept_with_sizes_of_the_largest(atc_face: Atc) -> None:
    atc_face.save(convolution(("batch", 3, 8, 8)))

    made = atc_face.convert(input_shape="x:-1,3,8,8", dynamic_batch_size="1,2,4")

    assert (made.gears.kind, made.gears.profiles) == ("batch", ((1,), (2,), (4,)))
    assert (made.inputs[0].shape, made.inputs[0].nbytes) == ((-1, 3, 8, 8), 4 * 768)
    assert (made.outputs[0].shape, made.outputs[0].nbytes) == ((-1, 2, 8, 8), 4 * 512)
    for size in (1, 2, 4):
        assert execute(made, np.zeros((size, 3, 8, 8), np.float32))[0].shape == (size, 2, 8, 8)


def test_image_profiles_are_kept(atc_face: Atc) -> None:
    atc_face.save(convolution((1, 3, "h", "w")))

    made = atc_face.convert(input_shape="x:1,3,-1,-1", dynamic_image_size="8,8;16,4")

    assert (made.inputs[0].shape, made.inputs[0].nbytes) == ((1, 3, -1, -1), 3 * 64 * 4)
    assert made.gears.profiles == ((8, 8), (16, 4))
