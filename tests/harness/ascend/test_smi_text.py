"""Tables of npu-smi of every age, its errors, and the mapping of its ids."""

import pytest

from harness.ascend import smi_text
from harness.ascend.smi_text import Chip, Mapping, Process
from harness.errors import RunError

RULE = "+-------------------+-----------------+------------------------------------------------------+\n"
VERSION = "| npu-smi 23.0.1                       Version: 23.0.2                                       |\n"
ONE = (
    RULE + VERSION + RULE
    + "| NPU     Name      | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |\n"
    "| Chip    Device    | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |\n"
    + RULE.replace("-", "=")
    + "| 24      310P3     | OK              | 17.5         41                7     / 15            |\n"
    "| 0       3         | 0000:AF:00.0    | 12           934  / 21527                            |\n"
    + RULE.replace("-", "=")
)  # fmt: skip
CHIP = Chip(24, 0, "310P3", "OK", 17.5, 41.0, 3, "0000:AF:00.0", 12.0, 934, 21527)
PROCESSES = (
    RULE
    + "| NPU     Chip                  | Process id      | Process name             | Process memory(MB)        |\n"
)


MOVED = "| 7 310P3 OK NA 47 3404 / 44280 0 / 0 |\n| 0 0000:07:00.0 0 NA |\nNo running processes found in NPU 7\n"


def table(*rows: str) -> str:
    return "\n".join((RULE, *rows, RULE))


def test_a_table_is_read_whole():
    found = smi_text.parse_info(ONE)

    assert found == smi_text.Table("23.0.1", "23.0.2", (CHIP,), (), lists_processes=False)
    assert (CHIP.used_mib, CHIP.total_mib) == (934, 21527)


def test_two_chips_of_one_npu_are_two():
    found = smi_text.parse_info(
        table(
            "| 6       310P3           | OK              | NA           55                0     / 0             |",
            "| 0       4               | 0000:83:00.0    | 0            1175 / 44280                            |",
            "| 6       310P3           | Critical        | NA           52                3262  / 3262          |",
            "| 1       5               | 0000:83:00.0    | 0            8322 / 43693                            |",
        )
    )

    assert [(c.npu_id, c.chip_id, c.device, c.health, c.used_mib, c.power_w) for c in found.chips] == [
        (6, 0, 4, "OK", 1175, None),
        (6, 1, 5, "Critical", 8322, None),
    ]


def test_high_bandwidth_memory_is_the_memory_of_a_chip_that_has_it():
    found = smi_text.parse_info(
        table(
            "| 4     910B1               | Warning       | 271.1       41                0    / 0             |",
            "| 0                         | 0000:C1:00.0  | 55          0    / 0          65099/ 65536         |",
        )
    )

    chip = found.chips[0]
    assert (chip.memory_used_mib, chip.memory_total_mib) == (0, 0)
    assert (chip.used_mib, chip.total_mib, chip.device, chip.health) == (65099, 65536, None, "Warning")


def test_a_chip_without_power_of_its_own_is_read():
    found = smi_text.parse_info(
        table(
            "| 0     Ascend910           | OK            | 166.9       38                0    / 0             |",
            "| 0     0                   | 0000:9D:00.0  | 0           0    / 0          3416 / 65536         |",
            "| 0     Ascend910           | OK            | -           37                0    / 0             |",
            "| 1     1                   | 0000:9F:00.0  | 0           0    / 0          3409 / 65536         |",
        )
    )

    assert [(chip.chip_id, chip.device, chip.power_w, chip.total_mib) for chip in found.chips] == [
        (0, 0, 166.9, 65536),
        (1, 1, None, 65536),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("| 0 310 | OK | 12.8 58 |", "| 0 3 | NA | 0 5324 / 8192 |", id="no-hugepages"),
        pytest.param("  0   310   OK   12.8   58   0 / 0", "  0   3   NA   0   5324 / 8192", id="no-rules"),
        pytest.param("|  0  310 | OK | 12.8  58  0 / 187 |", "| 0  3  | NA  | 0   5324/ 8192 |", id="glued-slash"),
    ],
)
def test_older_and_pasted_tables_are_read(first, second):
    chip = smi_text.parse_info(table(first, second)).chips[0]

    assert chip == Chip(0, 0, "310", "OK", 12.8, 58.0, 3, "", 0.0, 5324, 8192)


