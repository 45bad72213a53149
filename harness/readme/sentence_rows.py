"""Which numbers of a clause are results, and their typed rows: the words around a number must show what it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.readme.document import Line
from harness.readme.figures import Cells
from harness.readme.grouping import MANY, Figure
from harness.readme.labels import BATCH, Facts, Labels
from harness.readme.meaning import STRANGERS, Meaning, joined
from harness.readme.quantities import UNIT, Unit
from harness.readme.rows import Kind, Row, Where
from harness.readme.surroundings import Surroundings

# `bs4 28.8` is a result where it stands alone; in a longer sentence the number may be anything.
LONGEST_ENTRY = 60
_CALCULATION = re.compile(r"\d\s?[x×*]\s?\d[\d.]*\s?=\s?\d|\d\)?\s?=\s?\d")
_PAID = re.compile(
    r"性能|吞吐|推理|单卡|耗时|时延|延迟|时长|时间|平均|latency|throughput|perform|speed|inference|infer|time|fps|card",
    re.IGNORECASE,
)
EXACT = re.compile(r"\d\.\d|%")
RATED = re.compile(rf"[\d.]\s?{UNIT.pattern}", re.IGNORECASE)
_STATED = re.compile(r"(?:为|是|:|=|达到?|精度|率|is|of)\s{0,3}~?\s?\d")
_SAID = re.compile(
    r"(?:精度|准确率|正确率|accuracy)\s?(?:值|分数)?\s?(?:为|是|:|=|达到?|is|of)?\s{0,3}~?\s?\d", re.IGNORECASE
)
_RATE_SAID = re.compile(
    r"(?:性能|吞吐率|吞吐量|吞吐)\s?(?:为|是|:|=|达到?){1,2}\s{0,3}~?[\d./*×x()= ]{0,40}\d\.\d", re.IGNORECASE
)
# The tool's own word for its rate, and the usual one: what stands behind it, or what that comes to, is the rate.
_THROUGHPUT_SAID = re.compile(
    r"(?:吞吐率|吞吐量|ave_throughputrate)\s?(?:为|是|:|=|达到?){1,2}\s{0,3}~?"
    r"(?:[\d.]{1,12}\s?[*x×/]\s?[\d.]{1,12}\s?=\s?)?(\d{1,9}\.\d{1,9})(?![\d.]|\s?[*x×/=]\s?\d)",
    re.IGNORECASE,
)
# The time of all samples, of one operator, from the fastest to the slowest: none is that of one inference.
_NO_LATENCY = re.compile(
    r"总(?:共|的|计|推理)?(?:推理)?(?:时长|时间|耗时|用时)|(?<![a-z])total\s(?:inference\s)?(?:time|cost|duration)"
    r"|^(?!.*(?:推理|端到端|整网|整体)).*算子|单[个一].{0,24}算子|(?<![a-z])operators?(?![a-z])"
    r"|\d\s?(?:毫秒|微秒|秒|[mu]?s)\s?[到至]\s?\d"
    r"|(?<![\w-])(?:min(?:imum)?|max(?:imum)?|median|percentile|total\s(?:gpu|host|compute|enqueue|walltime).{0,16})\s?[:=]",
    re.IGNORECASE,
)
_UNIT_FIRST = re.compile(rf"{UNIT.pattern}\s?[:=]?\s?\d+\.\d+$", re.IGNORECASE)
_BOUND = re.compile(r"[<>]\s?\d")
_CARD = re.compile(r"单卡|整卡|card|[x×*]\s?4(?!\d)")
_PB = re.compile(r"(?<![a-z])pb(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A line in its document: what is around it, and the chip that a line above it named for what follows.

    `labelled` tells that the line above holds nothing but the chip; `batch` is that of a log around the line.
    """

    line: Line
    around: Surroundings
    chip: Facts = field(default_factory=Facts)
    labelled: bool = False
    batch: int | None = None

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
        if self.words.prose["compare"].has(self.words.metrics.masked(clause)) or _BOUND.search(clause):
            return
        if not facts.batch and place.batch and _CALCULATION.search(clause):
            facts = replace(facts, batch=place.batch)
        masked = self.words.chips.masked(BATCH.sub(" ", clause))
        if not (facts.batch or EXACT.search(masked) or RATED.search(masked)):
            return
        reading = self.cells.read(masked)
        for figure in reading.figures if reading.state == "figures" else ():
            if figure.reason == MANY:  # A line of a log: a sentence names each of its figures.
                continue
            figure = figure._replace(name="") if _SAID.search(clause) and not figure.known else figure
            kind = self._speed(figure, masked, facts, text, place) or self._accuracy(figure, masked, facts)
            if not kind and (metric := self._listed(figure, masked, facts, place)):
                figure, kind = figure._replace(name=metric), "accuracy"
            if kind:
                yield self._row(figure, kind, facts, text, place)

    def bare(self, value: float, is_share: bool, text: str, place: Place) -> Iterator[Row]:
        """Yield the row of a line that holds one figure, below a line or heading that says that it is an accuracy."""
        above = next(iter((*place.around.lines, *place.around.headings)), "")
        facts = self.labels.read(above)
        if facts.kind == "accuracy" and len(above) < LONGEST_ENTRY and not place.line.code:
            figure = Figure(value, Unit("%", "accuracy") if is_share else None)
            yield self._row(figure, "accuracy", facts, text, place)

    def _speed(self, figure: Figure, clause: str, facts: Facts, text: str, place: Place) -> Kind | Literal[""]:
        """Return whether a figure is a rate or a duration of the inference: by its unit, or by a batch beside it."""
        unit = figure.unit
        if unit and unit.kind in ("latency", "throughput"):
            near = place.around.kind(self.labels)
            told = _PAID.search(text) or facts.batch or near in ("latency", "throughput")
            paid = told and not self.words.prose["unpaid"].has(text) and unit.per != "per step"
            paid = paid and not (unit.kind == "latency" and _NO_LATENCY.search(clause))
            return unit.kind if paid else ""
        if unit or figure.known:
            return ""
        if (rate := _THROUGHPUT_SAID.search(clause)) and float(rate[1]) == figure.value:
            return "throughput"
        if not facts.batch:
            said = facts.chips and _RATE_SAID.search(clause)
            labelled = facts.unit and facts.unit.kind == "throughput" and _UNIT_FIRST.search(clause.rstrip())
            return "throughput" if said or labelled else ""
        calculated = _PAID.search(text) and _CALCULATION.search(clause)
        entry = len(text) < LONGEST_ENTRY and (place.labelled or (facts.chips and _PAID.search(text)))
        return "throughput" if calculated or entry else ""

    def _accuracy(self, figure: Figure, clause: str, facts: Facts) -> Kind | Literal[""]:
        """Return whether a figure is an accuracy: beside a metric's name, or stated after a word for accuracy."""
        if (figure.unit and figure.unit.kind != "accuracy") or not EXACT.search(clause):
            return ""
        if figure.known:
            return "accuracy"
        told = any(one.name == "accuracy" for one in self.words.kinds.find(clause)) or "acc" in facts.metrics
        return "accuracy" if told and _STATED.search(clause) and not figure.name else ""

    def _listed(self, figure: Figure, clause: str, facts: Facts, place: Place) -> str:
        """Return the metric of a share of which a line only says whose it is, below a line that names the metric."""
        share = figure.unit and figure.unit.kind == "accuracy" and not figure.name
        if not share or not facts.roles or facts.kind not in ("", "accuracy") or not _STATED.search(clause):
            return ""
        above = [self.labels.read(one) for one in place.around.lines if len(one) < LONGEST_ENTRY]
        named = next((one for one in above if one.metrics or one.kind), Facts())
        return named.metrics[0] if len(named.metrics) == 1 and not named.numbers else ""

    def _row(self, figure: Figure, kind: Kind, facts: Facts, text: str, place: Place) -> Row:
        own = next((one for one in (facts, place.chip) if one.chip), self._section(place))
        if own.chip == "NPU" and place.chip.chip.startswith("Ascend"):
            own = place.chip
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

    def _section(self, place: Place) -> Facts:
        """Return what the heading says of whom the lines below it are, where they are another chip's."""
        facts = self.labels.read(next(iter(place.around.headings), ""))
        return facts if facts.chip in self.words.reference_chips else Facts()

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
