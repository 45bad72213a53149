"""Key and value forms of npu-smi: which block belongs to which chip."""

import pytest

from harness.ascend import smi_readings
from harness.errors import RunError


def pairs(*lines: str) -> str:
    return "".join(f"        {key.strip():<31}: {value}\n" for key, value in (line.split("=") for line in lines))


def test_the_chip_id_closes_a_block_of_usages():
    text = (
        pairs("NPU ID=7", "Chip Count=2")
        + "\n"
        + pairs("HBM Capacity(MB)=1", "Chip ID=0", "HBM Capacity(MB)=2", "Chip ID=1")
    )

    found = smi_readings.parse_usages(text)

    assert [(block.npu_id, block.chip_id, dict(block.values)) for block in found] == [
        (7, 0, {"HBM Capacity(MB)": "1"}),
        (7, 1, {"HBM Capacity(MB)": "2"}),
    ]
    assert smi_readings.parse_memory(text) == found


def test_the_chip_id_opens_a_block_of_common_and_the_controller_belongs_to_no_chip():
    text = pairs(
        "NPU ID=7", "Chip Count=2", "Chip ID=0", "Temperature(C)=45", "Chip ID=1", "Temperature(C)=47",
        "Chip Name=mcu", "Temperature(C)=48", "NPU Real-time Power(W)=42.8",
    )  # fmt: skip

    found = smi_readings.parse_common(text)

    assert [(block.chip_id, block.number("Temperature(C)")) for block in found] == [(0, 45.0), (1, 47.0), (None, 48.0)]
    assert found[2].number("NPU Real-time Power(W)") == 42.8


def test_a_board_that_names_its_npu_first_is_one_block():
    found = smi_readings.parse_board("[user@host ~]$ npu-smi info -t board -i 0 -c 0\n" + pairs(
        "NPU ID=0", "NPU Name=9392", "Chip ID=0", "Chip Name=Ascend910"
    ))  # fmt: skip

    assert len(found) == 1
    assert (found[0].values["NPU Name"], found[0].values["Chip Name"], found[0].chip_id) == ("9392", "Ascend910", 0)


def test_the_power_of_a_board_is_read():
    found = smi_readings.parse_board(pairs("NPU ID=0", "Power Dissipation(W)=88.5"))

    assert (found[0].chip_id, found[0].number("Power Dissipation(W)")) == (None, 88.5)


@pytest.mark.parametrize("value", ["NA", "-", "", "12 W"])
def test_what_is_no_number_is_none(value):
    found = smi_readings.parse_common(f"Chip ID : 0\nAicore Usage Rate(%) : {value}\nTemperature(C) : 40\n")

    assert found[0].number("Aicore Usage Rate(%)") is None
    assert found[0].number("absent") is None


@pytest.mark.parametrize("text", ["", "dcmi module initialize failed. ret is -8005", "Command or option is not found."])
def test_errors_are_refused(text):
    for parse in (smi_readings.parse_usages, smi_readings.parse_common, smi_readings.parse_board):
        with pytest.raises(RunError, match="key : value"):
            parse(text)
