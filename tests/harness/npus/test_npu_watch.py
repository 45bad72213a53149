"""A speed is measured on an idle device, and whoever comes meanwhile is named."""

import os
import subprocess
import sys
import threading
import time

import pytest

from harness import npus
from harness.errors import RunError
from harness.npus import watch as watching
from tests.harness.npus.smi_host import Row, host

FOREIGN = 1  # the host's first process: alive, and nobody's child here


@pytest.fixture
def made(tmp_path):
    return host(tmp_path, emulated=True)


def quiet(made, **times):
    npu = npus.listing(made.toolchain)[0]
    return npus.quiet(made.toolchain, npu, **{"wait_s": 0.2, "every_s": 0.02, **times})


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_power_temperature_and_free_memory_are_recorded_before_after_and_at_their_greatest(made):
    with quiet(made) as watch:
        for power, temperature in (("60.0", 80), ("20.0", 60)):
            made.rows = [Row(power=power, temperature=temperature, used=9000, aicore=99)]
            made.show()
            looks = len(watch.looks)
            wait_for(lambda looks=looks: len(watch.looks) > looks + 1)

    facts = watch.facts()
    assert facts["power_w"] == {"before": 17.0, "after": 20.0, "max": 60.0}
    assert facts["temperature_c"] == {"before": 56, "after": 60, "max": 80}
    assert (facts["memory_free_mib_before"], facts["memory_total_mib"]) == (20527, 21527)
    assert facts["occupants"] == []


def test_an_occupant_that_comes_is_named_even_if_it_is_gone_at_the_end(made):
    with quiet(made) as watch:
        made.processes = [(0, 0, FOREIGN, "python3.11", 6612)]
        made.show()
        wait_for(lambda: watch.occupants)
        made.processes = []
        made.show()

    assert watch.occupants == ("process 1 (python3.11) with 6612 MiB",)
    assert watch.facts()["occupants"] == list(watch.occupants)


def test_what_this_process_starts_is_no_occupant(made):
    with quiet(made) as watch, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        made.processes = [(0, 0, os.getpid(), "pytest", 1), (0, 0, child.pid, "msame", 900)]
        made.show()
        looks = len(watch.looks)
        wait_for(lambda: len(watch.looks) > looks + 1)
        child.communicate(b"\n")

    assert watch.occupants == ()


def test_a_chip_that_falls_ill_disturbs(made):
    with quiet(made) as watch:
        made.rows = [Row(health="Alarm")]
        made.show()

    assert watch.occupants == ("health Alarm",)


def test_a_table_that_cannot_be_read_at_the_end_disturbs(made):
    with quiet(made, every_s=60) as watch:
        made.say("dcmi module initialize failed. ret is -8005\n", status=187)

    assert len(watch.occupants) == 1
    assert "-8005" in watch.occupants[0]


def test_a_look_that_fails_in_between_is_counted(made):
    with quiet(made) as watch:
        made.say("dcmi module initialize failed. ret is -8005\n", status=187)
        wait_for(lambda: watch.failed_looks)
        made.show()

    assert watch.occupants == ()
    assert watch.facts()["failed_looks"] >= 1


@pytest.mark.parametrize(
    ("row", "processes", "message"),
    [
        (Row(), [(0, 0, FOREIGN, "python", 6612)], r"within 0\.2 s, got process 1 \(python\) with 6612 MiB"),
        (Row(aicore=55), [], r"AI cores at 55 %"),
    ],
)
def test_a_device_that_never_becomes_idle_is_an_infra_error_that_names_the_occupant(made, row, processes, message):
    made.rows, made.processes = [row], processes
    made.show()

    with pytest.raises(RunError, match=message) as caught, quiet(made):
        pass

    assert caught.value.kind == "infra"


def test_an_occupant_that_leaves_is_waited_for(made):
    made.processes = [(0, 0, FOREIGN, "python", 6612)]
    made.show()
    calls = made.calls()

    def leave():
        wait_for(lambda: made.calls() > calls + 2)
        made.processes = []
        made.show()

    leaving = threading.Thread(target=leave)
    leaving.start()
    with quiet(made, wait_s=20) as watch:
        pass
    leaving.join()

    assert watch.occupants == ()


def test_an_unhealthy_device_is_not_waited_for(made):
    made.rows = [Row(health="Critical")]
    made.show()

    with pytest.raises(RunError, match="health Critical"), quiet(made, wait_s=60):
        pass


def test_where_process_ids_are_the_hosts_one_process_is_taken_for_our_own_and_two_are_not(made, monkeypatch):
    made.emulated = False
    monkeypatch.setattr(watching, "HOST_PIDS", "another namespace")
    with quiet(made) as watch:
        made.processes = [(0, 0, 900001, "python", 900)]
        made.show()
        looks = len(watch.looks)
        wait_for(lambda: len(watch.looks) > looks + 1)
        alone = watch.occupants
        made.processes.append((0, 0, 900002, "train", 5000))
        made.show()

    assert alone == ()
    assert "process 900002 (train) with 5000 MiB" in watch.occupants


def test_the_watch_ends_with_an_error_of_its_block(made):
    with pytest.raises(ValueError, match="broke"), quiet(made) as watch:
        raise ValueError("broke")

    calls = made.calls()
    time.sleep(0.1)
    assert made.calls() == calls
    assert len(watch.looks) >= 2
