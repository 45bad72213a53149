"""A self-test of an emulated host with two NPUs, run once for all tests of a process."""

import functools
import os
import tempfile
from pathlib import Path

import pytest

from harness import devices, npus
from harness.emulator import prefix
from harness.selftest import rounds
from harness.selftest.recording import Recording, Transcript
from harness.selftest.rounds import Plan
from harness.toolchain import Toolchain

CHIPS = ("Ascend310P3", "Ascend310")
CANN = "8.0.RC3"
"""A release that renumbers the devices that are left visible, as the emulated runtime does."""


def toolchain_at(root: Path, fault: str = "") -> Toolchain:
    """Return an emulated toolchain in a folder."""
    environ = {"PATH": os.environ["PATH"], "OMGATE_EMULATE_CANN": CANN}
    return prefix.make(root, CHIPS, environ | ({"OMGATE_EMULATE_FAULT": fault} if fault else {}))


def record(toolchain: Toolchain, root: Path, **plan: object) -> Recording:
    """Test the first NPU of a toolchain, its lease below a folder of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "LEASES", root / "leases")
        seen = npus.listing(toolchain)
        return rounds.record(toolchain, Plan(seen[0], seen, **plan))


@functools.cache
def good_recording() -> Recording:
    """Return the recording of a host on which everything works."""
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        root = Path(folder)
        return record(toolchain_at(root / "ascend"), root, questions=(("-l",),))


def of(*transcripts: Transcript, **fields: object) -> Recording:
    """Return a recording of nothing but these transcripts."""
    place = {"chip": "Ascend310P3", "npu": "0", "npu_id": 0, "chip_id": 0, "runtime_id": 0}
    return Recording(**{"emulated": False, **place, **fields}, transcripts=transcripts)
