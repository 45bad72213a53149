"""The gates that compare with another run: parity, batch consistency and ratios."""

import pytest

from harness.gates import judge
from tests.harness.gates.handmade import NAN, TODAY, agreement, card_of, case_of, ort, parity, ratio, result_of

TRUTH = {
    # parity
    "parity exact": (card_of(), parity(), "PASS met"),
    "parity at the limits": (card_of(), parity(0.999999, 1e-4), "PASS met"),
    "parity cosine": (card_of(), parity(0.9999989), "FAIL parity"),
    "parity largest difference": (card_of(), parity(1.0, 1.1e-4), "FAIL parity"),
    "parity of an OM": (card_of(), parity(0.999, 5e-2, case=case_of("parity")), "PASS met"),
    "parity of an OM, too far": (card_of(), parity(0.9989, case=case_of("parity")), "FAIL parity"),
    "parity of half precision": (card_of(), parity(0.9995, case=ort("parity", precision="fp16")), "PASS met"),
    "parity of TensorFlow": (card_of(framework="tensorflow"), parity(1.0, 2.9e-4), "PASS met"),
    "parity not finite": (card_of(), parity(finite=False), "FAIL nan"),
    "parity NaN": (card_of(), parity(NAN), "FAIL nan"),
    "parity of one output of two": (card_of(outputs=("map", "aux")), parity(), "FAIL parity"),
    "parity of nothing": (card_of(), result_of(ort("parity")), "FAIL parity"),
    # batch consistency
    "all predictions equal": (card_of(metric="top1"), agreement(10), "PASS met"),
    "a class differs": (card_of(metric="top1"), agreement(9, differing_share=1.0), "FAIL parity"),
    "a class is never a tie": (card_of(metric="top1"), agreement(9, differing_share=1e-5), "FAIL parity"),
    "a few pixels differ": (card_of(), agreement(9, differing_share=1e-4), "PASS met"),
    "many pixels differ": (card_of(), agreement(9, differing_share=2e-4), "FAIL parity"),
    "how many pixels is not known": (card_of(), agreement(9), "FAIL parity"),
    "no prediction compared": (card_of(), agreement(0, n=0), "NOT_RUN infra"),
    # ratios
    "no ratio promised": (card_of(), result_of(case_of("ratio")), "NO_BASELINE no-promise"),
    "a side is missing": (
        card_of(ratio=(ratio(at_least=1.606),)),
        result_of(case_of("ratio"), measures=({"name": "310P/310", "protocol": "numerator", "value": 3.0, "n": 1},)),
        "INCONCLUSIVE ratio-side-missing",
    ),
}


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_table(name):
    card, result, expected = TRUTH[name]

    verdict = judge(result, card, TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected
    assert verdict.reason


@pytest.mark.parametrize(
    ("bound", "sides", "outcome"),
    [
        ({"at_least": 1.606}, (46.25, 28.79), "PASS"),
        ({"at_least": 1.606}, (45.4, 28.79), "PASS"),  # 1.577, within 2 %
        ({"at_least": 1.606}, (45.2, 28.79), "FAIL"),  # 1.570
        ({"within": 1.0, "tolerance": 0.01}, (0.47009, 0.47008), "PASS"),
        ({"within": 1.0, "tolerance": 0.01}, (0.4759, 0.47), "FAIL"),  # 1.0126
        ({"within": 1.0, "tolerance": 0.01}, (0.46, 0.47), "FAIL"),
        ({"at_least": 1.606}, (1.0, 0.0), "FAIL"),
    ],
)
def test_ratios(bound, sides, outcome):
    names = ("numerator", "denominator")
    measures = tuple(
        {"name": "310P/310", "protocol": protocol, "value": value, "n": 1}
        for protocol, value in zip(names, sides, strict=True)
    )

    verdict = judge(result_of(case_of("ratio"), measures=measures), card_of(ratio=(ratio(**bound),)), TODAY)

    assert verdict.outcome == outcome
