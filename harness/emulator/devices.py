"""The emulated chips of a prefix: which there are, and which process holds how much of which one's memory.

    devices = Devices(root)                      root: the prefix, OMGATE_EMULATE_ROOT
    devices.chips() -> tuple[Chip, ...]          in the order of their ids for a runtime (0, 1, 2, ...)
    devices.visible(environ) -> tuple[Chip, ...] those that ASCEND_RT_VISIBLE_DEVICES leaves, renumbered by position
    devices.chip(id) -> Chip                     raises RunError (`infra`, code 107001: no such device)
    devices.free_bytes(id), .used_mib(id), .holders(id)
    with devices.holding(id, nbytes, "msame"):   takes memory; raises RunError (`oom`, code 207001) if it is not free
    devices.health(id), .set_health(id, "Critical"), .aicore_percent(id), .set_busy(id, percent)

State is files below `<root>/state/`, so unrelated processes see each other: `chips.json` is the inventory,
`held/<id>-<pid>-<n>.json` is what a process holds; one whose process is gone counts for nothing.
"""

import contextlib
import fcntl
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import RunError

MIB = 1 << 20
STATE = "state"
RENUMBERING_CANN = 7
"""The first version whose runtime numbers the visible devices from 0."""
_numbers = itertools.count()


@dataclass(frozen=True)
class Chip:
    """A chip: its id for a runtime, where npu-smi shows it, and its memory in MiB (`idle_mib` is taken when idle).

    `power_w` is negative where npu-smi shows `NA`; `hbm` tells that its memory stands in the HBM column.
    """

    id: int
    npu_id: int
    chip_id: int
    name: str
    bus_id: str
    total_mib: int
    idle_mib: int
    power_w: float
    temperature_c: int
    hbm: bool = False

    @property
    def soc_version(self) -> str:
        """The chip as ATC names it."""
        return f"Ascend{self.name}"


@dataclass(frozen=True)
class Holder:
    """A process that holds memory of a chip."""

    pid: int
    name: str
    nbytes: int


