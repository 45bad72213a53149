"""The accuracy gate: absolute, paired, on subsets, and numbers that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gates import judge
from tests.harness.gates.handmade import (
    NAN,
    SUBSET,
    TODAY,
    accuracy,
    baseline,
    card_of,
    case_of,
    error,
    fps,
    ort,
    paired,
    parity,
    result_of,
    speed,
)

TRUTH = {
    # accuracy, absolute: the value against the target less half a point, a fact on the whole set
    "accuracy as promised": (card_of(baseline()), accuracy(), "PASS met"),
    "accuracy above": (card_of(baseline()), accuracy(0.9), "PASS met"),
    "accuracy within half a point": (card_of(baseline()), accuracy(0.684), "PASS met"),
    "accuracy below": (card_of(baseline()), accuracy(0.6839), "FAIL missed"),
    "a stated tolerance is tighter": (card_of(baseline(tolerance=0.002)), accuracy(0.6869), "FAIL missed"),
    "a stated tolerance in per cent": (
        card_of(baseline(value=68.9, unit="%", tolerance=0.2)),
        accuracy(0.6869),
        "FAIL missed",
    ),
    "never below half a printed unit": (
        card_of(baseline(value=68.0, unit="%", tolerance=0.01, decimals=0)),
        accuracy(0.675),
        "PASS met",
    ),
    "a chip's number binds float32 on a CPU": (card_of(baseline()), accuracy(0.6, case=ort()), "FAIL missed"),
    "but not half precision on a CPU": (
        card_of(baseline()),
        accuracy(0.6, case=ort(precision="fp16")),
        "NO_BASELINE no-promise",
    ),
    "nor is it replaced by what was measured there": (
        card_of(baseline(), baseline(value=0.6, chip="cpu", role="measured")),
        accuracy(0.6, case=ort()),
        "FAIL missed",
    ),
    "a number for any chip comes first": (
        card_of(baseline(), baseline(value=0.5, chip="any")),
        accuracy(0.5, case=ort()),
        "PASS met",
    ),
    "another chip's number does not bind an NPU": (
        card_of(baseline(chip="Ascend310")),
        accuracy(0.1),
        "NO_BASELINE no-promise",
    ),
    "nor does another batch's": (card_of(baseline(batch=4)), accuracy(0.1), "NO_BASELINE no-promise"),
    "an unstated batch binds all": (card_of(baseline(batch="unstated")), accuracy(0.1), "FAIL missed"),
    "a reference is no promise": (card_of(baseline(role="reference")), accuracy(0.1), "NO_BASELINE no-promise"),
    "a promise by a protocol that was not measured is not kept": (
        card_of(baseline(protocol="coco")),
        accuracy(0.9),
        "FAIL missed",
    ),
    "nor one met by a number that is no fraction": (card_of(baseline()), accuracy(71.0), "FAIL missed"),
    "the standard protocol if that is promised": (
        card_of(baseline(value=0.71, protocol="dataset")),
        accuracy(0.1),
        "FAIL missed",
    ),
    "the worst of two promises": (card_of(baseline(), baseline(value=0.7, condition="b")), accuracy(), "FAIL missed"),
    # a subset: only a clear interval decides
    "subset clearly above": (card_of(baseline()), accuracy(0.7, SUBSET, (0.69, 0.71)), "PASS met"),
    "subset clearly below": (card_of(baseline()), accuracy(0.6, SUBSET, (0.59, 0.61)), "FAIL missed"),
    "subset unclear": (card_of(baseline()), accuracy(0.69, SUBSET, (0.65, 0.73)), "INCONCLUSIVE margin"),
    "subset without interval": (card_of(baseline()), accuracy(0.9, SUBSET), "INCONCLUSIVE margin"),
    # accuracy, paired with the reference backend
    "paired loss at the margin": (card_of(), accuracy(paired=paired(0.005)), "PASS met"),
    "paired loss beyond": (card_of(), accuracy(paired=paired(0.0051)), "FAIL margin"),
    "paired gain": (card_of(), accuracy(paired=paired(-0.1)), "PASS met"),
    "paired loss beats a met promise": (card_of(baseline()), accuracy(paired=paired(0.01)), "FAIL margin"),
    "a stated tolerance binds the pair": (
        card_of(baseline(tolerance=0.002)),
        accuracy(paired=paired(0.003)),
        "FAIL margin",
    ),
    "paired subset clear": (
        card_of(),
        accuracy(samples=SUBSET, paired=paired(0, interval=(-0.001, 0.004))),
        "PASS met",
    ),
    "paired subset unclear": (
        card_of(),
        accuracy(samples=SUBSET, paired=paired(0, interval=(-0.01, 0.01))),
        "INCONCLUSIVE margin",
    ),
    "paired subset clearly lost": (
        card_of(),
        accuracy(samples=SUBSET, paired=paired(0.02, interval=(0.01, 0.03))),
        "FAIL margin",
    ),
    # numbers that are none, and images that are missing
    "accuracy NaN": (card_of(baseline()), accuracy(NAN), "FAIL nan"),
    "paired NaN": (card_of(), accuracy(paired=paired(NAN)), "FAIL nan"),
    "NaN with seeded weights": (card_of(), accuracy(NAN, case=ort(weights="seeded")), "FAIL nan"),
    "NaN while it ran": (card_of(baseline()), error("nan"), "FAIL nan"),
    "images dropped": (
        card_of(baseline()),
        accuracy().model_copy(update={"samples": accuracy().samples.model_copy(update={"used": 101})}),
        "FAIL missed",
    ),
    "no measure at all": (card_of(baseline()), result_of(), "NOT_RUN infra"),
    # seeded and emulated
    "seeded accuracy": (card_of(baseline()), accuracy(0.1, case=ort(weights="seeded")), "NO_BASELINE seeded"),
    "seeded accuracy, paired": (
        card_of(baseline()),
        accuracy(0.1, paired=paired(0.5), case=ort(weights="seeded")),
        "NO_BASELINE seeded",
    ),
    "seeded speed": (card_of(fps()), speed(1, case=case_of("throughput", weights="seeded")), "NO_BASELINE seeded"),
    "emulated speed": (card_of(fps()), speed(1, case=case_of("throughput", emulated=True)), "NO_BASELINE emulated"),
    "emulated accuracy by chip": (
        card_of(baseline()),
        accuracy(0.1, case=case_of(emulated=True)),
        "NO_BASELINE emulated",
    ),
    "emulated accuracy by any": (
        card_of(baseline(chip="any")),
        accuracy(0.1, case=case_of(emulated=True)),
        "FAIL missed",
    ),
    "seeded parity is judged": (card_of(), parity(0.9, case=ort("parity", weights="seeded")), "FAIL parity"),
}


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_table(name):
    card, result, expected = TRUTH[name]

    verdict = judge(result, card, TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected
    assert verdict.reason


def test_the_headline_is_the_worst_judgement_and_comes_first():
    verdict = judge(accuracy(paired=paired(0.01)), card_of(baseline()), TODAY)

    assert [(j.name, j.outcome) for j in verdict.judgements] == [
        ("paired", "FAIL"),
        ("absolute", "PASS"),
        ("standard", "NO_BASELINE"),
    ]
    assert verdict.reason == verdict.judgements[0].note


def test_every_judgement_tells_the_tolerance_and_where_it_comes_from():
    by_default = judge(accuracy(), card_of(baseline()), TODAY).judgements[0]
    by_card = judge(accuracy(), card_of(baseline(tolerance=0.002)), TODAY).judgements[0]

    assert (by_default.tolerance, by_default.origin) == (0.005, "default; promised for Ascend310P3, readme.md:242")
    assert (by_card.tolerance, by_card.origin[:4]) == (0.002, "card")


def test_a_missed_accuracy_says_what_was_measured_promised_and_allowed():
    reason = judge(accuracy(0.6), card_of(baseline()), TODAY).reason

    assert reason == (
        "miou (running-mean) 60.00 % against 68.90 % promised for Ascend310P3, readme.md:242, "
        "tolerance 0.5 points (default)"
    )


def test_top1_pairs_carry_the_exact_p_value():
    verdict = judge(accuracy(paired=paired(0.03, lost=3, gained=0)), card_of(), TODAY)

    assert verdict.judgements[0].p == pytest.approx(1 / 8)
    assert "3 lost, 0 gained" in verdict.reason


def test_the_report_shows_how_far_image_order_moves_the_value():
    result = accuracy()
    head = result.measures[0].model_copy(update={"order_range": (0.68, 0.7)})
    verdict = judge(result.model_copy(update={"measures": (head, *result.measures[1:])}), card_of(baseline()), TODAY)

    order = next(j for j in verdict.judgements if j.name == "order")
    assert order.interval == (0.68, 0.7)
    assert "68.00 % to 70.00 %" in order.note


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_better_accuracy_never_has_a_worse_verdict(target, one, other):
    card = card_of(baseline(value=target))
    worse, better = (judge(accuracy(value), card, TODAY).outcome for value in sorted((one, other)))

    assert not (worse == "PASS" and better == "FAIL")


@given(st.sampled_from(["value", "target"]), st.floats(0.0051, 0.99))
def test_half_a_point_is_the_line(which, gap):
    target, value = (1.0, 1.0 - gap) if which == "value" else (gap, 0.0)

    assert judge(accuracy(value), card_of(baseline(value=target)), TODAY).outcome == "FAIL"
