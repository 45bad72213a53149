"""The emulated offline model: one file with a magic word, a JSON header and the prepared ONNX model.

    write(path, om)          atomically, mode 0600
    read(path) -> Om         raises RunError (`corrupt-artifact`) for anything that `write` did not finish
    read_header(path) -> Om  the same without the model's bytes and without checking their digest

An `Om` says for which chip, by which toolchain and in which precision it was made, its inputs and outputs (`Tensor`),
the gears of a dynamic one (`Gears`; sizes of a geared axis are -1, `nbytes` is that of the largest gear), and the
device memory it takes (`Memory`). `Tensor.value` is the value's name inside the ONNX model, which is what ONNX Runtime
is asked for; `Tensor.name` is what the Ascend tools show.
"""

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from harness.errors import RunError

MAGIC = b"OMGATE-EMULATED-OM/1\n"
LENGTH = struct.Struct("<Q")
LARGEST_HEADER = 1 << 26
MODE = 0o600
"""As ATC leaves it."""


@dataclass(frozen=True)
class Tensor:
    """An input or output: `name` as the tools show it, numpy's `dtype`, `shape` (-1 on a geared axis), `format`.

    `format` is `NCHW`, `NHWC` or `ND`; `value` is the tensor's name in the ONNX model; `nbytes` is the size of the
    tensor, at the largest gear where there are gears.
    """

    name: str
    value: str
    dtype: str
    shape: tuple[int, ...]
    format: str
    nbytes: int


@dataclass(frozen=True)
class Gears:
    """The profiles of a dynamic OM: `kind` is `` (static), `batch`, `image` or `dims`.

    A profile has one size (batch), height and width (image), or one size per -1 axis of all inputs in order (dims).
    """

    kind: str = ""
    profiles: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Memory:
    """Device memory in bytes that an OM needs: weights on loading, inputs and outputs, and work space while running."""

    weights: int = 0
    io: int = 0
    workspace: int = 0

    @property
    def loading(self) -> int:
        """Bytes taken as soon as the model is loaded: weights and work space."""
        return self.weights + self.workspace

    @property
    def total(self) -> int:
        """Bytes taken while it runs."""
        return self.loading + self.io


@dataclass(frozen=True)
class Om:
    """An offline model; see the module's description."""

    soc_version: str
    toolchain: str
    precision: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    gears: Gears = Gears()
    memory: Memory = Memory()
    name: str = ""
    operators: Mapping[str, int] = field(default_factory=dict)
    model: bytes = field(default=b"", repr=False)


def write(path: Path, om: Om) -> None:
    """Write an OM through a temporary name; raises OSError where the folder cannot be written."""
    header = asdict(replace(om, model=b""))
    del header["model"]
    header["model_bytes"], header["model_sha256"] = len(om.model), hashlib.sha256(om.model).hexdigest()
    text = json.dumps(header, ensure_ascii=False).encode()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines((MAGIC, LENGTH.pack(len(text)), text, om.model))
        Path(temporary).chmod(MODE)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> Om:
    """Return an OM with its model; raises RunError (`corrupt-artifact`) where it is damaged, cut, or no OM at all."""
    try:
        with path.open("rb") as stream:
            header = _header(path, stream)
            model = stream.read()
    except OSError as error:
        raise _corrupt(path, "a readable file", str(error.strerror)) from error
    if len(model) != header["model_bytes"]:
        raise _corrupt(path, f"{header['model_bytes']} bytes of model", f"{len(model)}")
    if hashlib.sha256(model).hexdigest() != header["model_sha256"]:
        raise _corrupt(path, "the model's digest", "another")
    return _om(path, header, model)


def read_header(path: Path) -> Om:
    """Return an OM without its model's bytes; raises RunError (`corrupt-artifact`) where the header is damaged."""
    try:
        with path.open("rb") as stream:
            return _om(path, _header(path, stream), b"")
    except OSError as error:
        raise _corrupt(path, "a readable file", str(error.strerror)) from error


def _header(path: Path, stream: BinaryIO) -> dict[str, Any]:
    start = stream.read(len(MAGIC) + LENGTH.size)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + LENGTH.size:
        raise _corrupt(path, "an emulated OM", repr(start[:16]))
    (length,) = LENGTH.unpack(start[len(MAGIC) :])
    text = stream.read(min(length, LARGEST_HEADER))
    try:
        header = json.loads(text)
    except ValueError as error:
        raise _corrupt(path, "a whole header", f"{len(text)} of {length} bytes") from error
    if not isinstance(header, dict) or not {"model_bytes", "model_sha256"} <= set(header):
        raise _corrupt(path, "a header of an OM", type(header).__name__)
    return header


def _om(path: Path, header: dict[str, Any], model: bytes) -> Om:
    try:
        return Om(
            soc_version=header["soc_version"],
            toolchain=header["toolchain"],
            precision=header["precision"],
            inputs=tuple(_tensor(row) for row in header["inputs"]),
            outputs=tuple(_tensor(row) for row in header["outputs"]),
            gears=Gears(header["gears"]["kind"], tuple(tuple(row) for row in header["gears"]["profiles"])),
            memory=Memory(**header["memory"]),
            name=header["name"],
            operators=header["operators"],
            model=model,
        )
    except (KeyError, TypeError) as error:
        raise _corrupt(path, "the header's fields", str(error)) from error


def _tensor(row: dict[str, Any]) -> Tensor:
    return Tensor(**{**row, "shape": tuple(row["shape"])})


def _corrupt(path: Path, what: str, got: str) -> RunError:
    do = "build the OM again"
    return RunError(str(path), f"expected {what}", got, do, kind="corrupt-artifact", stage="load")
