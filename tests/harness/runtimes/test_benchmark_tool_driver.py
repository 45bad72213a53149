import numpy as np
import pytest

from harness.errors import UsageError
from harness.measure import TimePlan
from harness.runtimes.benchmark_tool import Benchmark
from harness.runtimes.protocol import SessionOptions
from tests.harness.runtimes.fake_hosts import double_om, host, picture, sums_om

# The fake's rates are 200, 400, 250, 500, 100 images/s: at batch 2, 10, 5, 8, 4, 20 ms a batch.
ROUNDS_MS = (10.0, 5.0, 8.0, 4.0, 20.0)


@pytest.fixture
def opened(tmp_path):
    sessions = []

    def open_session(outfmt="BIN", shape=("N", 1, 4, 6), **options):
        options = SessionOptions(batch=2, workdir=tmp_path / "work", timeout_s=60, **options)
        made = Benchmark(host("benchmark", ""), outfmt)
        sessions.append(made.open(double_om(tmp_path, 2, shape), "npu:0", options))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.mark.parametrize(("inputs", "noted"), [("real", "real"), ("random", "random"), ("zero", "random")])
def test_five_invocations_give_a_rate_each_and_pure_inference_is_on_random_inputs(opened, inputs, noted):
    measurement = opened().time(TimePlan(1, 4, 8, 1.0, inputs), [picture(1)])

    assert (measurement.definition, measurement.statistic, measurement.inputs) == ("benchmark", "median", noted)
    assert measurement.rounds_ms == ROUNDS_MS
    assert measurement.tool_value == 250.0


def test_the_canary_is_the_time_of_one_run_from_the_tools_rate(opened, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()

    measurement = opened(canary=double_om(canary, 1).path).time(TimePlan(1, 4, 8, 1.0), [picture(1)])

    assert measurement.canary_before_ms == 1000 / 200.0
    assert measurement.canary_after_ms == 1000 / 400.0  # the seventh invocation, so the second rate again


@pytest.mark.parametrize("shape", [("N", 12), ("N", 1, 4, 6)], ids=["a vector", "a picture"])
def test_text_is_read_where_it_was_asked_for(opened, shape):
    (outputs,) = opened("TXT", shape).run([picture(3, shape)])

    np.testing.assert_allclose(outputs.arrays[0], 2 * picture(3, shape).arrays[0], rtol=0, atol=5e-7)


def test_a_model_of_two_inputs_is_refused_with_what_to_use_instead(tmp_path):
    options = SessionOptions(batch=1, workdir=tmp_path / "work")

    with pytest.raises(UsageError, match="a model of one input, got 2 inputs; use ais_bench, msame or aclruntime"):
        Benchmark(host("benchmark", "")).open(sums_om(tmp_path, 1), "npu:0", options)
