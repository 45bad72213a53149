"""The NPUs of a host: who they are, and which number a runtime gives each of them."""

import subprocess

import pytest

from harness import npus
from harness.errors import MissingNeedError, RunError, UsageError
from harness.toolchain import Toolchain
from tests.harness.npus.smi_host import DUO, FOUR_310, Row, host


def numbered(found):
    return [(npu.runtime_id, npu.chip_id) for npu in found]


def test_a_chip_is_listed_with_what_the_table_says_of_it(tmp_path):
    made = host(tmp_path, Row(device=0, npu=2144, power="12.5", temperature=41, aicore=3, used=1807, total=21527))
    made.processes = [(2144, 0, 77, "python", 500), (3, 0, 78, "other", 1)]
    made.show()

    (npu,) = npus.listing(made.toolchain)

    assert (npu.chip, npu.bus_id, npu.npu_id, npu.runtime_id) == ("Ascend310P3", "0000:AF:00.0", 2144, 0)
    assert (npu.power_w, npu.temperature_c, npu.aicore_percent) == (12.5, 41, 3)
    assert (npu.memory_used_mib, npu.memory_free_mib, npu.memory_total_mib) == (1807, 19720, 21527)
    assert [process.pid for process in npu.processes] == [77]
    assert npu.healthy


def test_two_chips_of_one_bus_have_keys_of_their_own(tmp_path):
    first, second = npus.listing(host(tmp_path, *DUO).toolchain)

    assert (first.key, second.key) == ("npu-0000:83:00.0-0", "npu-0000:83:00.0-1")


def test_a_chip_without_bus_id_is_known_by_its_npu_and_chip(tmp_path):
    (npu,) = npus.listing(host(tmp_path, Row(npu=7, bus="NA")).toolchain)

    assert (npu.bus_id, npu.key) == ("", "npu-7-0")


def test_an_emulated_chip_shares_no_key_with_a_real_one_or_with_another_emulation(tmp_path):
    made = [host(tmp_path / name, emulated=name != "real") for name in ("real", "one", "two")]
    keys = {npus.listing(one.toolchain)[0].key for one in made}

    assert len(keys) == 3


def test_logic_ids_number_the_chips_where_the_tool_tells_them(tmp_path):
    made = host(tmp_path, *DUO)
    made.map([(6, 0, 5), (6, 1, 4)])

    assert numbered(npus.listing(made.toolchain)) == [(5, 0), (4, 1)]


def test_the_device_column_numbers_them_where_there_are_no_logic_ids(tmp_path):
    made = host(tmp_path, Row(device=3, npu=1, chip=0), Row(device=7, npu=1, chip=1))

    assert numbered(npus.listing(made.toolchain)) == [(3, 0), (7, 1)]


def test_the_order_numbers_them_where_the_device_column_repeats_itself(tmp_path):
    made = host(tmp_path, Row(device=0, chip=0), Row(device=0, chip=1))

    assert numbered(npus.listing(made.toolchain)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("visible", "cann", "expected"),
    [
        ("1,3", "8.0.RC3", [(0, 1), (1, 3)]),
        ("3,1", "8.0.RC3", [(0, 3), (1, 1)]),
        ("2", "", [(0, 2)]),
        ("1,2,-1,3", "7.0.0", [(0, 1), (1, 2)]),  # nothing is read after what is no device
        ("1,9,2", "7.0.0", [(0, 1)]),
        ("1, 2", "8.0.0", [(0, 1)]),
        ("1,3", "6.0.RC1", [(1, 1), (3, 3)]),  # an old CANN does not renumber
        ("", "8.0.0", [(0, 0), (1, 1), (2, 2), (3, 3)]),
    ],
)
def test_visible_devices_are_chosen_and_renumbered_as_the_runtime_does(tmp_path, visible, cann, expected):
    made = host(tmp_path, *FOUR_310, env={"ASCEND_RT_VISIBLE_DEVICES": visible}, cann=cann)

    assert numbered(npus.listing(made.toolchain)) == expected


def test_a_variable_that_names_no_device_is_a_usage_error_that_names_those_there(tmp_path):
    made = host(tmp_path, *FOUR_310, env={"ASCEND_RT_VISIBLE_DEVICES": "-1"})

    with pytest.raises(UsageError, match=r"ASCEND_RT_VISIBLE_DEVICES: .*'-1'; there are: 0, 1, 2, 3"):
        npus.listing(made.toolchain)


@pytest.mark.parametrize(
    ("docker", "expected"),
    [
        ("1-2", [(1, 1), (2, 2)]),
        ("0,Ascend310-3", [(0, 0), (3, 3)]),
        ("void", [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ("6,7", [(0, 0), (1, 1), (2, 2), (3, 3)]),  # the container's own numbers begin at 0 again
    ],
)
def test_a_docker_set_narrows_a_table_that_shows_more(tmp_path, docker, expected):
    made = host(tmp_path, *FOUR_310, env={"ASCEND_VISIBLE_DEVICES": docker})

    assert numbered(npus.listing(made.toolchain)) == expected


def test_a_failing_npu_smi_is_an_infra_error_with_its_own_words(tmp_path):
    made = host(tmp_path)
    made.say("dcmi model initialized failed, because the device is used. ret is -8020\n", status=172)

    with pytest.raises(RunError, match=r"exit code 172; it said: dcmi model .* ret is -8020") as caught:
        npus.listing(made.toolchain)

    assert caught.value.kind == "infra"


def test_without_npu_smi_the_remedy_is_told():
    toolchain = Toolchain({}, {}, remedies={"npu-smi": "install the driver"})

    with pytest.raises(MissingNeedError, match="install the driver"):
        npus.listing(toolchain)


def test_an_npu_that_is_looked_at_again_keeps_its_number(tmp_path):
    made = host(tmp_path, *FOUR_310, env={"ASCEND_RT_VISIBLE_DEVICES": "3"})
    (npu,) = npus.listing(made.toolchain)
    made.rows[3] = Row(3, 2048, 3, "310", bus="0000:84:00.0", used=4000, total=8192)
    made.show()

    again = npus.look_again(made.toolchain, npu)

    assert (again.runtime_id, again.chip_id, again.memory_used_mib, again.key) == (0, 3, 4000, npu.key)


def test_an_npu_that_is_gone_from_the_table_is_an_infra_error(tmp_path):
    made = host(tmp_path, *DUO)
    npu = npus.listing(made.toolchain)[1]
    made.rows.pop()
    made.show()

    with pytest.raises(RunError, match=r"expected NPU 1 .* got no such row") as caught:
        npus.look_again(made.toolchain, npu)

    assert caught.value.kind == "infra"


def test_the_stand_in_is_a_program_of_its_own(tmp_path):
    made = host(tmp_path)

    done = subprocess.run([*made.toolchain.command("npu-smi"), "info"], capture_output=True, text=True, check=True)

    assert "310P3" in done.stdout
