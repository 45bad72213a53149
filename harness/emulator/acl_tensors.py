"""The value types of the `aclruntime` module: element types, descriptions, buffers and tensors on host and device.

Names and members are those of the real module's Python bindings, which is why they are not in this project's style.
"""

import ctypes
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator import console
from harness.emulator.acl_process import failure
from harness.emulator.devices import Devices

HOST = -1
INVALID_PARAMETER = 1004
"""The module's own code of an argument that it refuses before it asks the device."""
ON_DEVICE = "tensor is in npu. can't convert to numpy array"


class dtype(IntEnum):  # noqa: N801 - the real module's name
    """Element types with the numbers of aclDataType."""

    float32 = 0
    float16 = 1
    int8 = 2
    int32 = 3
    uint8 = 4
    int16 = 6
    uint16 = 7
    uint32 = 8
    int64 = 9
    uint64 = 10
    double = 11
    bool = 12

    def __str__(self) -> str:
        return f"dtype.{self.name}"


class type(IntEnum):  # noqa: A001, N801 - the real module's name
    """Where memory is."""

    memory_host = 0
    memory_device = 1
    memory_dvpp = 2

    def __str__(self) -> str:
        return f"type.{self.name}"


def element(array: npt.NDArray[Any]) -> dtype:
    """Return an array's element type; what the module has no name for counts as bytes."""
    name = {"float64": "double"}.get(array.dtype.name, array.dtype.name)
    return dtype.__members__.get(name, dtype.uint8)


def described(kind: dtype) -> str:
    """Return an element type as the module prints it."""
    return {"double": "double64"}.get(kind.name, kind.name)


@dataclass
class session_options:  # noqa: N801
    """How a session runs: `loop` executions per run, lines of `log_level` (1 debug … 4 error) and above."""

    loop: int = 1
    log_level: int = 2
    acl_json_path: str = ""


@dataclass
class BaseTensor:
    """Bytes of the caller: a raw address in this process and a length."""

    buf: int
    size: int

    def content(self) -> bytes:
        """Copy the bytes, which are only sure to live during the call."""
        return ctypes.string_at(self.buf, self.size)


@dataclass
class tensor_desc:  # noqa: N801
    """An input or output: `shape` has -1 for dynamic axes; sizes are in bytes, `realsize` after the gear was set."""

    name: str = ""
    datatype: dtype = dtype.float32
    format: int = 2
    shape: list[int] = field(default_factory=list)
    realsize: int = 0
    size: int = 0

    def __str__(self) -> str:
        shape = ", ".join(map(str, self.shape))
        return f"{self.name}  ({shape})  {described(self.datatype)}  {self.size}  {self.realsize}"


@dataclass
class sumary:  # noqa: N801
    """What was executed: milliseconds each (old), or the start and end of each (new)."""

    exec_time_list: list[Any] = field(default_factory=list)


class MemorySummary:
    """Milliseconds of every copy to the device and back, of the whole process: every instance is the same list."""

    _to_device: list[float] = []  # noqa: RUF012 - one list for the process, as the real singleton's
    _to_host: list[float] = []  # noqa: RUF012

    @property
    def H2D_time_list(self) -> list[float]:  # noqa: N802
        """Copies to the device, one for each input."""
        return list(self._to_device)

    @property
    def D2H_time_list(self) -> list[float]:  # noqa: N802
        """Copies to the host, one for each output."""
        return list(self._to_host)

    def reset(self) -> None:
        """Forget all copies."""
        self._to_device.clear()
        self._to_host.clear()

    def to_device(self, content: bytes | memoryview) -> npt.NDArray[np.uint8]:
        """Copy bytes "to the device", which is a copy in this process, and note how long it took."""
        started = time.perf_counter()
        copy = np.frombuffer(content, np.uint8).copy()
        self._to_device.append(_elapsed_ms(started))
        return copy

    def to_host(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Copy an array "from the device" and note how long it took."""
        started = time.perf_counter()
        copy = array.copy()
        self._to_host.append(_elapsed_ms(started))
        return copy


class Tensor:
    """An array with a place: made from a buffer on the host, or by a session on a device."""

    def __init__(self, buffer: Any) -> None:
        array = np.frombuffer(buffer, np.uint8).copy() if isinstance(buffer, bytes | bytearray) else np.array(buffer)
        known = element(array).name == {"float64": "double"}.get(array.dtype.name, array.dtype.name)
        self._array = array if known else np.ascontiguousarray(array).view(np.uint8)
        self._device, self._type = HOST, type.memory_host

    @classmethod
    def on_device(cls, array: npt.NDArray[Any], device: int) -> "Tensor":
        """Make the tensor of an output, which lies on the device and shares the array's memory."""
        tensor = cls.__new__(cls)
        tensor._array, tensor._device, tensor._type = array, device, type.memory_device
        return tensor

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if self._device != HOST:
            raise RuntimeError(ON_DEVICE)
        return np.array(self._array, dtype=dtype, copy=copy is not False)

    def __buffer__(self, flags: int) -> memoryview:
        return self.__array__().data

    def to_device(self, device: int) -> None:
        """Copy to a device; raises RuntimeError [1004] where there is none of that number."""
        count = len(Devices.of(os.environ).visible(os.environ))
        if not 0 <= device < count:
            console.line(f"[ERROR] deviceId({device}) is bigger than deviceCount({count})")
            raise failure(INVALID_PARAMETER)
        self._array = MemorySummary().to_device(_content(self._array)).view(self._array.dtype).reshape(self.shape)
        self._device, self._type = device, type.memory_device

    def to_host(self) -> None:
        """Copy to the host; a tensor that is there stays."""
        if self._device != HOST:
            self._array = MemorySummary().to_host(self._array)
            self._device, self._type = HOST, type.memory_host

    def to_dvpp(self, device: int) -> None:
        """Copy to a device's memory for media, which is a device's memory here."""
        self.to_device(device)
        self._type = type.memory_dvpp

    @property
    def device(self) -> int:
        """The device's number, -1 on the host."""
        return self._device

    @property
    def dtype(self) -> dtype:
        """The element type."""
        return element(self._array)

    @property
    def shape(self) -> list[int]:
        """The length of every axis."""
        return list(self._array.shape)

    @property
    def type(self) -> type:
        """Where the memory is."""
        return self._type

    def __str__(self) -> str:
        shape = ", ".join(map(str, self.shape))
        return f"<Tensor>\nshape:\t({shape})\ndtype:\t{described(self.dtype)}\ndevice:\t{self.device}"

    __repr__ = __str__


def content_of(tensor: Tensor | BaseTensor) -> bytes | memoryview:
    """Return the bytes that a feed holds, wherever they are."""
    return tensor.content() if isinstance(tensor, BaseTensor) else _content(tensor._array)


def batch(inputs: Sequence[Tensor], keep_dims: bool = False) -> Tensor:
    """Join tensors into one: along a new first axis, or along the first axis with `keep_dims`."""
    arrays = [np.asarray(tensor) for tensor in inputs]
    return Tensor(np.concatenate(arrays) if keep_dims else np.stack(arrays))


def _content(array: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _elapsed_ms(started: float) -> float:
    return float(np.float32(1000 * (time.perf_counter() - started)))
