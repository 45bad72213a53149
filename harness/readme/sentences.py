"""Results in sentences and short lines: `平均推理性能：10.75ms`, `bs4 28.8`, `60.5x4=242fps`, `310P/310 = 1.6`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.readme import markdown
from harness.readme.document import Line
from harness.readme.figures import Cells, Figure
from harness.readme.labels import BATCH, Facts, Labels
from harness.readme.meaning import STRANGERS
from harness.readme.rows import Row, Where
from harness.readme.surroundings import Surroundings
from harness.readme.ratios import Quotient, ratio_row
from harness.readme.vocabulary import fold

LONGEST = 700
LONGEST_LABEL = 40
MOST_CLAUSES = 24
MOST_NUMBERS = 40
# READMEs with results have some hundred lines with figures. Behind so many nothing is a promise; it bounds the time.
MOST_LINES = 1500
# A chip named in the text speaks for figures this many lines further down.
CHIP_REACHES = 6
_MARKER = re.compile(r"^(?:[-*+>•]\s+|\d{1,2}[.)、]\s+|\(\d{1,2}\)\s*|#+\s*)+")
_COMMAND = re.compile(
    r"(?:^|\s)--?[A-Za-z][\w-]*[= ]|^\s*(?:[$>]\s?)?(?:python[\d.]*|sh|bash|cd|pip[\d.]*|atc|export|source|git|wget|trtexec|mkdir|import|from|def|conda|sudo)\s"
    r"|\w\.(?:py|sh|cpp|cfg)\b|^\s*\./|==|\+=|0x[0-9a-f]{4}|\bcommit|^\s*[\"'{]"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NOISE = re.compile(r"throughput\s?rate\s?[:=]\s?[\d.]+|\[[\w ]+\]\s?throughput.*|module\s?latency\s?[:=]\s?[\d.]+", re.IGNORECASE)
_CLAUSE = re.compile(r"[;,!?。](?!\d)|(?<!\d),|\.(?=\s|$)")
_RATIO = re.compile(r"(?P<sides>[\w .*-]{1,24}/[\w .*-]{1,24}?)\s?(?:=|:)\s?(?P<value>\d+(?:\.\d+)?)(?P<rest>.{0,12})")
_COMPARED = re.compile(r"(?:相差|差距|误差|差异|偏差)\D{0,8}?(?:不超过|小于|低于|在|<)\s?(\d+(?:\.\d+)?)\s?%")
_CALCULATION = re.compile(r"\d\s?[x×*]\s?\d[\d.]*\s?=\s?\d|\d\)?\s?=\s?\d")
_PAID = re.compile(r"性能|吞吐|推理|单卡|耗时|时延|延迟|时长|时间|平均|latency|throughput|perform|speed|inference|infer|time|fps|card", re.IGNORECASE)
_EXACT = re.compile(r"\d\.\d|%")


@dataclass(frozen=True)
class Place:
    """A line in its document: what is around it, and the chip that a line above it named for what follows."""

    line: Line
    around: Surroundings
    chip: Facts = Facts()
    labelled: bool = False


class Sentences:
    """Reads lines with a vocabulary, one by one, and remembers the chip that they speak of."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.cells, self.words = labels, cells, labels.words
        self._chip, self._chip_line, self._labelled = Facts(), 0, False
        self.left = MOST_LINES

    def read(self, line: Line, around: Surroundings) -> list[Row]:
        """Return the results of a line; call it for the lines in their order."""
        counts = any(sign.isdigit() for sign in line.text)
        if self.left <= 0 or not (counts or line.heading or len(line.text) < LONGEST_LABEL):
            return []
        text = _stripped(line)
        if line.heading:
            self._remember(self.labels.read(text), line.number, labelled=False)
            return []
        if not text or len(text) > LONGEST or _COMMAND.search(text) or len(_NUMBER.findall(text)) > MOST_NUMBERS:
            return []
        self.left -= counts
        facts = self.labels.read(text)
        if facts.chip and not facts.rest and not facts.numbers and not facts.metrics and len(text) < LONGEST_LABEL:
            self._remember(facts, line.number, labelled=True)
            return []
        if not counts:
            return []
        place = Place(line, around, self._near(line.number), self._labelled)
        rows = list({(row.kind, row.value, row.batch): row for row in reversed(list(self._results(text, place)))}.values())[::-1]
        if not rows and facts.chip and len(text) < 80:
            self._remember(facts, line.number, labelled=False)
        return rows

    def forget(self) -> None:
        """Forget the chip: a table stands between."""
        self._chip, self._labelled = Facts(), False

    def _remember(self, facts: Facts, number: int, labelled: bool) -> None:
        if facts.chip or labelled:
            self._chip, self._chip_line, self._labelled = facts, number, labelled

    def _near(self, number: int) -> Facts:
        return self._chip if number - self._chip_line <= CHIP_REACHES or self._labelled else Facts()

    def _results(self, text: str, place: Place) -> Iterator[Row]:
        ratio = _RATIO.fullmatch(text.strip())
        if ratio and self.labels.read(ratio["sides"].strip()).ratio:
            yield ratio_row(self.labels, Quotient(ratio["sides"].strip(), float(ratio["value"])), _where(place, text))
            return
        compared = _COMPARED.search(text)
        if compared:
            yield from self._compared(text, float(compared[1]), place)
            return
        left = _NOISE.sub(" ", text)
        whole = self.labels.read(left[:240])
        batches = {int(one[1] or one[2]) for one in BATCH.finditer(left)}
        roles: frozenset[str] = frozenset()
        for clause in _CLAUSE.split(left, maxsplit=MOST_CLAUSES):
            roles = roles | {found.name for found in self.words.roles.find(clause[:LONGEST])}
            if not re.search(r"\d", clause):
                continue
            facts = self.labels.read(clause[:240])
            facts = replace(facts, batch=facts.batch or (batches.pop() if len(batches) == 1 else None), roles=roles)
            batches = {facts.batch} if facts.batch and len(batches) < 2 else batches
            facts = facts if facts.chips else replace(facts, chips=whole.chips if whole.chip else (), printed_chip=whole.printed_chip)
            yield from self._clause(clause, facts, text, place)

    def _clause(self, clause: str, facts: Facts, text: str, place: Place) -> Iterator[Row]:
        if self.words.prose["compare"].has(clause) or re.search(r"[<>]\s?\d", clause):
            return
        masked = self.words.chips.masked(BATCH.sub(" ", clause))
        reading = self.cells.read(masked)
        for figure in reading.figures if reading.state == "figures" else ():
            kind = self._kind(figure, masked, facts, text, place)
            if kind:
                yield self._row(figure, kind, facts, text, place)

    def _kind(self, figure: Figure, clause: str, facts: Facts, text: str, place: Place) -> str:
        """Return the kind of a figure, or nothing where the words around it do not show that it is a result."""
        unit = figure.unit
        near = place.around.kind(self.labels)
        if unit and unit.kind in ("latency", "throughput"):
            told = _PAID.search(text) or facts.batch or near in ("latency", "throughput")
            return unit.kind if told and not self.words.prose["unpaid"].has(text) and not unit.per == "per step" else ""
        if unit and unit.kind == "ratio":
            return ""
        if figure.known and (_EXACT.search(clause) or figure.value > 1):
            return "accuracy" if _EXACT.search(clause) else ""
        if facts.batch and not figure.known and _PAID.search(text) and _CALCULATION.search(clause):
            return "throughput"
        if facts.batch and not figure.known and (place.labelled or (facts.chips and _PAID.search(text))) and not (unit and unit.name == "%"):
            return "throughput" if _is_short(text) else ""
        accurate = any(one.name == "accuracy" for one in self.words.kinds.find(clause)) or "acc" in facts.metrics
        stated = re.search(r"(?:为|是|:|=|达到?|is|of)\s{0,3}~?\s?\d", clause) is not None
        return "accuracy" if accurate and stated and _EXACT.search(clause) and not figure.name else ""

    def _row(self, figure: Figure, kind: str, facts: Facts, text: str, place: Place) -> Row:
        own = facts if facts.chip else place.chip
        reference = self._is_reference(facts, own, place)
        chip = own.chip if facts.chip or not facts.roles & STRANGERS else ""
        metric = {"latency": "latency", "throughput": "throughput"}.get(kind) or figure.name.lower() or (facts.metrics[0] if facts.metrics else "accuracy")
        unit, reason = self._unit(kind, metric, figure)
        doubts = [figure.reason, reason, "stands in a block of code" if place.line.code and not self._is_plain(text) else ""]
        doubt = "; ".join(one for one in doubts if one)
        conditions = [*facts.variants, "pb" if re.search(r"(?<![a-z])pb(?![a-z])", text) else "", figure.unit.per if figure.unit else ""]
        return Row(
            kind=kind,
            metric=metric,
            value=figure.value,
            unit=unit,
            role="reference" if reference else "promise",
            chip=chip,
            printed_chip=own.printed_chip if chip else "",
            scope=self._scope(kind, chip, text),
            batch=figure.batch or facts.batch,
            condition=", ".join(dict.fromkeys(one for one in conditions if one)),
            certain=not doubt,
            reason=doubt,
            where=_where(place, text),
        )

    def _is_reference(self, facts: Facts, chip: Facts, place: Place) -> bool:
        if facts.roles & STRANGERS or chip.chip in self.words.reference_chips or place.around.is_overview(self.labels):
            return True
        return place.around.is_reference(self.labels) and "offline" not in facts.roles and not facts.chip

    def _unit(self, kind: str, metric: str, figure: Figure) -> tuple[str, str]:
        if kind == "latency":
            return "ms", ""
        if kind == "throughput":
            return (figure.unit.name if figure.unit else "images/s"), ""
        if figure.unit and figure.unit.name == "%":
            return "%", ""
        if metric in self.words.unbounded:
            return "", ""
        if 0 <= figure.value <= 1:
            return "fraction", ""
        return ("%", "") if figure.value <= 100 else ("", "more than a hundred, and no unit is printed")

    def _scope(self, kind: str, chip: str, text: str) -> str:
        if kind != "throughput":
            return "chip"
        card = re.search(r"单卡|整卡|card|[x×*]\s?4(?!\d)", text)
        return "card" if chip in self.words.reference_chips or (card and chip == "Ascend310") else "chip"

    def _is_plain(self, text: str) -> bool:
        """Tell whether a line of a code block is a chip's label and a figure, as people write and programs do not."""
        facts = self.labels.read(text)
        return bool(facts.chip and (facts.metrics or facts.batch) and not facts.rest)

    def _compared(self, text: str, most: float, place: Place) -> Iterator[Row]:
        """Yield the statement that two chips' accuracies differ by so many per cent at most, for each batch named."""
        chips = list(dict.fromkeys((one.name, text[one.start : one.end].strip()) for one in self.words.chips.find(text)))
        if len(chips) != 2 or "精度" not in text or {name for name, _ in chips} & self.words.reference_chips:
            return
        names = "/".join(name for name, _ in reversed(chips))
        printed = "/".join(name for _, name in reversed(chips))
        for batch in dict.fromkeys(int(one[1] or one[2]) for one in BATCH.finditer(text)) or (None,):
            yield Row(
                kind="ratio", metric="ratio", value=most, unit="%", chip=names, printed_chip=printed, batch=batch,
                condition="accuracies differ by at most", where=_where(place, text),
            )  # fmt: skip


def _stripped(line: Line) -> str:
    if len(line.text) > 2 * LONGEST:
        return ""
    text = line.text if line.code else markdown.plain(_MARKER.sub("", line.text.strip()))
    return _MARKER.sub("", fold(text.strip()).replace("\n", " ")).strip()


def _is_short(text: str) -> bool:
    return len(text) < 60


def _where(place: Place, text: str) -> Where:
    return Where(line=place.line.number, text=text)
