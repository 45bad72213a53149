"""The emulated chips' memory: who holds it, across processes, and what is free."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.emulator.devices import MIB, Devices
from harness.errors import RunError

REPOSITORY = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
from harness.emulator.devices import Devices

Devices(Path(sys.argv[1])).hold(0, int(sys.argv[2]), "msame")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def devices(emulated_root: Path) -> Devices:
    return Devices(emulated_root)


def test_an_idle_chip_shows_what_the_driver_takes(devices: Devices) -> None:
    assert devices.used_mib(0) == 1074
    assert devices.free_bytes(0) == (21534 - 1074) * MIB
    assert devices.holders(0) == ()


def test_held_memory_counts_in_whole_mebibytes_and_comes_back(devices: Devices) -> None:
    with devices.holding(0, 10 * MIB + 1, "msame"):
        assert devices.used_mib(0) == 1074 + 11
        assert devices.used_mib(1) == 577
        assert [(holder.name, holder.nbytes) for holder in devices.holders(0)] == [("msame", 10 * MIB + 1)]

    assert devices.used_mib(0) == 1074


def test_a_process_is_one_row_however_often_it_holds(devices: Devices) -> None:
    with devices.holding(0, 3 * MIB, "msame"), devices.holding(0, 4 * MIB, "msame"):
        assert [holder.nbytes for holder in devices.holders(0)] == [7 * MIB]


def test_the_last_free_byte_can_be_had_and_one_more_is_out_of_memory(devices: Devices) -> None:
    free = devices.free_bytes(1)

    with devices.holding(1, free, "msame"):
        assert devices.free_bytes(1) == 0
    with pytest.raises(RunError) as caught:
        devices.hold(1, free + 1, "msame")

    assert (caught.value.kind, caught.value.code) == ("oom", "207001")
    assert devices.holders(1) == ()


def test_memory_is_given_back_when_the_holder_fails(devices: Devices) -> None:
    with pytest.raises(KeyError), devices.holding(0, MIB, "msame"):
        raise KeyError

    assert devices.holders(0) == ()


def test_another_process_is_seen_and_when_killed_forgotten(devices: Devices, emulated_root: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(emulated_root), str(5 * MIB)],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        (holder,) = devices.holders(0)
        child.kill()
        child.wait()

    assert (holder.pid, holder.nbytes) == (child.pid, 5 * MIB)
    assert devices.holders(0) == ()
    assert list((emulated_root / "state" / "held").iterdir()) == []


def test_a_process_that_got_a_dead_ones_number_holds_nothing(devices: Devices, emulated_root: Path) -> None:
    token = devices.hold(0, MIB, "msame")
    token.write_text(token.read_text().replace('"started": "', '"started": "9'))

    assert devices.holders(0) == ()


def test_health_and_use_are_ok_and_idle_until_set(devices: Devices) -> None:
    assert (devices.health(0), devices.aicore_percent(0)) == ("OK", 0)

    devices.set_health(0, "Critical")
    devices.set_busy(0, 97)

    assert (devices.health(0), devices.aicore_percent(0)) == ("Critical", 97)
    assert (devices.health(1), devices.aicore_percent(1)) == ("OK", 0)

    devices.set_health(0, "OK")
    devices.set_busy(0, 0)

    assert (devices.health(0), devices.aicore_percent(0)) == ("OK", 0)


def test_a_device_that_is_not_there_has_the_runtimes_code(devices: Devices) -> None:
    with pytest.raises(RunError) as caught:
        devices.chip(2)

    assert caught.value.code == "107001"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, ["310P3", "310"]), ("1", ["310"]), ("1,0", ["310", "310P3"]), ("1,7,0", ["310"]), ("", []), ("x", [])],
)
def test_visible_devices_are_chosen_and_renumbered(devices: Devices, wanted: str | None, expected: list[str]) -> None:
    environ = {"OMGATE_EMULATE_CANN": "8.0.RC3"}
    environ |= {} if wanted is None else {"ASCEND_RT_VISIBLE_DEVICES": wanted}

    assert [chip.name for chip in devices.visible(environ)] == expected


def test_without_a_prefix_there_are_no_devices(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="OMGATE_EMULATE_ROOT"):
        Devices.of({})
    with pytest.raises(RunError, match="make the prefix"):
        Devices(tmp_path).chips()


def test_a_cann_before_7_does_not_know_the_variable(emulated_root):
    environ = {"OMGATE_EMULATE_CANN": "6.0.RC1", "ASCEND_RT_VISIBLE_DEVICES": "1"}

    assert [chip.id for chip in Devices(emulated_root).visible(environ)] == [0, 1]
