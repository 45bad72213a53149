"""The drift between a card and its README: which of their numbers agree, and what differs."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.readme.claims import UNNAMED, Claim, plain_metric

State = Literal["same", "other value", "other place", "missing in card", "missing in README"]
# Marks for how well two places agree: what both state counts more than what one leaves open.
STATED, OPEN = 4, 1
SAME_CONDITION = 3
_SETTING = re.compile(r"([^=,]{1,80})=([^,]{1,120})")


@dataclass(frozen=True, eq=False)
class Pair:
    """A card's claim and the README's that belongs to it; one of them is None where it has no counterpart."""

    state: State
    card: Claim | None
    readme: Claim | None

    @property
    def line(self) -> int:
        """The README's line, else the line that the card gives."""
        return next((claim.line for claim in (self.readme, self.card) if claim), 0)

    @property
    def place(self) -> str:
        """What the number belongs to, as the README has it."""
        return next((claim.place for claim in (self.readme, self.card) if claim), "")

    @property
    def moved(self) -> str:
        """What of the place differs: `batch 4, in the README 8`."""
        if self.card is None or self.readme is None:
            return ""
        fields = {"chip": "chip", "batch": "batch", "scope": "scope", "cls": "class", "role": "role"}
        pairs = [(word, getattr(self.card, name), getattr(self.readme, name)) for name, word in fields.items()]
        texts = [f"{word} {_stated(one)}, in the README {_stated(other)}" for word, one, other in pairs if one != other]
        if not texts:
            texts = [f"condition {_stated(self.card.condition)}, in the README {_stated(self.readme.condition)}"]
        return "; ".join(texts)


def pairs(card: Sequence[Claim], readme: Sequence[Claim]) -> tuple[Pair, ...]:
    """Lay claims side by side: first what agrees, then what stands in its place, then what stands elsewhere.

    Conditions are written in one's own words: they tell rows apart, and contradict each other only where both give a
    setting (`seq=128`) another value. The result is in the order of the README's lines.
    """
    left, right = list(card), list(readme)
    found = _take(left, right, "same", _agreement)
    found += [Pair("same", claim, other) for claim, other in _take_covered(left, readme)]
    found += [Pair("same", other, claim) for claim, other in _take_covered(right, card)]
    found += _take(left, right, "other value", _same_place)
    found += _take(left, right, "other place", _same_number)
    found += [Pair("missing in README", claim, None) for claim in left]
    found += [Pair("missing in card", None, claim) for claim in right]
    return tuple(sorted(found, key=lambda pair: pair.line))


def same_number(one: Claim, other: Claim) -> bool:
    """Tell whether two claims print the same number with the same unit; an absent unit fits any."""
    if one.value is None or other.value is None:
        return one.value is other.value and one.unit == other.unit
    units_fit = one.unit == other.unit or "" in (one.unit, other.unit)
    return units_fit and math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-12)


def _take(left: list[Claim], right: list[Claim], state: State, score: Callable[[Claim, Claim], int]) -> list[Pair]:
    """Pair the claims that score, the best first, and take them out of both lists."""
    by_kind: dict[str, list[Claim]] = {}
    for claim in right:
        by_kind.setdefault(claim.kind, []).append(claim)
    scored = [(score(one, other), one, other) for one in left for other in by_kind.get(one.kind, ())]
    found: list[Pair] = []
    taken: set[int] = set()
    for _, one, other in sorted(filter(_scores, scored), key=lambda item: -item[0]):
        if not taken & {id(one), id(other)}:
            taken |= {id(one), id(other)}
            found.append(Pair(state, one, other))
    left[:] = [claim for claim in left if id(claim) not in taken]
    right[:] = [claim for claim in right if id(claim) not in taken]
    return found


def _scores(item: tuple[int, Claim, Claim]) -> bool:
    return item[0] > 0


def _take_covered(rest: list[Claim], others: Sequence[Claim]) -> list[tuple[Claim, Claim]]:
    """Take out the claims that another without chip or batch makes of all of them; return each with that one."""
    general = [claim for claim in others if not claim.chip or claim.batch is None]
    found = []
    for claim in rest:
        other = next((one for one in general if one.kind == claim.kind and _agreement(claim, one)), None)
        if other is not None:
            found.append((claim, other))
    taken = {id(claim) for claim, _ in found}
    rest[:] = [claim for claim in rest if id(claim) not in taken]
    return found


def _agreement(one: Claim, other: Claim) -> int:
    return _same_place(one, other) if same_number(one, other) else 0


def _same_place(one: Claim, other: Claim) -> int:
    """Return how well two places agree; 0 where they contradict each other."""
    points = [_chips(one.chip, other.chip), _batches(one.batch, other.batch), _metrics(one.metric, other.metric)]
    exact = (one.kind, one.role, one.cls, one.scope) == (other.kind, other.role, other.cls, other.scope)
    if not exact or not all(points) or _contradict(one.condition, other.condition):
        return 0
    if one.kind == "ratio" and one.unit != other.unit:
        return 0
    return sum(points) + (SAME_CONDITION if one.condition == other.condition else 0) + (one.line == other.line)


def _same_number(one: Claim, other: Claim) -> int:
    """Return how well claims of one number agree otherwise; 0 for other numbers or metrics."""
    metric = _metrics(one.metric, other.metric)
    if not metric or not same_number(one, other):
        return 0
    shared = [_chips(one.chip, other.chip), _batches(one.batch, other.batch), one.cls == other.cls]
    if one.value is None and not any(shared[:2]):
        return 0
    return metric + sum(shared) + 2 * (one.role == other.role) + (one.line == other.line)


def _chips(one: str, other: str) -> int:
    if one == other:
        return STATED
    general = {one, other} & {"", "NPU"}
    fits = "" in general or (one or other).startswith("Ascend") or other.startswith("Ascend")
    return OPEN if general and fits else 0


def _batches(one: int | None, other: int | None) -> int:
    if one == other:
        return STATED
    return OPEN if one is None or other is None else 0


def _metrics(one: str, other: str) -> int:
    names = {plain_metric(one), plain_metric(other)}
    if len(names) == 1:
        return STATED
    return OPEN if UNNAMED in names else 0


def _contradict(one: str, other: str) -> bool:
    """Tell whether two conditions give one setting different values."""
    first, second = _settings(one), _settings(other)
    return any(second[name] != value for name, value in first.items() if name in second)


def _settings(condition: str) -> dict[str, str]:
    return {match[1].strip().lower(): match[2].strip().lower() for match in _SETTING.finditer(condition)}


def _stated(value: object) -> str:
    return "not stated" if value in (None, "") else str(value)
