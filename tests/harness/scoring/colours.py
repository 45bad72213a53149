"""A model and a data set that a person can work out: which of red, green and blue a picture has most of.

The model is a mean over each channel, in ONNX. The ten pictures p0 … p9 are wholly red, green or blue in turn; p8 and
p9 are labelled wrongly, so that top-1 is 0.8. Scaled, a picture's means are 1 for its own colour and 0 for the others.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from harness import cards
from harness.cards import ModelCard
from harness.samples import Array
from tests.harness.test_om_build import write_model
from tests.harness.toy_card import CARD

IDS = tuple(f"p{number}" for number in range(10))
TABLES = """
[artifact]
onnx = "toy.onnx"

[[preprocess]]
step = "scale"

[[preprocess]]
step = "chw"
"""
PROMISES = """
[[baseline]]
chip = "Ascend310P3"
batch = "any"
metric = "top1"
protocol = "by-name"
value = 0.8
role = "promise"
source = { file = "readme.md", line = 7, text = "80 %" }

[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = 1000
unit = "images/s"
role = "promise"
definition = "ais_bench"
inputs = "real"
source = { file = "readme.md", line = 8, text = "1000" }
"""


def write(folder: Path, promises: str = PROMISES) -> ModelCard:
    """Write the card with its model, and the data set below `data`, and load the card."""
    write_model(folder / "toy.onnx")
    (folder / "card.toml").write_text(CARD.replace('"torch"', '"onnx"') + TABLES + promises)
    pictures = folder / "data" / "imagenet" / "val"
    pictures.mkdir(parents=True)
    labels = []
    for number, name in enumerate(IDS):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[:, :, number % 3] = 255
        Image.fromarray(pixels).save(pictures / f"{name}.png")
        wrong = number >= 8
        labels.append(f"{name} {(number + wrong) % 3}\n")
    (folder / "data" / "imagenet" / "val_label.txt").write_text("".join(labels))
    return cards.load(folder / "card.toml")


def scores(number: int) -> Array:
    """Return what the model says of a picture: float32 (1, 3), as a file of one sample holds it."""
    return np.eye(3, dtype=np.float32)[[number % 3]]


def write_outputs(folder: Path, pattern: str = "{name}_0.bin") -> Path:
    """Write an output file per picture, called as a tool calls it, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(IDS):
        scores(number).tofile(folder / pattern.format(name=name, number=number))
    return folder
