"""The ratio gate: best batch against best batch, accuracies against each other, and printed references."""

import pytest

from harness.gates import judge
from tests.harness.gates.handmade import NAN, TODAY, baseline, card_of, case_of, fps, ratio, result_of

NAMES = ("numerator", "denominator")
RATES = ratio(at_least=1.606)
ACCURACIES = ratio(
    name="accuracy",
    numerator={"chip": "Ascend310P3", "batch": 1, "metric": "miou"},
    denominator={"chip": "Ascend310", "batch": 1, "metric": "miou"},
    within=1.0,
    tolerance=0.01,
)
TO_GPU = ratio(
    name="310P/GPU",
    denominator={"chip": "GPU", "batch": "best", "scope": "card", "metric": "throughput"},
    at_least=1.614,
    role="reference",
)
GPU = [
    fps(value, chip="GPU", scope="card", batch=batch, role="reference") for batch, value in ((16, 20.0), (32, 28.654))
]
DEFINED = fps(46.2538, definition="benchmark", inputs="real")


def measures(name, *values, unit="images/s"):
    rows = zip(NAMES, values, strict=False)
    return tuple({"name": name, "protocol": side, "value": value, "unit": unit, "n": 9} for side, value in rows)


def sides(name, **changes):
    return tuple({"ratio": name, "side": side, **changes} for side in NAMES)


def ratios(*values, case=None, name="310P/310", **facts):
    return result_of(case or case_of("ratio"), measures=measures(name, *values), **facts)


