"""A host with a stand-in npu-smi: a shell script that prints the table which a test has written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.toolchain import Toolchain

SCRIPT = """#!/bin/sh
cd "{folder}" || exit 9
if [ "$*" = "info -m" ]; then
  [ -f mapping ] || {{ echo "Command or option is not found."; exit 255; }}
  exec cat mapping
fi
echo "$*" >> calls
cat table
exit "$(cat status)"
"""
LINE = "+-------------------+-----------------+------------------------------------------------------+"
HEAD = f"""{LINE}
| npu-smi 23.0.0                       Version: 23.0.0                                       |
{LINE}
| NPU     Name      | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| Chip    Device    | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
{LINE}
"""


@dataclass
class Row:
    """One chip of the table, as the tool's two lines show it."""

    device: int = 0
    npu: int = 0
    chip: int = 0
    name: str = "310P3"
    health: str = "OK"
    power: str = "17.0"
    temperature: int = 56
    bus: str = "0000:AF:00.0"
    aicore: int = 0
    used: int = 1000
    total: int = 21527

    def text(self) -> str:
        first = f"| {self.npu}       {self.name}   | {self.health}   | {self.power}   {self.temperature}   0    / 0   |"
        second = f"| {self.chip}       {self.device}  | {self.bus}  | {self.aicore}   {self.used}  / {self.total}    |"
        return f"{first}\n{second}\n{LINE}\n"


@dataclass
class Host:
    """The stand-in's folder; `rows` and `processes` (NPU, chip, pid, name, MiB) are shown once `show` wrote them."""

    folder: Path
    rows: list[Row]
    processes: list[tuple[int, int, int, str, int]] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    cann: str = "8.0.RC3"
    emulated: bool = False

    def show(self) -> None:
        table = HEAD + "".join(row.text() for row in self.rows)
        table += f"| NPU     Chip      | Process id      | Process name     | Process memory(MB)        |\n{LINE}\n"
        for npu, chip, pid, name, memory in self.processes:
            table += f"| {npu}       {chip}   | {pid}          | {name}          | {memory}                  |\n"
        self.say(table)

    def say(self, text: str, status: int = 0) -> None:
        """Let npu-smi print a text and end with a status."""
        self._write("table", text)
        self._write("status", str(status))

    def map(self, rows: Sequence[tuple[int, int, int]]) -> None:
        """Let `npu-smi info -m` list (NPU, chip, logic id)."""
        lines = [f"{npu}      {chip}      {logic}      Ascend 310P3" for npu, chip, logic in rows]
        lines = ["NPU ID   Chip ID   Chip Logic ID   Chip Name", *lines, "0  9  -  Mcu"]
        self._write("mapping", "\n".join(lines) + "\n")

    def calls(self) -> int:
        """Return how often the table was looked at."""
        calls = self.folder / "calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    def _write(self, name: str, text: str) -> None:
        temporary = self.folder / f"{name}.tmp"
        temporary.write_text(text)
        temporary.replace(self.folder / name)

    @property
    def toolchain(self) -> Toolchain:
        program = self.folder / "npu-smi"
        if not program.exists():
            program.write_text(SCRIPT.format(folder=self.folder))
            program.chmod(0o755)
        env = {"PATH": "/usr/bin:/bin", **self.env}
        return Toolchain({"npu-smi": (str(program),)}, env, cann=self.cann, emulated=self.emulated)


def host(folder: Path, *rows: Row, **changes: object) -> Host:
    """Return a host with these chips, or one 310P3, already shown."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Host(folder, list(rows) or [Row()], **changes)  # type: ignore[arg-type]
    made.show()
    return made


FOUR_310 = tuple(Row(device, 2048, device, "310", bus=f"0000:8{device + 1}:00.0", total=8192) for device in range(4))
DUO = tuple(Row(device, 6, device, bus="0000:83:00.0", power="NA", total=44280 - 587 * device) for device in range(2))
