"""What of a result goes into the history, and what the history says of a new one."""

import numpy as np
import pytest

from harness import gates, remember
from harness.history import keys
from harness.history.anchors import frozen
from harness.history.store import History
from harness.results import Judgement, Verdict
from tests.harness.gates.handmade import TODAY, baseline, card_of, fps
from tests.harness.history.nights import case_of, entry

WHOLE = {"used": 100, "declared": 100, "ids_digest": "d"}
MIOU = {"name": "miou", "protocol": "running-mean", "value": 0.689, "n": 100, "interval": (0.68, 0.70)}
PAIRED = {
    "reference": "ort-cpu", "metric": "miou", "protocol": "running-mean", "value": 0.689,
    "reference_value": 0.690, "loss": 0.001, "n": 100,
}  # fmt: skip


def accuracy(night=0, value=0.689, samples=WHOLE, **changes):
    facts = {"measures": ({**MIOU, "value": value},), "samples": samples, "measurement": None, **changes}
    return entry(night, case=case_of("accuracy", batch=1), **facts)


@pytest.fixture
def history(tmp_path):
    with History.open(str(tmp_path / "history.sqlite"), create=True) as opened:
        yield opened


def kept(history, *entries):
    return remember.keep(history, [("run", one) for one in entries])


def test_a_speed_is_read_by_its_own_definition():
    (found,) = remember.readings(entry(fps=80.0).result)

    assert (found.name, found.protocol, found.unit, found.n) == ("throughput", "ais_bench", "images/s", 5)
    assert found.value == pytest.approx(80.0)


def test_a_processors_speed_is_in_canaries_first():
    timed = {"definition": "wall", "statistic": "median", "batch": 1, "rounds_ms": (10.0,) * 5}
    case = case_of("latency", runtime="ort-cpu", chip="cpu", batch=1)

    one = entry(case=case, measurement={**timed, "canary_before_ms": 2.0, "canary_after_ms": 2.5})
    assert [(r.unit, r.value) for r in remember.readings(one.result)] == [("canary", 5.0), ("ms", 10.0)]


def test_a_speeds_interval_is_the_one_that_was_judged():
    judgement = Judgement(name="throughput", observed=100.0, unit="images/s", interval=(99.0, 101.0), outcome="PASS")
    verdict = Verdict(outcome="PASS", code="met", judgements=(judgement,))

    assert remember.readings(entry(fps=100.0).result, verdict)[0].interval == (99.0, 101.0)


def test_an_accuracy_is_read_with_its_paired_loss():
    found = remember.readings(accuracy(paired=PAIRED).result)

    assert [(one.name, one.protocol, one.value) for one in found] == [
        ("miou", "running-mean", 0.689),
        ("paired-loss", "miou against ort-cpu", 0.001),
    ]


def test_an_accuracy_on_a_part_of_the_data_is_no_point_of_the_series_on_all():
    part = {**WHOLE, "used": 10}

    assert remember.readings(accuracy(samples=part).result)[0].protocol == "running-mean, 10 of 100 samples"


def test_emulated_and_seeded_results_never_enter(history):
    given = [
        entry(0, case=case_of(emulated=True)),
        entry(1, toolchain={"name": "CANN", "emulated": True}),
        entry(2, case=case_of(weights="seeded")),
        entry(3),
    ]

    tally = kept(history, *given)
    assert (tally.new, dict(tally.left_out)) == (1, {"emulated": 2, "of seeded weights": 1})
    assert [one.digest for one in history.entries()] == [keys.document(given[3]).digest]
    assert str(kept(history, *given)) == "0 new, 1 known before, 2 left out: emulated, 1 left out: of seeded weights"


def freeze(history, release="R1", tolerance=None):
    series = history.series(history.cases()[0].key)[0]
    history.freeze({series.line: frozen(series, release, "2025-02-01T00:00:00Z", tolerance)})


def test_slow_drift_is_red_though_every_night_met_its_promise(history):
    kept(history, *(entry(night, 100.0 + night % 2) for night in range(30)))
    freeze(history)
    kept(history, *(entry(30 + night, 96.4 + night % 2) for night in range(6)))
    tonight = entry(36, 96.4).result

    findings = remember.drift_findings(history, tonight)
    alone = gates.judge(tonight, card_of(fps(100.0, batch=4)), TODAY)
    verdict = gates.judge(tonight, card_of(fps(100.0, batch=4)), TODAY, findings)
    assert (alone.outcome, verdict.outcome, verdict.code) == ("PASS", "FAIL", "missed")
    assert verdict.judgements[0].name == "drift"
    # The medians are 100.5 and 96.4.
    assert (
        "slow drift: the last 7 results are 4.08 % worse than the anchor R1 (of 30), allowed 3.00 %" in verdict.reason
    )


def test_a_series_that_holds_its_anchor_changes_no_verdict(history):
    kept(history, *(entry(night, 100.0 + night % 2) for night in range(30)))
    freeze(history)
    tonight = entry(30, 100.0).result

    (finding,) = remember.drift_findings(history, tonight)
    verdict = gates.judge(tonight, card_of(), TODAY, (finding,))
    assert finding.judgement.outcome == "NO_BASELINE"
    assert (verdict.outcome, verdict.code) == ("NO_BASELINE", "no-promise")


