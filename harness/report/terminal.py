"""A run on one screen of a terminal: how many of what, and what to look at, the worst first."""

from collections.abc import Iterator

from harness.report.document import STATES, CasePart, RunReport
from harness.report.views import LABELS, SYMBOLS, headline, kind_of

WIDTH, HEIGHT = 110, 24


def one_screen(report: RunReport) -> str:
    """Return at most 24 lines of at most 110 characters."""
    lines = [_cut(f"{report.run}  {report.started_at}"), _cut(_counts(report)), *map(_cut, _notes(report))]
    cases = [case for case in report.cases if case.state not in ("green", "unpromised")]
    cases.sort(key=lambda case: STATES.index(case.state))
    room = HEIGHT - len(lines)
    fitting = cases if 2 * len(cases) <= room else cases[: (room - 1) // 2]
    for case in fitting:
        lines += [_cut(_named(case)), _cut(f"    {case.reason}")]
    if len(fitting) < len(cases):
        lines.append(f"and {len(cases) - len(fitting)} more")
    return "\n".join(lines)


def _counts(report: RunReport) -> str:
    return (
        "  ".join(f"{SYMBOLS[state]} {count} {LABELS[state]}" for state, count in report.counts.items()) or "no results"
    )


def _notes(report: RunReport) -> Iterator[str]:
    found = headline(report)
    if found.emulated:
        yield f"EMULATED: {found.emulated} of {len(report.cases)} cases; no number of theirs is an NPU's"
    if found.seeded:
        yield f"SEEDED: {found.seeded} of {len(report.cases)} cases have random weights"
    if found.unrecorded:
        yield f"{found.unrecorded} planned and without a result"
    if report.lacks:
        yield f"cannot run here: {', '.join(report.lacks)}"


def _named(case: CasePart) -> str:
    kind = f" {kind_of(case).upper()}" if kind_of(case) else ""
    verdict = f"{SYMBOLS[case.state]} {case.outcome} {case.code}"
    return f"{verdict}  {case.test}{kind}  {case.measured_text} / {case.promised_text}"


def _cut(text: str) -> str:
    line = " ".join(text.splitlines())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
