"""What a change asks less of is named, with how much, and needs a reason of its own."""

import datetime

import pytest

from harness.gates.loosening import Spread, default_loosenings, loosenings
from tests.harness.gates.handmade import baseline, card_of, expect, fps, ratio, waiver

LATER = datetime.date(2024, 3, 31)
MEASURED = fps(100.0, role="measured")


def found(before, now, **options):
    return [(one.what, one.change, one.reason) for one in loosenings({"net": before}, {"net": now}, **options)]


UNKNOWN = "an unknown number of standard errors: no history is given"
RATE = "baseline Ascend310P3 bs1 throughput"
SCORE = "baseline Ascend310P3 bs1 top1"
# A share of 0.64 on 100 images has a standard error of sqrt(0.64 · 0.36 / 100) = 0.048: 1.2 points are a quarter of it.
CHANGES = {
    "a lower rate": (
        card_of(fps(100.0)),
        card_of(fps(97.0)),
        (
            RATE,
            f"value 100.00 images/s → 97.00 images/s, looser by 3 %, {UNKNOWN}",
        ),
    ),
    "a longer latency": (
        card_of(baseline("latency", 10.0, unit="ms")),
        card_of(baseline("latency", 11.0, unit="ms")),
        (
            "baseline Ascend310P3 bs1 latency",
            f"value 10.00 ms → 11.00 ms, looser by 10 %, {UNKNOWN}",
        ),
    ),
    "a lower accuracy": (
        card_of(baseline("top1", 0.64)),
        card_of(baseline("top1", 0.628)),
        (SCORE, "value 64.00 % → 62.80 %, looser by 1.2 points, 0.25 standard errors on 100 samples"),
    ),
    "a wider stated tolerance": (
        card_of(fps(tolerance=0.02)),
        card_of(fps(tolerance=0.05)),
        (RATE, f"tolerance 2 % → 5 %, looser by 3 %, {UNKNOWN}"),
    ),
    "a tolerance beyond the default": (
        card_of(baseline("top1", 0.64)),
        card_of(baseline("top1", 0.64, tolerance=0.01)),
        (SCORE, "tolerance 0.5 points → 1 points, looser by 0.5 points, 0.1 standard errors on 100 samples"),
    ),
    "a higher error rate": (
        card_of(baseline("wer", 0.09)),
        card_of(baseline("wer", 0.10)),
        ("baseline Ascend310P3 bs1 wer", f"value 9.00 % → 10.00 %, looser by 1 points, {UNKNOWN}"),
    ),
    "a lower PSNR": (
        card_of(baseline("psnr", 40.0, unit="dB")),
        card_of(baseline("psnr", 39.0, unit="dB")),
        ("baseline Ascend310P3 bs1 psnr", f"value 40.00 dB → 39.00 dB, looser by 2.5 %, {UNKNOWN}"),
    ),
    "a higher FID": (
        card_of(baseline("fid", 10.0)),
        card_of(baseline("fid", 10.5)),
        ("baseline Ascend310P3 bs1 fid", f"value 10.00 → 10.50, looser by 5 %, {UNKNOWN}"),
    ),
    "a tolerance beyond a score's default": (
        card_of(baseline("psnr", 40.0, unit="dB")),
        card_of(baseline("psnr", 40.0, unit="dB", tolerance=0.6)),
        ("baseline Ascend310P3 bs1 psnr", f"tolerance 0.4 dB → 0.6 dB, looser by 0.5 %, {UNKNOWN}"),
    ),
    "a promise that is gone": (card_of(fps()), card_of(), (RATE, "removed, was 100.00 images/s")),
    "a promise that is a reference now": (
        card_of(fps()),
        card_of(fps(role="reference")),
        (RATE, "removed, was 100.00 images/s"),
    ),
    "an expected failure": (
        card_of(),
        card_of(expect=(expect(),)),
        ("expect Ascend310P3 bs1 any oom", "is expected to fail now"),
    ),
    "a failure expected on larger devices": (
        card_of(expect=(expect(memory_mib_at_most=8192),)),
        card_of(expect=(expect(),)),
        ("expect Ascend310P3 bs1 any oom", "expected up to 8192 MiB → any memory"),
    ),
    "a lower ratio": (
        card_of(ratio=(ratio(at_least=1.2),)),
        card_of(ratio=(ratio(at_least=1.14),)),
        ("ratio 310P/310", f"at least 1.2 → at least 1.14, looser by 5 %, {UNKNOWN}"),
    ),
    "a wider ratio": (
        card_of(ratio=(ratio(within=1.0, tolerance=0.01),)),
        card_of(ratio=(ratio(within=1.0),)),
        ("ratio 310P/310", f"tolerance 1 % → 2 %, looser by 1 %, {UNKNOWN}"),
    ),
    "a ratio that is gone": (
        card_of(ratio=(ratio(at_least=1.2),)),
        card_of(),
        ("ratio 310P/310", "removed, was at least 1.2"),
    ),
    "out of the nightly": (card_of(nightly=True), card_of(), ("nightly", "true → false")),
    "fewer samples": (
        card_of(dataset={"kind": "cityscapes", "count": 500}),
        card_of(dataset={"kind": "cityscapes", "count": 100}),
        ("dataset.count", "500 → 100 samples, 80 % fewer"),
    ),
    "fewer batch sizes": (card_of(batches=(1, 4, 8)), card_of(batches=(1,)), ("batches", "without 4, 8")),
    "fewer chips": (
        card_of(chips=("Ascend310", "Ascend310P3")),
        card_of(chips=("310P",)),
        ("chips", "without Ascend310"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_looser_is_named_and_has_no_reason_yet(name):
    before, now, expected = CHANGES[name]

    assert found(before, now) == [(*expected, "")]


@pytest.mark.parametrize("name", CHANGES)
def test_the_other_way_round_nothing_is_looser(name):
    before, now, _ = CHANGES[name]

    # An expectation that is gone, or holds on fewer devices, gates more.
    assert found(now, before) == []


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (
            baseline("sharpness", 5.0, unit="1", higher_is_better=True),
            baseline("sharpness", 5.0, unit="1", higher_is_better=False),
            "a plain number of which more is better → a plain number of which less is better",
        ),
        (
            baseline("psnr", 31.5, unit="dB"),
            baseline("psnr", 31.5, unit="%"),
            "dB of which more is better → a share of which more is better",
        ),
    ],
)
def test_another_kind_of_number_is_another_promise(before, now, change):
    assert [one[1] for one in found(card_of(before), card_of(now))] == [change]
    assert len(found(card_of(now), card_of(before))) == 1


def test_a_higher_score_with_its_default_tolerance_is_not_looser():
    assert found(card_of(baseline("psnr", 30.0, unit="dB")), card_of(baseline("psnr", 40.0, unit="dB"))) == []


def test_a_reason_beside_the_number_is_taken():
    now = card_of(fps(97.0, reason="the README was corrected"))

    assert found(card_of(fps(100.0)), now)[0][2] == "the README was corrected"


def test_the_reason_of_an_earlier_change_does_not_serve_the_next():
    before, now = (
        card_of(fps(97.0, reason="the README was corrected")),
        card_of(fps(90.0, reason="the README was corrected")),
    )

    assert found(before, now)[0][2] == ""


@pytest.mark.parametrize(
    ("before", "changes", "what"),
    [
        (card_of(fps()), {}, RATE),
        (card_of(nightly=True), {}, "nightly"),
        (card_of(batches=(1, 4)), {}, "batches"),
    ],
)
def test_what_has_no_row_any_more_has_its_reason_in_loosened(before, changes, what):
    row = {"what": what, "reason": "the tool is gone"}

    assert found(before, card_of(loosened=(row,), **changes))[0][2] == "the tool is gone"
    old = before.model_copy(update={"loosened": card_of(loosened=(row,)).loosened})
    assert found(old, card_of(loosened=(row,), **changes))[0][2] == ""


def test_a_waiver_is_named_with_its_date_and_brings_its_reason():
    assert found(card_of(), card_of(waiver=(waiver(),))) == [("waiver any bsany accuracy", "ann until 2024-03-01", "r")]


def test_a_waiver_that_lasts_longer_is_named_with_the_days():
    now = card_of(waiver=(waiver(expires=LATER),))

    assert found(card_of(waiver=(waiver(),)), now) == [
        ("waiver any bsany accuracy", "2024-03-01 → 2024-03-31, 30 days longer", "r")
    ]


def test_a_promise_that_a_measured_number_takes_over_is_not_gone():
    assert found(card_of(fps(100.0)), card_of(fps(101.0, role="measured"))) == []


def test_of_two_rows_for_one_thing_the_stricter_counts():
    before = card_of(fps(100.0, role="measured"), fps(120.0, role="measured", toolchain="CANN 6"))
    now = card_of(fps(100.0, role="measured"))

    assert found(before, now)[0][1].startswith("value 120.00 images/s → 100.00 images/s")


def test_a_slowdown_is_told_in_the_noise_that_somebody_knows():
    (one,) = found(card_of(fps(100.0)), card_of(fps(97.0)), spreads=lambda card, row: Spread(1.0, "of its noise"))

    assert one[1].endswith("looser by 3 %, 3 standard errors of its noise")


def test_an_accuracy_that_is_no_share_of_right_answers_has_no_binomial_error():
    (one,) = found(card_of(baseline("miou", 0.64)), card_of(baseline("miou", 0.63)))

    assert one[1].endswith(f"looser by 1 points, {UNKNOWN}")


def test_a_looser_ratio_is_told_in_its_own_noise():
    before, now = (card_of(ratio=(ratio(at_least=bound),)) for bound in (1.6, 1.52))

    (one,) = found(before, now, spreads=lambda card, row: Spread(0.04, "of its noise"))

    assert one[1] == "at least 1.6 → at least 1.52, looser by 5 %, 2 standard errors of its noise"


def test_a_card_that_is_gone_is_named_and_another_card_may_say_why():
    other = card_of(loosened=({"what": "card old", "reason": "nobody ships it"},))

    bare = loosenings({"old": card_of()}, {"net": card_of()})
    told = loosenings({"old": card_of()}, {"net": other})

    assert [str(one) for one in bare] == ["old: card old: removed — no reason is given"]
    assert [one.reason for one in told] == ["nobody ships it"]


def test_a_new_card_loosens_nothing():
    assert loosenings({}, {"net": card_of(expect=(expect(),), waiver=(waiver(),))}) == ()


def test_looser_defaults_are_named_and_their_comment_is_the_reason():
    before = "SPEED_NPU = 0.05\nRATIO = 0.02  # as printed\nPARITY_HALF = (0.999, 5e-2)\nHALF = ('a',)\n"
    now = "SPEED_NPU = 0.08\nRATIO = 0.03  # CANN 9 rounds\nPARITY_HALF = (0.99, 5e-2)\nHALF = ()\n"

    assert [(one.what, one.change, one.reason) for one in default_loosenings(before, now)] == [
        ("thresholds.SPEED_NPU", "0.05 → 0.08", ""),
        ("thresholds.RATIO", "0.02 → 0.03", "CANN 9 rounds"),
        ("thresholds.PARITY_HALF", "(0.999, 0.05) → (0.99, 0.05)", ""),
    ]
    assert default_loosenings(now, before) == ()
