"""Ratios take their sides from what was measured, and say what is missing."""

import threading
import time
from pathlib import Path

import pytest

from harness import cards, gates
from harness.checks import ratio
from harness.errors import UsageError
from harness.results import Case, Entry, Result, Verdict
from harness.runs import RunFolder
from harness.workbench import Workbench
from tests.harness.gates.handmade import TODAY

CARD = cards.get("intrada-deeplabv2")
P3, OLD = "Ascend310P3", "Ascend310"
WHOLE = {"used": 500, "declared": 500, "ids_digest": "d"}


def case_of(check="ratio", chip=P3, batch=1, **changes):
    row = {"model": CARD.name, "runtime": "benchmark", "chip": chip, "batch": batch, "check": check}
    return Case(**{**row, "precision": "fp16", **changes})


def entry_of(case, status="measured", **facts):
    return Entry(
        result=Result(case=case, status=status, **facts), verdict=Verdict(outcome="NO_BASELINE", code="no-promise")
    )


def rate(fps, chip, batch, case=None, **changes):
    """Return an entry of a chip's rate: five rounds of one length."""
    row = {"definition": "benchmark", "statistic": "mean", "batch": batch, "rounds_ms": (1000.0 * batch / fps,) * 5}
    return entry_of(case or case_of("throughput", chip, batch), measurement={**row, **changes})


def accuracy(value, chip, batch, case=None, **facts):
    row = {"name": "miou", "protocol": "dataset", "value": value, "n": 500}
    facts = {"samples": WHOLE, "digests": {"weights": "w", "data": "d"}, **facts}
    return entry_of(case or case_of("accuracy", chip, batch), measures=(row,), **facts)


# The README: 46.2538 images/s of a 310P chip, 28.792 of a 310 card of four chips, mIoU 47.009 and 47.008 %.
RATES = (rate(46.2538, P3, 1), rate(7.198, OLD, 4))
ACCURACIES = tuple(accuracy(value, chip, 1) for chip, value in ((P3, 0.47009), (OLD, 0.47008)))


def run_of(path, *entries, plan=()):
    folder = RunFolder(path)
    folder.start({"plan": [f"tests/gates/test_it.py::{name}" for name in plan]})
    for entry in entries:
        folder.append(entry.to_json())
    return path


def measured(tmp_path, *entries, stored=(), case=None, plan=(), wait_s=0.0):
    """Return the result of the ratio case after a run with these entries."""
    case = case or case_of()
    run_dir = run_of(tmp_path / "run", *entries, plan=plan)
    bench = Workbench(cards={CARD.name: CARD}, builder=None, run_dir=run_dir, stored=tuple(stored))  # type: ignore[arg-type]
    return Result(case=case, status="measured", **ratio.measure(case, bench, wait_s))


def judged(result):
    verdict = gates.judge(result, CARD, TODAY)
    return f"{verdict.outcome} {verdict.code}", {row.name: row for row in verdict.judgements}


def test_intradas_ratios_are_met_by_the_readmes_own_numbers(tmp_path: Path) -> None:
    verdict, rows = judged(measured(tmp_path, *RATES, *ACCURACIES))

    assert verdict == "PASS met"
    assert rows["310P/310"].observed == pytest.approx(46.2538 / 28.792)  # one chip against four
    assert rows["310P/GPU"].observed == pytest.approx(46.2538 / 28.654)
    assert rows["310P/GPU"].outcome == "NO_BASELINE"
    assert rows["accuracy 310P/310 at batch 1"].observed == pytest.approx(0.47009 / 0.47008)


def test_each_ratio_belongs_to_one_case(tmp_path: Path) -> None:
    eight = [accuracy(0.47, chip, 8) for chip in (P3, OLD)]
    verdict, rows = judged(measured(tmp_path, *eight, case=case_of(batch=8)))

    assert verdict == "PASS met"
    assert list(rows) == ["accuracy 310P/310 at batch 8"]


