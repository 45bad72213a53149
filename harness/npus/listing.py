"""Which NPUs this host has, as `npu-smi info` prints them, and the numbers that a runtime knows them by."""

import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ascend import smi_text
from harness.ascend.smi_text import Chip, Process
from harness.errors import RunError, UsageError
from harness.process import run_tool
from harness.toolchain import Toolchain

SMI_TIMEOUT_S = 60.0  # seconds; a healthy driver answers in one
STAGE = "npu-smi"
VISIBLE = "ASCEND_RT_VISIBLE_DEVICES"
DOCKER_VISIBLE = "ASCEND_VISIBLE_DEVICES"
# From this CANN on the runtime numbers the visible devices from 0 (contract of the tools, device selection).
RENUMBERING_CANN = 7
# `0`, `0-3` and `Ascend910-0`, the forms that Ascend's docker runtime takes.
DOCKER_RANGE = re.compile(r"(?:Ascend\w+-)?(\d+)(?:-(\d+))?")
# The vendor's reference of the variable: what follows the first character that is no digit or comma is not read.
READ_IDS = re.compile(r"\d+(?:,\d+)*")


@dataclass(frozen=True)
class Npu:
    """One chip: who it is, how a runtime numbers it, and how it was when it was looked at.

    `chip` is the SoC's name (`Ascend310P3`). Memory is what models may use, in MiB as `npu-smi` prints it: HBM where
    there is some. Power (W) and temperature (°C) are None where they are not told. `home` is of emulated chips only.
    """

    bus_id: str
    npu_id: int
    chip_id: int
    runtime_id: int
    chip: str
    health: str = "OK"
    memory_total_mib: int = 0
    memory_used_mib: int = 0
    power_w: float | None = None
    temperature_c: float | None = None
    aicore_percent: float | None = None
    processes: tuple[Process, ...] = ()
    home: str = ""

    @property
    def key(self) -> str:
        """The name in leases, marks and proofs, the same for every process: bus id and chip, as two may share a bus."""
        return "-".join(filter(None, (self.home, "npu", self.bus_id or str(self.npu_id), str(self.chip_id))))

    @property
    def memory_free_mib(self) -> int:
        """Memory that nobody holds, in MiB."""
        return self.memory_total_mib - self.memory_used_mib

    @property
    def healthy(self) -> bool:
        """Tell whether the driver calls the chip well."""
        return self.health.upper() == "OK"

    def __str__(self) -> str:
        place = f"bus {self.bus_id}" if self.bus_id else "no bus id"
        return f"{self.runtime_id} ({self.chip}, {place}, NPU {self.npu_id} chip {self.chip_id})"


def listing(toolchain: Toolchain) -> tuple[Npu, ...]:
    """Return the NPUs that a runtime would see, by its numbers.

    Numbers are the logic ids of `npu-smi info -m`, else the table's device column, else the order; then
    `ASCEND_RT_VISIBLE_DEVICES` of the toolchain's environment chooses and renumbers, and `ASCEND_VISIBLE_DEVICES`
    chooses where the table shows more than the container has. Raises MissingNeedError without npu-smi, RunError of kind
    `infra` when it fails, UsageError for a variable that names no device.
    """
    table = smi_text.parse_info(smi(toolchain, "info"))
    numbered = dict(zip(_numbers(toolchain, table.chips), table.chips, strict=True))
    home = _home(toolchain)
    return tuple(
        _npu(chip, table.processes, runtime_id, home)
        for runtime_id, chip in _visible(numbered, toolchain.env, toolchain.cann)
    )


def look_again(toolchain: Toolchain, npu: Npu) -> Npu:
    """Return an NPU as it is now; raises RunError of kind `infra` when it is gone or npu-smi fails."""
    return next(now for now in all_chips(toolchain, npu) if (now.npu_id, now.chip_id) == (npu.npu_id, npu.chip_id))


def all_chips(toolchain: Toolchain, npu: Npu) -> tuple[Npu, ...]:
    """Return every chip of the table as it is now, `npu` with its number and the others with -1."""
    table = smi_text.parse_info(smi(toolchain, "info"))
    place = (npu.npu_id, npu.chip_id)
    if place not in {(chip.npu_id, chip.chip_id) for chip in table.chips}:
        what, do = f"expected NPU {npu} in the table", "check the driver's log, and reboot the host if it stays away"
        raise RunError("npu-smi info", what, "no such row", do, kind="infra", stage=STAGE)
    return tuple(
        _npu(chip, table.processes, npu.runtime_id if (chip.npu_id, chip.chip_id) == place else -1, npu.home)
        for chip in table.chips
    )


