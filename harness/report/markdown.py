"""The same verdicts as Markdown: the whole run in the READMEs' layout, and the summary of a step on GitHub."""

from collections.abc import Mapping
from pathlib import Path

from harness.cards import ModelCard
from harness.render import table
from harness.report.document import STATES, CasePart, RunReport, State
from harness.report.shown import shown
from harness.report.views import LABELS, headline, kind_of
from harness.results import Entry, Judgement
from harness.runs import read_entries

EMOJI: dict[State, str] = {
    "red": "❌", "undecided": "❓", "waived": "🏳️", "not-run": "⏭️", "unpromised": "⚪", "green": "✅",
}  # fmt: skip
SUMMARY_BYTES = 900 * 1024
"""GitHub refuses a step summary of more than 1 MiB."""


def whole(folder: Path, cards: Mapping[str, ModelCard]) -> str:
    """Return every model's table, every case and every judgement; raises UsageError for a folder that is no run's."""
    return table.markdown([_fit(entry) for entry in read_entries(folder)], cards)


def step_summary(report: RunReport) -> str:
    """Return the headline and a table of cases, those to look at first, cut before GitHub's limit."""
    lines = [f"## omgate: {_plain(report.run)}", "", _counted(report), ""]
    found = headline(report)
    for count, what in ((found.emulated, "EMULATED: no number of theirs is an NPU's"), (found.seeded, "SEEDED")):
        if count:
            lines += [f"> ⚠️ **{count} of {len(report.cases)} cases are {what}.**", ""]
    lines += [f"- {count} not run: {_plain(reason)}" for reason, count in found.not_run]
    lines += [f"- {found.unrecorded} planned and without a result"] if found.unrecorded else []
    lines += [f"- cannot run here: **{_plain(name)}**: {_plain(reason)}" for name, reason in report.lacks.items()]
    lines += [""]
    rows = [_row(case) for case in sorted(report.cases, key=lambda case: STATES.index(case.state))]
    lines += ["| | case | check | measured | promised | why |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *_within(rows, SUMMARY_BYTES - len("\n".join(lines).encode()))]) + "\n"


def _counted(report: RunReport) -> str:
    return (
        ", ".join(f"{EMOJI[state]} {count} {LABELS[state]}" for state, count in report.counts.items()) or "no results"
    )


def _row(case: CasePart) -> str:
    kind = f" **{kind_of(case).upper()}**" if kind_of(case) else ""
    waived = f"; waived by {case.waived_by}" if case.waived_by else ""
    cells = (f"{EMOJI[case.state]} {case.code}", f"{_plain(case.id)}{kind}", case.check, case.measured_text)
    return f"| {' | '.join(cells)} | {case.promised_text} | {_plain(f'{case.reason}{waived}')} |"


def _within(rows: list[str], limit: int) -> list[str]:
    kept: list[str] = []
    for at, row in enumerate(rows):
        limit -= len(row.encode()) + 1
        if limit < 0:
            return [*kept, "", f"and {len(rows) - at} more cases"]
        kept.append(row)
    return kept


def _plain(text: str) -> str:
    """Return a text as Markdown shows it literally, on one line: no HTML, no table cell, no link, no image."""
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for sign in ("\\", "|", "`", "*", "_", "[", "]"):
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped


def _fit(entry: Entry) -> Entry:
    """Return an entry whose texts may be shown, without HTML."""
    verdict = entry.verdict
    texts = {"reason": _text(verdict.reason), "waived_by": _text(verdict.waived_by)}
    judgements = tuple(_judged(one) for one in verdict.judgements)
    case = entry.result.case
    named = case.model_copy(
        update={name: _text(getattr(case, name)) for name in ("model", "runtime", "chip", "weights")}
    )
    return entry.model_copy(
        update={
            "result": entry.result.model_copy(update={"case": named}),
            "verdict": verdict.model_copy(update={**texts, "judgements": judgements}),
        }
    )


def _judged(one: Judgement) -> Judgement:
    return one.model_copy(update={name: _text(getattr(one, name)) for name in ("name", "note", "unit")})


def _text(text: str) -> str:
    return shown(text).replace("&", "&amp;").replace("<", "&lt;")
