"""What a process has of AscendCL: whether it is initialised, which devices it opened, and its clock's zero."""

import time
from dataclasses import dataclass, field

from harness.emulator import console, faults
from harness.emulator.acl_device import AclDevice, AclError
from harness.emulator.console import Log

TEXTS = {
    -1: "ACL: general failure",
    1: "ACL: invalid parameter",
    2: "ACL: memory allocation fail",
    26: "ACL: memory copy fail",
    1004: "Invalid parameter",
}
"""What the module says of its own codes; any other, an aclError, it calls unknown."""


def failure(code: int) -> RuntimeError:
    """Return the exception of the module for a code; the blank at its end is the real module's."""
    return RuntimeError(f"[{code}][{TEXTS.get(code, 'Error code unknown')}] ")


@dataclass
class AclProcess:
    """One process's AscendCL. `recent` is the generation of 2023, which words its opening and end differently."""

    recent: bool
    initialised: bool = False
    opened: list[int] = field(default_factory=list)
    models: int = 0
    zero_ms: float = field(default_factory=lambda: 1000 * time.perf_counter())

    def open(self, number: int, tool: str, log: Log) -> AclDevice:
        """Open a device for a session, which counts as one invocation for faults; raises RuntimeError if it fails."""
        found = faults.active(tool, number)
        found.start()
        if not self.initialised:
            log.info("acl init success")
            self.initialised = True
        try:
            device = AclDevice.open(number, found, tool)
        except AclError as error:
            console.line(error.message)
            log.fail(f"acl open device {number} failed")
            log.fail(f"SetDevice failed. ret={error.code}")
            raise failure(error.code) from None
        if number not in self.opened:
            self.opened.append(number)
            log.info(f"open device {number} success")
            if self.recent:
                log.info("create new context")
        return device

    def finalize(self, log: Log) -> None:
        """Close all devices; an unused or closed process stays as it is."""
        for number in self.opened:
            if self.recent:
                log.info(f"end to reset device {number}")
            else:
                log.info("end to destroy context")
                log.info(f"end to reset device is {number}")
        self.opened.clear()
        if self.initialised:
            log.info("end to finalize acl")
        self.initialised = False
