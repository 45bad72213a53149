"""The memory a case needs is told from its file, before it runs."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harness import memory
from harness.errors import MissingNeedError

MIB = 2**20


def chain(path: Path, layers: int) -> Path:
    """Write an ONNX file of `layers` ReLUs in a row over 4 MiB values."""
    shape = [1, MIB]
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(layers)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("v0", f"v{layers}")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), str(path))
    return path


def test_values_are_counted_while_they_live(tmp_path: Path) -> None:
    need = memory.onnx_mib(chain(tmp_path / "chain.onnx", 20))

    assert need == memory.PROCESS_MIB + 2 * 4  # one value read, one written, never all twenty-one


def test_a_value_read_late_counts_all_along(tmp_path: Path) -> None:
    shape = [1, MIB]
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    nodes += [helper.make_node("Relu", ["b"], ["c"]), helper.make_node("Add", ["a", "c"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "skip", ends[:1], ends[1:])
    path = tmp_path / "skip.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), str(path))

    assert memory.onnx_mib(path) == memory.PROCESS_MIB + 3 * 4  # a, c and y


def test_weights_count_twice(tmp_path: Path) -> None:
    weight = onnx.numpy_helper.from_array(np.ones((1024, 1024), np.float32), "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1024]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "gemm", ends[:1], ends[1:], [weight])
    path = tmp_path / "gemm.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), str(path))

    assert memory.onnx_mib(path) == memory.PROCESS_MIB + 2 * 4


def test_more_than_its_share_of_the_free_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_mib", lambda: 10 * 1024)

    memory.require(6 * 1024, "icnet-ort-cpu-bs4")
    with pytest.raises(MissingNeedError, match=r"icnet-ort-cpu-bs8: needs 7\.0 GB of memory, got 6\.0 GB") as caught:
        memory.require(7 * 1024, "icnet-ort-cpu-bs8")

    assert caught.value.need == "memory"


def test_the_free_memory_of_this_machine_is_known() -> None:
    assert memory.available_mib() > 0
