"""The typed row of a figure in a table: its quantity, whose it is, and the conditions that it was reached under."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from harness.readme.columns import Column
from harness.readme.grid import Cell
from harness.readme.grouping import Figure
from harness.readme.labels import Labels
from harness.readme.meaning import LATELY, Meaning, RowLabels, TableFacts, joined
from harness.readme.ratios import Quotient, ratio_row
from harness.readme.rows import Kind, Role, Row, Where

_TOOLS = re.compile(r"msame|ais_bench|ais-bench|aclruntime|trtexec|benchmark工具", re.IGNORECASE)


class Spot(NamedTuple):
    """A cell in its table."""

    cell: Cell
    column: Column
    labels: RowLabels
    table: TableFacts

    @property
    def where(self) -> Where:
        """The place of the cell."""
        return Where(line=self.cell.line, column=self.column.header, text=self.cell.text)


class Named(NamedTuple):
    """What a figure was found to be: its kind, its metric's name, and the reasons for doubt."""

    kind: Kind
    name: str
    reasons: tuple[str, ...] = ()


class _Quantity(NamedTuple):
    metric: str
    unit: str
    value: float
    per: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class _Frame:
    """What all figures of a kind in a column have in common in rows with the same labels."""

    role: Role
    chip: str
    printed_chip: str
    batch: int | None
    model: str
    definition: str
    condition: str


class FigureRows:
    """Makes rows with a vocabulary."""

    def __init__(self, labels: Labels) -> None:
        self.labels, self.meaning = labels, Meaning(labels)
        self._frame = lru_cache(maxsize=LATELY)(self._framed)

    def row(self, spot: Spot, figure: Figure, named: Named) -> Row:
        """Return the row of a figure."""
        quantity = self._quantity(spot, figure, named)
        frame = self._frame(spot.column, spot.labels, spot.table, named.kind, quantity.per)
        reason = joined([*named.reasons, quantity.doubt])
        return Row(
            kind=named.kind,
            metric=quantity.metric,
            value=quantity.value,
            unit=quantity.unit,
            role=frame.role,
            chip=frame.chip,
            printed_chip=frame.printed_chip,
            scope="card" if self._is_of_card(frame.chip, named.kind, spot) else "chip",
            batch=figure.batch or frame.batch,
            model=frame.model,
            dataset=spot.labels.dataset,
            definition=frame.definition,
            condition=frame.condition,
            certain=not reason,
            reason=reason,
            where=spot.where,
        )

    def _framed(self, column: Column, labels: RowLabels, table: TableFacts, kind: Kind, per: str) -> _Frame:
        reference = per == "per step" or self.meaning.is_reference(kind, column, labels, table)
        chip, printed = self.meaning.chip(column, labels, table, reference)
        reference = reference or chip in self.labels.words.reference_chips
        conditions = [*labels.conditions, *column.facts.variants, per, "best batch" if labels.best else ""]
        of_model = table.corner.part == "model" and not column.facts.is_known
        return _Frame(
            role="reference" if reference else "promise",
            chip=chip,
            printed_chip=printed,
            batch=column.batch or labels.batch or (None if table.has_batches else table.around.batch(self.labels)),
            model=labels.model or (column.header if of_model else ""),
            definition=_tool(column.header),
            condition=", ".join(dict.fromkeys(one for one in conditions if one)),
        )

    def unsupported(self, spot: Spot, state: str) -> Row:
        """Return the row of a cell that says that it does not run."""
        labels, column = spot.labels, spot.column
        reference = self.meaning.is_reference("throughput", column, labels, spot.table)
        chip, printed = self.meaning.chip(column, labels, spot.table, reference)
        why = "out of memory" if state == "memory" else "does not run"
        return Row(
            kind="unsupported",
            metric="throughput",
            value=None,
            role="reference" if reference or chip in self.labels.words.reference_chips else "promise",
            chip=chip,
            printed_chip=printed,
            batch=column.batch or labels.batch,
            model=labels.model,
            dataset=labels.dataset,
            condition=", ".join([*labels.conditions, *column.facts.variants, why]),
            where=spot.where,
        )

    def ratio(self, spot: Spot, value: float) -> Row:
        """Return the row of a ratio."""
        labels = spot.labels
        named = spot.column.facts.ratio or labels.ratio
        batch, condition = spot.column.batch or labels.batch, "best batch" if labels.best else ""
        return ratio_row(self.labels, Quotient(named, value, batch, condition), spot.where)

    def _quantity(self, spot: Spot, figure: Figure, named: Named) -> _Quantity:
        stated = figure.unit or spot.column.facts.unit or spot.labels.unit
        if named.kind == "accuracy":
            unit, doubt = self.meaning.accuracy_unit(named.name, figure, spot.column, spot.labels)
            return _Quantity(named.name, unit, figure.value, doubt=doubt)
        if named.kind == "throughput":
            unit = stated.name if stated and stated.kind == "throughput" else "images/s"
            strange = figure.unit and figure.unit.kind != "throughput"
            return _Quantity("throughput", unit, figure.value, doubt="a rate in per cent" if strange else "")
        if named.kind == "ratio":
            return _Quantity("ratio", "x", figure.value)
        return self._latency(spot, figure)

    def _latency(self, spot: Spot, figure: Figure) -> _Quantity:
        stated = figure.unit or spot.column.facts.unit or spot.labels.unit
        stated = stated if stated and stated.kind == "latency" else spot.table.around.unit(self.labels)
        value = figure.value if figure.unit or not stated else float(f"{figure.value * stated.factor:.12g}")
        above = self.labels.read(spot.table.around.lines[0]).marks if spot.table.around.lines else frozenset()
        image = "per image" if "image" in spot.column.facts.marks | above else ""
        doubt = "" if stated else "no unit of time is printed; taken as ms"
        return _Quantity("latency", "ms", value, (stated.per if stated else "") or image, doubt)

    def _is_of_card(self, chip: str, kind: str, spot: Spot) -> bool:
        """Tell whether a rate is that of a card: of a GPU always, of an Ascend310 where the words say so."""
        if kind != "throughput" or chip in self.labels.words.reference_chips:
            return kind == "throughput"
        return chip == "Ascend310" and (spot.column.facts.card or spot.labels.card or "单卡" in spot.cell.text)


def _tool(text: str) -> str:
    match = _TOOLS.search(text)
    return match[0].lower().replace("-", "_").removesuffix("工具") if match else ""
