"""What stands around a table or a sentence: the lines above it, its headings, and the README's ATC commands."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from harness.cards import canonical_chip
from harness.readme.labels import Labels
from harness.readme.quantities import Unit
from harness.readme.rows import Kind
from harness.readme.vocabulary import fold

# What is further above than this does not speak of the table.
NEAREST_LINES = 3
# In a longer line `time` is a word like another.
LONGEST_LABEL = 30
LONGEST_CAPTION = 40
_KINDS: dict[str, Kind] = {"accuracy": "accuracy", "throughput": "throughput", "latency": "latency"}
SOC = re.compile(r"-soc[_-]version[=\s]\s{0,3}[\"']?(Ascend\w+)", re.IGNORECASE | re.ASCII)
SHAPE = re.compile(r"-input[_-]shape[=\s]\s{0,3}[\"']([^\"'\n]{1,400})")
_ANNOUNCING = re.compile(r"如下|所示|下表|结果|指标|数据|results?|table", re.IGNORECASE)
# `与T4性能对比`: the figures below are those of somebody else than T4.
_COMPARED_WITH = re.compile(r"^\W{0,3}(?:与|和|跟|同).{1,24}(?:对比|比较)")
_FIRST = re.compile(r":\s{0,3}(\d{1,5}),")


@dataclass(frozen=True)
class Surroundings:
    """The texts above a place, the nearest first: lines since the last table or heading, then headings."""

    lines: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()

    def kind(self, labels: Labels) -> Kind | Literal[""]:
        """Return the kind of figures that the nearest telling text announces, or nothing."""
        for text in (*self.lines, *self.headings):
            kinds = {found.name for found in labels.words.kinds.find(fold(text))}
            if "latency" in kinds and "accuracy" not in kinds and self.unit(labels, text):
                return "latency"
            if len(text) > LONGEST_LABEL or len(kinds) > 1:
                kinds.discard("latency")
            if len(kinds) == 1:
                return _KINDS[kinds.pop()]
        return ""

    def unit(self, labels: Labels, text: str = "") -> Unit | None:
        """Return the unit of time that a text (the nearest line) states in brackets."""
        for one in [text] if text else self.lines[:1]:
            unit = labels.read(one).unit
            if unit and unit.kind == "latency":
                return unit
        return None

    def metric(self, labels: Labels) -> str:
        """Return the one metric that the nearest line names, or nothing."""
        found = labels.read(self.lines[0]).metrics if self.lines and len(self.lines[0]) < 60 else ()
        return found[0] if len(found) == 1 else ""

    def announced(self, labels: Labels) -> tuple[str, ...]:
        """Return the metrics that the nearest line or heading announces and nothing besides: `精度(psnr)`."""
        for text in (*self.lines[:1], *self.headings[:1]):
            facts = labels.read(text)
            more = facts.part or _ANNOUNCING.sub("", facts.rest).strip()
            if facts.metrics and len(text) < LONGEST_CAPTION and not more:
                return facts.metrics
        return ()

    def chip(self, labels: Labels) -> tuple[str, str]:
        """Return the one chip that the nearest line or heading names, canonical and as printed."""
        for text in (*self.lines[:1], *self.headings[:1]):
            facts = labels.read(text)
            if len(set(facts.chips)) > 1 and not facts.chip:
                return "", ""
            if facts.chip and len(text) < 60 and not _COMPARED_WITH.search(text):
                return facts.chip, facts.printed_chip
        return "", ""

    def batch(self, labels: Labels) -> int | None:
        """Return the batch that the nearest line names, or the heading: `精度(bs=16)`."""
        texts = (one for one in (*self.lines[:1], *self.headings[:1]) if len(one) < LONGEST_CAPTION)
        return next((facts.batch for facts in map(labels.read, texts) if facts.batch), None)

    def is_reference(self, labels: Labels) -> bool:
        """Tell whether the nearest line or heading says that the figures are somebody else's, or of the training."""
        for text in (*self.lines[:1], *self.headings[:1]):
            roles = labels.read(text).roles
            if len(text) < 40 and roles & {"reference", "training"}:
                return "offline" not in roles and "measured" not in roles
        return False

    def is_sample(self, labels: Labels) -> bool:
        """Tell whether the nearest line says that single predictions follow."""
        return any(labels.words.prose["samples"].has(fold(text)) for text in self.lines[:1] if len(text) < 40)

    def is_overview(self, labels: Labels) -> bool:
        """Tell whether a heading is that of the model's description."""
        return any(labels.words.prose["overview"].has(fold(text)) for text in self.headings[:1])


@dataclass(frozen=True)
class Commands:
    """What the ATC commands of a README leave no doubt about: the one chip, the one batch."""

    chip: str = ""
    batch: int | None = None


def commands(lines: Iterable[str]) -> Commands:
    """Return the chip and the batch on which all ATC commands of a README agree."""
    text = "\n".join(line for line in lines if "soc" in line.lower() or "shape" in line)
    chips = {canonical_chip(chip) for chip in SOC.findall(text)}
    batches = {int(first) for shape in SHAPE.findall(text) for first in _FIRST.findall(shape)}
    variable = any(not _FIRST.search(shape) for shape in SHAPE.findall(text))
    one = len(batches) == 1 and not variable
    return Commands(chips.pop() if len(chips) == 1 else "", (batches.pop() or None) if one else None)
