"""What all runtimes of OMs do alike, on fake tools that behave as the real ones are described."""

from pathlib import Path

import numpy as np
import pytest

from harness import runtimes
from harness.errors import MissingNeedError, RunError, UsageError
from harness.measure import TimePlan
from harness.runtimes.protocol import SessionOptions
from harness.toolchain import Toolchain
from tests.harness.runtimes.fake_hosts import FILE_RUNTIMES, RUNTIMES, double_om, picture, runtime, sums_om
from tests.harness.runtimes.small_models import sample

FAULTS_AT_EXIT_0 = [
    (name, fault) for name in FILE_RUNTIMES for fault in ("exit-0", "silent", "missing", "short", "stale")
]


@pytest.fixture(params=RUNTIMES)
def name(request):
    return request.param


@pytest.fixture
def opened(name, tmp_path):
    """Opens the doubling network on the runtime; the fakes are told `fault`."""
    sessions = []

    def open_session(batch=2, fault="", device="npu:0", **options):
        options = SessionOptions(batch=batch, workdir=tmp_path / "work, ä", **{"timeout_s": 60, **options})
        made = runtime(name, FAKE_FAULT=fault)
        sessions.append(made.open(double_om(tmp_path, batch), device, options))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.mark.parametrize("count", [1, 4, 5], ids=["less than a batch", "whole batches", "a part of a batch left"])
def test_outputs_come_in_input_order_without_the_padding(opened, count):
    outputs = list(opened().run(picture(number) for number in range(count)))

    assert [each.sample_id for each in outputs] == [f"picture {number}/ä" for number in range(count)]
    for number, each in enumerate(outputs):
        np.testing.assert_array_equal(each.arrays[0], 2 * picture(number).arrays[0])


def test_a_second_chunk_and_a_second_run_are_like_the_first(opened):
    session = opened(chunk_bytes=1)

    for _ in range(2):
        outputs = list(session.run(picture(number) for number in range(5)))
        assert [float(each.arrays[0].flat[0]) for each in outputs] == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_a_session_says_which_npu_it_runs_on(opened):
    assert opened(device="npu:3").runs_on == "npu:3"


def test_half_precision_tensors_come_as_the_card_declares_them(name, tmp_path):
    artifact = double_om(tmp_path, 2, dtype="float16")
    options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60)

    with runtime(name).open(artifact, "npu:0", options) as session:
        (outputs,) = session.run([picture(3, dtype="float16")])

    assert outputs.arrays[0].dtype == np.float16
    np.testing.assert_array_equal(outputs.arrays[0], 2 * picture(3, dtype="float16").arrays[0])


def test_a_lack_of_device_memory_is_told_by_its_code_at_the_load(opened):
    with pytest.raises(RunError) as caught:
        list(opened(fault="oom").run([picture(1)]))

    assert (caught.value.kind, caught.value.stage, caught.value.code) == ("oom", "load", "EL0004")
    assert "Failed to allocate memory" in Path(caught.value.log).read_text()


def test_a_load_that_fails_without_a_sign_is_the_tools_failure_with_its_log(opened):
    with pytest.raises(RunError) as caught:
        list(opened(fault="corrupt").run([picture(1)]))

    assert (caught.value.kind, caught.value.stage) == ("tool-failed", "load")
    assert "load model from file failed" in Path(caught.value.log).read_text()


def test_a_hang_is_a_time_out(opened):
    with pytest.raises(RunError) as caught:
        list(opened(fault="hang", timeout_s=1).run([picture(1)]))

    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(("name", "fault"), FAULTS_AT_EXIT_0, indirect=["name"])
