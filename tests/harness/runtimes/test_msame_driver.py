import numpy as np
import pytest

from harness.errors import UsageError
from harness.measure import TimePlan
from harness.runtimes.msame import Msame
from harness.runtimes.protocol import SessionOptions
from tests.harness.runtimes.fake_hosts import double_om, host, picture


@pytest.fixture
def opened(tmp_path):
    sessions = []

    def open_session(generation="new", outfmt="BIN", fault="", **options):
        options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60, **options)
        made = Msame(host("msame", generation, FAKE_FAULT=fault), outfmt)
        sessions.append(made.open(double_om(tmp_path, 2), "npu:0", options))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.mark.parametrize("generation", ["old", "new"])
def test_rounds_hold_the_first_one_which_the_definition_leaves_out(opened, generation):
    # The first look, of 5 + 4 · 1 ms, has a mean of 1.8 ms: 0.0108 s hold six, and one more comes first.
    measurement = opened(generation).time(TimePlan(1, 4, 8, 0.0108), [picture(1)])

    assert measurement.definition == "msame"
    assert measurement.rounds_ms == (5.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert measurement.tool_value == 1.0
    assert measurement.inputs == "real"


def test_it_is_never_asked_for_more_than_the_hundred_loops_that_it_takes(opened):
    measurement = opened().time(TimePlan(1, 10, 200, 60.0), [picture(1)])

    assert len(measurement.rounds_ms) == 100


def test_a_printed_average_that_the_times_do_not_give_is_noted(opened):
    measurement = opened(fault="wrong-rate").time(TimePlan(1, 4, 4, 1.0), [picture(1)])

    assert measurement.note == "msame printed 2, its times give 1"


def test_the_canary_is_timed_by_the_same_tool_before_and_after(opened, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()

    measurement = opened(canary=double_om(canary, 1).path).time(TimePlan(1, 4, 4, 1.0), [picture(1)])

    assert (measurement.canary_before_ms, measurement.canary_after_ms) == (1.0, 1.0)


def test_text_is_read_where_it_was_asked_for(opened):
    (outputs,) = opened(outfmt="TXT").run([picture(3)])

    np.testing.assert_allclose(outputs.arrays[0], 2 * picture(3).arrays[0], rtol=0, atol=5e-7)


def test_numpy_files_are_no_format_of_it():
    with pytest.raises(UsageError, match="BIN or TXT, got 'NPY'"):
        Msame(host("msame", "new"), "NPY")