def smi(toolchain: Toolchain, *arguments: str) -> str:
    """Return what `npu-smi` prints; raises RunError of kind `infra` with its last line when it fails or hangs."""
    with tempfile.TemporaryDirectory(prefix="omgate-npu-smi-") as folder:
        log = Path(folder) / "npu-smi.log"
        argv = (*toolchain.command("npu-smi"), *arguments)
        try:
            run_tool(argv, cwd=Path(folder), env=toolchain.env, timeout_s=SMI_TIMEOUT_S, log=log)
        except RunError as error:
            lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
            said = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
            got, do = f"{error.got}; it said: {said}", "see that the driver runs and that this user may use it"
            raise RunError("npu-smi info", error.what, got, do, kind="infra", stage=STAGE) from error
        return log.read_text(encoding="utf-8", errors="replace")


def named(process: Process) -> str:
    """Return a process on a chip as text: its id, name and memory."""
    return f"process {process.pid} ({process.name or 'no name'}) with {process.memory_mib} MiB"


def _npu(chip: Chip, processes: Sequence[Process], runtime_id: int, home: str) -> Npu:
    return Npu(
        bus_id=chip.bus_id,
        npu_id=chip.npu_id,
        chip_id=chip.chip_id,
        runtime_id=runtime_id,
        chip=smi_text.soc_of(chip.name),
        health=chip.health,
        memory_total_mib=chip.total_mib,
        memory_used_mib=chip.used_mib,
        power_w=chip.power_w,
        temperature_c=chip.temperature_c,
        aicore_percent=chip.aicore_percent,
        processes=tuple(one for one in processes if (one.npu_id, one.chip_id) == (chip.npu_id, chip.chip_id)),
        home=home,
    )


def _home(toolchain: Toolchain) -> str:
    """Return what keeps emulated chips apart from real ones and from those of another emulated toolchain."""
    if not toolchain.emulated:
        return ""
    return f"emulated-{hashlib.sha256(' '.join(toolchain.command('npu-smi')).encode()).hexdigest()[:8]}"


def _numbers(toolchain: Toolchain, chips: Sequence[Chip]) -> tuple[int, ...]:
    """Return the device numbers of the chips, distinct and in the table's order."""
    logic = _logic_ids(toolchain)
    candidates = ([logic.get((chip.npu_id, chip.chip_id)) for chip in chips], [chip.device for chip in chips])
    for column in candidates:
        numbers = tuple(number for number in column if number is not None)
        if len(numbers) == len(set(numbers)) == len(chips):
            return numbers
    return tuple(range(len(chips)))


def _logic_ids(toolchain: Toolchain) -> dict[tuple[int, int], int]:
    """Return the logic id of each (NPU, chip) by `npu-smi info -m`, empty where this npu-smi has no such form."""
    try:
        rows = smi_text.parse_mapping(smi(toolchain, "info", "-m"))
    except RunError:
        return {}
    return {(row.npu_id, row.chip_id): row.logic_id for row in rows}


def _visible(numbered: Mapping[int, Chip], env: Mapping[str, str], cann: str) -> list[tuple[int, Chip]]:
    """Return the chips that the environment leaves visible, by the runtime's numbers."""
    mounted = _mounted(env.get(DOCKER_VISIBLE, ""))
    here = {number: chip for number, chip in numbered.items() if not mounted or number in mounted}
    here = here or dict(numbered)  # a container's own table already starts at 0
    wanted = env.get(VISIBLE, "")
    if not wanted:
        return list(here.items())
    numbers = _read_ids(wanted, here)
    if not numbers:
        what, there = "expected device numbers such as 0,1", f"there are: {', '.join(map(str, here)) or 'none'}"
        raise UsageError(VISIBLE, what, repr(wanted), there)
    chosen = [here[number] for number in numbers]
    return list(enumerate(chosen)) if _renumbers(cann) else list(zip(numbers, chosen, strict=True))


def _read_ids(text: str, here: Mapping[int, Chip]) -> list[int]:
    """Return the numbers as the runtime reads them: those before the first one that is no device."""
    found = READ_IDS.match(text)
    numbers: list[int] = []
    for word in found.group().split(",") if found else ():
        if int(word) not in here:
            break
        numbers.append(int(word))
    return list(dict.fromkeys(numbers))


def _mounted(text: str) -> set[int]:
    """Return the device numbers of a docker set, empty for one that names none (`void`)."""
    numbers: set[int] = set()
    for word in text.split(","):
        found = DOCKER_RANGE.fullmatch(word.strip())
        if found:
            first, last = int(found[1]), int(found[2] or found[1])
            numbers.update(range(first, last + 1))
    return numbers


def _renumbers(cann: str) -> bool:
    """Tell whether this CANN renumbers visible devices; an unknown one is taken for a new one."""
    major = re.match(r"\d+", cann)
    return major is None or int(major.group()) >= RENUMBERING_CANN