class Devices:
    """The emulated chips below a prefix; every answer is read from the files, so it is never stale."""

    def __init__(self, root: Path) -> None:
        self.state = root / STATE

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Devices":
        """Return the chips of OMGATE_EMULATE_ROOT; raises RunError (`infra`) where it is not set."""
        root = environ.get("OMGATE_EMULATE_ROOT", "")
        if not root:
            do = "start the tool with the environment of harness.emulator.prefix"
            raise RunError(
                "OMGATE_EMULATE_ROOT", "expected the emulated toolchain's folder", "nothing", do, kind="infra"
            )
        return cls(Path(root))

    def write(self, chips: Sequence[Chip]) -> None:
        """Write the inventory, where it differs; what is held stays."""
        write_text(self.state / "chips.json", json.dumps([asdict(chip) for chip in chips], indent=1))
        (self.state / "held").mkdir(parents=True, exist_ok=True)

    def chips(self) -> tuple[Chip, ...]:
        """Return all chips; raises RunError (`infra`) where the inventory cannot be read."""
        path = self.state / "chips.json"
        try:
            return tuple(Chip(**row) for row in json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise RunError(
                str(path), "expected the emulated chips", str(error), "make the prefix", kind="infra"
            ) from error

    def visible(self, environ: Mapping[str, str]) -> tuple[Chip, ...]:
        """Return the chips by the numbers a runtime gives them under ASCEND_RT_VISIBLE_DEVICES.

        As the runtime does, an id that is no number or not there ends the list. CANN before 7 ignores the variable.
        """
        chips = {str(chip.id): chip for chip in self.chips()}
        wanted = environ.get("ASCEND_RT_VISIBLE_DEVICES")
        if wanted is None or int(environ.get("OMGATE_EMULATE_CANN", "6").partition(".")[0]) < RENUMBERING_CANN:
            return tuple(chips.values())
        words = [word.strip() for word in wanted.split(",")]
        return tuple(chips[word] for word in itertools.takewhile(lambda word: word in chips, words))

    def chip(self, id_: int) -> Chip:
        """Return a chip; raises RunError (`infra`) with the runtime's code for a wrong device id."""
        for chip in self.chips():
            if chip.id == id_:
                return chip
        what = f"expected a device id of {[chip.id for chip in self.chips()]}"
        raise RunError("device", what, str(id_), kind="infra", code="107001")

    def holders(self, id_: int) -> tuple[Holder, ...]:
        """Return the living processes that hold memory of a chip, one row per process."""
        held: dict[int, Holder] = {}
        for row in self._rows(id_):
            before = held.get(row.pid, Holder(row.pid, row.name, 0))
            held[row.pid] = Holder(row.pid, row.name, before.nbytes + row.nbytes)
        return tuple(held.values())

    def used_mib(self, id_: int) -> int:
        """Return what npu-smi shows as used, in MiB."""
        return self.chip(id_).idle_mib + -(-sum(holder.nbytes for holder in self.holders(id_)) // MIB)

    def free_bytes(self, id_: int) -> int:
        """Return the bytes that are neither the driver's nor a process's; below zero where others took too much."""
        return (self.chip(id_).total_mib - self.used_mib(id_)) * MIB

    @contextlib.contextmanager
    def holding(self, id_: int, nbytes: int, name: str) -> Iterator[None]:
        """Hold memory of a chip for a while; raises RunError (`oom`) where that much is not free."""
        path = self.hold(id_, nbytes, name)
        try:
            yield
        finally:
            self.release(path)

    def hold(self, id_: int, nbytes: int, name: str) -> Path:
        """Take memory of a chip; return the token for `release`. Raises RunError (`oom`, 207001) if it is not free."""
        with self._locked():
            free = self.free_bytes(id_)
            if nbytes > free:
                what, got = f"expected {nbytes} bytes of free memory", f"{free}"
                raise RunError(f"device {id_}", what, got, "use a smaller batch", kind="oom", code="207001")
            path = self.state / "held" / f"{id_}-{os.getpid()}-{next(_numbers)}.json"
            row = {"pid": os.getpid(), "started": _started(os.getpid()), "name": name, "bytes": nbytes}
            write_text(path, json.dumps(row))
            return path

    def release(self, token: Path) -> None:
        """Give back what `hold` took; twice is once."""
        token.unlink(missing_ok=True)

    def health(self, id_: int) -> str:
        """Return the chip's health as npu-smi words it: OK, Warning, Alarm, Critical, UNKNOWN."""
        return self._mark(id_, "health") or "OK"

    def set_health(self, id_: int, word: str) -> None:
        """Let npu-smi show another health from now on; `OK` takes it back."""
        self._set_mark(id_, "health", "" if word == "OK" else word)

    def aicore_percent(self, id_: int) -> int:
        """Return the AI cores' use: what was set, else 0."""
        return int(self._mark(id_, "aicore") or 0)

    def set_busy(self, id_: int, percent: int) -> None:
        """Let npu-smi show that use of the AI cores from now on; 0 takes it back."""
        self._set_mark(id_, "aicore", str(percent) if percent else "")

    def _rows(self, id_: int) -> Iterator[Holder]:
        for path in sorted((self.state / "held").glob(f"{id_}-*.json")):
            try:
                row = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # given back, or cleared, in the meantime
                continue
            if _started(row["pid"]) == row["started"]:
                yield Holder(row["pid"], row["name"], row["bytes"])
            else:
                path.unlink(missing_ok=True)

    def _mark(self, id_: int, kind: str) -> str:
        try:
            return (self.state / f"{kind}-{id_}").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def _set_mark(self, id_: int, kind: str, text: str) -> None:
        path = self.state / f"{kind}-{self.chip(id_).id}"
        if text:
            write_text(path, text)
        else:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.state / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file through a temporary name of this process, unless it already says just that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError, ValueError):
        if path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
            return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_numbers)}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(mode)
    temporary.replace(path)


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's ticks; empty if there is none, so a reused pid is told apart."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
