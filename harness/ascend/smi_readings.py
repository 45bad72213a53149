"""What `npu-smi info -t usages|memory|common|board|power` prints: blocks of `key : value`, one per chip."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.ascend.console import lines
from harness.ascend.smi_text import refused

_PAIR = re.compile(r"^\s{0,40}([A-Za-z][^:]{0,60}?)\s{0,60}:\s{0,8}(.*)$")
_NUMBER = re.compile(r"^-?\d{1,12}(?:\.\d{1,6})?$")
BOARD = "mcu"
"""The Chip Name of the board's controller, whose block belongs to no chip."""


@dataclass(frozen=True)
class Readings:
    """One block: values by the tool's own keys (`Aicore Usage Rate(%)`); `chip_id` is None for the board's block."""

    npu_id: int | None
    chip_id: int | None
    values: Mapping[str, str]

    def number(self, key: str) -> float | None:
        """Return a value as a number, or None where it is absent or NA."""
        value = self.values.get(key, "")
        return float(value) if _NUMBER.match(value) else None


def parse_usages(text: str) -> tuple[Readings, ...]:
    """Return the blocks of `-t usages`, which `Chip ID` closes; raises RunError (`infra`) when there is none."""
    return _blocks(text, "closes", "npu-smi info -t usages")


def parse_memory(text: str) -> tuple[Readings, ...]:
    """Return the blocks of `-t memory`, which `Chip ID` closes; raises RunError (`infra`) when there is none."""
    return _blocks(text, "closes", "npu-smi info -t memory")


def parse_common(text: str) -> tuple[Readings, ...]:
    """Return the blocks of `-t common`, which `Chip ID` opens; raises RunError (`infra`) when there is none."""
    return _blocks(text, "opens", "npu-smi info -t common")


def parse_board(text: str) -> tuple[Readings, ...]:
    """Return the blocks of `-t board` and `-t power`, which `Chip ID` opens; raises RunError (`infra`) without one."""
    return _blocks(text, "opens", "npu-smi info -t board")


@dataclass
class _Builder:
    """The blocks read so far and the one being read."""

    chip_id_is: Literal["opens", "closes"]
    npu_id: int | None = None
    chip_id: int | None = None
    values: dict[str, str] = field(default_factory=dict)
    blocks: list[Readings] = field(default_factory=list)

    def take(self, key: str, value: str) -> None:
        """Take one pair."""
        if key == "NPU ID":
            self.close()
            self.npu_id = _id(value)
        elif key == "Chip ID" and self.chip_id_is == "closes":
            self.chip_id = _id(value)
            self.close()
        elif key == "Chip ID":
            # `-t board` of an A3 names the NPU before it names the chip
            kept = self.values if self.chip_id is None and "NPU Name" in self.values else {}
            if not kept:
                self.close()
            self.values, self.chip_id = kept, _id(value)
        elif key == "Chip Name" and value.lower() == BOARD:
            self.close()
            self.values[key] = value
        elif key != "Chip Count":
            self.values[key] = value

    def close(self) -> None:
        """End the block being read."""
        if self.values:
            self.blocks.append(Readings(self.npu_id, self.chip_id, self.values))
        self.values, self.chip_id = {}, None


def _blocks(text: str, chip_id_is: Literal["opens", "closes"], where: str) -> tuple[Readings, ...]:
    builder = _Builder(chip_id_is)
    for line in lines(text):
        if (pair := _PAIR.match(line)) and not line.lstrip().startswith("["):
            builder.take(pair.group(1).strip(), pair.group(2).strip())
    builder.close()
    if not builder.blocks:
        raise refused(where, "expected lines of key : value", text)
    return tuple(builder.blocks)


def _id(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
