"""The calibration of device memory: its arithmetic, and the facts it stands on."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from harness import cards
from harness.artifacts import Store
from harness.build import Builder
from harness.emulator import atc_compile, atc_flags, inventory, memory, precision
from harness.emulator.devices import MIB
from harness.emulator.om import Memory
from tests.harness.emulator.toy_graphs import convolution

MODELS = Path(__file__).parents[3] / "harness" / "models"
FREE = {chip.name: (chip.total_mib - chip.idle_mib) * MIB for chip in inventory.chips(["310P3", "310"])}


def test_in_float32_every_part_is_what_the_shapes_say() -> None:
    inferred = onnx.shape_inference.infer_shapes(convolution())

    needed = memory.estimate(inferred)

    picture, halves = 3 * 8 * 8 * 4, 2 * 2 * 8 * 8 * 4  # the input; the two outputs
    rectified = 4 * 8 * 8 * 4  # of the convolution: its own output is never stored
    assert needed.weights == 4 * 3 * 3 * 3 * 4
    assert needed.io == picture + halves
    assert needed.workspace == needed.io + int(memory.SHARE * (rectified + halves))


def test_in_float16_weights_halve_and_pictures_have_16_channels() -> None:
    inferred = onnx.shape_inference.infer_shapes(convolution())

    needed = memory.estimate(inferred, precision.apply(inferred, "force_fp16").half)

    pixels = 8 * 8 * 2
    stored = 16 * pixels + 2 * 16 * pixels  # the rectifier's 4 channels, and twice 2: each in a block of 16
    copies = 3 * pixels + 16 * pixels + 2 * 2 * pixels  # the input in half and in blocks, the outputs in half
    assert needed.weights == 4 * 3 * 3 * 3 * 2
    assert needed.io == 3 * 8 * 8 * 4 + 2 * 2 * 8 * 8 * 4
    assert needed.workspace == needed.io + int(memory.SHARE * (stored + copies))


def test_a_value_of_unknown_size_counts_for_nothing() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 2])
    places = helper.make_tensor_value_info("places", TensorProto.INT64, [2, None])
    graph = helper.make_graph([helper.make_node("NonZero", ["x"], ["places"])], "toy", [x], [places])

    assert memory.estimate(helper.make_model(graph)) == Memory(weights=0, io=16, workspace=16)


def needs(path: Path, name: str, shape: tuple[int, ...]) -> int:
    """Return the bytes that a model at a shape needs while it runs, by the flags' way."""
    text = ",".join(map(str, shape))
    words = [f"--model={path}", "--framework=5", "--output=o", f"--input_shape={name}:{text}"]
    compiled, _ = atc_compile.compile_model(atc_flags.parse(words), atc_compile.Release("6.0.RC1", (6, 0)))
    return compiled.memory.total


@pytest.mark.slow
def test_icnet_fits_where_its_readmes_say_so(tmp_path: Path) -> None:
    card = cards.load(MODELS / "icnet" / "card.toml")
    path = Builder(Store(tmp_path)).onnx(card, 1, "seeded").path

    needed = {batch: needs(path, "actual_input_1", (batch, 3, 1024, 2048)) for batch in (4, 8, 16, 32)}

    assert needed[16] <= FREE["310P3"] < needed[32]
    assert needed[4] <= FREE["310"] < needed[8]


@pytest.mark.slow
def test_intrada_fits_a_310_at_batch_8(tmp_path: Path) -> None:
    card = cards.load(MODELS / "intrada_deeplabv2" / "card.toml")
    path = Builder(Store(tmp_path)).onnx(card, 1, "seeded").path

    assert needs(path, "image", (8, 3, 512, 1024)) <= FREE["310"]
