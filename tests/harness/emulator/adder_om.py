"""A tiny OM for tests of the emulated tools: x[2, 3] float32 → y = x + 1 and z = the place of each row's largest."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harness.emulator import om, prefix
from harness.emulator.acl_new_session import NewSession
from harness.emulator.acl_process import AclProcess
from harness.emulator.acl_session import OldSession
from harness.toolchain import Toolchain

INPUT_BYTES = 24
OUTPUTS = ("add:0:y", "arg:0:z")


def model(batch: int | str = 2) -> bytes:
    """Return the ONNX model, of a batch or of any."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3])
    z = helper.make_tensor_value_info("z", TensorProto.INT64, [batch])
    add = helper.make_node("Add", ["x", "one"], ["y"])
    arg = helper.make_node("ArgMax", ["y"], ["z"], axis=1, keepdims=0)
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph([add, arg], "adder", [x], [y, z], [one])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


STATIC = om.Om(
    soc_version="Ascend310P3",
    toolchain="8.0.RC3",
    precision="force_fp16",
    inputs=(om.Tensor("x", "x", "float32", (2, 3), "ND", INPUT_BYTES),),
    outputs=(
        om.Tensor("add:0:y", "y", "float32", (2, 3), "ND", 24),
        om.Tensor("arg:0:z", "z", "int64", (2,), "ND", 16),
    ),
    memory=om.Memory(weights=1000, io=64, workspace=100),
    name="adder",
)


def write(path: Path, **changes: Any) -> str:
    """Write the OM, with some of its facts changed, and return its path."""
    om.write(path, replace(STATIC, model=model(), **changes))
    return str(path)


def write_geared(path: Path) -> str:
    """Write the OM with a dynamic batch of 1, 2 or 4."""
    inputs = (om.Tensor("x", "x", "float32", (-1, 3), "ND", 48),)
    outputs = (
        om.Tensor("add:0:y", "y", "float32", (-1, 3), "ND", 48),
        om.Tensor("arg:0:z", "z", "int64", (-1,), "ND", 32),
    )
    gears = om.Gears("batch", ((1,), (2,), (4,)))
    om.write(path, replace(STATIC, model=model("N"), inputs=inputs, outputs=outputs, gears=gears))
    return str(path)


def install(root: Path, patch: pytest.MonkeyPatch, *chips: str) -> Toolchain:
    """Make a prefix with these chips, point this process at it, and forget what was opened before."""
    toolchain = prefix.make(root, chips or ("Ascend310P3",), {})
    for name in [name for name in os.environ if name.startswith(("OMGATE_EMULATE", "ASCEND_"))]:
        patch.delenv(name)
    patch.setenv("OMGATE_EMULATE_ROOT", toolchain.env["OMGATE_EMULATE_ROOT"])
    patch.setattr(OldSession, "process", AclProcess(recent=False))
    patch.setattr(NewSession, "process", AclProcess(recent=True))
    return toolchain


def samples(folder: Path, *names: str) -> Path:
    """Write a sample of one row under each name: the first is [0, 1, 2], each next one greater by ten."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        row(number).tofile(folder / name)
    return folder


def row(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the row of a sample."""
    return np.arange(3, dtype=np.float32) + 10 * number
