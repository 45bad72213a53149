"""Which Ascend toolchain a command or a run uses: the host's own, or an emulated one made below the cache folder."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from harness import npus, toolchain
from harness.digests import text_sha256
from harness.toolchain import Toolchain

SETTINGS = (
    *("OMGATE_EMULATE_CHIPS", "OMGATE_EMULATE_CANN", "OMGATE_EMULATE_FAULT"),
    *("OMGATE_EMULATE_ACLRUNTIME", "OMGATE_EMULATE_AIS_BENCH"),
)
"""What shapes an emulated host."""
EMULATED_CHIPS = ("Ascend310P3", "Ascend310")
"""What is emulated when neither an option nor $OMGATE_EMULATE_CHIPS says: the chips of the shipped cards."""


def real(ascend_python: str = "") -> Toolchain:
    """Return the toolchain that the environment configures or the host has; raises UsageError for a wrong setting."""
    return toolchain.find(os.environ, ascend_python)


def emulated(cache_dir: Path, chips: Sequence[str] = (), restarted: bool = True) -> Toolchain:
    """Return an emulated toolchain with those chips, else those of $OMGATE_EMULATE_CHIPS (`310P3,310`).

    Each set of chips, CANN version and fault has a folder of its own, so that a fault breaks no other rehearsal; its
    chips are well again when the host is `restarted`. Raises UsageError for what cannot be emulated.
    """
    from harness.emulator import prefix
    from harness.emulator.devices import Devices

    settings = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    if chips:
        settings.pop("OMGATE_EMULATE_CHIPS", None)
    name = text_sha256(json.dumps([*(chips or EMULATED_CHIPS), settings], sort_keys=True))[:12]
    root = cache_dir / "emulated-ascend" / name
    made = prefix.make(root, chips or EMULATED_CHIPS, settings)
    if restarted and "OMGATE_EMULATE_FAULT" in settings:
        for chip in Devices(root).chips():
            Devices(root).set_health(chip.id, "OK")
        for npu in npus.listing(made):
            npus.restore(npu)
    return made
