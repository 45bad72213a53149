"""Which Ascend toolchain a command or a run uses: the host's own, or an emulated one made below the cache folder."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from harness import toolchain
from harness.digests import text_sha256
from harness.toolchain import Toolchain

EMULATED_CHIPS = ("Ascend310P3", "Ascend310")
"""What is emulated when neither an option nor $OMGATE_EMULATE_CHIPS says: the chips of the shipped cards."""


def real(ascend_python: str = "") -> Toolchain:
    """Return the toolchain that the environment configures or the host has; raises UsageError for a wrong setting."""
    return toolchain.find(os.environ, ascend_python)


def emulated(cache_dir: Path, chips: Sequence[str] = ()) -> Toolchain:
    """Return an emulated toolchain with those chips, else those of $OMGATE_EMULATE_CHIPS (`310P3,310`).

    Raises UsageError for a chip that cannot be emulated. Each set of chips and CANN version has a folder of its own.
    """
    from harness.emulator import prefix

    settings = {name: value for name, value in os.environ.items() if name.startswith("OMGATE_EMULATE_")}
    if chips:
        settings.pop("OMGATE_EMULATE_CHIPS", None)
    shaping = [*(chips or EMULATED_CHIPS), settings.get("OMGATE_EMULATE_CHIPS"), settings.get("OMGATE_EMULATE_CANN")]
    name = text_sha256(json.dumps(shaping))[:12]
    return prefix.make(cache_dir / "emulated-ascend" / name, chips or EMULATED_CHIPS, settings)
