"""Where a resized picture lies in the network's input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cards import Step
from harness.errors import CardError
from harness.geometry import letterboxed, scale_to_input

FRAME = {"width": 640, "height": 640}


@pytest.mark.parametrize(
    ("picture", "expected"),
    [((480, 640), (480, 640)), ((1280, 640), (640, 320)), ((427, 640), (427, 640)), ((333, 500), (426, 640))],
)
def test_a_letterboxed_picture_just_fits_with_its_aspect_kept(picture, expected):
    assert letterboxed(picture, (640, 640)) == expected


@given(height=st.integers(1, 3000), width=st.integers(1, 3000))
def test_a_letterboxed_picture_never_leaves_its_frame_and_touches_it(height, width):
    down, across = letterboxed((height, width), (128, 96))

    assert 1 <= down <= 128
    assert 1 <= across <= 96
    assert down == 128 or across == 96


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), (1.0, 1.0)),
        ((Step(step="resize", params={**FRAME, "filter": "bilinear"}),), (2.0, 4.0)),
        ((Step(step="letterbox", params={**FRAME, "fill": (0, 0, 0)}), Step(step="scale")), (2.0, 2.0)),
    ],
)
def test_the_scale_is_that_of_the_resizing_step(steps, expected):
    assert scale_to_input(steps, (320, 160)) == expected


def test_steps_that_move_the_picture_have_no_scale():
    with pytest.raises(CardError, match=r"expected steps that keep the picture's top left corner.*'central_square'"):
        scale_to_input((Step(step="central_square", params={"share": 0.9}),), (10, 10))
