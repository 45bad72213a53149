"""What differs around a case from an earlier result of it: environment, toolchain, packages, commit, digests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.history.points import Point
from harness.history.store import History
from harness.report.document import DifferencePart, SincePart
from harness.report.histories import DAYS, CaseHistory, before
from harness.report.read import facts, flat
from harness.report.shown import shown
from harness.results import Entry, Result
from harness.runs import read_entries
from harness.units import ABSENT


def since_green(
    history: History, entries: Sequence[tuple[str, Entry]], known: Mapping[str, CaseHistory]
) -> dict[str, SincePart]:
    """Return for each case what differs from its last PASS on its machine that is older than the run's result."""
    green = {key: _last_green(entry.result, known[key]) for key, entry in entries}
    kept = history.kept(point.digest for point in green.values() if point)
    found = {}
    for key, entry in entries:
        point = green[key]
        then = kept.get(point.digest) if point else None
        if then is None:
            found[key] = SincePart(lack=_why_not(known[key]))
        else:
            found[key] = _since(
                Entry.model_validate_json(then.text), entry, f"the last green run here, {shown(then.run)}"
            )
    return found


def since_run(folder: Path, entries: Sequence[tuple[str, Entry]]) -> dict[str, SincePart]:
    """Return for each case what differs from its result in another run; raises UsageError for what is no run."""
    run = shown(folder.resolve().name)
    others = {one.result.case.key: one for one in read_entries(folder)}
    found = {}
    for key, entry in entries:
        other = others.get(entry.result.case.key)
        found[key] = (
            _since(other, entry, f"the run {run}") if other else SincePart(lack=f"the run {run} has no such case")
        )
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[DifferencePart, ...]:
    """Return the facts that are not the same before and after."""
    sides = ((name, before.get(name, ABSENT), after.get(name, ABSENT)) for name in dict.fromkeys([*before, *after]))
    return tuple(DifferencePart(name=name, before=then, after=now) for name, then, now in sides if then != now)


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


def _since(then: Entry, now: Entry, what: str) -> SincePart:
    verdict, day = then.verdict, then.result.started_at[: len("2026-03-01")]
    told = f"{what} ({', '.join(filter(None, (shown(day), f'{verdict.outcome} {verdict.code}')))})"
    return SincePart(what=told, differences=differences(surroundings(then.result), surroundings(now.result)))
