"""Which numbers of a clause are results, and their typed rows: the words around a number must show what it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from harness.readme.document import Line
from harness.readme.figures import Cells
from harness.readme.grouping import Figure
from harness.readme.labels import BATCH, Facts, Labels
from harness.readme.meaning import STRANGERS, Meaning, joined
from harness.readme.quantities import UNIT
from harness.readme.rows import Kind, Row, Where
from harness.readme.surroundings import Surroundings

# `bs4 28.8` is a result where it stands alone; in a longer sentence the number may be anything.
LONGEST_ENTRY = 60
_CALCULATION = re.compile(r"\d\s?[x×*]\s?\d[\d.]*\s?=\s?\d|\d\)?\s?=\s?\d")
_PAID = re.compile(
    r"性能|吞吐|推理|单卡|耗时|时延|延迟|时长|时间|平均|latency|throughput|perform|speed|inference|infer|time|fps|card",
    re.IGNORECASE,
)
_EXACT = re.compile(r"\d\.\d|%")
_RATED = re.compile(rf"[\d.]\s?{UNIT.pattern}", re.IGNORECASE)
_STATED = re.compile(r"(?:为|是|:|=|达到?|is|of)\s{0,3}~?\s?\d")
_BOUND = re.compile(r"[<>]\s?\d")
_CARD = re.compile(r"单卡|整卡|card|[x×*]\s?4(?!\d)")
_PB = re.compile(r"(?<![a-z])pb(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A line in its document: what is around it, and the chip that a line above it named for what follows.

    `labelled` tells that the line above holds nothing but the chip.
    """

    line: Line
    around: Surroundings
    chip: Facts = field(default_factory=Facts)
    labelled: bool = False

    def where(self, text: str) -> Where:
        """Return the place of a text on the line."""
        return Where(line=self.line.number, text=text)


class SentenceRows:
    """Makes rows of clauses with a vocabulary."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.cells, self.words = labels, cells, labels.words
        self.meaning = Meaning(labels)

    def rows(self, clause: str, facts: Facts, text: str, place: Place) -> Iterator[Row]:
        """Yield the results of a clause of a text."""
        if self.words.prose["compare"].has(clause) or _BOUND.search(clause):
            return
        masked = self.words.chips.masked(BATCH.sub(" ", clause))
        if not (facts.batch or _EXACT.search(masked) or _RATED.search(masked)):
            return
        reading = self.cells.read(masked)
        for figure in reading.figures if reading.state == "figures" else ():
            kind = self._speed(figure, masked, facts, text, place) or self._accuracy(figure, masked, facts)
            if kind:
                yield self._row(figure, kind, facts, text, place)

    def _speed(self, figure: Figure, clause: str, facts: Facts, text: str, place: Place) -> Kind | Literal[""]:
        """Return whether a figure is a rate or a duration of the inference: by its unit, or by a batch beside it."""
        unit = figure.unit
        if unit and unit.kind in ("latency", "throughput"):
            near = place.around.kind(self.labels)
            told = _PAID.search(text) or facts.batch or near in ("latency", "throughput")
            paid = told and not self.words.prose["unpaid"].has(text) and unit.per != "per step"
            return unit.kind if paid else ""
        if unit or figure.known or not facts.batch:
            return ""
        calculated = _PAID.search(text) and _CALCULATION.search(clause)
        entry = len(text) < LONGEST_ENTRY and (place.labelled or (facts.chips and _PAID.search(text)))
        return "throughput" if calculated or entry else ""

    def _accuracy(self, figure: Figure, clause: str, facts: Facts) -> Kind | Literal[""]:
        """Return whether a figure is an accuracy: beside a metric's name, or stated after a word for accuracy."""
        if (figure.unit and figure.unit.kind != "accuracy") or not _EXACT.search(clause):
            return ""
        if figure.known:
            return "accuracy"
        told = any(one.name == "accuracy" for one in self.words.kinds.find(clause)) or "acc" in facts.metrics
        return "accuracy" if told and _STATED.search(clause) and not figure.name else ""

    def _row(self, figure: Figure, kind: Kind, facts: Facts, text: str, place: Place) -> Row:
        own = facts if facts.chip else place.chip
        chip = own.chip if facts.chip or not facts.roles & STRANGERS else ""
        metric = kind if kind != "accuracy" else figure.name.lower() or next(iter(facts.metrics), "accuracy")
        unit, doubt = self._unit(kind, metric, figure)
        reason = joined([figure.reason, doubt, self._doubt_of_code(text, place)])
        conditions = [*facts.variants, "pb" if _PB.search(text) else "", figure.unit.per if figure.unit else ""]
        return Row(
            kind=kind,
            metric=metric,
            value=figure.value,
            unit=unit,
            role="reference" if self._is_reference(facts, own, place) else "promise",
            chip=chip,
            printed_chip=own.printed_chip if chip else "",
            scope="card" if kind == "throughput" and self._is_of_card(chip, text) else "chip",
            batch=figure.batch or facts.batch,
            condition=", ".join(dict.fromkeys(one for one in conditions if one)),
            certain=not reason,
            reason=reason,
            where=place.where(text),
        )

    def _is_reference(self, facts: Facts, chip: Facts, place: Place) -> bool:
        if facts.roles & STRANGERS or chip.chip in self.words.reference_chips or place.around.is_overview(self.labels):
            return True
        return place.around.is_reference(self.labels) and "offline" not in facts.roles and not facts.chip

    def _unit(self, kind: Kind, metric: str, figure: Figure) -> tuple[str, str]:
        if kind == "latency":
            return "ms", ""
        if kind == "throughput":
            return (figure.unit.name if figure.unit else "images/s"), ""
        return self.meaning.share_unit(metric, figure, figure.unit)

    def _is_of_card(self, chip: str, text: str) -> bool:
        return chip in self.words.reference_chips or (chip == "Ascend310" and _CARD.search(text) is not None)

    def _doubt_of_code(self, text: str, place: Place) -> str:
        """Return a reason for doubt in a line of code, unless it is a chip's label and a figure, as people write."""
        facts = self.labels.read(text)
        written = facts.chip and (facts.metrics or facts.batch) and not facts.rest
        return "stands in a block of code" if place.line.code and not written else ""
