"""The disposable child: opens models and runs them for a parent, so that a crash or a hang costs one process.

Python 3.7 syntax, the standard library and numpy only: vendor runtimes stop at old interpreters, so nothing of omgate
is imported here and the file is started by its path.

The parent writes requests to file descriptor 0 and reads replies from 1, each a JSON object behind an eight-byte
length. Arrays travel through a file that both processes map (`multiprocessing.shared_memory` came with 3.8):

    {"op": "open", "engine": "ort", "model": path, "settings": {…}, "arena": path, "inputs": […], "outputs": […]}
        → {"handle": 1, "runs_on": …, "inputs": […], "outputs": […]}; the arena's file may be unlinked from here on.
        Without an arena ("") the model can only be timed, on inputs of its engine's own.
    {"op": "run", "handle": 1}                   → {}; inputs are read from the arena, outputs written to it
    {"op": "time", "handle": 1}                  → {"round_ms": …}; as run, but nothing is written to the arena
    {"op": "close"}                              → {}; every model is closed and the process ends

A failure is {"error": {"kind": …, "message": …}}. The process also ends when its input does.
"""

# ruff: noqa: B905 - zip got `strict` in Python 3.10

from __future__ import annotations

import ctypes
import faulthandler
import json
import mmap
import os
import re
import struct
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

LENGTH = struct.Struct(">Q")
ALIGNMENT = 64  # bytes; a cache line, and what vector loads like best

ORT_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
}
# What ONNX Runtime, CUDA and CANN print when memory is short; EL0004 and the numbers are CANN's and ACL's codes.
OUT_OF_MEMORY = re.compile(
    r"allocate memory|bad allocation|bad_alloc|out of memory|ALLOC_FAILED|EL0004|\b(207001|245000)\b"
)
UNSUPPORTED = re.compile(
    r"NOT_IMPLEMENTED|No Op registered|is not a registered function/op|No opset import|ValidateOpsetForDomain"
)


