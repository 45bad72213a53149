"""Which chips an emulated host has, from words such as `310P3`, `Ascend310`, `24:310P3*2`.

A word is a chip, with `NPU id:` before it where ids do not start at 0, and `*chips` behind it for a card with several
chips per NPU (a 300I Duo has two 310P3, a 300I four 310). Sizes are those that npu-smi printed on real hosts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.emulator.devices import Chip
from harness.errors import UsageError, closest

WORD = re.compile(r"(?:(\d{1,6}):)?(?:Ascend)?(\w+?)(?:\*(\d))?", re.ASCII)
ALIASES = {"310P": "310P3", "910": "910A"}
OPTION = "OMGATE_EMULATE_CHIPS"


@dataclass(frozen=True)
class _Model:
    total_mib: int
    idle_mib: int
    power_w: float
    temperature_c: int
    hbm: bool = False


# Total and idle memory, power and temperature as npu-smi shows them on idle hosts; -1 W where it prints NA.
MODELS = {
    "310": _Model(7759, 577, 12.8, 61),
    "310B1": _Model(15609, 1824, 8.6, 47),
    "310B4": _Model(7545, 1824, 8.6, 47),
    "310P1": _Model(21534, 1074, 17.0, 56),
    "310P3": _Model(21534, 1074, 17.0, 56),
    "910A": _Model(32768, 1, 70.9, 42, hbm=True),
    "910ProB": _Model(32768, 18, 71.7, 41, hbm=True),
    "910B1": _Model(65536, 3398, 91.0, 40, hbm=True),
    "910B2": _Model(65536, 3398, 91.0, 40, hbm=True),
    "910B3": _Model(65536, 3338, 91.0, 40, hbm=True),
    "910B4": _Model(32768, 2858, 88.9, 39, hbm=True),
}
# The two chips of a 300I Duo have twice a 310P3's memory, and not the same.
DUO = (_Model(44280, 1397, -1, 59), _Model(43693, 1520, -1, 57))


def chips(words: Sequence[str]) -> tuple[Chip, ...]:
    """Return the chips that words ask for, their ids counted from 0; raises UsageError naming a word that is wrong."""
    found: list[Chip] = []
    taken: set[int] = set()
    for word in words:
        npu_id, name, count = _parts(word)
        npu_id = npu_id if npu_id is not None else next(n for n in range(len(words) + 1) if n not in taken)
        if npu_id in taken:
            raise UsageError(OPTION, "expected each NPU id once", word, "give another id before the colon")
        taken.add(npu_id)
        found.extend(_card(name, npu_id, count, len(found)))
    return tuple(found)


def _parts(word: str) -> tuple[int | None, str, int]:
    match = WORD.fullmatch(word.strip())
    name = ALIASES.get(match[2], match[2]) if match else ""
    if match is None or name not in MODELS or match[3] == "0":
        hint = closest(name or word, list(MODELS)) or f"known: {', '.join(MODELS)}"
        raise UsageError(OPTION, "expected chips such as 310P3, 24:310P3*2", word, hint)
    return (int(match[1]) if match[1] else None), name, int(match[3] or 1)


def _card(name: str, npu_id: int, count: int, first: int) -> Iterator[Chip]:
    duo = name == "310P3" and count == len(DUO)
    for chip_id in range(count):
        model = DUO[chip_id] if duo else MODELS[name]
        # The two chips of a Duo print one bus id.
        bus = (first if duo else first + chip_id) + 1
        yield Chip(
            id=first + chip_id,
            npu_id=npu_id,
            chip_id=chip_id,
            name=name,
            bus_id=f"0000:{bus:02X}:00.0",
            total_mib=model.total_mib,
            idle_mib=model.idle_mib,
            power_w=model.power_w,
            temperature_c=model.temperature_c,
            hbm=model.hbm,
        )
