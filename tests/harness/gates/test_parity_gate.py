"""The gates that compare outputs with another run's: parity and batch consistency."""

import pytest

from harness.gates import judge
from tests.harness.gates.handmade import NAN, TODAY, agreement, card_of, case_of, ort, parity, result_of

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
}


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_table(name):
    card, result, expected = TRUTH[name]

    verdict = judge(result, card, TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected
    assert verdict.reason
