"""Which NPU a case runs on: the one asked for, else a healthy one of the case's chip, worker by worker another."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import MissingNeedError, UsageError
from harness.npus import marks
from harness.npus.listing import Npu

DRAINED = "drained"
OPTION = "--npu-device"


def choose(npus: Sequence[Npu], chip: str, wanted: str = "", turn: int = 0, root: Path | None = None) -> Npu:
    """Return the NPU for a case on `chip`; workers with other `turn`s take others where there are several.

    `wanted` is a runtime id or a bus id. Raises UsageError for a chip or a wanted NPU that is not there, and
    MissingNeedError (need `device`) when each one of them is unhealthy or drained.
    """
    candidates = _asked_for(npus, chip, wanted) if wanted else [npu for npu in npus if npu.chip == chip]
    if not candidates:
        raise UsageError(f"--chip {chip}", "expected a chip of this host", "none", _there_are(npus))
    fit = [npu for npu in candidates if npu.healthy and drained(npu, root) is None]
    if not fit:
        reasons = "; ".join(f"NPU {npu}: {drained(npu, root) or f'health {npu.health}'}" for npu in candidates)
        what = f"expected an {chip} that is fit for use"
        do = "run `omgate doctor` once it is mended, or reboot the host"
        raise MissingNeedError(f"npu {chip}", what, reasons, do, need="device")
    return fit[turn % len(fit)]


def drained(npu: Npu, root: Path | None = None) -> str | None:
    """Return why nothing runs on an NPU any more, or None; the mark ends with a restart of the host."""
    facts = marks.found(npu, DRAINED, root)
    return None if facts is None else str(facts.get("reason", "no reason given"))


def drain(npu: Npu, reason: str, root: Path | None = None) -> None:
    """Take an NPU out of use for every process of this host, until a restart or until it is found well."""
    marks.leave(npu, DRAINED, {"npu": str(npu), "reason": reason}, root)


def restore(npu: Npu, root: Path | None = None) -> None:
    """Put a drained NPU back into use."""
    marks.take_away(npu, DRAINED, root)


def _asked_for(npus: Sequence[Npu], chip: str, wanted: str) -> list[Npu]:
    option = f"{OPTION} {wanted}"
    named = [npu for npu in npus if wanted.lower() in (str(npu.runtime_id), npu.bus_id.lower())]
    if not named:
        raise UsageError(option, "expected an NPU of this host", "none", _there_are(npus))
    right = [npu for npu in named if npu.chip == chip]
    if not right:
        raise UsageError(option, f"expected an {chip}", named[0].chip, _there_are(npus))
    return right


def _there_are(npus: Sequence[Npu]) -> str:
    return f"there are: {', '.join(map(str, npus)) or 'none'}"
