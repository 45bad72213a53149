"""Marks on a card: promises that are hard to believe, and facts that nobody could check. Marks are warnings.

| rule                 | marks                                                                                       |
|----------------------|---------------------------------------------------------------------------------------------|
| `speed-jump`         | a larger batch that costs next to no more time than a smaller one                           |
| `speed-fall`         | a larger batch that is far slower per image than the best one                               |
| `above-reference`    | an accuracy promised better than what the paper or the training reached                     |
| `below-reference`    | an accuracy promised far worse than it: the conversion would have lost it                   |
| `accuracy-by-batch`  | accuracies that differ between batch sizes, on which they cannot depend                     |
| `ratio-arithmetic`   | a printed ratio that its own two numbers do not give                                        |
| `mixed-scope`        | a ratio of a card's figure and a chip's                                                     |
| `no-definition`      | a speed without the definition or the kind of inputs, or an accuracy without its protocol   |
| `no-unit`            | a speed without a unit                                                                      |
| `no-place`           | a promise without the line it is printed on                                                 |
| `numbered-node`      | an ATC output named by an exporter's running number, without a note                         |
| `unpinned-source`    | a source without a full commit                                                              |
| `unverified-weights` | a checkpoint whose content cannot be checked: neither sha256 nor the start of one           |
| `waiver-expired`     | a waiver past its date                                                                      |
"""

import datetime
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from harness.cards import Baseline, ModelCard, Ratio, RatioSide
from harness.units import written

# A batch k times as large may raise throughput at most k-fold, and does so only if a single image leaves the rest of
# the device idle. In 18 tables of ModelZoo READMEs by batch size, the step from 1 to 4 gains ×1.02 in the median and
# ×3.10 at most (FaceNet, a very small network), a doubling ×1.61 at most: 0.78 and 0.80 of the bound.
# ResNeSt50's step from 435 to 1704 images/s gains ×3.92, 0.98 of it.
STEEPEST_GAIN = 0.85
# In the same tables the largest batch reaches at least 0.57 of the best one's rate.
DEEPEST_FALL = 0.55
# The default accuracy tolerance of the gates, of a share in points, else a part of the number: a conversion rounds, it
# does not learn.
GAIN_BY_CONVERSION = 0.005
# The loss that ModelZoo READMEs call acceptable ("相差不超过1%").
LOSS_BY_CONVERSION = 0.01
# Ratios are printed with three decimals, at times cut off instead of rounded.
RATIO_SLACK = 0.0015

NUMBERED_NODE = re.compile(r"[A-Za-z]+_\d+(:\d+)?")
COMMIT = re.compile(r"[0-9a-f]{40}")


class Numbers(Protocol):
    """What the rules of plausibility read: a card has them, and so has a README."""

    @property
    def baseline(self) -> tuple[Baseline, ...]:
        """The printed numbers."""

    @property
    def ratio(self) -> tuple[Ratio, ...]:
        """The printed ratios."""


@dataclass(frozen=True)
class Mark:
    """One warning: the rule's name, the field of the card, and what is strange about it."""

    rule: str
    where: str
    text: str


def marks(card: ModelCard, today: datetime.date | None = None) -> tuple[Mark, ...]:
    """Return every mark on a card, in the order of the rules; `today` decides which waivers have expired."""
    found = [mark for rule in RULES for mark in rule(card)]
    return (*found, *_expired(card, today or datetime.datetime.now(datetime.UTC).date()))


def implausible(numbers: Numbers) -> tuple[Mark, ...]:
    """Return the marks of the rules that need nothing but numbers: speeds, accuracies and ratios hard to believe."""
    return tuple(mark for rule in PLAUSIBILITY for mark in rule(numbers))


def _speed_steps(card: Numbers) -> Iterator[Mark]:
    for series in _throughputs(card):
        for (i, small), (j, large) in pairwise(series):
            gain, bound = large.value / small.value, _batch(large) / _batch(small)
            if gain > STEEPEST_GAIN * bound:
                step = f"×{gain:.2f} from batch {small.batch} (baseline[{i}]) to {large.batch}"
                text = f"{step}: {bound:g} images in the time of {bound / gain:.2f}"
                yield Mark("speed-jump", f"baseline[{j}].value", text)
        best = max(series, key=lambda row: row[1].value)
        for j, row in series:
            if _batch(row) > _batch(best[1]) and row.value < DEEPEST_FALL * best[1].value:
                text = f"batch {row.batch} reaches {row.value / best[1].value:.0%} of batch {best[1].batch}"
                yield Mark("speed-fall", f"baseline[{j}].value", text)


def _against_references(card: Numbers) -> Iterator[Mark]:
    references = [row for row in card.baseline if row.role == "reference" and row.is_accuracy]
    for i, row in _promised_accuracies(card):
        same = sorted(one.target for one in references if _about(one) == _about(row))
        if not same:
            continue
        ends = (("lowest", same[0]), ("highest", same[-1]))
        (low, worst), (high, best) = ends if row.higher_is_better else reversed(ends)
        if _gain(row, row.target, best) > GAIN_BY_CONVERSION:
            text = f"{_text(row)} promised, the {high} reference is {written(best, row.compared_in)}"
            yield Mark("above-reference", f"baseline[{i}].value", text)
        if -_gain(row, row.target, worst) > LOSS_BY_CONVERSION:
            text = f"{_text(row)} promised, the {low} reference is {written(worst, row.compared_in)}"
            yield Mark("below-reference", f"baseline[{i}].value", text)


def _about(row: Baseline) -> tuple[str, ...]:
    return row.metric, row.class_, row.compared_in