class EngineError(Exception):
    """An engine that failed: `kind` is an error kind of a result (`oom`, `unsupported`, …)."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class OrtEngine:
    """ONNX Runtime on one execution provider, with fixed threads that sleep when idle.

    `settings` holds `provider`, `provider_options` and `threads`; with `plain` the graph runs as it is written, without
    graph optimisation. `model` is a path or the bytes of a model.
    """

    def __init__(self, model: str | bytes, settings: dict[str, Any]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings["threads"]
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors come as exceptions; their echo on fd 2 would only be noise
        # With one busy neighbour on two cores, spinning threads took twice as long as sleeping ones.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        if settings.get("plain"):
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        provider = (settings["provider"], settings["provider_options"])
        try:
            session = onnxruntime.InferenceSession(model, options, providers=[provider])
        except ort_errors() as error:
            raise EngineError(kind_of(error, "corrupt-artifact"), str(error)) from error
        session.disable_fallback()  # a provider that fails in a run must not be replaced by the CPU
        self._session = session
        self._errors = ort_errors()
        self.runs_on = str(session.get_providers()[0])
        self.inputs = [ort_tensor(node) for node in session.get_inputs()]
        self.outputs = [ort_tensor(node) for node in session.get_outputs()]
        self._input_names = [tensor["name"] for tensor in self.inputs]
        self._output_names = [tensor["name"] for tensor in self.outputs]

    def run(self, arrays: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        """Return the outputs for one batch, both in graph order; raises EngineError."""
        try:
            outputs: list[np.ndarray[Any, Any]] = self._session.run(
                self._output_names, dict(zip(self._input_names, arrays))
            )
        except self._errors as error:
            raise EngineError(kind_of(error, "tool-failed"), str(error)) from error
        return outputs

    def time(self, arrays: list[np.ndarray[Any, Any]]) -> float:
        """Return the wall milliseconds of one run; raises EngineError."""
        start = time.perf_counter_ns()
        self.run(arrays)
        return (time.perf_counter_ns() - start) / 1e6

    def close(self) -> None:
        """Let go of the session and its memory."""
        self._session = None


class AclEngine:
    """An OM on an NPU through aclruntime, of either generation.

    `settings` holds `device`, the number of the NPU. Versions do not tell the generations apart (both say 0.0.2): the
    newer one's sessions have `free_resource`, its `finalize` is static, and its times are pairs of start and end.
    """

    _alive = 0  # sessions; the last one to close lets go of the device, which is one for all of them

    def __init__(self, model: str, settings: dict[str, Any]) -> None:
        try:
            import aclruntime  # type: ignore[import-not-found]  # a vendor's wheel, for its own interpreters
        except ImportError as error:
            raise EngineError("infra", f"aclruntime cannot be imported: {error}") from error
        self._tensor, self._device = aclruntime.BaseTensor, settings["device"]
        options = aclruntime.session_options()
        options.loop = 1
        try:
            self._session = aclruntime.InferenceSession(model, self._device, options)
            self._session.set_staticbatch()
            self.inputs = [acl_tensor(tensor) for tensor in self._session.get_inputs()]
            self.outputs = [acl_tensor(tensor) for tensor in self._session.get_outputs()]
        except RuntimeError as error:
            raise EngineError("tool-failed", str(error)) from error
        AclEngine._alive += 1
        self.runs_on = f"npu:{self._device}"
        self._output_names = [tensor["name"] for tensor in self.outputs]
        self._zeros = [np.zeros(tensor["bytes"], np.uint8) for tensor in self.inputs]

    def run(self, arrays: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        """Return the outputs for one batch in the order of the OM; raises EngineError."""
        outputs = []
        for tensor in self._execute(arrays):
            device = getattr(tensor, "device", self._device)
            if device != self._device:
                raise EngineError("infra", f"asked for device {self._device}, the output lies on {device}")
            try:
                tensor.to_host()
                outputs.append(np.array(tensor))
            except RuntimeError as error:
                raise EngineError("tool-failed", str(error)) from error
        return outputs

    def time(self, arrays: list[np.ndarray[Any, Any]]) -> float:
        """Return the milliseconds that the device took for one run, its copies left out; without arrays, on zeros."""
        self._session.reset_sumaryinfo()
        self._execute(arrays or self._zeros)
        times = list(self._session.sumary().exec_time_list)
        if len(times) != 1:
            raise EngineError("tool-failed", f"expected the time of one run, got {times}")
        return float(times[0][1] - times[0][0] if isinstance(times[0], (tuple, list)) else times[0])

    def close(self) -> None:
        """Let go of the session, and after the last one of the device."""
        AclEngine._alive -= 1
        names = ["free_resource"] if AclEngine._alive else ["free_resource", "finalize"]
        for name in names:
            try:
                if hasattr(self._session, name):
                    getattr(self._session, name)()
            except RuntimeError as error:
                print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - the log of this process
        self._session = None

    def _execute(self, arrays: list[np.ndarray[Any, Any]]) -> list[Any]:
        """Run once; the outputs stay on the device. The arrays are read during the call, by their addresses."""
        feeds = [self._tensor(array.__array_interface__["data"][0], array.nbytes) for array in arrays]
        try:
            tensors: list[Any] = self._session.run(self._output_names, feeds)
        except RuntimeError as error:
            raise EngineError("tool-failed", str(error)) from error
        return tensors


ENGINES: dict[str, Any] = {"ort": OrtEngine, "acl": AclEngine}


def ort_errors() -> tuple[type[BaseException], ...]:
    """Return what ONNX Runtime raises: its status classes share no parent below Exception and vary by version."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    statuses = [value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (*statuses, RuntimeError, MemoryError)


def kind_of(error: BaseException, otherwise: str) -> str:
    """Return the error kind that the text or type of an error tells, or `otherwise`."""
    text = str(error)
    if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(text):
        return "oom"
    if UNSUPPORTED.search(text):
        return "unsupported"
    return "device-lost" if type(error).__name__ == "DeviceReset" else otherwise


def ort_tensor(node: Any) -> dict[str, Any]:
    """Return name, dtype and shape of a graph input or output; a free dimension is None."""
    shape = [size if isinstance(size, int) else None for size in node.shape]
    return {"name": node.name, "dtype": ORT_TYPES.get(node.type, node.type), "shape": shape}


def acl_tensor(tensor: Any) -> dict[str, Any]:
    """Return name, dtype, shape and size in bytes of an input or output of an OM."""
    kind = getattr(tensor.datatype, "name", None) or str(tensor.datatype).rpartition(".")[2]
    dtype = "float64" if kind == "double" else str(kind)
    return {"name": tensor.name, "dtype": dtype, "shape": list(tensor.shape), "bytes": int(tensor.realsize)}


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as it travels: its length in eight bytes, then its JSON."""
    body = json.dumps(message).encode()
    return LENGTH.pack(len(body)) + body


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """Read one message; None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return decode(stream.read(LENGTH.unpack(head)[0]))


