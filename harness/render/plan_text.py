"""The plan of a run as text: the cases, what is missing with its remedy, and what nobody promises."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from harness.errors import MissingNeedError
from harness.results import Case


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


def _cases(cases: Sequence[tuple[Case, str]]) -> Iterator[str]:
    yield _counted(len(cases), "case")
    width = max((len(case.id) for case, _ in cases), default=0)
    for case, need in cases:
        yield f"  {case.check:<17}  {case.id:<{width}}  {need}"


def _lacks(lacks: Sequence[tuple[MissingNeedError, Sequence[Case]]]) -> Iterator[str]:
    yield f"{_counted(len(lacks), 'card or runtime', 'cards or runtimes')} cannot run here"
    for reason, held_up in lacks:
        yield f"  {reason.where}: {reason.what}{f', got {reason.got}' if reason.got else ''}"
        yield f"      {reason.do}"
        if held_up:
            yield f"      without it, {_counted(len(held_up), 'case')} cannot run:"
            yield from (f"        {line}" for line in _by_model(held_up))


def _unpromised(cases: Sequence[Case]) -> Iterator[str]:
    yield f"{_counted(len(cases), 'case')} that no card promises"
    if cases:
        yield "  --unpromised runs them, and omgate adopt makes baselines of what they measure"
    yield from (f"  {line}" for line in _by_model(cases))


def _scripts(cases: Sequence[Case]) -> Iterator[str]:
    yield f"{_counted(len(cases), 'case')} that would run a repository's own scripts"
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


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
