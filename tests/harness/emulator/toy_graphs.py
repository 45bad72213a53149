"""Small ONNX files for tests of the emulated ATC, and a run of its face inside the test's process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.emulator import atc, om
from harness.emulator.om import Om

SHAPE = (1, 3, 8, 8)
WEIGHT = np.random.default_rng(5).standard_normal((4, 3, 3, 3)).astype(np.float32)


def model(
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[str],
    weights: dict[str, npt.NDArray[Any]] | None = None,
    shape: Sequence[int | str] = SHAPE,
    **changes: Any,
) -> onnx.ModelProto:
    """Return a model with the input `x`; `changes` are `opset`, `ir_version`, `imports`."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    stored = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "toy", [x], made, stored)
    imports = changes.get("imports", [("", changes.get("opset", 11))])
    opsets = [helper.make_opsetid(*row) for row in imports]
    return helper.make_model(graph, opset_imports=opsets, ir_version=changes.get("ir_version", 6))


def convolution(shape: Sequence[int | str] = SHAPE, **changes: Any) -> onnx.ModelProto:
    """Return Conv_0 → Relu_1 → Split_2, whose two outputs are `left` and `right`."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["wide"], "Conv_0", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["wide"], ["794"], "Relu_1"),
        helper.make_node("Split", ["794"], ["left", "right"], "Split_2", axis=1),
    ]
    return model(nodes, ["left", "right"], {"w": WEIGHT}, shape, **changes)


def convolved(x: npt.NDArray[Any], weight: npt.NDArray[Any] = WEIGHT) -> npt.NDArray[np.float64]:
    """Return relu(conv(x)) in float64, by loops over the kernel."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = x.shape[2:]
    total = np.zeros((len(x), len(weight), height, width))
    for row in range(3):
        for column in range(3):
            window = padded[:, :, row : row + height, column : column + width]
            total += np.einsum("nchw,oc->nohw", window, weight[:, :, row, column].astype(np.float64))
    return np.maximum(total, 0)


@dataclass(frozen=True)
class Run:
    """What a run of atc gave: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Atc:
    """Runs the face of atc on files of a folder, with flags that convert `toy.onnx` for a 310P3 unless changed."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capture = folder, capture

    def save(self, saved: onnx.ModelProto, name: str = "toy.onnx") -> str:
        path = self.folder / name
        path.write_bytes(saved.SerializeToString())
        return str(path)

    def run(self, *extra: str, **flags: str | None) -> Run:
        """Run with `--flag=value` for each flag; None leaves a default one out."""
        usual: dict[str, str | None] = {
            "framework": "5",
            "model": str(self.folder / "toy.onnx"),
            "output": str(self.folder / "made"),
            "soc_version": "Ascend310P3",
        }
        words = [f"--{name}={value}" for name, value in {**usual, **flags}.items() if value is not None]
        self.capture.readouterr()
        code = atc.main([*words, *extra])
        return Run(code, *self.capture.readouterr())

    def convert(self, *extra: str, **flags: str | None) -> Om:
        """Run, expect success, and return the OM."""
        done = self.run(*extra, **flags)
        assert (done.code, done.err) == (0, ""), done.out
        return om.read(self.folder / "made.om")


def execute(made: Om, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Run an OM's model in ONNX Runtime on one array per input; return its outputs in order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(made.model, options, providers=["CPUExecutionProvider"])
    feeds = {tensor.value: array for tensor, array in zip(made.inputs, arrays, strict=True)}
    return list(session.run([tensor.value for tensor in made.outputs], feeds))