def test_the_other_chip_may_come_from_a_stored_run(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", *(entry for entry in (*RATES, *ACCURACIES) if entry.result.case.chip == OLD))
    new = [entry for entry in (*RATES, *ACCURACIES) if entry.result.case.chip == P3]

    result = measured(tmp_path, *new, stored=(old,))

    assert judged(result)[0] == "PASS met"
    assert {(side.side, side.run) for side in result.sides} == {("numerator", "run"), ("denominator", "old")}


def test_of_several_results_this_runs_own_counts(tmp_path: Path) -> None:
    stored = run_of(tmp_path / "old", rate(1.0, P3, 1), rate(7.198, OLD, 4))

    _, rows = judged(measured(tmp_path, rate(46.2538, P3, 1), stored=(stored,)))

    assert rows["310P/310"].observed == pytest.approx(46.2538 / 28.792)


def test_a_missing_side_says_what_to_run(tmp_path: Path) -> None:
    verdict, rows = judged(measured(tmp_path, RATES[0], *ACCURACIES))

    assert verdict == "NOT_RUN ratio-side-missing"
    assert "no denominator was measured: nothing is known of the throughput of Ascend310 at batch 4" in (
        rows["310P/310"].note
    )
    assert "--model intrada-deeplabv2 --runtime benchmark --chip Ascend310 --check throughput --batch-size 4" in (
        rows["310P/310"].note
    )


BROKEN = entry_of(case_of("throughput", P3, 1), "error", error={"kind": "tool-failed", "message": "it broke"})
UNLIKE = {
    "a side that broke": (BROKEN, "was not measured in run: it broke"),
    "a side that did not run": (
        entry_of(case_of("throughput", P3, 1), "not_run", missing="no such data"),
        "was not measured in run: no such data",
    ),
    "an emulated rate": (rate(46.0, P3, 1, case_of("throughput", P3, 1, emulated=True)), "nothing is known"),
    "a seeded rate": (rate(46.0, P3, 1, case_of("throughput", P3, 1, weights="seeded")), "nothing is known"),
    "a rate of another runtime": (rate(46.0, P3, 1, case_of("throughput", P3, 1, runtime="msame")), "nothing is known"),
    "a rate of an emulated toolchain": (
        Entry(result=RATES[0].result.model_copy(update={"toolchain": {"emulated": True}}), verdict=RATES[0].verdict),
        "nothing is known",
    ),
    "nothing timed": (entry_of(case_of("throughput", P3, 1)), "has no timed round in run"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_what_is_no_number_of_that_chip_is_no_side(tmp_path: Path, name: str) -> None:
    entry, said = UNLIKE[name]

    verdict, rows = judged(measured(tmp_path, entry, RATES[1], *ACCURACIES))

    assert verdict == "NOT_RUN ratio-side-missing"
    assert said in rows["310P/310"].note


@pytest.mark.parametrize("change", [{"definition": "msame"}, {"inputs": "zero"}])
def test_sides_of_two_definitions_are_not_compared(tmp_path: Path, change: dict) -> None:
    result = measured(tmp_path, rate(46.2538, P3, 1, **change), RATES[1], *ACCURACIES)

    verdict, rows = judged(result)
    assert verdict == "NOT_RUN ratio-side-missing"
    assert "cannot be compared with the numerator" in rows["310P/310"].note


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"samples": {**WHOLE, "used": 100}}, "of a part of the data set"),
        ({"digests": {"weights": "other", "data": "d"}}, "another digest of the weights"),
        ({"digests": {"weights": "w", "data": "other"}}, "another digest of the data"),
    ],
)
def test_accuracies_of_other_images_or_weights_are_not_compared(tmp_path: Path, change: dict, said: str) -> None:
    other = accuracy(0.47, OLD, 1, **change)

    verdict, rows = judged(measured(tmp_path, *RATES, ACCURACIES[0], other))

    assert verdict == "NOT_RUN ratio-side-missing"
    assert said in rows["accuracy 310P/310 at batch 1"].note


def test_an_accuracy_by_another_protocol_is_no_side(tmp_path: Path) -> None:
    row = {"name": "miou", "protocol": "running-mean", "value": 0.47, "n": 500}
    other = entry_of(case_of("accuracy", OLD, 1), measures=(row,), samples=WHOLE)

    _, rows = judged(measured(tmp_path, *RATES, ACCURACIES[0], other))

    assert "holds no miou (dataset)" in rows["accuracy 310P/310 at batch 1"].note


