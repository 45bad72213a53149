"""Whose fault a failure on an NPU is: the model's, that of others who hold its memory, or the device's own."""

import time
from collections.abc import Callable
from pathlib import Path

from harness import devices
from harness.ascend import codes
from harness.errors import RunError
from harness.npus import choice
from harness.npus.listing import Npu, look_again, named
from harness.toolchain import Toolchain

LOAD = "load"
"""The stage of an error that came while a model was loaded."""
# Idle parts show 4 to 8 % of their memory as used (contract of the tools, npu-smi): what is left is the model's.
FREE_ENOUGH = 0.85
# A driver keeps some of what a process used: tables of idle chips of one kind differ by this share of their memory.
KEPT_SHARE = 0.02
MEMORY_BACK_S = 30.0
POLL_S = 1.0

LoadCanary = Callable[[], object]
"""Loads and closes a known-good small OM on the device; raises RunError when it does not load."""


def after_failure(
    toolchain: Toolchain, before: Npu, error: RunError, load_canary: LoadCanary, root: Path | None = None
) -> RunError:
    """Return what a failure on a device really is; `before` is the NPU as it was before the case opened it.

    A failed load is diagnosed (`load_failure`). After a failure that smells of the device, or whose memory does not
    come back, the device is probed; one found bad is drained, and the error is of kind `device-lost`.
    """
    loads = None if error.stage != LOAD or _told(error) == "oom" else _loads(load_canary)
    diagnosed = error
    if error.stage == LOAD or error.kind == "oom":
        diagnosed = load_failure(error, before=before, canary_loads=loads)
    kept = memory_back(toolchain, before, root)
    if kept is None and loads is not False and not smells(error):
        return diagnosed
    reason = probe(toolchain, before, load_canary, root)
    if reason is None:
        return diagnosed
    got = f"{kept}; {reason}" if kept else reason
    do = f"it is drained: nothing more runs on it until it is mended or the host restarts. First there was: {error}"
    return _like(error, "expected a healthy device", got, do, kind="device-lost")


def smells(error: RunError) -> bool:
    """Tell whether a failure may be the device's own: a hang, a lost device, or a code of the driver (507xxx)."""
    return error.kind in ("timeout", "device-lost") or codes.smells_of_device(f"{error.code} {error}")


def probe(toolchain: Toolchain, npu: Npu, load_canary: LoadCanary, root: Path | None = None) -> str | None:
    """Return why a device is bad, or None; a bad one is drained, a drained one found well is put back into use.

    It is well when npu-smi calls it so, a known-good small OM loads (or finds no memory, which others may hold), and
    the memory of that comes back.
    """
    reason = _examined(toolchain, npu, load_canary, root)
    if reason is None:
        choice.restore(npu, root)
    elif choice.drained(npu, root) is None:
        choice.drain(npu, reason, root)
    return reason


def memory_back(toolchain: Toolchain, before: Npu, root: Path | None = None) -> str | None:
    """Return what is held that was free `before` and that no listed process explains, or None once it is back.

    Nothing can be said, and None is returned, while others hold a lease on the device as well.
    """
    allowed = before.memory_used_mib + KEPT_SHARE * before.memory_total_mib
    deadline = time.monotonic() + MEMORY_BACK_S
    while True:
        try:
            now = look_again(toolchain, before)
        except RunError as error:
            return str(error)
        of_processes = sum(process.memory_mib for process in now.processes)
        if now.memory_used_mib - of_processes <= allowed or len(devices.holders(before.key, root)) > 1:
            return None
        if time.monotonic() >= deadline:
            held = f"{now.memory_used_mib} MiB still held {MEMORY_BACK_S:g} s after the end"
            return f"{held}, {before.memory_used_mib} before"
        time.sleep(POLL_S)


def load_failure(error: RunError, *, before: Npu | None, canary_loads: bool | None) -> RunError:
    """Return a failure to load a model as what it is.

    `oom` only where a code or text of the contract says so and at least 85 % of the memory was free `before`; with less
    free it is `infra`, naming the holders. Without such a sign: `infra` if a known-good small OM does not load either,
    what the contract says where it says something, else `tool-failed` at stage `load`, as a damaged OM and one that is
    too large read the same. `canary_loads` is None where that was not tried.
    """
    kind = _told(error)
    if kind == "oom":
        return _short_of_memory(error, before)
    if canary_loads is False:
        do = f"look at the device with npu-smi info; the model failed with: {error}"
        return _like(error, "expected a known-good small OM to load", "that it fails as well", do, kind="infra")
    return _like(error, error.what, error.got, error.do, kind=kind)


def _told(error: RunError) -> str:
    """Return the error's kind as the contract tells it from code and text; those of the session itself are kept."""
    text = f"{error.code} {error}"
    if error.kind in ("corrupt-artifact", "tool-failed"):
        return codes.error_kind(text, "tool-failed")
    return error.kind


def _short_of_memory(error: RunError, before: Npu | None) -> RunError:
    if before is None or not before.memory_total_mib:
        do = f"record the device's free memory before: without it nobody knows who holds it. {error.do}"
        return _like(error, error.what, error.got, do, kind="tool-failed")
    if before.memory_free_mib >= FREE_ENOUGH * before.memory_total_mib:
        return _like(error, error.what, error.got, error.do, kind="oom")
    free = f"{before.memory_free_mib} of {before.memory_total_mib} MiB free before"
    who = "; ".join(named(process) for process in before.processes) or "by none that npu-smi lists"
    do = f"end what holds it, then run again. {error.do}"
    return _like(error, "expected the device's memory to be free", f"memory held by others: {free}, {who}", do)


def _examined(toolchain: Toolchain, npu: Npu, load_canary: LoadCanary, root: Path | None) -> str | None:
    try:
        now = look_again(toolchain, npu)
        if not now.healthy:
            return f"health {now.health}"
        load_canary()
    except RunError as error:
        return None if error.kind == "oom" else f"a known-good small OM does not load: {error}"
    return memory_back(toolchain, now, root)


def _loads(load_canary: LoadCanary) -> bool:
    try:
        load_canary()
    except RunError:
        return False
    return True


def _like(error: RunError, what: str, got: str, do: str, kind: str = "infra") -> RunError:
    """Return an error at the same place and with the same log, but of another kind and with other words."""
    stage, log, code = error.stage or LOAD, error.log, error.code
    told = RunError(error.where, what, got, do, kind=kind, stage=stage, log=log, code=code)
    told.__cause__ = error
    return told