@pytest.mark.parametrize(
    ("line", "versions"),
    [
        ("| npu-smi 24.1.0.1      Version: 24.1.0.2 |", ("24.1.0.1", "24.1.0.2")),
        ("| npu-smi 25.0.rc1.1    Version:25.0.rc1.1 |", ("25.0.rc1.1", "25.0.rc1.1")),
        ("| npu-smi 22.0.4（工具）  Version: 22.0.4（驱动） |", ("22.0.4", "22.0.4")),
        ("", ("", "")),
    ],
)
def test_the_versions_stop_where_a_version_stops(line, versions):
    found = smi_text.parse_info(ONE.replace(VERSION.strip(), line))

    assert (found.tool_version, found.driver_version) == versions


def test_processes_are_read_with_and_without_a_name():
    text = (
        ONE + PROCESSES + "| 24      0                     | 293029          | python3.11               | 6612      |\n"
        "| 24      0                     | 3330598         |                          | 132                       |\n"
    )

    found = smi_text.parse_info(text)

    assert found.processes == (Process(24, 0, 293029, "python3.11", 6612), Process(24, 0, 3330598, "", 132))
    assert found.chips == (CHIP,)


def test_a_table_that_names_no_process_differs_from_none_at_all():
    idle = smi_text.parse_info(ONE + PROCESSES + "| No running processes found in NPU 24          |\n")

    assert (idle.processes, idle.lists_processes) == ((), True)
    assert not smi_text.parse_info(ONE).lists_processes


@pytest.mark.parametrize(
    ("text", "code", "do"),
    [
        ("noise\ndcmi model initialized failed, because the device is used. ret is -8020", "-8020", "container"),
        ("dcmi module initialize failed. ret is -8005", "-8005", "driver"),
        ("npu get board type failed. ret is -9005", "-9005", "board"),
        ("Command or option is not found.", "", "by hand"),
        ("bash: npu-smi: command not found", "", "by hand"),
        ("", "", "by hand"),
        (VERSION, "", "by hand"),
        (MOVED, "", "hand"),
    ],
)
def test_an_error_or_nothing_readable_is_refused_with_its_code_and_what_to_do(text, code, do):
    with pytest.raises(RunError) as caught:
        smi_text.parse_info(text)

    assert (caught.value.kind, caught.value.code) == ("infra", code)
    assert do in caught.value.do


def test_the_error_of_the_tool_is_quoted():
    with pytest.raises(RunError, match=r"got dcmi module initialize failed\. ret is -8005"):
        smi_text.parse_info("noise\ndcmi module initialize failed. ret is -8005\n")


HEADER = "NPU ID                         Chip ID                        Chip Logic ID                  Chip Name\n"


def test_a_mapping_is_read_without_the_controller():
    text = HEADER + "5     0     0     Ascend 910B3\n5     1     -     Mcu\n6     0     1     310\n"

    assert smi_text.parse_mapping(text) == (Mapping(5, 0, 0, "Ascend 910B3"), Mapping(6, 0, 1, "310"))


def test_a_mapping_with_another_column_is_read_by_its_header():
    text = "NPU ID   Chip ID   Chip Logic ID   Chip Phy-ID   Chip Name\n0   1   1   9   Ascend910\n"

    assert smi_text.parse_mapping(text) == (Mapping(0, 1, 1, "Ascend910"),)


@pytest.mark.parametrize(
    "text", ["", HEADER, HEADER + "5     1     -     Mcu\n", "dcmi module initialize failed. ret is -8005"]
)
def test_a_mapping_without_chips_is_refused(text):
    with pytest.raises(RunError, match="NPU ID"):
        smi_text.parse_mapping(text)


@pytest.mark.parametrize(
    ("name", "npu_name", "soc"),
    [
        ("310P3", "", "Ascend310P3"),
        ("310", "", "Ascend310"),
        ("910B4", "", "Ascend910B4"),
        ("Ascend910B3", "", "Ascend910B3"),
        ("Ascend 910B3", "", "Ascend910B3"),
        ("ascend310P3", "", "Ascend310P3"),
        ("Ascend910", "9392", "Ascend910_9392"),
    ],
)
def test_the_soc_is_the_name_with_ascend_once(name, npu_name, soc):
    assert smi_text.soc_of(name, npu_name) == soc
