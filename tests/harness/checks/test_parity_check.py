"""Parity: what is compared, with what, and how far apart two outputs are."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness import cards, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.checks.parity import compare, fixed_inputs
from harness.results import Case
from harness.workbench import Workbench

CARD = """
name = "file-only"
family = "file-only"
classes = 2
batches = [1, 3]
[source]
url = "https://example.org/model"
framework = "onnx"
[artifact]
onnx = "model.onnx"
[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3, 4, 4]
[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 2]
scored = true
[dataset]
kind = "none"
count = 0
[metric]
name = "top1"
protocol = "by-name"
"""


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A workbench with one model that exists as an ONNX file only."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "card.toml").write_text(CARD)
    weight = numpy_helper.from_array(np.linspace(-1, 1, 96, dtype=np.float32).reshape(48, 2), "w")
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2]),
    ]
    graph = helper.make_graph(nodes, "model", ends[:1], ends[1:], [weight])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8), folder / "model.onnx"
    )
    card = cards.load(folder / "card.toml")
    return Workbench({card.name: card}, Builder(Store(tmp_path / "cache")), tmp_path / "run")


@pytest.mark.parametrize("batch", [1, 3])
def test_a_model_that_is_a_file_only_is_compared_with_itself_as_written(bench: Workbench, batch: int) -> None:
    case = Case(model="file-only", runtime="ort-cpu", chip="cpu", batch=batch, check="parity")

    result = pipeline.run(case, bench)

    assert result.status == "measured"
    assert bench.reference(case).runtime == "ort-plain"
    assert [(item.output, item.max_rel < 1e-6) for item in result.parity] == [("y", True)]


def test_without_data_the_inputs_are_seeded_noise_and_the_same_every_time(bench: Workbench) -> None:
    card = bench.cards["file-only"]

    first, again = fixed_inputs(card, bench), fixed_inputs(card, bench)

    assert len(first) == 8
    assert len({sample.arrays[0].tobytes() for sample in first}) == 8
    assert all(np.array_equal(a.arrays[0], b.arrays[0]) for a, b in zip(first, again, strict=True))


def array(*values: float) -> list[np.ndarray]:
    return [np.array(values, np.float32)]


def test_cosine_and_largest_difference_are_those_of_hand_arithmetic() -> None:
    found = compare("y", array(3, 4), array(4, 3))

    assert found.cosine == pytest.approx(24 / 25)
    assert found.max_rel == pytest.approx(1 / 4)


def test_all_inputs_are_compared_as_one() -> None:
    found = compare("y", array(1, 0) + array(0, 2), array(1, 0) + array(0, 1))

    assert found.cosine == pytest.approx(3 / (5**0.5 * 2**0.5))
    assert found.max_rel == pytest.approx(1.0)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_match(broken: float) -> None:
    assert not compare("y", array(1, broken), array(1, 2)).finite
    assert not compare("y", array(1, 2), array(1, broken)).finite


def test_another_shape_is_no_match() -> None:
    assert compare("y", array(1, 2), array(1, 2, 3)).cosine == 0.0


def test_two_zero_outputs_are_equal_and_one_is_not() -> None:
    assert compare("y", array(0, 0), array(0, 0)).cosine == 1.0
    assert compare("y", array(0, 0), array(0, 1)).cosine == 0.0
    assert compare("y", array(0, 1), array(0, 0)).cosine == 0.0
