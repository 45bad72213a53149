"""Watching an NPU while a speed is measured on it: idle and well before, alone during, and how warm it became."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.ascend.smi_text import Process
from harness.errors import RunError
from harness.npus.listing import Npu, look_again, named
from harness.toolchain import Toolchain

EVERY_S = 1.0
WAIT_S = 300.0
# An idle chip shows 0; one per cent is what a look at it may cost.
IDLE_AICORE_PERCENT = 1.0
# The inode of the first process namespace (the kernel's PROC_PID_INIT_INO): npu-smi lists process ids of that one.
HOST_PIDS = "pid:[4026531836]"


class Watch:
    """What is seen of an NPU from `before` on; complete once its block has ended.

    `occupants` are the disturbances, each named once: processes that are not of this measurement, a chip no longer
    well, a table that could not be read at the end.
    """

    def __init__(self, toolchain: Toolchain, before: Npu, every_s: float) -> None:
        self.before = self.after = before
        self.looks: list[Npu] = [before]
        self.failed_looks = 0
        self._toolchain, self._every_s = toolchain, every_s
        self._kin = Kin(mapped=toolchain.emulated or _sees_host_pids())
        self._strangers: dict[int, str] = {}
        self._unseen: set[int] = set()
        self._troubles: dict[str, None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="omgate-npu-watch", daemon=True)

    @property
    def occupants(self) -> tuple[str, ...]:
        """What disturbed the measurement, empty if it was quiet."""
        return (*self._strangers.values(), *self._troubles)

    def facts(self) -> dict[str, Any]:
        """Return what a result keeps: power in W, temperature in °C (before, after, greatest), MiB free before."""
        return {
            "device": self.before.key,
            "health": self.after.health,
            "power_w": self._course("power_w"),
            "temperature_c": self._course("temperature_c"),
            "memory_free_mib_before": self.before.memory_free_mib,
            "memory_total_mib": self.before.memory_total_mib,
            "looks": len(self.looks),
            "failed_looks": self.failed_looks,
            "occupants": list(self.occupants),
        }

    def start(self) -> None:
        """Begin to look, every second."""
        self._thread.start()

    def stop(self) -> None:
        """Look for the last time, and stop; a table that cannot be read then is a disturbance."""
        self._stop.set()
        self._thread.join()
        try:
            self._look()
        except RunError as error:
            self._troubles[f"npu-smi: {error.got}"] = None
        self.after = self.looks[-1]

    def _poll(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._look()
            except RunError:
                self.failed_looks += 1

    def _look(self) -> None:
        self._kin.refresh()
        now = look_again(self._toolchain, self.before)
        self._kin.refresh()
        self.looks.append(now)
        if not now.healthy:
            self._troubles[f"health {now.health}"] = None
        listed = self._kin.strangers(now.processes)
        for process in listed:
            # One that is gone already may have been ours, started and ended between two looks at the process tree.
            if _is_alive(process.pid) or process.pid in self._unseen or not self._kin.mapped:
                self._strangers.setdefault(process.pid, named(process))
        self._unseen = {process.pid for process in listed}

    def _course(self, name: str) -> dict[str, float | None]:
        known = [value for value in (getattr(npu, name) for npu in self.looks) if value is not None]
        ends = {"before": getattr(self.before, name), "after": getattr(self.after, name)}
        return {**ends, "max": max(known, default=None)}


class Kin:
    """The process ids of this process and all it started, as seen so far; `mapped` if npu-smi lists ids of this kind.

    In a container npu-smi lists the host's ids, which nothing here can be compared with: there one stranger at a time
    is taken for our own.
    """

    def __init__(self, *, mapped: bool) -> None:
        self.mapped = mapped
        self._ours: set[int] = set()

    def refresh(self) -> None:
        """Add the processes that run now."""
        self._ours |= _descendants(os.getpid())

    def strangers(self, processes: tuple[Process, ...], own: int = 1) -> tuple[Process, ...]:
        """Return the processes that are not ours; of ids that cannot be compared, those beyond `own`."""
        others = tuple(process for process in processes if process.pid not in self._ours)
        if self.mapped or len({process.pid for process in others}) > own:
            return others
        return ()


@contextmanager
def quiet(toolchain: Toolchain, npu: Npu, wait_s: float = WAIT_S, every_s: float = EVERY_S) -> Iterator[Watch]:
    """Watch an NPU while the block measures on it; the device has to be leased alone.

    Waits until it is idle: raises RunError of kind `infra` when it is not well, or after `wait_s` seconds with the name
    of what occupies it. What appears later only makes the measurement not quiet: see `Watch.occupants`.
    """
    watch = Watch(toolchain, _idle(toolchain, npu, wait_s, every_s), every_s)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def _idle(toolchain: Toolchain, npu: Npu, wait_s: float, every_s: float) -> Npu:
    deadline = time.monotonic() + wait_s
    kin = Kin(mapped=toolchain.emulated or _sees_host_pids())
    while True:
        now = look_again(toolchain, npu)
        kin.refresh()
        if not now.healthy:
            what, do = "expected a healthy device", "look at it with npu-smi info -t health, and reboot the host"
            raise RunError(f"npu {npu}", what, f"health {now.health}", do, kind="infra", stage="idle")
        busy = _occupied(now, kin)
        if not busy:
            return now
        if time.monotonic() >= deadline:
            what, do = f"expected an idle device within {wait_s:g} s", "end what runs on it, or choose another device"
            raise RunError(f"npu {npu}", what, busy, do, kind="infra", stage="idle")
        time.sleep(min(every_s, max(0.0, deadline - time.monotonic())))


def _occupied(npu: Npu, kin: Kin) -> str:
    """Return what occupies an NPU, empty if it is idle."""
    others = [named(process) for process in kin.strangers(npu.processes, own=0)]
    if npu.aicore_percent is not None and npu.aicore_percent > IDLE_AICORE_PERCENT:
        others.append(f"AI cores at {npu.aicore_percent:g} %")
    return "; ".join(others)


def _sees_host_pids() -> bool:
    try:
        return os.readlink("/proc/self/ns/pid") == HOST_PIDS  # noqa: PTH115 - the link leads to no path
    except OSError:
        return True


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _descendants(root: int) -> set[int]:
    """Return a process and all below it, by /proc."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - a glob stumbles over what ends meanwhile
        try:
            stat = Path("/proc", name, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        fields = stat.rpartition(")")[2].split()
        children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = {root}, [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found
