"""What `npu-smi info` prints: the table of chips and processes, and `-m`, the mapping of its ids to ACL's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.ascend.code_tables import SMI_MEANINGS
from harness.ascend.console import lines
from harness.errors import RunError


@dataclass(frozen=True)
class Chip:
    """One chip of the table.

    `npu_id` and `chip_id` are npu-smi's own numbers and need not start at 0. `device` is the Device or Phy-ID column:
    the number that ACL opens (None where there is no such column). Memory is in MiB, without what the driver
    reserves; `hbm_*` is None for chips without HBM. `power_w`, `temperature_c` and `aicore_percent` are None where
    the tool prints NA or `-`; `bus_id` is empty then. `health` is `OK` or the tool's word for what is wrong.
    """

    npu_id: int
    chip_id: int
    name: str
    health: str
    power_w: float | None
    temperature_c: float | None
    device: int | None
    bus_id: str
    aicore_percent: float | None
    memory_used_mib: int
    memory_total_mib: int
    hbm_used_mib: int | None = None
    hbm_total_mib: int | None = None

    @property
    def used_mib(self) -> int:
        """Used memory that models live in: HBM where the chip has it, else DDR."""
        return self.hbm_used_mib if self.hbm_used_mib is not None else self.memory_used_mib

    @property
    def total_mib(self) -> int:
        """Total memory that models live in: HBM where the chip has it, else DDR."""
        return self.hbm_total_mib if self.hbm_total_mib is not None else self.memory_total_mib


@dataclass(frozen=True)
class Process:
    """A process on a chip; `memory_mib` is what it holds; `name` may be empty."""

    npu_id: int
    chip_id: int
    pid: int
    name: str
    memory_mib: int


@dataclass(frozen=True)
class Table:
    """The whole table; `lists_processes` is False where it has no process part, so that nothing can be said of any."""

    tool_version: str
    driver_version: str
    chips: tuple[Chip, ...]
    processes: tuple[Process, ...]
    lists_processes: bool = False


@dataclass(frozen=True)
class Mapping:
    """A row of `npu-smi info -m`: `logic_id` is the number that ACL opens."""

    npu_id: int
    chip_id: int
    logic_id: int
    name: str


ABSENT = ("NA", "N/A", "-")
_VALUE = r"(\d{1,9}(?:\.\d{1,6})?|NA|N/A|-)"
_PAIR = r"(\d{1,9})\s{0,20}/\s{0,20}(\d{1,9})"
# Columns may have lost their rules, 20.x and 21.0.2/3 have no Hugepages, and a used value of five digits touches the /.
_FIRST = re.compile(
    rf"^(\d{{1,9}})\s+([A-Za-z0-9][\w-]{{0,40}})\s+(\w{{0,30}}[A-Za-z])\s+{_VALUE}\s+{_VALUE}(?:\s+{_PAIR})?$"
)
_SECOND = re.compile(
    r"^(\d{1,9})(?:\s+(\d{1,9}))?\s+([0-9A-Fa-f]{2,8}:[0-9A-Fa-f:.]{2,20}|NA|N/A|-)"
    rf"\s+{_VALUE}\s+{_PAIR}(?:\s+{_PAIR})?$"
)
_PROCESS = re.compile(r"^\s*\|\s*(\d{1,9})\s+(\d{1,9})\s*\|\s*(\d{1,9})\s*\|([^|]*)\|\s*(\d{1,9})\s*\|")
_PROCESS_PART = re.compile(r"Process id\b|No running processes found in NPU", re.I)
# An annotation may touch a version: `22.0.4` ends at the first character that is none of a version's.
_VERSIONS = re.compile(r"npu-smi\s+(\d[0-9A-Za-z.]{0,40})[^\n]{0,200}?Version:\s*(\d[0-9A-Za-z.]{0,40})", re.I)
_CODE = re.compile(r"\bret(?: is|urn code is)?[ =:]{1,3}(-\d{4})\b")
_ERROR = re.compile(r"initialized? failed|get board type failed|Command or option is not found|command not found", re.I)


def parse_info(text: str) -> Table:
    """Return the table of `npu-smi info`.

    Raises RunError (`infra`, with the tool's own code) on the tool's error texts, and when no row can be read.
    """
    rows = lines(text)
    processes = tuple(_process(hit) for row in rows if (hit := _PROCESS.match(row)))
    chips = _chips(rows)
    if not chips and not processes:
        raise refused("npu-smi info", "expected rows of chips", text)
    versions = next((hit for row in rows if (hit := _VERSIONS.search(row))), None)
    tool, driver = versions.groups() if versions else ("", "")
    listed = bool(processes) or any(_PROCESS_PART.search(row) for row in rows)
    return Table(tool, driver, chips, processes, listed)


def parse_mapping(text: str) -> tuple[Mapping, ...]:
    """Return the rows of `npu-smi info -m` that are chips, without the board's controller; raises RunError as above."""
    rows = [row.split() for row in lines(text)]
    width = next((_columns(row) for row in rows if row[:2] == ["NPU", "ID"]), 4)
    found = tuple(mapping for row in rows if (mapping := _mapping(row, width)))
    if not found:
        raise refused("npu-smi info -m", "expected rows of NPU ID, Chip ID, Chip Logic ID and Chip Name", text)
    return found


def soc_of(name: str, npu_name: str = "") -> str:
    """Return the canonical soc of a Name cell: `310P3` -> `Ascend310P3`, never doubled.

    An A3 board gives Chip Name `Ascend910` and NPU Name `9392`: `Ascend910_9392`.
    """
    bare = "".join(name.split())
    soc = bare if bare.lower().startswith("ascend") else f"Ascend{bare}"
    soc = f"Ascend{soc[len('Ascend') :]}"
    return f"{soc}_{npu_name.strip()}" if npu_name.strip() else soc


def refused(where: str, what: str, text: str) -> RunError:
    """Return the error for an unreadable text of npu-smi, with the tool's own code and words where it has any."""
    hit = _CODE.search(text)
    code = hit.group(1) if hit else ""
    said = next((line.strip() for line in lines(text) if _ERROR.search(line) or (code and code in line)), "")
    got = said or f"{text.strip()[:60]!r}"
    do = SMI_MEANINGS.get(code, "run npu-smi by hand: the driver must be installed and the device be visible here")
    return RunError(where, what, got, do, kind="infra", stage="ask the device", code=code)


def _chips(rows: Sequence[str]) -> tuple[Chip, ...]:
    """Return the chips: each is a row of NPU, name and health, and the row of chip, bus and memory that follows it."""
    found: list[Chip] = []
    first: re.Match[str] | None = None
    for row in rows:
        cells = " ".join(row.replace("|", " ").split())
        if first and (second := _SECOND.match(cells)):
            found.append(_chip(first, second))
            first = None
        else:
            first = _FIRST.match(cells) or (None if cells[:1].isdigit() else first)
    return tuple(found)


def _chip(first: re.Match[str], second: re.Match[str]) -> Chip:
    npu, name, health, power, temperature = first.groups()[:5]
    chip, device, bus, aicore, used, total, hbm_used, hbm_total = second.groups()
    return Chip(
        npu_id=int(npu),
        chip_id=int(chip),
        name=name,
        health=health,
        power_w=_number(power),
        temperature_c=_number(temperature),
        device=int(device) if device else None,
        bus_id="" if bus in ABSENT else bus,
        aicore_percent=_number(aicore),
        memory_used_mib=int(used),
        memory_total_mib=int(total),
        hbm_used_mib=int(hbm_used) if hbm_used else None,
        hbm_total_mib=int(hbm_total) if hbm_total else None,
    )


def _process(hit: re.Match[str]) -> Process:
    npu, chip, pid, name, memory = hit.groups()
    return Process(int(npu), int(chip), int(pid), name.strip(), int(memory))


def _columns(header: Sequence[str]) -> int:
    """Return how many columns a header of `-m` has: `NPU ID`, `Chip ID`, `Chip Logic ID`, newer ones more, the name."""
    return sum(word in ("ID", "Phy-ID", "Name") for word in header)


def _mapping(words: Sequence[str], width: int) -> Mapping | None:
    """Return a row of `width` columns, or None for another line and for the controller, whose logic id is `-`."""
    numbers, name = words[: width - 1], words[width - 1 :]
    if width < 4 or not name or not all(word.isascii() and word.isdigit() for word in numbers):
        return None
    return Mapping(int(numbers[0][:9]), int(numbers[1][:9]), int(numbers[2][:9]), " ".join(name))


def _number(text: str) -> float | None:
    return None if text in ABSENT else float(text)
