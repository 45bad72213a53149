"""Whose fault a failure is: the model's, the neighbours', or the device's, which is then drained."""

import pytest

from harness import npus
from harness.ascend.smi_text import Process
from harness.devices import lease
from harness.errors import RunError
from harness.npus import Npu, health
from tests.harness.npus.smi_host import Row, host

# What the tools write (contract of the tools, out of device memory): the first two say so, the last may mean anything.
EL0004 = "EL0004: Failed to allocate memory. Possible Cause: Available memory is insufficient."
BY_NUMBER = "alloc device memory failed, runtime result = 207001[FUNC:ReportCallError]"
BARE = "load model from file failed, model file is x.om; [1][ACL: invalid parameter] "
IDLE = Npu("0000:AF:00.0", 0, 0, 0, "Ascend310P3", memory_total_mib=21527, memory_used_mib=1805)
HELD = Npu(
    *("0000:AF:00.0", 0, 0, 0, "Ascend310P3"),
    memory_total_mib=21527,
    memory_used_mib=9000,
    processes=(Process(0, 0, 42, "train.py", 7100),),
)


def error(text, kind="tool-failed", **details):
    return RunError("icnet.om", "expected it to load", text, "", **{"kind": kind, "stage": "load", **details})


def loads():
    """Stand for a known-good small OM that loads."""


def fails():
    raise error("[1][ACL: invalid parameter] ")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(health, "MEMORY_BACK_S", 0.0)
    monkeypatch.setattr(health, "POLL_S", 0.01)


@pytest.mark.parametrize(
    ("failure", "before", "canary", "kind", "said"),
    [
        (error(EL0004), IDLE, None, "oom", "EL0004"),
        (error(BY_NUMBER, "corrupt-artifact"), IDLE, None, "oom", "207001"),
        (error("killed", "oom"), IDLE, False, "oom", "killed"),
        (
            error(EL0004),
            HELD,
            None,
            "infra",
            r"by others: 12527 of 21527 MiB free before, process 42 \(train",
        ),
        (error(EL0004), Npu("b", 0, 0, 0, "c", "OK", 21527, 9000), None, "infra", "by none that npu-smi lists"),
        (error(EL0004, "oom"), None, None, "tool-failed", "free memory before"),
        (error(BARE), IDLE, False, "infra", "expected a known-good small OM to load"),
        (error(BARE), IDLE, True, "tool-failed", "invalid parameter"),
        (error(BARE, "corrupt-artifact"), IDLE, True, "tool-failed", "invalid parameter"),
        (error("no answer", "timeout"), IDLE, True, "timeout", "no answer"),
    ],
)
def test_a_load_that_failed_is_told_apart(failure, before, canary, kind, said):
    told = npus.load_failure(failure, before=before, canary_loads=canary)

    assert (told.kind, told.stage) == (kind, "load")
    with pytest.raises(RunError, match=said):
        raise told


@pytest.mark.parametrize(("used", "kind"), [(3229, "oom"), (3230, "infra")])  # 15 % of 21527 MiB are 3229.05
def test_memory_counts_as_free_from_85_per_cent_on(used, kind):
    before = Npu("b", 0, 0, 0, "Ascend310P3", "OK", 21527, used)

    assert npus.load_failure(error(EL0004), before=before, canary_loads=None).kind == kind


def test_the_log_the_code_and_the_first_error_are_kept():
    failure = error(BARE, log="/logs/x.log", code="E19999")

    told = npus.load_failure(failure, before=IDLE, canary_loads=False)

    assert (told.log, told.code) == ("/logs/x.log", "E19999")
    assert "invalid parameter" in str(told)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (error("rtSetDevice failed, ret=507033", stage="run"), True),
        (error("it broke", code="ret=507014"), True),
        (error("no end within 600 s", "timeout"), True),
        (error("the device fell off", "device-lost"), True),
        (error(BARE), False),
        (error("expected 4 outputs, got 3", stage="run"), False),
    ],
)
def test_failures_that_smell_of_the_device(failure, expected):
    assert npus.smells(failure) is expected


class Bench:
    """A host, its NPU as it was before, and what an examined failure became."""

    def __init__(self, tmp_path, row=None):
        self.root = tmp_path / "leases"
        self.made = host(tmp_path / "host", Row(used=1805))
        self.before = npus.listing(self.made.toolchain)[0]
        if row is not None:
            self.made.rows = [row]
            self.made.show()

    def after(self, failure, canary=loads):
        return npus.after_failure(self.made.toolchain, self.before, failure, canary, self.root)

    @property
    def drained(self):
        return npus.drained(self.before, self.root)


