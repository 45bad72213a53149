"""A network whose float16 loss is known by hand: it adds a large number to the pixels and takes it away again.

Conv (2048 is its bias) → MaxPool → Sub 2048 → Flatten. A picture is plain: 1.0 in the channel of its class, 0.2 in the
others. float16 has 11 bits, so between 2048 and 4096 only even numbers: 2048.2 becomes 2048, and 2049, half way,
becomes 2048, whose last bit is 0. So with the convolution's result in float16 every output is 0, all classes tie, and
the protocol `by-name` gives a tie to the last class: of the labels 0, 1, 2, 1 only the third is right.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from harness import ascend_host, cards
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.emulator import prefix
from harness.forecast import Request
from harness.needs import Places
from harness.workbench import Workbench

CHIP = "Ascend310P3"
LABELS = (0, 1, 2, 1)
CARD = """
name = "cancelling"
family = "cancelling"
classes = 3
chips = ["Ascend310P3"]
[source]
url = "https://example.org/cancelling"
framework = "onnx"
[artifact]
onnx = "model.onnx"
[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3, 2, 2]
layout = "NCHW"
[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 3]
scored = true
[dataset]
kind = "imagenet"
count = 4
[[preprocess]]
step = "scale"
[[preprocess]]
step = "chw"
[metric]
name = "top1"
protocol = "by-name"
"""


def graph(bias: float = 2048.0, scale: float = 1.0) -> onnx.ModelProto:
    """Return the network, of any batch size; pixels are multiplied by `scale` before `bias` is added."""
    nodes = [
        helper.make_node("Conv", ["x", "identity", "bias"], ["wide"], "Conv_0"),
        helper.make_node("MaxPool", ["wide"], ["pooled"], "MaxPool_1", kernel_shape=[2, 2]),
        helper.make_node("Sub", ["pooled", "large"], ["back"], "Sub_2"),
        helper.make_node("Flatten", ["back"], ["y"], "Flatten_3"),
    ]
    weights = {
        "identity": scale * np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
        "bias": np.full(3, bias, np.float32),
        "large": np.full((1, 3, 1, 1), bias, np.float32),
    }
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 2, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    stored = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = helper.make_graph(nodes, "cancelling", [x], [y], stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def write(folder: Path, model: onnx.ModelProto | None = None, tables: str = "", source: str = "onnx") -> ModelCard:
    """Write the card, the network and below `data/` the pictures with their labels; return the card.

    One whose `source` is a framework has its network to build, and no ONNX file.
    """
    pictures = folder / "data" / "imagenet" / "val"
    pictures.mkdir(parents=True)
    for number, label in enumerate(LABELS):
        pixels = np.full((2, 2, 3), 51, np.uint8)  # 0.2 of 255
        pixels[:, :, label] = 255
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    lines = "".join(f"{number}.png {label}\n" for number, label in enumerate(LABELS))
    (pictures.parent / "val_label.txt").write_text(lines)
    models = folder / "models"
    models.mkdir()
    onnx.save(model or graph(), models / "model.onnx")
    text = CARD if source == "onnx" else CARD.replace('[artifact]\nonnx = "model.onnx"\n', "")
    (models / "card.toml").write_text(text.replace('"onnx"', f'"{source}"') + tables)
    return cards.load(models / "card.toml")


def bench(folder: Path, card: ModelCard, data: bool = True, fault: str = "") -> Workbench:
    """Return the means of a forecast with an emulated chip, all below the folder."""
    toolchain = prefix.make(folder / "prefix", (CHIP,), {"OMGATE_EMULATE_FAULT": fault})
    return Workbench(
        cards={card.name: card},
        builder=Builder(Store(folder / "cache"), toolchain=toolchain),
        run_dir=folder / "run",
        places=Places(data_dir=folder / "data" if data else None),
        host=ascend_host.present(toolchain),
    )


def request(card: ModelCard, *modes: str, operators: int = 0, budget_s: float = 60.0) -> Request:
    """Return what to forecast of the card at batch 1."""
    return Request(card, CHIP, 1, modes, operators, budget_s)
