"""The accuracy gate on numbers that are no shares: PSNR in dB, FID, losses."""

import pytest

from harness.gates import judge
from harness.results import Measure
from tests.harness.gates.handmade import (
    NAN,
    SUBSET,
    TODAY,
    WHOLE,
    accuracy,
    baseline,
    card_of,
    paired,
    result_of,
)


def scored(name, value, unit, **changes):
    measure = {"name": name, "protocol": "running-mean", "value": value, "unit": unit, "n": 100}
    return result_of(measures=(measure,), samples=WHOLE, **changes)


PSNR = baseline("psnr", 31.53, unit="dB", decimals=2)
FID = baseline("fid", 9.95, decimals=2)
# 1 % of 31.53 dB is 0.3153 dB: 31.2147 is the least; 1 % of 9.95 is 0.0995: 10.0495 is the most.
SCORES = {
    "a PSNR just above the least": (PSNR, ("psnr", 31.215, "dB"), "PASS met"),
    "a PSNR just below the least": (PSNR, ("psnr", 31.214, "dB"), "FAIL missed"),
    "a higher PSNR": (PSNR, ("psnr", 40.0, "dB"), "PASS met"),
    "a PSNR in the card's tolerance": ({**PSNR, "tolerance": 0.5}, ("psnr", 31.03, "dB"), "PASS met"),
    "a PSNR below the card's tolerance": ({**PSNR, "tolerance": 0.5}, ("psnr", 31.02, "dB"), "FAIL missed"),
    "an FID just below the most": (FID, ("fid", 10.049, ""), "PASS met"),
    "an FID just above the most": (FID, ("fid", 10.05, ""), "FAIL missed"),
    "a lower FID": (FID, ("fid", 1.0, ""), "PASS met"),
    "a loss within half a printed unit": (baseline("loss", 0.02, decimals=2), ("loss", 0.025, ""), "PASS met"),
    "a loss beyond half a printed unit": (baseline("loss", 0.02, decimals=2), ("loss", 0.0251, ""), "FAIL missed"),
    "a score below nothing": (baseline("snr", -2.0, unit="dB"), ("snr", -2.02, "dB"), "PASS met"),
    "a score further below nothing": (baseline("snr", -2.0, unit="dB"), ("snr", -2.03, "dB"), "FAIL missed"),
    "a card's own direction": (
        baseline("sharpness", 5.0, unit="1", higher_is_better=False),
        ("sharpness", 4.0, ""),
        "PASS met",
    ),
    "an error rate, of which less is better": (baseline("wer", 9.57, unit="%"), ("wer", 0.05, "fraction"), "PASS met"),
    "no number": (PSNR, ("psnr", NAN, "dB"), "FAIL nan"),
    "another unit": (PSNR, ("psnr", 31.53, ""), "FAIL missed"),
}


@pytest.mark.parametrize("name", SCORES)
def test_a_score_that_is_no_share_is_judged_in_its_own_unit(name):
    row, measure, expected = SCORES[name]

    verdict = judge(scored(*measure), card_of(row), TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected


def test_the_verdict_on_a_score_tells_the_part_that_is_allowed_or_what_the_card_says():
    default, stated = (
        judge(scored("psnr", 31.52, "dB"), card_of({**PSNR, **more}), TODAY) for more in ({}, {"tolerance": 0.3})
    )

    assert default.reason.startswith("psnr (running-mean) 31.52 dB against 31.53 dB promised for Ascend310P3")
    assert default.reason.endswith("tolerance 1 % of 31.53 dB (default)")
    assert stated.reason.endswith("tolerance 0.3 dB (card)")
    (judgement,) = default.judgements
    assert (judgement.target, judgement.observed, judgement.unit) == (31.53, 31.52, "dB")
    assert judgement.tolerance == pytest.approx(0.3153)


def test_a_score_on_a_part_of_the_data_is_undecided():
    result = scored("psnr", 20.0, "dB").model_copy(update={"samples": accuracy(samples=SUBSET).samples})

    assert judge(result, card_of(PSNR), TODAY).outcome == "INCONCLUSIVE"


def test_the_tolerance_of_a_score_is_no_margin_of_a_pair():
    loss = accuracy(paired=paired(0.01))
    psnr = {"name": "psnr", "protocol": "running-mean", "value": 31.53, "unit": "dB", "n": 100}
    both = loss.model_copy(update={"measures": (*loss.measures, Measure(**psnr))})

    verdict = judge(both, card_of(baseline(), {**PSNR, "tolerance": 0.3}), TODAY)

    assert (verdict.outcome, verdict.code) == ("FAIL", "margin")