def test_an_ordinary_failure_stays_as_it_is_and_nothing_is_loaded(tmp_path):
    bench, failure = Bench(tmp_path), error("expected 4 outputs, got 3", stage="run")

    assert bench.after(failure, canary=fails) is failure
    assert bench.drained is None


def test_a_failure_of_the_driver_on_a_device_that_is_well_drains_nothing(tmp_path):
    bench, failure = Bench(tmp_path), error("ret=507033", "device-lost", stage="run")

    assert bench.after(failure) is failure
    assert bench.drained is None


def test_a_device_on_which_nothing_loads_any_more_is_drained(tmp_path):
    bench = Bench(tmp_path)

    told = bench.after(error("no end within 600 s", "timeout", stage="run", log="/l"), canary=fails)

    assert (told.kind, told.log) == ("device-lost", "/l")
    assert "no end within 600 s" in str(told)
    assert bench.drained.startswith("a known-good small OM does not load")


@pytest.mark.parametrize("row", [Row(used=12000), Row(health="Critical")])
def test_a_device_that_keeps_memory_or_is_ill_is_drained(tmp_path, row):
    bench = Bench(tmp_path, row)
    failure = error("ret=507033", "device-lost", stage="run")
    if row.health == "OK":
        bench.made.rows = [Row(used=1805)]  # as the canary's own look finds it; it then leaks too
        bench.made.show()

        def leak():
            bench.made.rows = [row]
            bench.made.show()

        told = bench.after(failure, canary=leak)
    else:
        told = bench.after(failure)

    assert told.kind == "device-lost"
    assert bench.drained


def test_memory_that_a_listed_process_holds_is_no_leak(tmp_path):
    bench = Bench(tmp_path, Row(used=8000))
    bench.made.processes = [(0, 0, 1, "train", 6195)]
    bench.made.show()
    failure = error("it broke", stage="run")

    assert bench.after(failure, canary=fails) is failure
    assert bench.drained is None


def test_memory_is_nobodys_while_others_lease_the_device_too(tmp_path):
    bench, failure = Bench(tmp_path, Row(used=8000)), error("it broke", stage="run")

    with (
        lease(bench.before.key, exclusive=False, root=bench.root),
        lease(bench.before.key, exclusive=False, root=bench.root),
    ):
        assert bench.after(failure, canary=fails) is failure


def test_a_failed_load_is_diagnosed_by_loading_something_known_to_be_good(tmp_path):
    bench = Bench(tmp_path)

    assert bench.after(error(BARE)).kind == "tool-failed"
    assert bench.drained is None


def test_a_failed_load_of_everything_drains_the_device(tmp_path):
    bench = Bench(tmp_path)

    assert bench.after(error(BARE), canary=fails).kind == "device-lost"
    assert bench.drained


def test_a_canary_that_finds_no_memory_is_no_sign_of_a_bad_device(tmp_path):
    bench = Bench(tmp_path)

    def no_room():
        raise error(EL0004, "oom")

    assert npus.probe(bench.made.toolchain, bench.before, no_room, bench.root) is None


def test_running_out_of_memory_is_screened_at_every_stage(tmp_path):
    bench = Bench(tmp_path)
    bench.before = HELD

    assert bench.after(error(EL0004, "oom", stage="run")).kind == "infra"


def test_a_drained_device_that_is_found_well_is_put_back_into_use(tmp_path):
    bench = Bench(tmp_path)
    npus.drain(bench.before, "it hangs", bench.root)

    assert npus.probe(bench.made.toolchain, bench.before, loads, bench.root) is None
    assert bench.drained is None


def test_a_drained_device_that_is_still_bad_stays_drained_for_its_first_reason(tmp_path):
    bench = Bench(tmp_path, Row(health="Critical"))
    npus.drain(bench.before, "it hangs", bench.root)

    assert npus.probe(bench.made.toolchain, bench.before, loads, bench.root) == "health Critical"
    assert bench.drained == "it hangs"


def test_an_npu_smi_that_fails_is_a_reason_by_itself(tmp_path):
    bench = Bench(tmp_path)
    bench.made.say("dcmi module initialize failed. ret is -8005\n", status=187)

    told = bench.after(error("ret=507033", "device-lost", stage="run"))

    assert told.kind == "device-lost"
    assert "-8005" in bench.drained
