"""Faults on demand: an emulated tool that fails the way a real one does, so that its driver can be tested.

`OMGATE_EMULATE_FAULT` holds rules separated by commas, each a fault and where it applies:

    oom                     every tool, every time
    hang@msame              only msame
    device-lost@aclruntime:1    only where the tool was told device 1
    oom@ais_bench#2         only the second invocation of that tool below this prefix
    slow-start=0.5@msame    a slow start of half a second

An invocation of `aclruntime` is the opening of one session; of the others, one process. The author of a tool calls
`active(tool, device)` once per invocation and asks the answer: `if "hang" in faults: faults.hang()`. For atc the names
are `hang`, `exit-0`, `no-om`, `killed` and `slow-start`; what they mean there is up to `atc`.
"""

import fcntl
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator.devices import Devices
from harness.errors import UsageError, closest

VARIABLE = "OMGATE_EMULATE_FAULT"
MEANINGS: Mapping[str, str] = {
    "hang": "sleeps for ever where it would execute",
    "oom": "does not get the device memory for the model",
    "corrupt-output": "every bit of the outputs is inverted",
    "truncated-output": "output files end after half of their bytes",
    "device-lost": "the chip breaks at the first execution and stays Critical until it is reset",
    "exit-0": "stops before the first execution with an error in its text, and exit code 0",
    "stale-results": "the result files are zeros of the day before",
    "wrong-size": "float outputs come in the other width: float16 for float32, float32 for anything else",
    "slow-start": "waits before it starts",
    "no-om": "atc says success and leaves no file",
    "killed": "atc is killed without a word, as by the host's out-of-memory killer",
}
TOOLS = ("atc", "aclruntime", "ais_bench", "msame", "benchmark", "npu-smi")
SLOW_START_S = 5.0
DAY_S = 86_400
_RULE = re.compile(
    r"(?P<fault>[a-z0-9-]+)(=(?P<value>\d+(\.\d+)?))?(@(?P<tool>[\w-]+))?(:(?P<device>\d+))?(#(?P<count>\d+))?"
)


@dataclass(frozen=True)
class Rule:
    """One rule of the variable: the fault, its value (seconds, for slow-start) and where it applies; "" is anywhere."""

    fault: str
    value: str = ""
    tool: str = ""
    device: str = ""
    count: str = ""

    def applies(self, tool: str, device: int, count: int) -> bool:
        """Tell whether this rule is for the count-th invocation (from 1) of a tool on a device."""
        wanted = (self.tool or tool, self.device or str(device), self.count or str(count))
        return wanted == (tool, str(device), str(count))


@dataclass(frozen=True)
class Faults:
    """The faults of one invocation; `name in faults` asks for one."""

    names: frozenset[str] = frozenset()
    slow_start_s: float = SLOW_START_S

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def start(self) -> None:
        """Wait, if this invocation starts slowly."""
        if "slow-start" in self:
            time.sleep(self.slow_start_s)

    def hang(self) -> None:
        """Sleep until killed, if this invocation hangs."""
        while "hang" in self:
            time.sleep(3600)

    def spoil(self, output: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an output as these faults leave it in memory: inverted, or in another width."""
        if "corrupt-output" in self:
            output = np.invert(np.ascontiguousarray(output).view(np.uint8)).view(output.dtype).reshape(output.shape)
        if "wrong-size" in self:
            other = np.float16 if output.dtype == np.float32 else np.float32
            with np.errstate(all="ignore"):
                output = output.astype(other)
        return output

    def harm(self, path: Path) -> None:
        """Leave an output file just written as these faults do: cut in half, or of the day before."""
        if "truncated-output" in self:
            os.truncate(path, path.stat().st_size // 2)
        if "stale-results" in self:
            path.write_bytes(bytes(path.stat().st_size))
            yesterday = time.time() - DAY_S
            os.utime(path, (yesterday, yesterday))


def parse(text: str) -> tuple[Rule, ...]:
    """Return the rules of the variable; raises UsageError for an unknown fault or tool or another grammar."""
    return tuple(_rule(part.strip()) for part in text.split(",") if part.strip())


def active(tool: str, device: int = 0, environ: Mapping[str, str] | None = None) -> Faults:
    """Return the faults of this invocation of a tool, counting it; call it once per invocation.

    `environ` is the process's own unless given. Raises UsageError for rules that cannot be read, and RunError
    (`infra`) for a rule with `#n` where OMGATE_EMULATE_ROOT does not say below which folder to count.
    """
    environ = os.environ if environ is None else environ
    rules = parse(environ.get(VARIABLE, ""))
    counted = any(rule.count for rule in rules if rule.tool in ("", tool))
    count = _count(Devices.of(environ).state / f"invocations-{tool}") if counted else 0
    found = [rule for rule in rules if rule.applies(tool, device, count)]
    values = [float(rule.value) for rule in found if rule.fault == "slow-start" and rule.value]
    return Faults(frozenset(rule.fault for rule in found), values[0] if values else SLOW_START_S)


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise UsageError(
            VARIABLE, "expected FAULT[=SECONDS][@TOOL][:DEVICE][#COUNT]", repr(text), "see the faults' list"
        )
    rule = Rule(**{name: value or "" for name, value in match.groupdict().items()})
    _known(rule.fault, tuple(MEANINGS), "fault")
    if rule.tool:
        _known(rule.tool, TOOLS, "tool")
    return rule


def _known(word: str, words: tuple[str, ...], kind: str) -> None:
    if word not in words:
        hint = closest(word, words) or f"they are {', '.join(words)}"
        raise UsageError(VARIABLE, f"expected a {kind} that the emulator knows", repr(word), hint)


def _count(path: Path) -> int:
    """Count one invocation more and return the number so far; other processes count in the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        count = int(stream.read() or "0") + 1
        stream.truncate(0)
        stream.write(str(count))
    return count
