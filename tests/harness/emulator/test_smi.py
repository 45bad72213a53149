"""The face of npu-smi, read by parsers that were written for the real one's text."""

import os
from pathlib import Path

import pytest

from harness.ascend import smi_text
from harness.emulator import prefix, smi
from harness.emulator.devices import MIB, Devices

IDLE = """\
+--------------------------------------------------------------------------------------------------------+
| npu-smi 22.0.4                                   Version: 22.0.4                                       |
+-------------------------------+-----------------+------------------------------------------------------+
| NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
+===============================+=================+======================================================+
| 24      310P3                 | OK              | 17.0         56                0    / 0              |
| 0       0                     | 0000:01:00.0    | 0            1074 / 21534                            |
+===============================+=================+======================================================+
+-------------------------------+-----------------+------------------------------------------------------+
| NPU     Chip                  | Process id      | Process name             | Process memory(MB)        |
+===============================+=================+======================================================+
| No running processes found in NPU 24                                                                   |
+===============================+=================+======================================================+
"""


class Smi:
    """Runs the face of npu-smi on a host with the chips that words ask for."""

    def __init__(self, root: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.root, self.capture = root, capture

    def chips(self, words: str) -> Devices:
        prefix.make(self.root, (), {"OMGATE_EMULATE_CHIPS": words})
        return Devices(self.root)

    def run(self, *words: str) -> tuple[int, str]:
        self.capture.readouterr()
        return smi.main(words), self.capture.readouterr().out


@pytest.fixture
def face(emulated_root: Path, capsys: pytest.CaptureFixture[str]) -> Smi:
    return Smi(emulated_root, capsys)


def test_the_table_has_the_columns_of_the_real_one(face: Smi) -> None:
    face.chips("24:310P3")

    assert face.run("info") == (0, IDLE)


def test_chips_are_told_with_what_they_have_and_who_holds_it(face: Smi) -> None:
    devices = face.chips("310P3,7:310")
    devices.set_health(1, "Warning")
    devices.set_busy(1, 43)

    with devices.holding(1, 100 * MIB, "msame"):
        table = smi_text.parse_info(face.run("info")[1])

    first, second = table.chips
    assert (first.npu_id, first.name, first.health, first.memory_used_mib, first.memory_total_mib) == (
        *(0, "310P3", "OK", 1074, 21534),
    )
    assert (second.npu_id, second.device, second.health, second.memory_used_mib) == (7, 1, "Warning", 677)
    assert (second.aicore_percent, second.power_w, second.temperature_c) == (43, 12.8, 61)
    (process,) = table.processes
    assert (process.npu_id, process.chip_id, process.pid, process.name, process.memory_mib) == (
        *(7, 0, os.getpid(), "msame", 100),
    )


def test_a_duo_shows_two_chips_of_one_npu(face: Smi) -> None:
    face.chips("2144:310P3*2")

    chips = smi_text.parse_info(face.run("info")[1]).chips

    assert [(chip.npu_id, chip.chip_id, chip.device, chip.memory_total_mib) for chip in chips] == [
        (2144, 0, 0, 44280),
        (2144, 1, 1, 43693),
    ]
    assert [chip.power_w for chip in chips] == [None, None]


def test_memory_of_hbm_parts_stands_in_its_own_column(face: Smi) -> None:
    face.chips("910B4")

    (chip,) = smi_text.parse_info(face.run("info")[1]).chips

    assert (chip.memory_used_mib, chip.memory_total_mib) == (0, 0)
    assert (chip.hbm_used_mib, chip.hbm_total_mib) == (2858, 32768)


def test_the_mapping_leads_from_npu_and_chip_to_the_runtimes_id(face: Smi) -> None:
    face.chips("24:310P3*2,310")

    rows = smi_text.parse_mapping(face.run("info", "-m")[1])

    assert [(row.npu_id, row.chip_id, row.logic_id) for row in rows] == [(24, 0, 0), (24, 1, 1), (0, 0, 2)]


def test_npus_are_listed_with_how_many_chips_they_have(face: Smi) -> None:
    face.chips("24:310P3*2,310")

    lines = [line.split(":") for line in face.run("info", "-l")[1].splitlines() if line]

    assert [(key.strip(), value.strip()) for key, value in lines] == [
        ("Total Count", "2"), ("NPU ID", "24"), ("Chip Count", "2"), ("NPU ID", "0"), ("Chip Count", "1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "line"),
    [
        ("usages", "DDR Capacity(MB)               : 7759"),
        ("usages", "DDR Usage Rate(%)              : 7"),
        ("memory", "DDR Capacity(MB)               : 7759"),
        ("common", "Temperature(C)                 : 61"),
        ("common", "NPU Real-time Power(W)         : 12.8"),
        ("board", "Chip Name                      : 310"),
        ("power", "Power Dissipation(W)           : 12.8"),
    ],
)
def test_a_topic_is_lines_of_key_and_value(face: Smi, topic: str, line: str) -> None:
    face.chips("3:310")

    code, text = face.run("info", "-t", topic, "-i", "3")

    assert code == 0
    assert line in [row.strip() for row in text.splitlines()]


def test_the_power_stands_where_the_front_end_cuts_it_out(face: Smi) -> None:
    face.chips("3:310")

    line = next(row for row in face.run("info", "-t", "power", "-i", "3")[1].splitlines() if "Power Dissipation" in row)

    assert float(line[34:]) == 12.8


@pytest.mark.parametrize(("topic", "first"), [("common", True), ("usages", False), ("memory", False)])
def test_a_chips_id_opens_or_closes_its_block(face: Smi, topic: str, first: bool) -> None:
    face.chips("3:310*2")

    blocks = face.run("info", "-t", topic, "-i", "3")[1].split("\n\n")[1:3]

    for block in blocks:
        lines = block.strip().splitlines()
        assert lines[0 if first else -1].strip().startswith("Chip ID")


def test_one_chip_can_be_asked_for(face: Smi) -> None:
    face.chips("3:310P3*2")

    text = face.run("info", "-t", "usages", "-i", "3", "-c", "1")[1]

    assert "43693" in text
    assert "44280" not in text


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("info", "-t", "usages", "-i", "9"), 211, "npu get board type failed. ret is -9005\n"),
        (("info", "-t", "usages", "-i", "3", "-c", "5"), 211, "npu get board type failed. ret is -9005\n"),
        (("info", "-t", "colour", "-i", "3"), 1, "Command or option is not found.\n"),
        (("info", "-t", "usages"), 1, "Command or option is not found.\n"),
        (("info", "-x"), 1, "Command or option is not found.\n"),
        (("upgrade",), 1, "Command or option is not found.\n"),
        ((), 1, "Command or option is not found.\n"),
    ],
)
def test_what_is_not_there_is_refused_in_the_tools_words(
    face: Smi, words: tuple[str, ...], code: int, text: str
) -> None:
    face.chips("3:310")

    assert face.run(*words) == (code, text)


def test_without_chips_to_read_the_driver_is_not_usable(face: Smi) -> None:
    (face.root / "state" / "chips.json").unlink()

    assert face.run("info") == (187, "dcmi module initialize failed. ret is -8005\n")