def test_a_tool_that_exits_0_without_its_results_is_caught(opened, fault):
    with pytest.raises(RunError) as caught:
        list(opened(fault=fault).run([picture(1), picture(2), picture(3)]))

    assert caught.value.kind == "tool-failed"
    assert Path(caught.value.log).is_file()


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "benchmark"], indirect=True)
def test_two_inputs_are_kept_in_order(name, tmp_path):
    options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60)

    with runtime(name).open(sums_om(tmp_path, 2), "npu:0", options) as session:
        outputs = list(session.run(sample(number) for number in range(3)))

    assert [(float(each.arrays[0][0]), float(each.arrays[1][0])) for each in outputs] == [
        (318.0 * number, 200.0 * number) for number in range(3)
    ]


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "benchmark"], indirect=True)
def test_a_run_on_another_npu_than_asked_for_is_refused(opened):
    with pytest.raises(RunError, match="7"):
        list(opened(fault="other-device").run([picture(1)]))


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "npu:x"])
def test_a_device_of_another_kind_is_refused(opened, device):
    with pytest.raises(UsageError, match="expects 'npu' or 'npu:<number>'"):
        opened(device=device)


@pytest.mark.parametrize("name", runtimes.OM_RUNTIMES)
def test_a_tool_that_is_absent_is_said_with_the_toolchains_remedy(name, tmp_path):
    tool = "python" if name == "aclruntime" else name
    made = runtimes.get(name, Toolchain({}, {}, remedies={tool: "buy one"}))

    assert made.name == name
    assert made.missing() == f"{tool} is not there; buy one"
    with pytest.raises(MissingNeedError, match="buy one"):
        made.open(double_om(tmp_path, 1), "npu:0", SessionOptions(batch=1, workdir=tmp_path / "work"))


def test_a_runtime_whose_tool_is_there_lacks_nothing(name):
    assert runtime(name).missing() is None


def test_without_a_canary_none_is_timed(opened):
    measurement = opened().time(TimePlan(1, 4, 4, 1.0), [picture(1)])

    assert (measurement.canary_before_ms, measurement.canary_after_ms) == (None, None)


def test_a_session_is_timed_as_often_as_asked_for(opened, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()
    session = opened(canary=double_om(canary, 1).path)
    content = (canary / "double.om").read_bytes()

    for _ in range(2):
        assert session.time(TimePlan(1, 4, 4, 1.0), [picture(1)]).canary_after_ms > 0

    assert (canary / "double.om").read_bytes() == content


@pytest.mark.parametrize("inputs", ["zero", "random"])
def test_a_plan_without_real_inputs_needs_no_sample(opened, name, inputs):
    measurement = opened().time(TimePlan(1, 4, 4, 1.0, inputs), [])

    assert measurement.inputs == ("random" if name == "benchmark" else inputs)
    assert len(measurement.rounds_ms) >= 4


def test_timing_on_real_inputs_without_a_sample_is_an_error_about_the_data(opened):
    with pytest.raises(RunError, match="at least one sample") as caught:
        opened().time(TimePlan(), [])

    assert caught.value.kind == "data"


def test_closing_twice_is_no_trouble_and_leaves_logs_only(opened, tmp_path):
    session = opened()
    list(session.run([picture(1)]))

    session.close()
    session.close()

    left = [path for path in (tmp_path / "work, ä").rglob("*") if path.is_file()]
    assert left
    assert {path.suffix for path in left} == {".log"}


@pytest.mark.parametrize("name", ["ais_bench 2", "msame new", "benchmark"], indirect=True)
def test_500_pictures_never_take_more_disk_than_a_chunk_and_a_tenth(name, tmp_path):
    chunk_bytes, shape = 1 << 20, ("N", 1, 32, 32)
    work = tmp_path / "work"
    options = SessionOptions(batch=4, workdir=work, chunk_bytes=chunk_bytes, timeout_s=60)
    most, seen = 0, []

    with runtime(name).open(double_om(tmp_path, 4, shape), "npu:0", options) as session:
        for outputs in session.run(picture(number, shape) for number in range(500)):
            seen.append(outputs.sample_id)
            most = max(most, sum(path.stat().st_size for path in work.rglob("*") if path.is_file()))

    assert len(set(seen)) == 500
    assert chunk_bytes / 2 < most <= 1.1 * chunk_bytes
    assert not list(work.rglob("chunk-*"))