TRUTH = {
    "no ratio promised": (card_of(), result_of(case_of("ratio")), "NO_BASELINE no-promise"),
    "both sides missing": (card_of(ratio=(RATES,)), result_of(case_of("ratio")), "NOT_RUN ratio-side-missing"),
    "a side missing": (card_of(ratio=(RATES,)), ratios(3.0), "NOT_RUN ratio-side-missing"),
    "a side missing beside a ratio that is met": (
        card_of(ratio=(RATES, ACCURACIES)),
        ratios(46.25, 28.79),
        "NOT_RUN ratio-side-missing",
    ),
    "a denominator of nothing": (card_of(ratio=(RATES,)), ratios(1.0, 0.0), "FAIL nan"),
    "NaN": (card_of(ratio=(RATES,)), ratios(NAN, 1.0), "FAIL nan"),
    "a side not in quiet that failed": (
        card_of(ratio=(RATES,)),
        ratios(1.0, 28.79, sides=sides("310P/310", quiet=False)),
        "INCONCLUSIVE not-quiet",
    ),
    "a side not in quiet that would pass": (  # a disturbed denominator is too small
        card_of(ratio=(RATES,)),
        ratios(46.25, 28.79, sides=sides("310P/310", quiet=False)),
        "INCONCLUSIVE not-quiet",
    ),
    "another definition": (
        card_of(DEFINED, ratio=(RATES,)),
        ratios(46.25, 28.79, sides=sides("310P/310", definition="msame", inputs="real")),
        "NO_BASELINE no-promise",
    ),
    "another kind of inputs": (
        card_of(DEFINED, ratio=(RATES,)),
        ratios(46.25, 28.79, sides=sides("310P/310", definition="benchmark", inputs="zero")),
        "NO_BASELINE no-promise",
    ),
    "the promised definition": (
        card_of(DEFINED, ratio=(RATES,)),
        ratios(46.25, 28.79, sides=sides("310P/310", definition="benchmark", inputs="real")),
        "PASS met",
    ),
    "seeded weights": (
        card_of(ratio=(RATES,)),
        ratios(46.25, 28.79, case=case_of("ratio", weights="seeded")),
        "NO_BASELINE seeded",
    ),
    "emulated rates, whatever they are": (
        card_of(ratio=(RATES,)),
        ratios(46.25, 28.79, case=case_of("ratio", emulated=True)),
        "NO_BASELINE emulated",
    ),
    "emulated accuracies": (
        card_of(ratio=(ACCURACIES,)),
        ratios(0.1, 0.9, name="accuracy", case=case_of("ratio", emulated=True)),
        "NO_BASELINE emulated",
    ),
    "emulated accuracies of one chip only": (
        card_of(ratio=(ACCURACIES,)),
        ratios(0.1, name="accuracy", case=case_of("ratio", emulated=True)),
        "NOT_RUN ratio-side-missing",
    ),
}


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_table(name):
    card, result, expected = TRUTH[name]

    verdict = judge(result, card, TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected
    assert verdict.reason


@pytest.mark.parametrize(
    ("bound", "values", "outcome"),
    [
        ({"at_least": 1.606}, (46.25, 28.79), "PASS"),
        ({"at_least": 1.606}, (60.0, 28.79), "PASS"),
        ({"at_least": 1.606}, (45.4, 28.79), "PASS"),  # 1.577, within 2 %
        ({"at_least": 1.606}, (1.57388, 1.0), "PASS"),  # 1.606 × 0.98
        ({"at_least": 1.606}, (1.57387, 1.0), "FAIL"),
        ({"within": 1.0, "tolerance": 0.01}, (0.47009, 0.47008), "PASS"),
        ({"within": 1.0, "tolerance": 0.01}, (0.4759, 0.47), "FAIL"),  # 1.0126
        ({"within": 1.0, "tolerance": 0.01}, (0.46, 0.47), "FAIL"),
        ({"within": 1.0, "tolerance": 0.01}, (0.99, 1.0), "PASS"),
    ],
)
def test_ratios_are_met_within_their_tolerance(bound, values, outcome):
    verdict = judge(ratios(*values), card_of(ratio=(ratio(**bound),)), TODAY)

    assert verdict.outcome == outcome


def test_what_is_missing_is_said_side_by_side():
    lacking = sides("310P/310", missing="nothing is known of it; run it")
    verdict = judge(ratios(sides=lacking), card_of(ratio=(RATES,)), TODAY)

    said = "was measured: nothing is known of it; run it"
    assert verdict.reason == f"ratio 310P/310: no numerator {said}; no denominator {said}"


def test_both_numbers_are_in_the_reason():
    verdict = judge(ratios(46.2538, 28.792), card_of(ratio=(RATES,)), TODAY)

    assert verdict.reason == (
        "ratio 310P/310 1.606 (46.25 images/s / 28.79 images/s), at least 1.606, tolerance 2 % (default)"
    )


@pytest.mark.parametrize(("ours", "observed"), [(46.2538, 1.61422), (1.0, 0.03490)])
def test_a_printed_reference_is_told_for_information_and_never_decides(ours, observed):
    facts = measures("310P/310", 46.25, 28.79) + measures("310P/GPU", ours)
    verdict = judge(result_of(case_of("ratio"), measures=facts), card_of(*GPU, ratio=(RATES, TO_GPU)), TODAY)

    met, told = verdict.judgements
    assert (verdict.outcome, met.name) == ("PASS", "310P/310")
    assert (told.name, told.outcome, told.origin) == ("310P/GPU", "NO_BASELINE", "information")
    assert told.observed == pytest.approx(observed, abs=1e-4)  # ours / 28.654, the best batch printed
    assert "1.614 is printed, for information" in told.note


def test_a_reference_without_our_own_number_is_not_told():
    verdict = judge(ratios(46.25, 28.79), card_of(*GPU, ratio=(RATES, TO_GPU)), TODAY)

    assert [judgement.name for judgement in verdict.judgements] == ["310P/310"]


def test_a_measured_baseline_of_the_user_sets_no_definition_for_a_printed_ratio():
    own = baseline("throughput", 40.0, unit="images/s", role="measured", definition="ais_bench")
    result = ratios(46.25, 28.79, sides=sides("310P/310", definition="benchmark"))

    assert judge(result, card_of(own, ratio=(RATES,)), TODAY).outcome == "PASS"
