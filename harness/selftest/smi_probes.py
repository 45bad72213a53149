"""The facts about npu-smi and the device, as a recording shows them."""

from collections.abc import Callable, Mapping

from harness.ascend import smi_text
from harness.ascend.smi_text import Chip
from harness.errors import RunError
from harness.npus.health import FREE_ENOUGH, KEPT_SHARE
from harness.npus.watch import IDLE_AICORE_PERCENT
from harness.selftest.recording import NotProbed, Recording

HUAWEI = "vendor 0x19e5"
OLD_ERROR = "drvmnggetconsoleloglevel failed"
BEFORE, AFTER = "smi-info", "smi-info-after"
Found = tuple[bool, str]


def _chip(recording: Recording, name: str) -> Chip:
    """Return the row of the recorded NPU; raises RunError (`infra`) where the table has none."""
    for chip in smi_text.parse_info(recording.transcript(name).text).chips:
        if (chip.npu_id, chip.chip_id) == (recording.npu_id, recording.chip_id):
            return chip
    raise RunError("npu-smi info", f"expected NPU {recording.npu}", "no such row", kind="infra", stage="npu-smi")


def _idle(recording: Recording) -> Chip:
    """Return the NPU before anything ran on it; raises NotProbed where others held it."""
    chip = _chip(recording, BEFORE)
    processes = smi_text.parse_info(recording.transcript(BEFORE).text).processes
    if any((one.npu_id, one.chip_id) == (chip.npu_id, chip.chip_id) for one in processes):
        raise NotProbed("others were using the NPU")
    return chip


def _mapping(recording: Recording) -> Found:
    note = recording.note("mapping")
    return note == "the same chip", note


def _bus_id(recording: Recording) -> Found:
    vendor = recording.note("pci-vendor")
    return vendor == HUAWEI, f"{_chip(recording, BEFORE).bus_id}: {vendor}"


def _error_first(recording: Recording) -> Found:
    text = recording.transcript(BEFORE).text
    if OLD_ERROR not in text.lower():
        raise NotProbed("this npu-smi prints no such line")
    return bool(smi_text.parse_info(text).chips), "it does, and the table is read"


def _lists_processes(recording: Recording) -> Found:
    listed = smi_text.parse_info(recording.transcript(BEFORE).text).lists_processes
    return listed, "it has one" if listed else "it has none"


def _driver(recording: Recording) -> Found:
    printed = smi_text.parse_info(recording.transcript(BEFORE).text).driver_version
    if not recording.driver or not printed:
        raise NotProbed("one of the two says no version")
    return printed == recording.driver, f"{printed}, the file {recording.driver}"


def _free(recording: Recording) -> Found:
    chip = _idle(recording)
    if not chip.total_mib:
        raise NotProbed("the table shows no memory")
    share = (chip.total_mib - chip.used_mib) / chip.total_mib
    return share >= FREE_ENOUGH, f"{share:.1%}"


def _aicore(recording: Recording) -> Found:
    percent = _idle(recording).aicore_percent
    if percent is None:
        raise NotProbed("the table shows no use of the AI cores")
    return percent <= IDLE_AICORE_PERCENT, f"{percent:g} %"


def _kept(recording: Recording) -> Found:
    before, after = _idle(recording), _chip(recording, AFTER)
    if not before.total_mib:
        raise NotProbed("the table shows no memory")
    share = (after.used_mib - before.used_mib) / before.total_mib
    return share <= KEPT_SHARE, f"{share:.1%}"


PROBES: Mapping[str, Callable[[Recording], Found]] = {
    "smi-logic-id-is-acl-id": _mapping,
    "smi-lists-processes": _lists_processes,
    "smi-bus-id-stable": _bus_id,
    "smi-old-error-first": _error_first,
    "driver-version-agrees": _driver,
    "idle-memory-share": _free,
    "idle-aicore-percent": _aicore,
    "memory-comes-back": _kept,
}
