"""What differs around a case from an earlier result of it: environment, toolchain, packages, commit, digests."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.history.points import Point
from harness.history.store import History
from harness.report.histories import DAYS, CaseHistory, before
from harness.report.read import facts, flat
from harness.report.shown import shown
from harness.results import Entry, Result
from harness.runs import read_entries
from harness.units import ABSENT

MOST_TOLD = 40
"""How many differences the run as a whole lists; each case has all of its own."""


class Difference(NamedTuple):
    """A fact that is not as it was; a dash for what was, or is, not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Since:
    """What a case is compared with, and what differs from it; `lack` says why there is nothing to compare with."""

    what: str = ""
    differences: tuple[Difference, ...] = ()
    lack: str = ""


def since_green(
    history: History, entries: Sequence[tuple[str, Entry]], known: Mapping[str, CaseHistory]
) -> dict[str, Since]:
    """Return for each case what differs from its last PASS on its machine that is older than the run's result."""
    green = {key: _last_green(entry.result, known[key]) for key, entry in entries}
    kept = history.kept(point.digest for point in green.values() if point)
    found = {}
    for key, entry in entries:
        point = green[key]
        then = kept.get(point.digest) if point else None
        if then is None:
            found[key] = Since(lack=_why_not(known[key]))
        else:
            found[key] = _since(
                Entry.model_validate_json(then.text), entry, f"the last green run here, {shown(then.run)}"
            )
    return found


def since_run(folder: Path, entries: Sequence[tuple[str, Entry]]) -> dict[str, Since]:
    """Return for each case what differs from its result in another run; raises UsageError for what is no run."""
    run = shown(folder.resolve().name)
    others = {one.result.case.key: one for one in read_entries(folder)}
    found = {}
    for key, entry in entries:
        other = others.get(entry.result.case.key)
        found[key] = _since(other, entry, f"the run {run}") if other else Since(lack=f"the run {run} has no such case")
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return the facts that are not the same before and after."""
    sides = ((name, before.get(name, ABSENT), after.get(name, ABSENT)) for name in dict.fromkeys([*before, *after]))
    return tuple(Difference(*one) for one in sides if one[1] != one[2])


def together(found: Iterable[Since]) -> tuple[tuple[Difference, int], ...]:
    """Return the differences of a run's cases, each with the number of cases that have it, the most frequent first."""
    return tuple(Counter(one for since in found for one in since.differences).most_common())


def surroundings(result: Result) -> dict[str, str]:
    """Return what a result was measured on and with: environment, toolchain, artifact, digests, flags."""
    return {**flat(result.environment), **facts(result)}


def _last_green(result: Result, known: CaseHistory) -> Point | None:
    older = before(known.found, result) if known.found else ()
    return next((point for point in reversed(older) if point.outcome == "PASS"), None)


def _why_not(known: CaseHistory) -> str:
    if known.found is None:
        return known.lack
    return f"no older PASS of it on this machine in the {DAYS} days before the run"


def _since(then: Entry, now: Entry, what: str) -> Since:
    verdict, day = then.verdict, then.result.started_at[: len("2026-03-01")]
    told = f"{what} ({', '.join(filter(None, (shown(day), f'{verdict.outcome} {verdict.code}')))})"
    return Since(told, differences(surroundings(then.result), surroundings(now.result)))
