"""Measured against promised as tables: in the columns of the READMEs, a line per case, and for a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.cards import CHECKS, ModelCard
from harness.results import Case, Entry
from harness.units import ABSENT, written

README_COLUMNS = ("芯片型号 Chip", "Batch Size", "数据集 Dataset", "精度 Accuracy", "性能 Performance")
JUDGEMENT_COLUMNS = ("Case", "Check", "Judgement", "Outcome", "What was seen")
CASE_COLUMNS = ("Case", "Check", "Measured", "Promised", "Verdict", "Reason")


@dataclass(frozen=True)
class Row:
    """One case as text: what was measured, what was promised, the verdict and its reason."""

    case: str
    check: str
    measured: str
    promised: str
    verdict: str
    reason: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row's texts in the order of `CASE_COLUMNS`."""
        return self.case, self.check, self.measured, self.promised, self.verdict, self.reason


def row(entry: Entry) -> Row:
    """Return a case's row: the headline judgement's numbers, as every other report prints them."""
    case, verdict = entry.result.case, entry.verdict
    head = verdict.judgements[0] if verdict.judgements else None
    waived = f", waived by {verdict.waived_by}" if verdict.waived_by else ""
    return Row(
        case=case.id,
        check=case.check,
        measured=written(head.observed, head.unit) if head else ABSENT,
        promised=written(head.target, head.unit) if head else ABSENT,
        verdict=f"{verdict.outcome} {verdict.code}{waived}",
        reason=verdict.reason,
    )


def markdown(entries: Sequence[Entry], cards: Mapping[str, ModelCard]) -> str:
    """Return a report in Markdown: per model the README's table, then every case, then every judgement of them."""
    ordered = _ordered(entries, cards)
    parts = ["# Measured against promised", ""]
    for model in dict.fromkeys(entry.result.case.model for entry in ordered):
        mine = [entry for entry in ordered if entry.result.case.model == model]
        dataset = cards[model].dataset.kind if model in cards else ""
        parts += [f"## {model}", "", readme_table(mine, dataset), ""]
    parts += ["## Cases", "", case_table(ordered), "", "## Judgements", "", judgement_table(ordered), ""]
    return "\n".join(parts)


def readme_table(entries: Iterable[Entry], dataset: str) -> str:
    """Return one model's table in the READMEs' columns: chip, batch size, data set, accuracy, performance."""
    return _table(README_COLUMNS, readme_rows(entries, dataset))


def readme_rows(entries: Iterable[Entry], dataset: str) -> list[tuple[str, ...]]:
    """Return the rows of a model's table in the order of `README_COLUMNS`."""
    cells: dict[tuple[str, int], dict[str, str]] = {}
    for entry in entries:
        case = entry.result.case
        if case.check in ("accuracy", "throughput"):
            cells.setdefault((_platform(case), case.batch), {})[case.check] = _cell(entry)
    return [
        (platform, str(batch), dataset, found.get("accuracy", ABSENT), found.get("throughput", ABSENT))
        for (platform, batch), found in sorted(cells.items())
    ]


def case_table(entries: Iterable[Entry]) -> str:
    """Return one line per case: measured, promised, verdict and reason."""
    return _table(CASE_COLUMNS, [row(entry).cells for entry in entries])


def judgement_table(entries: Iterable[Entry]) -> str:
    """Return every judgement of every case: absolute, paired, standard, how far image order moves the number, …"""
    rows = [
        (entry.result.case.id, entry.result.case.check, judgement.name, judgement.outcome, judgement.note)
        for entry in entries
        for judgement in entry.verdict.judgements
    ]
    return _table(JUDGEMENT_COLUMNS, rows)


def terminal(entries: Sequence[Entry], cards: Mapping[str, ModelCard]) -> str:
    """Return one aligned line per case, and below each that did not pass its reason."""
    rows = [row(entry) for entry in _ordered(entries, cards)]
    short = [CASE_COLUMNS[:5], *(one.cells[:5] for one in rows)]
    widths = [max(len(line[column]) for line in short) for column in range(5)]
    reasons = ["", *("" if one.verdict.startswith("PASS") else one.reason for one in rows)]
    return "\n".join(_lines(short, widths, reasons))


def looks(entries: Iterable[Entry]) -> list[str]:
    """Return a line per accuracy that was looked at more than once: how many images it took."""
    found = [(entry.result.case.test_name, entry.result.samples) for entry in entries]
    return [
        f"{name}: decided by {samples.used} of {samples.declared} images, looked at after {_counts(samples.looks)}"
        for name, samples in found
        if samples is not None and samples.looks
    ]


def _counts(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _lines(short: Sequence[Sequence[str]], widths: Sequence[int], reasons: Sequence[str]) -> Iterator[str]:
    for cells, reason in zip(short, reasons, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        if reason:
            yield f"    {_one_line(reason)}"


def _ordered(entries: Iterable[Entry], cards: Mapping[str, ModelCard]) -> list[Entry]:
    """Return the entries in the order of cards, runtimes, checks and batches; workers finish in any order."""
    position = {name: index for index, name in enumerate(cards)}

    def place(entry: Entry) -> tuple[int, str, str, int, int]:
        case = entry.result.case
        return position.get(case.model, len(position)), case.model, case.runtime, CHECKS.index(case.check), case.batch

    return sorted(entries, key=place)


def _platform(case: Case) -> str:
    marks = ([] if case.weights == "card" else [case.weights[:8]]) + (["emulated"] if case.emulated else [])
    return " ".join([case.chip, case.runtime, *marks])


def _cell(entry: Entry) -> str:
    one = row(entry)
    promised = "" if one.promised == ABSENT else f" (promised {one.promised})"
    return f"{one.measured}{promised} {one.verdict}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in cells) + " |" for cells in lines)


def _escaped(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())
