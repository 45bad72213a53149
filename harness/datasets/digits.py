"""The default data: handwritten digits, drawn here and written in the layouts of the real sets.

Nothing is downloaded and no photograph is redistributed. Validation pictures come from other digits than training
pictures. The evidence of a class is its shape, its hue (label mod 3), and the phase of a stripe pattern of 4 input
pixels counted from the picture's corner (label div 3 mod 2): so swapped channels or a shifted input cost accuracy.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from harness.cards import Table
from harness.datasets import digit_boxes, digit_pictures, digit_records, digit_scenes
from harness.errors import CardError, closest

PARAMS: dict[str, type[Table]] = {
    "digits": digit_pictures.PictureParams,
    "digit-scenes": digit_scenes.SceneParams,
    "digit-records": digit_records.RecordParams,
    "digit-boxes": digit_boxes.BoxParams,
}
"""The generators, and what each is told: `digits` writes ImageNet's layout, `digit-scenes` that of Cityscapes,
`digit-records` TFRecords, `digit-boxes` COCO's layout."""


class Example(NamedTuple):
    """A training picture: `pixels` uint8 height × width × 3 RGB; `target` an int, int16 train ids or Objects.

    Of train ids, -1 is not scored.
    """

    pixels: npt.NDArray[np.uint8]
    target: Any


def generate(generator: str, params: Mapping[str, Any], root: Path) -> None:
    """Write the validation data of a generator below `root`, a folder that is new or empty.

    The decoded pixels depend on `params` alone. Raises CardError for an unknown generator or wrong parameters.
    """
    table = _table(generator, params)
    if isinstance(table, digit_pictures.PictureParams):
        digit_pictures.write_imagenet(table, root)
    elif isinstance(table, digit_records.RecordParams):
        digit_records.write_tfrecord(table, root)
    elif isinstance(table, digit_boxes.BoxParams):
        digit_boxes.write_coco(table, root)
    elif isinstance(table, digit_scenes.SceneParams):
        digit_scenes.write_cityscapes(table, root)


def examples(generator: str, params: Mapping[str, Any], seed: int) -> Iterator[Example]:
    """Yield `params["count"]` training pictures in memory, made from the training digits with that seed.

    A seed equal to the one of `params` gives other pictures too, since the digits are others. Raises CardError as
    `generate` does.
    """
    table = _table(generator, {**params, "seed": seed})
    if isinstance(table, digit_pictures.PictureParams):
        yield from (Example(pixels, label) for pixels, label in digit_pictures.pictures(table, "train"))
    elif isinstance(table, digit_boxes.BoxParams):
        yield from (Example(scene.pixels, scene.objects) for scene in digit_boxes.boxed_scenes(table, "train"))
    elif isinstance(table, digit_scenes.SceneParams):
        found = digit_scenes.scenes(table, "train")
        yield from (Example(scene.pixels, digit_scenes.train_ids(scene.label_ids)) for scene in found)


def _table(generator: str, params: Mapping[str, Any]) -> Table:
    if generator not in PARAMS:
        raise CardError("dataset.generator", "unknown generator", repr(generator), closest(generator, list(PARAMS)))
    try:
        return PARAMS[generator].model_validate(dict(params))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("dataset.generator_params", *first["loc"]))
        raise CardError(where, first["msg"].lower(), repr(first["input"])[:80]) from error
