"""The sums of a plan, and what a budget leaves out, as text."""

from harness.costs import Totals
from harness.render.plan_text import left_out, sums


def test_the_sums_have_three_digits_and_say_how_they_are_known():
    totals = Totals(12.3456, 1.05, 0.0, 254.6, {"history": 1, "readme": 20, "guess": 3})

    assert sums(totals) == (
        "about 12.3 hours, 1.05 GB, 0 ATC minutes and 255 NPU minutes "
        "(1 case by the history, 20 by printed rates, 3 by guesses)"
    )


def test_a_plan_without_cases_costs_nothing():
    assert sums(Totals()) == "about 0 hours, 0 GB, 0 ATC minutes and 0 NPU minutes"


def test_what_is_left_out_is_named_with_its_time():
    assert list(left_out({"test_parity[a]": 90.0, "test_accuracy[ab]": 5400.0}, "6h")) == [
        "2 cases left out by --budget 6h, 1 h 31 min in all",
        "  test_parity[a]     1 min 30 s",
        "  test_accuracy[ab]  1 h 30 min",
    ]
