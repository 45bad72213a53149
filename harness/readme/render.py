"""Rows as the table of a README: chip, batch size, data set, accuracy, performance, and what else tells rows apart."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from harness.cards import Baseline, Expect, ModelCard
from harness.readme import vocabulary
from harness.readme.claims import FAILURES, SPEEDS
from harness.readme.rows import Row, Where
from harness.units import WHOLES

# The five columns that about 175 tables of ModelZoo READMEs have, in their own words.
CHIP, BATCH, DATASET, ACCURACY, PERFORMANCE = "芯片型号", "Batch Size", "数据集", "精度", "性能"
MODEL, LATENCY = "模型", "时延"
CANNOT = {FAILURES["oom"]: "内存不足", FAILURES["unsupported"]: "不支持"}
# A card's figure is that of its four chips, which READMEs write behind the chip's name.
PER_CARD = "*4"
_SETTING = re.compile(r"([^=,|]{1,80})=([^=,|]{1,110})")
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass
class _Line:
    """A line of the table: what tells it apart, and the texts of its figures."""

    labels: dict[str, str]
    accuracies: dict[str, str] = field(default_factory=dict)
    performance: str = ""
    latency: str = ""

    def take(self, row: Row) -> bool:
        """Add a row's figure, or refuse where one of its kind is there already."""
        if row.kind == "accuracy":
            taken = row.metric in self.accuracies
            self.accuracies.setdefault(row.metric, f"{row.metric}: {figure(row)}")
        elif row.kind == "latency":
            taken, self.latency = bool(self.latency), self.latency or figure(row)
        else:
            taken, self.performance = bool(self.performance), self.performance or figure(row)
        return not taken

    def cells(self, columns: Sequence[str]) -> list[str]:
        """Return the texts in the order of the columns; several accuracies stand below each other."""
        values = {ACCURACY: "<br>".join(self.accuracies.values()), PERFORMANCE: self.performance, LATENCY: self.latency}
        return [{**self.labels, **values}.get(column, "") for column in columns]


def table(rows: Iterable[Row]) -> str:
    """Return the rows that a table can hold (`in_table`), as Markdown, without a line end behind it.

    An empty label is read as the one above it, so lines that lack a label stand in a table of their own.
    """
    lines: dict[tuple[tuple[str, str], ...], list[_Line]] = {}
    for row in filter(in_table, rows):
        labels = _labels(row)
        same = lines.setdefault(tuple(labels.items()), [])
        if not any(line.take(row) for line in same):
            same.append(_Line(labels))
            same[-1].take(row)
    groups: dict[frozenset[str], list[_Line]] = {}
    for line in (line for same in lines.values() for line in same):
        groups.setdefault(frozenset(name for name, text in line.labels.items() if text and name != BATCH), []).append(
            line
        )
    return "\n\n".join(_markdown(group) for group in groups.values() or [[]])


def _markdown(lines: Sequence[_Line]) -> str:
    columns = _columns(lines)
    cells = [columns, ["---"] * len(columns), *(line.cells(columns) for line in lines)]
    return "\n".join("| " + " | ".join(_escaped(text) for text in texts) + " |" for texts in cells)


def in_table(row: Row) -> bool:
    """Tell whether a table holds a row: a figure of a chip, told apart by batch, model, data and settings.

    Another maker's chip has references only, and its rates are those of a card.
    """
    words = vocabulary.read()
    foreign = row.chip in words.reference_chips
    card = foreign if row.kind == "throughput" else False
    scopes = ("card", "chip") if row.chip == "Ascend310" and row.kind == "throughput" else ("card" if card else "chip",)
    known = bool(row.chip) and bool(words.chips.whole(row.chip.removeprefix("Ascend")) or foreign)
    plain = row.kind != "ratio" and not row.cls and not row.definition
    role = "reference" if foreign else "promise"
    return plain and known and row.scope in scopes and row.role == role and _settings(row) is not None


def of_card(card: ModelCard) -> tuple[Row, ...]:
    """Return a card's promises, in its order, and then its expected failures, as the rows of a README."""
    found = [_of_baseline(row, card) for row in card.baseline if row.role == "promise"]
    return (*found, *(_of_expectation(row, card) for row in card.expect if row.outcome in FAILURES))


def figure(row: Row) -> str:
    """Return a figure as a cell prints it: with its unit, except for images per second."""
    if row.value is None:
        return next((text for reason, text in CANNOT.items() if reason in row.condition), CANNOT["does not run"])
    unit = {"": "", "fraction": "", "%": "%", "images/s": ""}.get(row.unit, f" {row.unit}")
    return f"{number(row)}{unit}"


def number(row: Row) -> str:
    """Return a row's number, with the digits of its printed text where that holds it."""
    printed = (text for text in _TOKEN.findall(row.where.text) if float(text.replace(",", "")) == row.value)
    return next(printed, "") or f"{Decimal(repr(row.value)).normalize():f}"


def _of_baseline(row: Baseline, card: ModelCard) -> Row:
    kind = SPEEDS.get(row.metric, "accuracy")
    return Row(
        kind=kind,
        metric=row.metric,
        value=row.value,
        unit=row.unit if row.unit in WHOLES else row.compared_in,
        chip="" if row.chip == "any" else row.chip,
        printed_chip=row.printed if row.chip != "any" else "",
        scope=row.scope,
        batch=row.batch if isinstance(row.batch, int) else None,
        dataset=card.dataset.kind,
        cls=row.class_,
        condition=row.condition,
        where=Where(line=max(row.source.line, 1), column=row.source.column, text=row.source.text),
    )


def _of_expectation(row: Expect, card: ModelCard) -> Row:
    return Row(
        kind="unsupported",
        metric="throughput",
        value=None,
        chip=row.chip,
        printed_chip=row.chip,
        batch=row.batch,
        dataset=card.dataset.kind,
        condition=FAILURES[row.outcome],
        where=Where(line=max(row.source.line, 1), column=row.source.column, text=row.source.text),
    )


def _labels(row: Row) -> dict[str, str]:
    card = PER_CARD if row.scope == "card" and row.role == "promise" else ""
    chip = (row.printed_chip or row.chip).removesuffix(PER_CARD) + card
    labels = {CHIP: chip, MODEL: row.model, BATCH: "" if row.batch is None else str(row.batch), DATASET: row.dataset}
    return {**labels, **(_settings(row) or {})}


def _settings(row: Row) -> dict[str, str] | None:
    """Return the settings of a row's condition (`seq=128`), or None where it says something else."""
    found = {}
    for one in filter(None, row.condition.split(", ")):
        match = _SETTING.fullmatch(one)
        if match:
            found[match[1]] = match[2]
        elif row.kind != "unsupported" or one not in CANNOT:
            return None
    return found


def _columns(lines: Sequence[_Line]) -> list[str]:
    """Return the five columns, and those for a model, settings and latencies where there are any."""
    known = (CHIP, MODEL, BATCH, DATASET)
    settings = dict.fromkeys(name for line in lines for name in line.labels if name not in known)
    model = [MODEL] if any(line.labels[MODEL] for line in lines) else []
    latency = [LATENCY] if any(line.latency for line in lines) else []
    return [CHIP, *model, BATCH, DATASET, *settings, ACCURACY, PERFORMANCE, *latency]


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