def test_an_accuracy_below_its_anchor_is_red_at_once(history):
    kept(history, accuracy(0, 0.700))
    freeze(history)

    (finding,) = remember.drift_findings(history, accuracy(1, 0.690).result)
    assert finding.judgement.outcome == "FAIL"


def test_a_release_may_state_its_own_tolerance(history):
    kept(history, *(entry(night, 100.0 + night % 2) for night in range(30)))
    freeze(history, tolerance=0.10)
    kept(history, *(entry(30 + night, 94.0) for night in range(6)))

    (finding,) = remember.drift_findings(history, entry(36, 94.0).result)
    assert finding.judgement.outcome == "NO_BASELINE"


@pytest.mark.parametrize(
    "facts",
    [
        {"case": case_of(batch=8)},
        {"environment": {"cpu": "Another"}},
        {"case": case_of(emulated=True)},
        {"status": "error", "measurement": None},
    ],
)
def test_without_an_anchor_of_this_case_on_this_machine_there_is_nothing_to_say(history, facts):
    kept(history, *(entry(night) for night in range(10)))
    freeze(history)

    assert remember.drift_findings(history, entry(20, 10.0, **facts).result) == ()


def speed_of(rate, night=0, **changes):
    """A night's run of 40 noisy rounds whose mean is this rate, in images/s."""
    times = 1 + 0.035 * np.random.default_rng(night).standard_normal(40)
    rounds_ms = tuple((times * (4000 / rate) / times.mean()).tolist())
    timed = {"definition": "ais_bench", "statistic": "mean", "batch": 4, "rounds_ms": rounds_ms, "inputs": "zero"}
    return entry(night, case=case_of(), measurement=timed, **changes)


def test_two_nights_together_are_red_where_neither_is_certain(history):
    card = card_of(fps(value=100.0, chip="Ascend310P3", batch=4, definition="ais_bench", inputs="zero", tolerance=0.02))
    kept(history, speed_of(96.9, 1))

    found = remember.nights_findings(history, speed_of(96.9, 2).result, card)

    assert [(one.judgement.name, one.judgement.outcome) for one in found] == [("nights", "FAIL")]
    assert remember.nights_findings(history, speed_of(99.0, 3).result, card) == ()


def test_the_noise_of_a_speed_is_a_share_of_its_usual_value(history):
    kept(history, *(entry(night, fps=100.0 + night % 2) for night in range(6)))

    found = remember.noise_shares(history, [case_of()], entry().result.environment)

    # Neighbours differ by 1: 1.4826 / √2 of a median of 100.5.
    assert found == {case_of().key: pytest.approx(1.0484 / 100.5, rel=1e-3)}
    assert remember.noise_shares(history, [case_of()], {"cpu": "another"}) == {}


def test_the_noise_of_many_cases_is_one_question(history, monkeypatch):
    cases = [case_of(batch=batch) for batch in range(1, 21)]
    kept(history, *(entry(night, 100.0 + night % 2, case=case) for case in cases for night in range(6)))
    asked = []
    monkeypatch.setattr(History, "headlines", lambda *words, real=History.headlines: asked.append(1) or real(*words))
    monkeypatch.setattr(History, "series", None)

    found = remember.noise_shares(history, cases, entry().result.environment)

    assert (len(found), len(asked)) == (20, 1)


def test_noise_is_that_of_the_last_nights(history):
    # A wild year, and then 37 nights that differ by 1 in turn.
    wild = [entry(night, 100.0 + 40 * (night % 2)) for night in range(50)]
    kept(history, *wild, *(entry(50 + night, 100.0 + night % 2) for night in range(37)))

    found = remember.noise_shares(history, [case_of()], entry().result.environment)

    assert found == {case_of().key: pytest.approx(1.0484 / 100, rel=1e-3)}


def test_of_several_machines_the_most_restless_one_tells_the_standard_error(history):
    another = {**entry().result.environment, "cores": 99}
    kept(history, *(entry(night, 100.0 + night % 2) for night in range(5)))
    kept(history, *(entry(night, 100.0 + 4 * (night % 2), environment=another) for night in range(5)))
    row = card_of(fps(50.0, batch=4)).baseline[0]

    found = remember.spread(history, card_of(fps(48.0, batch=4)), row)

    # 1.4826 · 4 / √2 of 100, on a promise of 50.
    assert found.error == pytest.approx(0.5 * 4.1935, rel=1e-3)


def test_the_standard_error_of_a_miou_is_that_of_its_interval_over_images(history):
    measures = [{"name": "miou", "protocol": "running-mean", "value": 0.69, "n": 10, "interval": (0.65, 0.73)}]
    kept(history, accuracy(measures=measures))
    card = card_of(baseline("miou", 0.689))

    found = remember.spread(history, card, card.baseline[0])

    # 0.08 is 2 · 1.96 standard errors.
    assert found.error == pytest.approx(0.08 / 3.92, rel=1e-3)
    assert remember.spread(history, card, card_of(baseline("map", 0.4)).baseline[0]).error is None


def test_the_standard_error_of_a_top_1_needs_no_history(history):
    card = card_of(baseline("top1", 0.64))

    # sqrt(0.64 · 0.36 / 100)
    assert remember.spread(history, card, card.baseline[0]).error == pytest.approx(0.048)
