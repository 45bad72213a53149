"""What is checked of a model that has no data set: batch sizes on noise, a second run, and its own file's batch."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness import cards, memory, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.checks.parity import Row, fixed_inputs, repeated
from harness.errors import CardError, RunError
from harness.results import Case, Result
from harness.samples import Sample
from harness.workbench import Workbench

CARD = """
name = "toy"
family = "toy"
classes = 1
batches = [1, 4]
[source]
url = "https://example.org/model"
framework = "onnx"
[artifact]
onnx = "model.onnx"
[[input]]
name = "x"
dtype = "{dtype}"
shape = ["N", 3, 8]
[[output]]
name = "y"
index = 0
dtype = "{dtype}"
shape = ["N", 3, 8]
scored = true
[dataset]
kind = "none"
count = 0
[metric]
name = "none"
protocol = "as-printed"
"""
FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


def model(shape: list[int | str], nodes: list[onnx.NodeProto] | None = None, dtype: int = FLOAT) -> onnx.ModelProto:
    """Return a network from x to y of one shape; without nodes, y = |x|."""
    ends = [helper.make_tensor_value_info(name, dtype, shape) for name in "xy"]
    made = nodes or [helper.make_node("Abs", ["x"], ["y"], "Abs_0")]
    graph = helper.make_graph(made, "toy", ends[:1], ends[1:], [numpy_helper.from_array(np.array([0]), "zero")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


def bench(folder: Path, made: onnx.ModelProto, dtype: str = "float32") -> Workbench:
    (folder / "models").mkdir()
    (folder / "models/card.toml").write_text(CARD.format(dtype=dtype))
    onnx.save(made, folder / "models/model.onnx")
    card = cards.load(folder / "models/card.toml")
    return Workbench({"toy": card}, Builder(Store(folder / "cache")), folder / "run")


def checked(folder: Path, made: onnx.ModelProto, check: str = "batch-consistency") -> Result:
    case = Case.model_validate({"model": "toy", "runtime": "ort-cpu", "chip": "cpu", "batch": 4, "check": check})
    return pipeline.run(case, bench(folder, made))


def test_batch_sizes_are_compared_by_their_outputs_on_noise(tmp_path: Path) -> None:
    result = checked(tmp_path, model(["N", 3, 8]))

    assert [(one.output, one.max_rel) for one in result.parity] == [("y", 0.0)]
    assert result.agreement is None


def test_a_network_that_mixes_its_batch_is_seen(tmp_path: Path) -> None:
    mean = helper.make_node("ReduceMean", ["x"], ["m"], "Mean_0", axes=[0], keepdims=1)
    mixing = [mean, helper.make_node("Sub", ["x", "m"], ["y"], "Sub_1")]

    result = checked(tmp_path, model(["N", 3, 8], mixing))

    assert result.parity[0].cosine < 0.99


def test_parity_runs_its_inputs_twice(tmp_path: Path) -> None:
    result = checked(tmp_path, model(["N", 3, 8]), "parity")

    assert result.repeat is not None
    assert (result.repeat.n, result.repeat.equal) == (8, 8)


def test_a_network_that_draws_lots_is_seen(tmp_path: Path) -> None:
    noise = helper.make_node("RandomNormalLike", ["x"], ["n"], "Random_0")
    drawing = [noise, helper.make_node("Add", ["x", "n"], ["y"], "Add_1")]

    result = checked(tmp_path, model(["N", 3, 8], drawing), "parity")

    assert result.repeat is not None
    assert result.repeat.equal == 0
    assert result.repeat.differing == ("noise-0", "noise-1", "noise-2", "noise-3", "noise-4")


def test_a_second_run_counts_every_bit_and_takes_nan_for_nan() -> None:
    samples = [Sample(name, ()) for name in ("a", "b")]
    first: list[Row] = [(np.array([1.0, np.nan]),), (np.array([2.0]),)]
    second: list[Row] = [(np.array([1.0, np.nan]),), (np.array([np.nextafter(2.0, 3.0)]),)]

    found = repeated(samples, first, second)

    assert (found.n, found.equal, found.differing) == (2, 1, ("b",))


def test_noise_for_whole_numbers_is_an_index_into_any_table(tmp_path: Path) -> None:
    made = bench(tmp_path, model(["N", 3, 8], dtype=INT), "int64")

    values = np.concatenate([sample.arrays[0].ravel() for sample in fixed_inputs(made.cards["toy"], made)])

    assert (values.dtype, set(values.tolist())) == (np.dtype("int64"), {0, 1})


def artifact_of(folder: Path, made: onnx.ModelProto, batch: int) -> tuple[ModelCard, onnx.ModelProto]:
    made_bench = bench(folder, made)
    card = made_bench.cards["toy"]
    return card, onnx.load(made_bench.builder.onnx(card, batch).path)


def test_a_brought_file_of_batch_1_is_set_to_another_batch(tmp_path: Path) -> None:
    _, built = artifact_of(tmp_path, model([1, 3, 8]), 4)

    assert [size.dim_value for size in built.graph.input[0].type.tensor_type.shape.dim] == [4, 3, 8]


def test_a_brought_file_with_free_sizes_takes_those_of_the_card(tmp_path: Path) -> None:
    made = bench(tmp_path, model(["N", "c", "w"]))

    assert made.builder.onnx(made.cards["toy"], 4).path == tmp_path / "models/model.onnx"


def test_a_brought_file_that_has_its_batch_baked_in_is_an_error_that_names_the_node(tmp_path: Path) -> None:
    mean = helper.make_node("ReduceMean", ["x"], ["m"], "Mean_0", axes=[0], keepdims=1)
    mixing = [mean, helper.make_node("Sub", ["x", "m"], ["y"], "Sub_1")]

    with pytest.raises(RunError, match="Mean_0") as caught:
        artifact_of(tmp_path, model([1, 3, 8], mixing), 4)

    assert caught.value.kind == "compile-error"


def test_a_metric_of_none_is_for_cards_without_data(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(CARD.format(dtype="float32").replace('kind = "none"', 'kind = "imagenet"'))

    with pytest.raises(CardError, match=r"metric\.name: expected a metric for imagenet data, got 'none'"):
        cards.load(path)


def test_the_memory_of_free_sizes_is_that_of_what_is_fed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model(["N", 3, "w"]), path)

    # x and y of 1024 × 3 × 65536 floats are 768 MiB each.
    assert memory.onnx_mib(path, {"x": (1024, 3, 65536)}) == memory.PROCESS_MIB + 2 * 768
