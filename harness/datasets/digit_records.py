"""Scenes of several digits each, for segmentation, as the TFRecord of the ResNeSt script."""

from pathlib import Path

import numpy as np

from harness.datasets import tf_example
from harness.datasets.digit_scenes import SceneParams, scenes, train_ids
from harness.datasets.tfrecord import CHANNELS, UNSCORED


class RecordParams(SceneParams):
    """How the scenes look, as for `digit-scenes`."""


def write_tfrecord(params: RecordParams, root: Path) -> None:
    """Write `val.tfrecord` below `root`: BGR pictures, and train ids with 255 where a pixel is not scored."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "val.tfrecord").open("wb") as file:
        for scene in scenes(params, "val"):
            found = train_ids(scene.label_ids)
            labels = np.where(found < 0, UNSCORED, found).astype(np.uint8)
            features: dict[str, bytes | int] = {
                "image": scene.pixels[:, :, ::-1].tobytes(),
                "label": labels.tobytes(),
                "height": params.height,
                "width": params.width,
                "channels": CHANNELS,
            }
            file.write(tf_example.record(tf_example.example(features)))
