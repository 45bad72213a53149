"""What a run measured last of what a card promises, read off the gates' own judgements."""

import datetime
from collections.abc import Iterable, Sequence

from harness import gates
from harness.card_promises import SPEEDS
from harness.cards import Baseline, ModelCard
from harness.gates.promises import same_chip
from harness.results import Case, Entry, Result

JUDGED = ("absolute", *SPEEDS)


def last(entries: Iterable[Entry], model: str) -> tuple[Result, ...]:
    """Return the last result of each of a model's cases."""
    return tuple({one.result.case.key: one.result for one in entries if one.result.case.model == model}.values())


def judged(card: ModelCard, results: Iterable[Result], today: datetime.date) -> tuple[Entry, ...]:
    """Return the results with the verdicts that they get from a card as it is now; without those it says nothing of."""
    entries = (Entry(result=result, verdict=gates.judge(result, card, today)) for result in results)
    return tuple(entry for entry in entries if entry.verdict.outcome != "NO_BASELINE")


def unmeasured(card: ModelCard, entries: Iterable[Entry]) -> tuple[Baseline, ...]:
    """Return the promised numbers that none of these entries bears on."""
    seen = {id(row) for entry in entries for row in gates.promises_for(card, entry.result.case).baselines}
    return tuple(row for row in card.baseline if row.role == "promise" and id(row) not in seen)


def measured(baseline: Baseline, card: ModelCard, results: Sequence[Result], today: datetime.date) -> float | None:
    """Return what was measured last of one promise, or None: a share as promised (`%` or not), images/s, or ms.

    Only the promised chip counts, with the card's weights and the whole data set, measured in the promise's own way.
    """
    alone = card.model_copy(update={"baseline": (baseline,), "ratio": (), "expect": (), "waiver": ()})
    for result in reversed(results):
        if result.status != "measured" or not _bears_on(result.case, baseline):
            continue
        for one in gates.judge(result, alone, today).judgements:
            if one.name in JUDGED and one.target is not None and one.observed is not None and _is_whole(result):
                return one.observed * 100.0 if baseline.unit == "%" else one.observed
    return None


def _bears_on(case: Case, baseline: Baseline) -> bool:
    check = "accuracy" if baseline.is_accuracy else baseline.metric
    here = baseline.chip == "any" or same_chip(baseline.chip, case.chip)
    own = case.weights == "card" and not case.emulated and case.check == check
    return own and here and baseline.batch in (case.batch, "any", "unstated")


def _is_whole(result: Result) -> bool:
    return result.case.check != "accuracy" or (result.samples is not None and result.samples.whole)
