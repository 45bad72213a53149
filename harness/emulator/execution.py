"""Execution of an emulated OM: its ONNX graph on ONNX Runtime's CPU provider, one thread, fed with bytes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator.om import Gears, Om, Tensor

Outputs = list[npt.NDArray[Any]]
Shapes = tuple[tuple[int, ...], ...]
BATCH, IMAGE, DIMS = "batch", "image", "dims"


class ExecutionError(Exception):
    """A graph that ONNX Runtime does not load or run."""


class Execution:
    """A loaded graph; the OM's element types hold at its border."""

    def __init__(self, om: Om) -> None:
        """Load the OM's graph; raises ExecutionError if ONNX Runtime refuses it."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors come as exceptions; their echo on fd 2 is not the tool's
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._errors = _errors()
        try:
            self._session = onnxruntime.InferenceSession(om.model, options, providers=["CPUExecutionProvider"])
        except self._errors as error:
            raise ExecutionError(str(error)) from error
        self._inputs, self._outputs = om.inputs, om.outputs
        self._names = [output.value for output in om.outputs]

    def run(self, contents: Sequence[bytes | memoryview], shapes: Shapes) -> Outputs:
        """Run once on the inputs' bytes in the given shapes; return the outputs in the OM's types.

        Raises ExecutionError if the graph fails, as on an index out of range. NaN and infinities pass through.
        """
        feeds = {
            port.value: np.frombuffer(content, port.dtype).reshape(shape)
            for port, content, shape in zip(self._inputs, contents, shapes, strict=True)
        }
        try:
            results = self._session.run(self._names, feeds)
        except self._errors as error:
            raise ExecutionError(str(error)) from error
        with np.errstate(all="ignore"):
            return [
                np.ascontiguousarray(result.astype(port.dtype, copy=False))
                for port, result in zip(self._outputs, results, strict=True)
            ]


def fixed_shapes(om: Om) -> Shapes:
    """Return the input shapes of an OM at its largest gear; a static OM's own."""
    biggest = max(om.gears.profiles, key=math.prod, default=())
    return geared_shapes(om.inputs, om.gears, biggest)


def geared_shapes(inputs: Sequence[Tensor], gears: Gears, profile: Sequence[int]) -> Shapes:
    """Return the input shapes with a profile's sizes in place of the open axes.

    A batch or an image size is the same in every input that has open axes; `dims` has one size for each open axis.
    """
    left = list(profile)
    shapes = []
    for port in inputs:
        sizes = left if gears.kind == DIMS else list(profile)
        shapes.append(tuple(sizes.pop(0) if length < 0 and sizes else length for length in port.shape))
    return tuple(shapes)


def _errors() -> tuple[type[BaseException], ...]:
    """Return what ONNX Runtime raises: its status classes share no parent below Exception and vary by version."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    statuses = [value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (*statuses, RuntimeError, MemoryError)
