from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import RunError
from harness.measure import TimePlan
from harness.runtimes.aclruntime import AclRuntime
from harness.runtimes.protocol import SessionOptions
from tests.harness.runtimes.fake_hosts import double_om, host, picture
from tests.harness.runtimes.small_models import spec

GENERATIONS = ["old", "new"]


@pytest.fixture(params=GENERATIONS)
def opened(request, tmp_path):
    sessions = []

    def open_session(fault="", artifact=None, **options):
        options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60, **options)
        made = AclRuntime(host("python", request.param, FAKE_FAULT=fault))
        sessions.append(made.open(artifact or double_om(tmp_path, 2), "npu:0", options))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def test_rounds_are_the_devices_own_milliseconds_in_the_definition_of_its_front_end(opened):
    measurement = opened().time(TimePlan(1, 4, 4, 1.0), [picture(1)])

    assert (measurement.definition, measurement.statistic, measurement.inputs) == ("ais_bench", "mean", "real")
    assert measurement.rounds_ms == (1.0, 1.0, 1.0, 1.0)
    assert measurement.warmup_ms == (1.0,)


def test_zero_inputs_are_zero(opened):
    assert opened().time(TimePlan(0, 2, 2, 1.0, "zero"), []).rounds_ms == (4.0, 4.0)  # the fake tells them apart


def test_the_canary_runs_in_the_same_worker_on_zeros(opened, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()
    session = opened(canary=double_om(canary, 1).path)

    measurement = session.time(TimePlan(1, 4, 4, 1.0), [picture(1)])

    assert (measurement.canary_before_ms, measurement.canary_after_ms) == (4.0, 4.0)


def test_the_device_is_let_go_once_whatever_the_number_of_sessions(opened, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()
    session = opened(canary=double_om(canary, 1).path)
    session.time(TimePlan(1, 4, 4, 1.0), [picture(1)])

    session.close()

    (log,) = (tmp_path / "work").glob("worker-*.log")
    assert log.read_text() in ("finalized\n", "freed\nfreed\nfinalized\n")


def test_a_device_that_cannot_be_set_up_is_lost_with_its_number_as_the_code(opened):
    with pytest.raises(RunError) as caught:
        opened("no-device")

    assert (caught.value.kind, caught.value.stage, caught.value.code) == ("device-lost", "load", "507033")


def test_what_was_printed_before_an_exception_tells_its_kind(opened):
    session = opened("execute")

    with pytest.raises(RunError, match=r"\[-1\]\[ACL: general failure\]") as caught:
        list(session.run([picture(1)]))

    assert (caught.value.kind, caught.value.stage, caught.value.code) == ("oom", "run", "EL0004")
    assert "execute model failed, modelId is 1" in str(caught.value)


def test_a_crash_is_the_tools_failure(opened):
    session = opened("segfault")

    with pytest.raises(RunError, match="SIGSEGV") as caught:
        list(session.run([picture(1)]))

    assert caught.value.kind == "tool-failed"


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ((spec("x", "N", 24),), ()),
        ((spec("x", "N", 1, 4, 6, dtype="float16"),), ()),
        ((spec("x", "N", 1, 4, 6), spec("more", "N", 1)), ()),
        ((), (spec("y", "N", 1, 4, 7),)),
        ((), (spec("y", "N", 1, 4, 6, dtype="int32"),)),
    ],
    ids=["an input of another shape", "of another dtype", "an input more", "an output of another size", "dtype"],
)
def test_an_om_that_is_not_what_the_card_says_is_refused_at_the_opening(opened, tmp_path, inputs, outputs):
    artifact = double_om(tmp_path, 2)
    artifact = replace(artifact, inputs=inputs or artifact.inputs, outputs=outputs or artifact.outputs)

    with pytest.raises(RunError, match="build the OM again for batch 2") as caught:
        opened(artifact=artifact)

    assert caught.value.kind == "corrupt-artifact"


def test_a_python_without_the_module_is_told_from_the_log(tmp_path):
    options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60)
    toolchain = host("python", "new", PYTHONPATH="")

    with pytest.raises(RunError, match="aclruntime cannot be imported") as caught:
        AclRuntime(toolchain).open(double_om(tmp_path, 2), "npu:0", options)

    assert caught.value.kind == "infra"


def test_nothing_of_this_processs_environment_reaches_the_worker(opened, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_FAULT", "no-device")

    with opened() as session:
        assert len(list(session.run([picture(1)]))) == 1


def test_the_worker_leaves_a_log(opened):
    with pytest.raises(RunError) as caught:
        opened("corrupt")

    assert Path(caught.value.log).read_text().startswith("[ERROR] load model from file failed")
