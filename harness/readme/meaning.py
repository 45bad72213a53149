"""Putting together what cell, column, row and surroundings say of one figure: its kind, metric, unit, role and chip."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from harness.readme.columns import Column
from harness.readme.grouping import Figure
from harness.readme.labels import Facts, Labels
from harness.readme.quantities import Unit
from harness.readme.rows import Kind
from harness.readme.surroundings import Surroundings

# Nobody promises so small an accuracy: without a known metric and a unit such a number is a loss or a score.
LEAST_PERCENT = 10.0
# Rows with the same labels follow each other; what columns mean for so many of them is kept.
LATELY = 512
# Models are trained on these; without a word they stand for the training beside an offline model's chip.
TRAINING_CHIPS = frozenset(("Ascend910", "Ascend910A", "Ascend910B"))
STRANGERS = frozenset(("reference", "training"))


@dataclass(frozen=True, eq=False)
class RowLabels:
    """What the labels of a row say: of its chip and batch, its name, and its conditions."""

    facts: tuple[Facts, ...] = ()
    chip: str = ""
    printed_chip: str = ""
    batch: int | None = None
    model: str = ""
    name: str = ""
    dataset: str = ""
    conditions: tuple[str, ...] = ()
    best: bool = False
    card: bool = False

    @property
    def roles(self) -> frozenset[str]:
        """Whose figures they are."""
        return frozenset().union(*(one.roles for one in self.facts))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that the labels name."""
        return next((one.metrics for one in self.facts if one.metrics), ())

    @cached_property
    def kind(self) -> Kind | Literal[""]:
        """The kind of figures that the labels name; a metric's is accuracy."""
        return "accuracy" if self.metrics else next((one.kind for one in self.facts if one.kind), "")

    @cached_property
    def unit(self) -> Unit | None:
        """The unit that the labels name."""
        return next((one.unit for one in self.facts if one.unit), None)

    @cached_property
    def ratio(self) -> str:
        """The two sides of a ratio that the labels name, as printed."""
        return next((one.ratio for one in self.facts if one.ratio), "")


@dataclass(frozen=True, eq=False)
class TableFacts:
    """What a table says as a whole: its first header where that names figures, who else has columns, what is around."""

    around: Surroundings
    corner: Facts = field(default_factory=Facts)
    columns: tuple[Column, ...] = ()
    row_roles: frozenset[str] = frozenset()

    @cached_property
    def values(self) -> tuple[Column, ...]:
        """The columns of figures."""
        return tuple(column for column in self.columns if column.part == "value")

    @cached_property
    def has_batches(self) -> bool:
        """Tell whether the batch stands in the table, in a column of its own or as several."""
        return any(column.part == "batch" or column.batch for column in self.columns)

    def has_offline(self, kind: str) -> bool:
        """Tell whether somewhere figures of the offline model stand, of this kind or of none named."""
        named = [one for one in self.values if "offline" in one.facts.roles and not one.facts.roles & STRANGERS]
        return "offline" in self.row_roles or any(not kind or one.facts.kind in ("", kind) for one in named)

    def has_offline_beside(self, chip: str) -> bool:
        """Tell whether another chip has a column that says that the offline model's figures stand there."""
        return any("offline" in one.facts.roles and one.facts.chip not in ("", chip) for one in self.values)

    def has_promise(self, kind: str, but: Column) -> bool:
        """Tell whether another column of this kind has figures that are nobody else's."""
        others = (one for one in self.values if one.index != but.index and one.facts.kind in ("", kind))
        return any(not one.facts.roles & (STRANGERS | {"weak"}) for one in others)

    def is_training_table(self) -> bool:
        """Tell whether the columns are those of a training README: what GPU and NPU reached, and the paper."""
        chips = {chip: one.facts.roles for one in self.columns for chip in one.facts.chips}
        papers = any("reference" in one.facts.roles for one in self.values)
        reached = all("measured" in chips.get(chip, frozenset()) for chip in ("GPU", "NPU"))
        return {"GPU", "NPU"} <= chips.keys() and (papers or reached)


