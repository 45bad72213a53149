"""Where a picture lies in a network input of another size: what resizes it and what maps boxes back agree here."""

from collections.abc import Sequence

from harness.cards import Step
from harness.errors import CardError

Size = tuple[int, int]
"""Height and width in pixels."""
RESIZING = ("resize", "letterbox")
MOVING = ("central_square", "center_crop")


def letterboxed(picture: Size, frame: Size) -> Size:
    """Return the size of a picture resized to just fit in a frame with its aspect kept: TensorFlow's detection models'
    `resize_and_crop_image`, which scales by the smaller ratio and rounds both sides half to even.

    >>> letterboxed((480, 640), (640, 640)), letterboxed((50, 100), (640, 640))
    ((480, 640), (320, 640))
    """
    scale = min(frame[0] / picture[0], frame[1] / picture[1])
    return max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))


def scale_to_input(steps: Sequence[Step], picture: Size) -> tuple[float, float]:
    """Return how many pixels of the network input one pixel of the picture is, along height and width.

    Raises CardError for a step that also moves the picture, so that boxes could not be mapped back by scale alone.
    """
    size = picture
    for step in steps:
        if step.step in MOVING:
            what = "expected steps that keep the picture's top left corner, where boxes are scored"
            raise CardError("preprocess", what, repr(step.step), f"use {' or '.join(RESIZING)}")
        if step.step in RESIZING:
            frame = int(step.params["height"]), int(step.params["width"])
            size = letterboxed(size, frame) if step.step == "letterbox" else frame
    return size[0] / picture[0], size[1] / picture[1]
