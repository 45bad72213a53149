import os

import numpy as np
import pytest

from harness.errors import RunError, UsageError
from harness.measure import TimePlan
from harness.runtimes.ais_bench import AisBench
from harness.runtimes.protocol import SessionOptions
from tests.harness.runtimes.fake_hosts import double_om, host, picture

# Rounds of the fake are 5 ms, 1 ms, 1 ms, …: four have a mean of 2 ms, so that 0.012 s hold six, whose mean is 10/6 ms.
PLAN = TimePlan(2, 4, 8, 0.012)
GENERATIONS = ["0", "1", "2"]


@pytest.fixture
def opened(tmp_path):
    sessions = []

    def open_session(generation, batch=2, outfmt="BIN", fault="", **options):
        options = SessionOptions(batch=batch, workdir=tmp_path / "work", timeout_s=60, **options)
        made = AisBench(host("ais_bench", generation, FAKE_FAULT=fault), outfmt)
        sessions.append(made.open(double_om(tmp_path, batch), "npu:0", options))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.mark.parametrize("generation", ["1", "2"])
def test_every_round_of_as_many_as_fit_the_budget_is_kept(opened, generation):
    measurement = opened(generation).time(PLAN, [picture(1)])

    assert measurement.definition == "ais_bench"
    assert measurement.statistic == "mean"
    assert measurement.rounds_ms == (5.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert measurement.tool_value == pytest.approx(1200.0)  # 1000 · 2 / (10 / 6)
    assert measurement.inputs == "real"
    assert "note" not in measurement.model_extra


def test_ais_infer_tells_no_rounds_so_that_it_is_invoked_five_times_for_their_means(opened):
    measurement = opened("0").time(PLAN, [picture(1)])

    assert measurement.rounds_ms == (2.0, 2.0, 2.0, 2.0, 2.0)  # (5 + 1 + 1 + 1) / 4
    assert measurement.tool_value == pytest.approx(1000.0)  # 1000 · 2 / 2


def test_a_printed_rate_that_the_times_do_not_give_is_noted(opened):
    measurement = opened("1", fault="wrong-rate").time(PLAN, [picture(1)])

    assert measurement.note == "ais_bench printed 2400, its times give 1200"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_canary_is_timed_by_the_same_tool_before_and_after(opened, tmp_path, generation):
    canary = tmp_path / "canary"
    canary.mkdir()
    session = opened(generation, canary=double_om(canary, 1).path)

    measurement = session.time(PLAN, [picture(1)])

    # Of 25 rounds of 5, 1, 1, … ms the median is 1; ais_infer tells their mean, 29/25.
    expected = 29 / 25 if generation == "0" else 1.0
    assert measurement.canary_before_ms == pytest.approx(expected)
    assert measurement.canary_after_ms == pytest.approx(expected)


@pytest.mark.parametrize(("generation", "outfmt"), [("0", "NPY"), ("1", "NPY"), ("2", "TXT")])
def test_outputs_are_read_in_the_other_formats_too(opened, generation, outfmt):
    outputs = list(opened(generation, outfmt=outfmt).run(picture(number) for number in range(3)))

    for number, each in enumerate(outputs):
        assert each.arrays[0].dtype == np.float32
        np.testing.assert_allclose(each.arrays[0], 2 * picture(number).arrays[0], rtol=0, atol=5e-7)  # `%f`


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="BIN or NPY or TXT, got 'JPG'"):
        AisBench(host("ais_bench", "1"), "JPG")


def test_an_om_of_another_batch_than_the_files_is_told(tmp_path):
    artifact = double_om(tmp_path, 4)
    options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60)

    session = AisBench(host("ais_bench", "1")).open(artifact, "npu:0", options)

    with session, pytest.raises(RunError, match="expected one file per run, got 2 files: the OM has another batch"):
        list(session.run([picture(1)]))


def test_the_strict_front_end_gets_files_that_only_we_may_write_to(tmp_path):
    artifact = double_om(tmp_path, 1)
    artifact.path.chmod(0o666)
    options = SessionOptions(batch=1, workdir=tmp_path / "a b, c", timeout_s=60)
    mask = os.umask(0o002)

    try:
        with AisBench(host("ais_bench", "2")).open(artifact, "npu:0", options) as session:
            (outputs,) = session.run([picture(1)])
    finally:
        os.umask(mask)

    assert float(outputs.arrays[0].flat[0]) == 2.0


def test_an_om_behind_a_symbolic_link_is_no_link_to_the_tool(tmp_path):
    artifact = double_om(tmp_path, 1)
    real = artifact.path.rename(tmp_path / "real.om")
    artifact.path.symlink_to(real)
    options = SessionOptions(batch=1, workdir=tmp_path / "work", timeout_s=60)

    with AisBench(host("ais_bench", "2")).open(artifact, "npu:0", options) as session:
        assert len(list(session.run([picture(1)]))) == 1


def test_a_tool_that_cannot_start_is_an_error_at_the_opening(tmp_path):
    options = SessionOptions(batch=1, workdir=tmp_path / "work", timeout_s=60)

    with pytest.raises(RunError, match="expected exit code 0") as caught:
        AisBench(host("ais_bench", "1", PYTHONHOME=str(tmp_path))).open(double_om(tmp_path, 1), "npu:0", options)

    assert caught.value.kind == "infra"


def test_an_om_that_is_gone_is_an_error(tmp_path):
    artifact = double_om(tmp_path, 1)
    artifact.path.unlink()
    options = SessionOptions(batch=1, workdir=tmp_path / "work")

    with pytest.raises(RunError, match="expected an OM that can be read") as caught:
        AisBench(host("ais_bench", "1")).open(artifact, "npu:0", options)

    assert caught.value.kind == "infra"
