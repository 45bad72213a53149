"""How a run ended, in a few lines: regressions apart from the host's faults, and what nobody decided."""

from collections.abc import Iterable, Iterator, Sequence

from harness.results import Entry, Verdict

FAULTS = ("infra", "device-drained")
SHOWN = 5


def lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield one line for each way in which cases did not pass, with how many and the first few of them."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        group = _group(entry.verdict)
        if group:
            groups.setdefault(group, []).append(entry.result.case.test_name)
    for group, template in TEMPLATES.items():
        names = groups.get(group)
        if names:
            yield f"{len(names)} {template.format(s='' if len(names) == 1 else 's')}: {_some(names)}"


TEMPLATES = {
    "regression": "regression{s}",
    "waived": "waived",
    "fault": "not measured by the host's fault",
    "budget": "left out by the budget",
    "undecided": "undecided",
}


def _group(verdict: Verdict) -> str:
    if verdict.outcome == "FAIL":
        return "waived" if verdict.waived_by else "regression"
    if verdict.code in FAULTS:
        return "fault"
    if verdict.code == "budget":
        return "budget"
    return "undecided" if verdict.outcome == "INCONCLUSIVE" else ""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
