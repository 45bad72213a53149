"""What a run measured last of what a card promises."""

import datetime

import pytest

from harness import cards, readings
from harness.results import Case, Entry, Result, Verdict
from tests.harness.toy_card import QUIET
from tests.harness.toy_readme import PROMISING

TODAY = datetime.date(2024, 3, 1)
WHOLE = {"used": 10, "declared": 10, "ids_digest": "d"}
RECORDED = Verdict(outcome="NO_BASELINE", code="no-promise")


@pytest.fixture
def card(tmp_path):
    (tmp_path / "card.toml").write_text(PROMISING, encoding="utf-8")
    return cards.load(tmp_path / "card.toml")


def speed(ms, batch=4, **changes):
    """Return what `ais_bench` measured on the chip: five rounds of `ms` at a batch size."""
    case = {"model": "toy", "runtime": "ais_bench", "chip": "Ascend310P3", "batch": batch, "check": "throughput"}
    timing = {**QUIET, "definition": "ais_bench", "batch": batch, "rounds_ms": (ms,) * 5}
    return Result(case=Case(**{**case, **changes}), status="measured", measurement=timing)


def top1(value, used=10, **changes):
    case = {"model": "toy", "runtime": "ais_bench", "chip": "Ascend310P3", "batch": 1, "check": "accuracy"}
    measure = {"name": "top1", "protocol": "by-name", "value": value, "n": used}
    samples = {**WHOLE, "used": used}
    return Result(case=Case(**{**case, **changes}), status="measured", measures=(measure,), samples=samples)


def test_the_last_result_of_each_case_counts():
    entries = [Entry(result=one, verdict=RECORDED) for one in (speed(10.0), top1(0.7), speed(20.0))]

    found = readings.last(entries, "toy")
    assert [(one.case.check, one.measurement and one.measurement.rounds_ms[0]) for one in found] == [
        ("throughput", 20.0),
        ("accuracy", None),
    ]
    assert readings.last(entries, "other") == ()


def test_a_rate_and_a_share_are_read_in_the_promises_unit(card):
    share, _, rate = card.baseline
    results = (top1(0.7125), speed(16.0))

    # Four pictures in 16 ms are 250 a second.
    assert readings.measured(rate, card, results, TODAY) == pytest.approx(250.0)
    assert readings.measured(share, card, results, TODAY) == pytest.approx(71.25)


@pytest.mark.parametrize(
    "changes",
    [
        {"chip": "cpu"},
        {"batch": 8},
        {"emulated": True},
        {"weights": "seeded"},
        {"check": "latency"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_was_measured_otherwise_is_not_read(card, changes):
    assert readings.measured(card.baseline[2], card, (speed(16.0, **changes),), TODAY) is None


def test_a_part_of_the_data_set_is_not_read(card):
    assert readings.measured(card.baseline[0], card, (top1(0.7125, used=5),), TODAY) is None


def test_another_tools_number_is_not_read(card):
    other = speed(16.0)
    timing = other.measurement.model_copy(update={"definition": "msame"})

    assert readings.measured(card.baseline[2], card, (other.model_copy(update={"measurement": timing}),), TODAY) is None


def test_results_are_judged_by_the_card_as_it_is(card):
    # 300.25 images/s are promised with 5 % to spare: 285.2 is the floor, and 4 pictures in 14 ms are 285.7 a second.
    met, missed = readings.judged(card, (speed(14.0),), TODAY), readings.judged(card, (speed(15.0),), TODAY)

    assert [entry.verdict.outcome for entry in (*met, *missed)] == ["PASS", "FAIL"]


def test_promises_without_a_measurement_are_listed(card):
    entries = readings.judged(card, (speed(14.0),), TODAY)

    assert [row.value for row in readings.unmeasured(card, entries)] == [70.5, 120.5]