def decode(body: bytes) -> dict[str, Any]:
    """Return the message in a body; raises ValueError for anything but a JSON object."""
    message = json.loads(body.decode())
    if not isinstance(message, dict):
        raise ValueError(f"expected a JSON object, got {body[:80]!r}")  # noqa: TRY004 - the value is wrong, not a type
    return message


def layout(tensors: list[dict[str, Any]], start: int = 0) -> tuple[list[int], int]:
    """Return where in an arena each tensor starts, in bytes, and where the last one ends."""
    offsets = []
    for tensor in tensors:
        start += -start % ALIGNMENT
        offsets.append(start)
        start += int(np.prod(tensor["shape"], dtype=np.int64)) * np.dtype(tensor["dtype"]).itemsize
    return offsets, start


def views(buffer: mmap.mmap, tensors: list[dict[str, Any]], start: int = 0) -> list[np.ndarray[Any, Any]]:
    """Return the tensors of an arena as arrays over its memory."""
    offsets, _ = layout(tensors, start)
    return [
        np.ndarray(tensor["shape"], np.dtype(tensor["dtype"]), buffer, offset)
        for tensor, offset in zip(tensors, offsets)
    ]


class Opened:
    """An opened model with its inputs and outputs in an arena, if it has one."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.engine = ENGINES[request["engine"]](request["model"], request["settings"])
        self.inputs: list[np.ndarray[Any, Any]] = []
        self.outputs: list[np.ndarray[Any, Any]] = []
        if not request["arena"]:
            return
        with Path(request["arena"]).open("r+b") as file:
            arena = mmap.mmap(file.fileno(), 0)
        self.inputs = views(arena, request["inputs"])
        self.outputs = views(arena, request["outputs"], layout(request["inputs"])[1])

    def run(self) -> None:
        """Run once from arena to arena; an output that is missing or of another shape is an EngineError."""
        outputs = self.engine.run(self.inputs)
        found = [(str(array.dtype), list(array.shape)) for array in outputs]
        expected = [(str(array.dtype), list(array.shape)) for array in self.outputs]
        if found != expected:
            raise EngineError("tool-failed", f"expected the outputs {expected}, got {found}")
        for place, array in zip(self.outputs, outputs):
            np.copyto(place, array)

    def time(self) -> float:
        """Return the milliseconds of one run by the engine's own clock, the copies to the arena left out."""
        elapsed: float = self.engine.time(self.inputs)
        return elapsed


class Server:
    """Answers the parent's requests until it is closed."""

    def __init__(self) -> None:
        self.serving = True
        self._opened: dict[int, Opened] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the reply to one request; an engine's failure is a reply too."""
        operations = {"open": self._open, "run": self._run, "time": self._time, "close": self._close}
        try:
            return operations[request["op"]](request)
        except EngineError as error:
            flush_text()
            return {"error": {"kind": error.kind, "message": str(error)}}
        except MemoryError as error:
            return {"error": {"kind": "oom", "message": str(error) or "out of memory"}}

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        opened, handle = Opened(request), len(self._opened) + 1
        self._opened[handle] = opened
        engine = opened.engine
        return {"handle": handle, "runs_on": engine.runs_on, "inputs": engine.inputs, "outputs": engine.outputs}

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        self._opened[request["handle"]].run()
        return {}

    def _time(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"round_ms": self._opened[request["handle"]].time()}

    def _close(self, request: dict[str, Any]) -> dict[str, Any]:
        for opened in self._opened.values():
            opened.engine.close()
        self._opened.clear()
        self.serving = False
        return {}


def flush_text() -> None:
    """Bring what libraries printed into the log: printed to a file, C's text waits in a buffer for more."""
    sys.stdout.flush()
    ctypes.CDLL(None).fflush(None)


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take file descriptors 0 and 1 for the protocol, and lead what a library prints there to the log on 2."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, replies


def main() -> None:
    """Serve requests until the parent closes the pipe."""
    requests, replies = claim_pipes()
    faulthandler.enable()  # a segfault leaves the Python stack in the log
    # Started by path, this folder comes first on the import path, where its module names could hide a vendor's.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    server = Server()
    while server.serving:
        request = receive(requests)
        if request is None:
            return
        replies.write(encode(server.answer(request)))
        replies.flush()


if __name__ == "__main__":
    main()
