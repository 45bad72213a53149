"""What a plan will cost and risk: the cards, earlier results and the store, brought together for costs and schedule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness import costs, schedule, sources
from harness.cards import ModelCard
from harness.checks import ratio
from harness.costs import Cost, Outlook, Past
from harness.gates import promises_for
from harness.gates.speed import CHIPS_PER_CARD
from harness.results import Case, Entry
from harness.runtimes import OM_RUNTIMES
from harness.schedule import Task
from harness.selection import Plan, Selection

AT_MOST = 14
"""Nights of a case that are looked at: those that tell how long it takes, and one on which something was built."""


@dataclass(frozen=True)
class Forecast:
    """What is known of a plan's cases, and the task that each is for a schedule, by the name of its test."""

    outlook: Outlook
    tasks: Mapping[str, Task]


def of(plan: Plan, selection: Selection, pasts: Mapping[str, Sequence[Past]], held: frozenset[str] | None) -> Forecast:
    """Return the forecast of a plan's cases in their order.

    `held` are the digests of the artifacts in the store; None takes for there whatever earlier nights had, which is
    the same on every host.
    """
    if held is None:
        held = frozenset(one.artifact for series in pasts.values() for one in series)
    files = {
        name: sources.weights_file(plan.cards[name], selection.weights, selection.places) for name in _models(plan)
    }
    outlook = Outlook(
        pasts=pasts,
        sources={case.key: _source(plan.cards[case.model], case, selection) for case in plan.cases},
        held=held,
        weights_bytes={name: path.stat().st_size for name, path in files.items() if path},
        chips_per_card=CHIPS_PER_CARD,
        samples=selection.samples,
    )
    predicted = costs.predict(plan.cases, plan.cards, outlook)
    return Forecast(outlook, _tasks(predicted, outlook, bonds(plan.cases, plan.cards)))


def pasts_of(entries: Iterable[Entry]) -> dict[str, tuple[Past, ...]]:
    """Return what entries tell of earlier nights, by case key, the oldest night first and the last few only."""
    found: dict[str, list[Past]] = {}
    for entry in entries:
        told = costs.past(entry)
        if told is not None:
            found.setdefault(entry.result.case.key, []).append(told)
    return {key: tuple(sorted(series, key=lambda one: one.at)[-AT_MOST:]) for key, series in found.items()}


def bonds(cases: Iterable[Case], cards: Mapping[str, ModelCard]) -> dict[str, str]:
    """Return, by test name, which tests must run on one host: a model's ratios and what their sides are made of."""
    found: dict[str, str] = {}
    for case in cases:
        if case.check != "ratio":
            continue
        card = cards[case.model]
        promise = promises_for(card, case)
        sides = [side for row in (*promise.ratios, *promise.references) for side in (row.numerator, row.denominator)]
        made_of = [one for side in sides for one in ratio.wanted(card, case, side)]
        found.update(dict.fromkeys((one.test_name for one in (case, *made_of)), f"ratios of {case.model}"))
    return found


def _tasks(predicted: Mapping[Case, Cost], outlook: Outlook, bonded: Mapping[str, str]) -> dict[str, Task]:
    nights = schedule.nights_of(outlook.pasts)
    tasks = {}
    for case, cost in predicted.items():
        pasts = outlook.pasts.get(case.key, ())
        risk = schedule.risk_of(pasts, nights, changed=costs.is_changed(case, pasts, outlook))
        name = case.test_name
        last = pasts[-1].at if pasts else ""
        tasks[name] = Task(name, cost.run_s, cost.build_s, cost.artifact, bonded.get(name, ""), risk, last)
    return tasks


def _models(plan: Plan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(case.model for case in plan.cases))


def _source(card: ModelCard, case: Case, selection: Selection) -> str:
    on_chip = case.runtime in OM_RUNTIMES and selection.host is not None
    toolchain = selection.host.toolchain.describe() if on_chip and selection.host else {}
    return sources.digest(card, selection.weights, selection.places, toolchain)