class Meaning:
    """Judges one figure in its table."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.words = labels.words
        self.metrics = lru_cache(maxsize=LATELY)(self._metrics)

    def kind(self, figure: Figure, column: Column, row: RowLabels, table: TableFacts) -> tuple[Kind, str]:
        """Return the kind of a figure, and a reason for doubt."""
        unit, facts = figure.unit, column.facts
        if unit and unit.kind != "accuracy":
            return unit.kind, ""
        if figure.known or facts.metrics or (unit and unit.kind == "accuracy" and facts.kind != "throughput"):
            return "accuracy", ""
        if stated := facts.kind or row.kind or table.corner.kind:
            return stated, ""
        if figure.name:
            return "accuracy", "a figure whose name is not in the vocabulary"
        siblings = {one.facts.kind for one in table.values if one.facts.kind}
        if facts.chips and siblings == {"accuracy"} and (row.batch or column.batch):
            return "throughput", ""
        around = table.around.kind(self.labels)
        if around:
            return around, ""
        return self._guess(figure, column, row, siblings)

    def _guess(self, figure: Figure, column: Column, row: RowLabels, siblings: set[Kind]) -> tuple[Kind, str]:
        if (row.batch or column.batch) and figure.value > 1 and "accuracy" not in siblings:
            by_batch = "no word says what the figure is; by batch, so a rate"
            return "throughput", "" if column.facts.chips or row.chip else by_batch
        return "accuracy", "" if column.facts.roles or row.roles else "no word says what the figure is"

    def _metrics(self, column: Column, row: RowLabels, table: TableFacts) -> tuple[tuple[str, ...], str]:
        """Return the metrics of a cell's figures that have no names of their own, and a reason for doubt."""
        if column.facts.metrics:
            return column.facts.metrics, ""
        unknown = "the column's header is not in the vocabulary" if column.unknown else ""
        if row.metrics:
            return row.metrics, unknown
        if column.unknown:
            return (column.header.strip(" *").lower()[:80],), unknown
        if row.name:
            doubt = "" if table.corner.kind == "accuracy" else "the row's label is taken for a metric"
            return (row.name.lower()[:80],), doubt
        if table.corner.metrics:
            return table.corner.metrics, ""
        near = table.around.metric(self.labels)
        return (near or "accuracy",), ""

    def accuracy_unit(self, metric: str, figure: Figure, column: Column, row: RowLabels) -> tuple[str, str]:
        """Return the unit of an accuracy (`%`, `fraction` or none), and a reason for doubt."""
        return self.share_unit(metric, figure, figure.unit or column.facts.unit or row.unit)

    def share_unit(self, metric: str, figure: Figure, stated: Unit | None) -> tuple[str, str]:
        """Return the unit of a share or score for which `stated` is printed, and a reason for doubt."""
        if stated and stated.name == "%":
            return "%", "" if figure.value <= 100 or metric in ("wer", "cer") else "more than a hundred per cent"
        if metric in self.words.unbounded or any(name in self.words.unbounded for name in metric.split("_")):
            return "", ""
        if 0 <= figure.value <= 1:
            return "fraction", ""
        if figure.value > 100:
            return "", "more than a hundred, and no unit is printed"
        unnamed = metric == "accuracy"
        if figure.value < LEAST_PERCENT and (unnamed or not self.words.metrics.has(metric)):
            return "", "no metric and no unit are printed" if unnamed else ""
        return "%", ""

    def is_reference(self, kind: str, column: Column, row: RowLabels, table: TableFacts) -> bool:
        """Tell whether a figure is somebody else's: the paper's, a GPU's, the training's."""
        roles, chip = column.facts.roles | row.roles, column.facts.chip or row.chip
        if roles & STRANGERS or chip in self.words.reference_chips:
            return True
        if "weak" in roles and table.has_promise(kind, column):
            return True
        if "offline" in roles:
            return False
        if chip == "NPU" and (table.has_offline(kind) or table.is_training_table()):
            return True
        if chip in TRAINING_CHIPS and table.has_offline_beside(chip):
            return True
        stated = column.facts.roles or row.roles or column.facts.chips or row.chip
        return table.around.is_reference(self.labels) if not stated or _is_training(table, self.labels) else False

    def chip(self, column: Column, row: RowLabels, table: TableFacts, reference: bool) -> tuple[str, str]:
        """Return the chip of a figure, canonical and as printed; a reference has only a chip of its own."""
        vague = column.facts.chip == "NPU" and row.chip and row.chip not in self.words.reference_chips
        if column.facts.chip and not vague:
            return column.facts.chip, column.facts.printed_chip
        own = bool(column.facts.roles & STRANGERS or "weak" in column.facts.roles)
        if row.chip and not (reference and own):
            return row.chip, row.printed_chip
        if own or row.roles & STRANGERS:
            return "", ""
        keys = next((one.facts for one in table.columns if one.part == "batch" and one.facts.chip), None)
        if keys:
            return keys.chip, keys.printed_chip
        return table.around.chip(self.labels)


def _is_training(table: TableFacts, labels: Labels) -> bool:
    texts = (*table.around.lines[:1], *table.around.headings[:1])
    return any("training" in labels.read(text).roles and len(text) < 40 for text in texts)


def joined(reasons: Sequence[str]) -> str:
    """Return the reasons for doubt as one text."""
    return "; ".join(dict.fromkeys(filter(None, reasons))) if any(reasons) else ""