def test_an_accuracy_may_be_of_another_runtime_of_that_chip(tmp_path: Path) -> None:
    other = accuracy(0.47, OLD, 1, case_of("accuracy", OLD, 1, runtime="msame"))

    assert judged(measured(tmp_path, *RATES, ACCURACIES[0], other))[0] == "PASS met"


@pytest.mark.parametrize("disturbance", [{"occupants": ("train",)}, {"canary_before_ms": 1.0, "canary_after_ms": 2.0}])
def test_a_side_that_was_not_quiet_leaves_it_undecided(tmp_path: Path, disturbance: dict) -> None:
    result = measured(tmp_path, RATES[0], rate(7.198, OLD, 4, **disturbance), *ACCURACIES)

    assert judged(result)[0] == "INCONCLUSIVE not-quiet"


def test_emulated_accuracies_are_compared_with_each_other_and_judged_by_nobody(tmp_path: Path) -> None:
    emulated = [accuracy(0.1, P3, 1, case_of("accuracy", P3, 1, emulated=True)), *ACCURACIES, *RATES]
    alone = measured(tmp_path / "alone", *emulated, case=case_of(emulated=True))
    emulated.append(accuracy(0.9, OLD, 1, case_of("accuracy", OLD, 1, emulated=True)))
    both = measured(tmp_path / "both", *emulated, case=case_of(emulated=True))

    assert judged(alone)[0] == "NOT_RUN ratio-side-missing"
    assert judged(both)[0] == "NO_BASELINE emulated"
    assert {measure.name for measure in both.measures} == {"accuracy 310P/310 at batch 1"}


def best_of(*rows):
    """Return IntraDA's card with other promised rates."""
    first = next(row for row in CARD.baseline if row.metric == "throughput" and row.chip == P3)
    others = tuple(row for row in CARD.baseline if row.metric != "throughput" or row.chip != P3)
    promised = tuple(first.model_copy(update={"batch": batch}) for batch in rows)
    return CARD.model_copy(update={"baseline": (*others, *promised)})


def test_the_best_of_the_promised_batches_counts_and_each_must_be_there() -> None:
    card, side = best_of(1, 8), CARD.ratio[0].numerator
    entries = [ratio.StoredEntry("run", rate(fps, P3, batch)) for batch, fps in ((1, 40.0), (8, 50.0), (4, 99.0))]

    best = ratio.side_value(card, case_of(), side, entries)
    missing = ratio.side_value(card, case_of(), side, entries[:1])

    assert isinstance(best, ratio.Value)
    assert best.value == pytest.approx(50.0)
    assert isinstance(missing, str)
    assert "batch 8" in missing


def test_a_card_of_unknown_chips_is_missing() -> None:
    side = CARD.ratio[0].denominator.model_copy(update={"chip": "Ascend910A"})

    assert ratio.side_value(CARD, case_of(), side, ()) == "how many Ascend910A are on a card is not known"


def test_cases_that_are_still_to_come_are_waited_for(tmp_path: Path) -> None:
    names = [entry.result.case.test_name for entry in (*RATES, *ACCURACIES)]

    def finish() -> None:
        time.sleep(0.3)
        folder = RunFolder(tmp_path / "run")
        for entry in (*RATES, *ACCURACIES):
            folder.append(entry.to_json())

    other_worker = threading.Thread(target=finish)
    other_worker.start()
    result = measured(tmp_path, plan=names, wait_s=30.0)
    other_worker.join()

    assert judged(result)[0] == "PASS met"


def test_cases_that_are_not_planned_or_have_ended_are_not_waited_for(tmp_path: Path) -> None:
    names = [BROKEN.result.case.test_name, "test_parity[something-else]"]
    started = time.monotonic()

    measured(tmp_path, BROKEN, plan=names, wait_s=30.0)

    assert time.monotonic() - started < 5


def test_the_wait_ends(tmp_path: Path) -> None:
    result = measured(tmp_path, plan=[RATES[0].result.case.test_name], wait_s=0.1)

    assert judged(result)[0] == "NOT_RUN ratio-side-missing"


def test_a_stored_folder_that_is_no_runs_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageError, match=r"results\.jsonl"):
        measured(tmp_path, stored=(tmp_path / "empty",))
