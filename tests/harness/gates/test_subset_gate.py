"""The accuracy gate on a part of the data set: two hypotheses, several looks, many cases, and printed numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gates import judge, settled
from tests.harness.gates.handmade import TODAY, accuracy, baseline, card_of, paired, result_of

WHOLE = 50_000
TOP1 = {"metric": "top1", "protocol": "by-name"}


def samples(used, declared=WHOLE, **facts):
    return {"used": used, "declared": declared, "ids_digest": "d", **facts}


def pair(lost, gained, count, looks=(), **facts):
    numbers = {"lost": lost, "gained": gained, "looks": looks}
    given_ = samples(count, looks=tuple(look["n"] for look in looks), **facts)
    return accuracy(samples=given_, paired=paired((lost - gained) / count, count, **numbers))


def judged(result, card=None):
    return judge(result, card or card_of(), TODAY)


def look(n, lost, gained):
    return {"n": n, "lost": lost, "gained": gained}


FOUND = {
    # 20 : 0 of 1000: p = 2^-20, loss 2 points; 6 : 0: p = 1/64 and 0.6 points; 5 : 0: p = 1/32, but only 0.5 points
    "a clear loss": (pair(20, 0, 1000), "FAIL margin"),
    "a small loss without noise": (pair(6, 0, 1000), "FAIL margin"),
    "a significant loss within the margin": (pair(5, 0, 1000), "INCONCLUSIVE margin"),
    # 30 : 18 of 1000: loss 1.2 points, but P(X >= 30 of 48) = 0.056
    "a loss above the margin that may be chance": (pair(30, 18, 1000), "INCONCLUSIVE margin"),
    # nothing differs: 1.645² / (n + 1.645²) is 0.0054 for 500 images, 0.0027 for 1000
    "equal answers on few images": (pair(0, 0, 500), "INCONCLUSIVE margin"),
    "equal answers on enough images": (pair(0, 0, 1000), "PASS met"),
    "a gain": (pair(0, 9, 1000), "PASS met"),
    # on the whole set the loss is a fact, however likely by chance
    "a loss of the whole set": (pair(251, 0, WHOLE), "FAIL margin"),
    "a noisy loss of the whole set": (pair(2251, 2000, WHOLE), "FAIL margin"),
    "a loss of the whole set at the margin": (pair(250, 0, WHOLE), "PASS met"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_pair_is_judged_by_both_hypotheses(name):
    result, expected = FOUND[name]

    verdict = judged(result)

    assert f"{verdict.outcome} {verdict.code}" == expected


def test_the_note_prints_both_tests():
    reason = judged(pair(20, 0, 1000)).reason

    assert "loss 2 points (20 lost, 0 gained), margin 0.5 points (default)" in reason
    assert "on 1000 of 50000 images" in reason
    assert "regression found (p 9.5e-07, level 0.021)" in reason  # of 20 pairs 15 lost are 0.0207, 14 are 0.058
    assert "non-inferiority not found (loss below 2.9 points with 95 % confidence)" in reason


def test_the_judgement_carries_p_and_the_level_it_had_to_fall_to():
    judgement = judged(pair(6, 0, 1000)).judgements[0]

    assert judgement.p == pytest.approx(1 / 64)
    assert judgement.level == pytest.approx(1 / 64)  # 6 of 6; 5 of 6 would be 7/64
    assert judgement.interval is None  # the result brings none


@given(st.integers(0, 60), st.integers(0, 60), st.integers(130, 30_000))
def test_losing_one_more_never_makes_a_verdict_better(lost, gained, count):
    order = ("FAIL", "INCONCLUSIVE", "PASS")

    worse, better = (judged(pair(more, gained, count)).outcome for more in (lost + 1, lost))

    assert order.index(worse) <= order.index(better)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(130, 30_000))
def test_no_pair_is_found_worse_and_not_worse(lost, gained, count):
    reason = judged(pair(lost, gained, count)).reason

    both = "regression found" in reason and "non-inferiority found" in reason
    assert not both or (lost - gained) / count <= 0.005


def test_many_cases_need_more_to_be_red():
    # 0.05 / 500 = 1e-4: 13 lost of 13 are 1.2e-4, 14 of 14 are 6.1e-5
    assert judged(pair(13, 0, 1000, cases=500)).outcome == "INCONCLUSIVE"
    assert judged(pair(14, 0, 1000, cases=500)).outcome == "FAIL"


def test_many_cases_need_no_more_to_be_green():
    assert judged(pair(0, 0, 1000, cases=500)).outcome == "PASS"


def test_of_several_looks_each_has_its_part_of_the_error():
    # 8 looks below 50,000: 0.05 / 8 = 0.00625 each. 7 of 7 are 0.0078, 8 of 8 are 0.0039.
    assert judged(pair(7, 0, 250, looks=(look(250, 7, 0),))).outcome == "INCONCLUSIVE"
    assert judged(pair(8, 0, 250, looks=(look(250, 8, 0),))).outcome == "FAIL"
    # z = 2.498: z² / (n + z²) is 0.0062 for 1000 images, 0.0031 for 2000
    quiet = [look(n, 0, 0) for n in (250, 500, 1000, 2000)]
    assert judged(pair(0, 0, 1000, looks=tuple(quiet[:3]))).outcome == "INCONCLUSIVE"
    assert judged(pair(0, 0, 2000, looks=tuple(quiet))).outcome == "PASS"


def test_a_regression_once_found_stays_found():
    # 8 of 8 at the first look is found, but with 1,600 images its 0.5 points are the margin; then the loss grows.
    early = (look(1600, 8, 0), look(3200, 60, 40))

    verdict = judged(pair(60, 40, 3200, looks=early))

    assert verdict.outcome == "FAIL"
    assert verdict.judgements[0].p > verdict.judgements[0].level


def test_the_note_names_the_look():
    reason = judged(pair(0, 0, 500, looks=(look(250, 0, 0), look(500, 0, 0)))).reason

    assert "on 500 of 50000 images, look 2" in reason


def resampled(loss, interval, count=1000, **changes):
    return accuracy(samples=samples(count), paired=paired(loss, count, interval, **changes))


MIOU = {
    # a 95 % interval of ± 0.196 points is a standard error of 0.1; the bound is 1.645 of it above the loss
    "shown to be within the margin": (resampled(0.003, (0.00104, 0.00496)), "PASS met"),
    "bound at the margin": (resampled(0.0036, (0.00164, 0.00556)), "INCONCLUSIVE margin"),
    "clearly worse": (resampled(0.006, (0.00404, 0.00796)), "FAIL margin"),
    "worse, but perhaps by chance": (resampled(0.006, (-0.002, 0.014)), "INCONCLUSIVE margin"),
    "no interval": (resampled(0.0, None), "INCONCLUSIVE margin"),
    # nothing differs: by chance 1.645² / (n + 1.645²) of the images may, with all of a score of 0.7
    "the same on few images": (resampled(0.0, (0.0, 0.0), 300, differing=0), "INCONCLUSIVE margin"),
    "the same on enough images": (resampled(0.0, (0.0, 0.0), 1000, differing=0), "PASS met"),
    "a few that differ": (resampled(0.0, (-0.0001, 0.0001), 300, differing=9), "INCONCLUSIVE margin"),
    "enough that differ": (resampled(0.0, (-0.0001, 0.0001), 300, differing=10), "PASS met"),
}


@pytest.mark.parametrize("name", MIOU)
def test_a_resampled_metric_is_judged_by_both_hypotheses(name):
    result, expected = MIOU[name]

    verdict = judged(result)

    assert f"{verdict.outcome} {verdict.code}" == expected


def printed(value, used=4000, beside=None, **facts):
    measures = ({"name": "top1", "protocol": "by-name", "value": value, "n": used},)
    return result_of(measures=measures, samples=samples(used, **facts), paired=beside)


def promise(value=0.8):
    table = {"name": "top1", "protocol": "by-name"}
    return card_of(baseline("top1", value), metric="top1").model_copy(
        update={"metric": card_of(metric="top1").metric.model_copy(update=table)}
    )


def quiet_pair(count):
    return paired(0.0, count, lost=0, gained=0, **TOP1)


# 4000 of 50,000 at 79.5 %: an error of 0.6123 points. Alone, red below 79.5 - 1.645 · 0.6123 = 78.493 %, and green from
# 80.507 % on. Beside a pair it has a tenth of the level: 79.5 - 2.576 · 0.6123 = 77.923 %.
PRINTED = {
    "alone, below the threshold": (printed(0.7849), "FAIL missed"),
    "alone, at the tolerance": (printed(0.795), "INCONCLUSIVE margin"),
    "alone, short of proof": (printed(0.8049), "INCONCLUSIVE margin"),
    "alone, proven": (printed(0.8051), "PASS met"),
    "beside a pair, below the threshold": (printed(0.7792, beside=quiet_pair(4000)), "FAIL missed"),
    "beside a pair, no gross loss can hide": (printed(0.7793, beside=quiet_pair(4000)), "PASS met"),
    # 500 images: an error of 1.80 points, so that 0.5 + (2.576 + 1.645) · 1.80 = 8 points could hide
    "beside a pair, but a gross loss could hide": (printed(0.8, 500, quiet_pair(500)), "INCONCLUSIVE margin"),
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_part_of_the_set_is_compared_by_a_threshold(name):
    result, expected = PRINTED[name]

    verdict = judged(result, promise())

    assert f"{verdict.outcome} {verdict.code}" == expected


def test_the_note_prints_the_threshold_and_the_loss_that_would_be_seen():
    reason = judged(printed(0.795), promise()).reason

    # 0.5 + 1.645 · 0.6123 + 1.645 · 0.6336, the error at 77.5 %, = 2.549 points
    assert "threshold 78.49 %, by a standard error of 0.61 points and α 0.05" in reason
    assert "a loss of 2.5 points is seen with 95 %" in reason


def test_a_run_needs_no_more_images_once_nothing_is_open_or_something_failed():
    card = card_of()
    undecided, good, bad = (pair(*counts, 1000) for counts in ((5, 0), (0, 0), (20, 0)))

    assert [settled(result, card) for result in (undecided, good, bad)] == [False, True, True]


def test_a_failure_settles_what_another_judgement_leaves_open():
    open_pair = printed(0.7, beside=paired(0.005, 4000, lost=40, gained=20, **TOP1))

    assert judged(open_pair, promise()).outcome == "FAIL"
    assert settled(open_pair, promise())


def test_a_result_that_does_not_know_its_images_decides_nothing():
    bare = accuracy(paired=paired(0.0)).model_copy(update={"samples": None})

    assert judged(bare, card_of(baseline())).outcome == "INCONCLUSIVE"
