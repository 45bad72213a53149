"""Which Ascend toolchain a command or a run uses: the host's own, or an emulated one made below the cache folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness import toolchain
from harness.card_tables import canonical_chip
from harness.errors import UsageError
from harness.toolchain import Toolchain

EMULATED_CHIPS = ("Ascend310P3", "Ascend310")
"""What is emulated when neither an option nor $OMGATE_EMULATE_CHIPS says: the chips of the shipped cards."""


def real(ascend_python: str = "") -> Toolchain:
    """Return the toolchain that the environment configures or the host has; raises UsageError for a wrong setting."""
    return toolchain.find(os.environ, ascend_python)


def emulated(cache_dir: Path, chips: Sequence[str] = ()) -> Toolchain:
    """Return an emulated toolchain with those chips, else those of $OMGATE_EMULATE_CHIPS (`310P3,310`)."""
    from harness.emulator import prefix

    listed = [name.strip() for name in os.environ.get("OMGATE_EMULATE_CHIPS", "").split(",") if name.strip()]
    wanted = tuple(chips) or tuple(canonical_chip(name) for name in listed) or EMULATED_CHIPS
    strange = next((chip for chip in wanted if not chip.startswith("Ascend")), None)
    if strange is not None:
        raise UsageError("--emulate", "expected the name of an Ascend chip", repr(strange), "for example Ascend310P3")
    return prefix.make(cache_dir / "emulated-ascend" / "-".join(wanted), wanted, os.environ)
