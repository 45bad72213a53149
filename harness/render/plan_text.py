"""The plan of a run as text: the cases, what is missing with its remedy, and what nobody promises."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from harness.costs import Totals
from harness.errors import MissingNeedError
from harness.results import Case
from harness.units import counted, duration

ORIGINS = {"history": "by the history", "readme": "by printed rates", "guess": "by guesses"}


def render(
    cases: Sequence[tuple[Case, str]],
    lacks: Sequence[tuple[MissingNeedError, Sequence[Case]]],
    unpromised: Sequence[Case],
    on_request: Sequence[Case] = (),
) -> str:
    """Return the plan: cases with what they need, what cannot run with the cases it holds up, and the unpromised.

    Last, and only where there are any, the cases that run a repository's own scripts, when someone asks for it.
    """
    parts = [_cases(cases), _lacks(lacks), _unpromised(unpromised), *([_scripts(on_request)] if on_request else [])]
    return "\n\n".join("\n".join(part) for part in parts)


def sums(totals: Totals) -> str:
    """Return what a plan will cost: hours, GB that are added to the store, ATC and NPU minutes, and how that is known.

    >>> sums(Totals(1.5, 2.25, 12.0, 40.0, {"history": 30, "guess": 2}))
    'about 1.5 hours, 2.25 GB, 12 ATC minutes and 40 NPU minutes (30 cases by the history, 2 by guesses)'
    """
    numbers = [_short(value) for value in (totals.hours, totals.gigabytes, totals.atc_minutes, totals.npu_minutes)]
    known = [(totals.origins.get(name, 0), how) for name, how in ORIGINS.items()]
    origins = [(count, how) for count, how in known if count]
    told = [f"{count if i else counted(count, 'case')} {how}" for i, (count, how) in enumerate(origins)]
    hours, gigabytes, atc, npu = numbers
    why = f" ({', '.join(told)})" if told else ""
    return f"about {hours} hours, {gigabytes} GB, {atc} ATC minutes and {npu} NPU minutes{why}"


def left_out(names: Mapping[str, float], budget: str) -> Iterator[str]:
    """Yield what a budget leaves out, by the names of the tests and their predicted seconds."""
    yield f"{counted(len(names), 'case')} left out by --budget {budget}, {duration(sum(names.values()))} in all"
    width = max(map(len, names), default=0)
    yield from (f"  {name:<{width}}  {duration(seconds)}" for name, seconds in names.items())


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"


def _cases(cases: Sequence[tuple[Case, str]]) -> Iterator[str]:
    yield counted(len(cases), "case")
    width = max((len(case.id) for case, _ in cases), default=0)
    for case, need in cases:
        yield f"  {case.check:<17}  {case.id:<{width}}  {need}"


def _lacks(lacks: Sequence[tuple[MissingNeedError, Sequence[Case]]]) -> Iterator[str]:
    yield f"{counted(len(lacks), 'card or runtime', 'cards or runtimes')} cannot run here"
    for reason, held_up in lacks:
        yield f"  {reason.where}: {reason.what}{f', got {reason.got}' if reason.got else ''}"
        yield f"      {reason.do}"
        if held_up:
            yield f"      without it, {counted(len(held_up), 'case')} cannot run:"
            yield from (f"        {line}" for line in _by_model(held_up))


def _unpromised(cases: Sequence[Case]) -> Iterator[str]:
    yield f"{counted(len(cases), 'case')} that no card promises"
    if cases:
        yield "  --unpromised runs them, and omgate adopt makes baselines of what they measure"
    yield from (f"  {line}" for line in _by_model(cases))


def _scripts(cases: Sequence[Case]) -> Iterator[str]:
    yield f"{counted(len(cases), 'case')} that would run a repository's own scripts"
    yield "  --run-scripts runs them: it is the repository's code, in a private copy, with your rights"
    yield from (f"  {line}" for line in _by_model(cases))


def _by_model(cases: Sequence[Case]) -> list[str]:
    """Return one line per check, model and runtime, with its batch sizes."""
    batches: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for case in cases:
        batches[case.check, case.model, case.runtime].append(case.batch)
    return [
        f"{check:<17}  {model} on {runtime} at batch {', '.join(map(str, sizes))}"
        for (check, model, runtime), sizes in batches.items()
    ]
