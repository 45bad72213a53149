import math

import numpy as np
import onnx
import pytest

from harness import measure
from harness.errors import UsageError
from harness.measure import Canary, Rounds, TimePlan
from tests.harness import canary_network


def stepping(*milliseconds):
    """A step that takes exactly these times, one after the other."""
    times = iter(milliseconds)
    return lambda: next(times)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (TimePlan(2, 3, 9, 0.1), Rounds((1.0, 2.0), (30.0, 40.0, 50.0))),
        (TimePlan(0, 5, 9, 0.0), Rounds((), (1.0, 2.0, 30.0, 40.0, 50.0))),
        (TimePlan(1, 1, 4, 100.0), Rounds((1.0,), (2.0, 30.0, 40.0, 50.0))),
        (TimePlan(2, 1, 9, 0.07), Rounds((1.0, 2.0), (30.0, 40.0))),
    ],
    ids=["the budget ends it", "never below the least", "never above the most", "a budget met exactly"],
)
def test_rounds_go_on_until_the_budget_is_spent_between_least_and_most(plan, expected):
    rounds = measure.timed_rounds(stepping(1.0, 2.0, 30.0, 40.0, 50.0, 60.0), plan)

    assert rounds == expected


@pytest.mark.parametrize(
    "arguments", [(-1, 1, 1), (0, 0, 1), (0, 5, 4)], ids=["warm-up", "no round", "least over most"]
)
def test_an_impossible_plan_is_refused(arguments):
    with pytest.raises(UsageError, match="1 ≤ min_rounds ≤ max_rounds"):
        TimePlan(*arguments)


def test_a_clocked_call_runs_once_and_is_given_in_milliseconds(monkeypatch):
    clock = iter([5_000_000, 7_500_000])
    monkeypatch.setattr(measure, "perf_counter_ns", lambda: next(clock))
    calls = []

    spent = measure.clocked(lambda: calls.append(1))()

    assert (spent, calls) == (2.5, [1])


def test_a_canary_reading_is_the_median_of_25_rounds_after_two_for_warming_up():
    canary = Canary(stepping(1e6, 1e6, *range(25)))

    assert canary.read() == 12


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (10.0, 12.5, False),
        (10.0, 12.6, True),
        (12.6, 10.0, True),
        (10.0, math.nan, True),
        (math.nan, 10.0, True),
        (0.0, 10.0, True),
        (10.0, math.inf, True),
    ],
)
def test_a_canary_moved_when_its_readings_differ_by_more_than_the_limit_either_way(before, after, expected):
    assert measure.moved(before, after, 0.25) is expected


def test_the_canary_has_a_product_a_convolution_and_many_tiny_operators():
    model = onnx.load_from_string(measure.canary_model())
    kinds = [node.op_type for node in model.graph.node]

    onnx.checker.check_model(model, full_check=True)
    assert {"Conv", "Gemm"} < set(kinds)
    assert len(kinds) > 300
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 11)]


def test_the_canary_is_the_same_every_time():
    assert measure.canary_model() == measure.canary_model()
    np.testing.assert_array_equal(measure.canary_input(), measure.canary_input())


def test_the_shipped_canary_is_the_network_that_its_code_describes():
    assert onnx.load_from_string(measure.canary_model()) == canary_network.network()
