"""Devices and models as AscendCL shows them to the tools: error numbers, the recent error message, held memory.

    device = AclDevice.open(number, faults)      raises AclError 107001 (no such device), 507033 (a broken one)
    model = device.load(path)                    raises AclError 145002, 545001, 507008, 207001
    model.execute(contents)                      -> outputs, start_ms, end_ms; raises AclError 145000, 507011, 507899
    model.unload()

The tools turn an AclError into their own words. Its `message` is what `aclGetRecentErrMsg` would give.
"""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.emulator import acl_messages, console
from harness.emulator import om as om_file
from harness.emulator.devices import Devices
from harness.emulator.execution import Execution, ExecutionError, Outputs, Shapes, fixed_shapes
from harness.emulator.faults import Faults
from harness.emulator.om import Om
from harness.errors import RunError

Content = bytes | memoryview
BROKEN = "Critical"


class AclError(Exception):
    """A failed call: its error number, and the block of text that the runtime keeps about it."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclass
class AclDevice:
    """An open device: the runtime's number for it, the chip's id, the faults that it shows, and who opened it."""

    number: int
    chip: int
    devices: Devices
    faults: Faults
    tool: str

    @classmethod
    def open(cls, number: int, faults: Faults, tool: str) -> "AclDevice":
        """Set the device; raises AclError for a number without a chip, and for a chip that is broken."""
        devices = Devices.of(os.environ)
        chips = devices.visible(os.environ)
        if not 0 <= number < len(chips):
            raise _inner(acl_messages.INVALID_DEVICE, f"device id {number} is not in [0, {len(chips)})")
        device = cls(number, chips[number].id, devices, faults, tool)
        if device.broken:
            raise _inner(acl_messages.DEVICE_SETUP, f"open device {number} failed")
        return device

    @property
    def broken(self) -> bool:
        """Tell whether the chip has to be reset before it runs anything."""
        return self.devices.health(self.chip) == BROKEN

    @property
    def soc_version(self) -> str:
        """The chip as ATC names it."""
        return self.devices.chip(self.chip).soc_version

    def load(self, path: str) -> "AclModel":
        """Load an OM: checks the file, the chip it was built for and the free memory, in this order."""
        return AclModel(self, path)

    def allocate(self, nbytes: int) -> Path:
        """Take memory and return its token; raises AclError 207001 where it is not free."""
        try:
            return self.devices.hold(self.chip, nbytes, self.tool)
        except RunError as error:
            raise self.out_of_memory(nbytes) from error

    def out_of_memory(self, nbytes: int) -> AclError:
        """Return the error of an allocation that fails."""
        cann = acl_messages.cann_version(self.devices.state.parent)
        return AclError(acl_messages.NO_MEMORY, acl_messages.out_of_memory(nbytes, cann))

    def lose(self) -> AclError:
        """Break the chip, so that npu-smi shows it Critical, and return the error of the call that found it."""
        self.devices.set_health(self.chip, BROKEN)
        return AclError(acl_messages.DRIVER, acl_messages.lost(self.number))


class AclModel:
    """A loaded OM; it holds its weights and work space until `unload`."""

    def __init__(self, device: AclDevice, path: str) -> None:
        self.device, self.om = device, _readable(path)
        if self.om.soc_version != device.soc_version:
            raise AclError(acl_messages.WRONG_SOC, acl_messages.wrong_soc(self.om.soc_version, device.soc_version))
        wanted = self.om.memory.loading
        if "oom" in device.faults:
            raise device.out_of_memory(wanted)
        self._tokens = [device.allocate(wanted)]
        try:
            self._execution = Execution(self.om)
        except ExecutionError as error:
            self.unload()
            raise AclError(acl_messages.LOAD, acl_messages.not_loaded(str(error).splitlines()[0])) from error
        self.shapes: Shapes = fixed_shapes(self.om)

    def execute(self, contents: Sequence[Content]) -> tuple[Outputs, float, float]:
        """Run once; return the outputs, and when the execution alone began and ended, in milliseconds.

        As the graph engine does, it takes the first bytes of an input that is too long, and fails with 145000 for one
        that is too short.
        """
        faults, fitted = self.device.faults, self._fitted(contents)
        if "exit-0" in faults:
            console.line("[ERROR] model execute failed")
            raise SystemExit(0)
        faults.hang()
        if "device-lost" in faults:
            raise self.device.lose()
        started_ms = 1000 * time.perf_counter()
        try:
            outputs = self._execution.run(fitted, self.shapes)
        except ExecutionError as error:
            raise AclError(acl_messages.MODEL_EXECUTE, acl_messages.aicore(str(error).splitlines()[0])) from error
        ended_ms = 1000 * time.perf_counter()
        return [faults.spoil(output) for output in outputs], started_ms, ended_ms

    def hold_io(self) -> None:
        """Take the memory of inputs and outputs, once; raises AclError 207001 where it is not free."""
        if len(self._tokens) == 1:
            self._tokens.append(self.device.allocate(self.om.memory.io))

    def unload(self) -> None:
        """Give the memory back; twice is once."""
        for token in self._tokens:
            self.device.devices.release(token)

    def sizes_bytes(self) -> list[int]:
        """Return the bytes of each input at the gear that is set."""
        ports = zip(self.om.inputs, self.shapes, strict=True)
        return [math.prod(shape) * np.dtype(port.dtype).itemsize for port, shape in ports]

    def _fitted(self, contents: Sequence[Content]) -> list[memoryview]:
        sizes = self.sizes_bytes()
        if len(contents) != len(sizes):
            raise _inner(acl_messages.PARAMETER, f"{len(contents)} inputs given, {len(sizes)} needed")
        for content, size in zip(contents, sizes, strict=True):
            if len(content) < size:
                cause = f"Input size [{len(content)}] is smaller than om size need [{size}]"
                raise _inner(acl_messages.PARAMETER, cause)
        return [memoryview(content)[:size] for content, size in zip(contents, sizes, strict=True)]


def _readable(path: str) -> Om:
    if not Path(path).is_file():
        raise _inner(acl_messages.NO_FILE, f"model file {path} is not a file")
    try:
        return om_file.read(Path(path))
    except RunError as error:
        raise AclError(acl_messages.LOAD, acl_messages.not_loaded(f"{error.what}, got {error.got}")) from error


def _inner(code: int, cause: str) -> AclError:
    return AclError(code, acl_messages.inner(cause, code))
