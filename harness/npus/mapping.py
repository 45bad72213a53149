"""Proving that a runtime's number and a row of the table are one chip: a model is held, and the table is looked at."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

from harness.errors import RunError
from harness.npus import marks
from harness.npus.listing import VISIBLE, Npu, all_chips
from harness.toolchain import Toolchain

MAPPED = "mapped"
ATTEMPTS = 3
# Between two tables of an idle chip the used memory moves by a megabyte or two.
GROWTH_MIB = 4

Opener = Callable[[], AbstractContextManager[int | None]]
"""Holds a model on the NPU while its block runs; gives the id of the process that holds it, None if unknown."""


def prove_mapping(toolchain: Toolchain, npu: Npu, open_something: Opener, root: Path | None = None) -> bool:
    """Tell whether it is proven that the runtime's `npu.runtime_id` is this very chip; proven once per host start.

    Exactly its memory must grow, or the process (a new one, where its id is not known) must be listed on it, while
    `open_something` holds a model on that number. What cannot be told (others came and went, or nothing moved) is not
    proven. Raises RunError of kind `infra` when another chip answers, twice.
    """
    facts = {"runtime_id": npu.runtime_id, "visible": toolchain.env.get(VISIBLE, "")}
    known = marks.found(npu, MAPPED, root)
    if known is not None and {name: known.get(name) for name in facts} == facts:
        return True
    answered: list[Npu] = []
    for _ in range(ATTEMPTS):
        seen = _who_answers(toolchain, npu, open_something)
        if seen is not None and seen.runtime_id == npu.runtime_id:
            marks.take_away(npu, MAPPED, root)
            marks.leave(npu, MAPPED, facts, root)
            return True
        if seen is not None and any(before.key == seen.key for before in answered):
            raise _contradicted(npu, seen)
        answered += [seen] if seen is not None else []
    return False


def _who_answers(toolchain: Toolchain, npu: Npu, open_something: Opener) -> Npu | None:
    """Return the one chip on which something was opened, or None where no single one stands out."""
    before = {chip.key: chip for chip in all_chips(toolchain, npu)}
    with open_something() as pid:
        during = all_chips(toolchain, npu)
    listed = [chip for chip in during if pid is not None and pid in _pids(chip)]
    grown = [chip for chip in during if chip.key in before and _grew(before[chip.key], chip)]
    joined = [chip for chip in during if chip.key in before and _pids(chip) - _pids(before[chip.key])]
    return _only(listed) or (_only(grown) if grown else _only(joined))


def _pids(chip: Npu) -> set[int]:
    return {process.pid for process in chip.processes}


def _grew(before: Npu, during: Npu) -> bool:
    return during.memory_used_mib - before.memory_used_mib >= GROWTH_MIB


def _only(chips: Collection[Npu]) -> Npu | None:
    return next(iter(chips)) if len(chips) == 1 else None


def _contradicted(npu: Npu, seen: Npu) -> RunError:
    where, what = f"npu {npu.runtime_id}", f"expected a model on runtime id {npu.runtime_id} to be held by NPU {npu}"
    got = f"its memory on NPU {seen.npu_id} chip {seen.chip_id} (bus {seen.bus_id or 'NA'})"
    do = f"unset {VISIBLE}, or set it as this shell's tools see the devices"
    return RunError(where, what, got, do, kind="infra", stage="mapping")