def _gain(row: Baseline, value: float, other: float) -> float:
    """Return how much better one value of a row is than another: points of a share, else a part of the other."""
    gain = (value - other) * (1 if row.higher_is_better else -1)
    return gain if row.is_share or not other else gain / abs(other)


def _text(row: Baseline) -> str:
    return written(row.target, row.compared_in)


def _accuracy_by_batch(card: Numbers) -> Iterator[Mark]:
    groups: dict[tuple[str, ...], list[tuple[int, Baseline]]] = defaultdict(list)
    for i, row in _promised_accuracies(card):
        groups[row.chip, *_about(row), row.protocol, row.when].append((i, row))
    for rows in groups.values():
        (i, low), (_, high) = (end(rows, key=lambda one: one[1].target) for end in (min, max))
        if abs(_gain(low, high.target, low.target)) > GAIN_BY_CONVERSION:
            text = f"{_text(low)} at batch {low.batch}, {_text(high)} at batch {high.batch}"
            yield Mark("accuracy-by-batch", f"baseline[{i}].value", text)


def _ratios(card: Numbers) -> Iterator[Mark]:
    for i, ratio in enumerate(card.ratio):
        if ratio.numerator.scope != ratio.denominator.scope:
            text = f"a {ratio.numerator.scope}'s figure over a {ratio.denominator.scope}'s"
            yield Mark("mixed-scope", f"ratio[{i}]", text)
        found = _ratio_of_baselines(card, ratio)
        if found is None:
            continue
        printed = ratio.at_least or 1.0
        allowed = RATIO_SLACK * printed if ratio.at_least else ratio.tolerance or 0.0
        if abs(found - printed) > allowed:
            text = f"{printed:g} printed, the two numbers give {found:.4f}"
            yield Mark("ratio-arithmetic", f"ratio[{i}].{'at_least' if ratio.at_least else 'within'}", text)


def _ratio_of_baselines(card: Numbers, ratio: Ratio) -> float | None:
    above, below = _side(card, ratio.numerator), _side(card, ratio.denominator)
    return above / below if above is not None and below else None


def _side(card: Numbers, side: RatioSide) -> float | None:
    rows = [row for row in card.baseline if (row.chip, row.scope, row.metric) == (side.chip, side.scope, side.metric)]
    values = [row.target for row in rows if side.batch in ("best", row.batch)]
    return (max(values) if rows[0].higher_is_better else min(values)) if values else None


def _unexplained(card: ModelCard) -> Iterator[Mark]:
    for i, row in enumerate(card.baseline):
        if row.role != "promise":
            continue
        if row.is_accuracy and not row.protocol:
            yield Mark("no-definition", f"baseline[{i}].protocol", "how the score is computed is not stated")
        if not row.is_accuracy and not (row.definition and row.inputs):
            lacking = "inputs" if row.definition else "definition"
            text = (
                "what the speed counts is not stated"
                if lacking == "definition"
                else "what the tool is fed is not stated"
            )
            yield Mark("no-definition", f"baseline[{i}].{lacking}", text)
        if not row.is_accuracy and row.metric != "ratio" and not row.unit:
            yield Mark("no-unit", f"baseline[{i}].unit", f"{row.value:g} of what?")
        if not row.source.line and row.chip not in ("any", "cpu"):
            yield Mark("no-place", f"baseline[{i}].source.line", f"the line of {row.source.text!r} is not stated")


def _unpinned(card: ModelCard) -> Iterator[Mark]:
    if card.atc and NUMBERED_NODE.search(card.atc.out_nodes) and not card.atc.note:
        text = f"{card.atc.out_nodes!r} is a number that one exporter gave; say in atc.note which output it stands for"
        yield Mark("numbered-node", "atc.out_nodes", text)
    if not COMMIT.fullmatch(card.source.commit):
        yield Mark("unpinned-source", "source.commit", "not a full commit: the network may change under the promises")
    if card.weights and not (card.weights.sha256 or card.weights.prefix):
        yield Mark("unverified-weights", "weights.sha256", f"any file called {card.weights.file} would be taken")


def _expired(card: ModelCard, today: datetime.date) -> Iterator[Mark]:
    for i, waiver in enumerate(card.waiver):
        if waiver.expires < today:
            text = f"expired on {waiver.expires}: {waiver.owner}, {waiver.reason}"
            yield Mark("waiver-expired", f"waiver[{i}].expires", text)


def _throughputs(card: Numbers) -> list[list[tuple[int, Baseline]]]:
    """Return the promised rates by batch size, one series for each chip, scope and definition."""
    series: dict[tuple[str, ...], list[tuple[int, Baseline]]] = defaultdict(list)
    for i, row in enumerate(card.baseline):
        if row.metric == "throughput" and row.role == "promise" and isinstance(row.batch, int):
            series[row.chip, row.scope, row.definition, row.inputs, row.unit, row.when].append((i, row))
    return [sorted(rows, key=lambda one: _batch(one[1])) for rows in series.values()]


def _promised_accuracies(card: Numbers) -> list[tuple[int, Baseline]]:
    return [(i, row) for i, row in enumerate(card.baseline) if row.role == "promise" and row.is_accuracy]


def _batch(row: Baseline) -> int:
    return row.batch if isinstance(row.batch, int) else 1


PLAUSIBILITY: tuple[Callable[[Numbers], Iterator[Mark]], ...] = (
    _speed_steps,
    _against_references,
    _accuracy_by_batch,
    _ratios,
)
RULES: tuple[Callable[[ModelCard], Iterator[Mark]], ...] = (*PLAUSIBILITY, _unexplained, _unpinned)
