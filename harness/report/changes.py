"""What changed from one run to another: as data, as text, and what a page of it shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.report.document import STATES, CasePart, DifferencePart
from harness.report.views import SYMBOLS, kind_of

Trend = Literal["worse", "better", "changed", "same", "gone", "new"]
TRENDS: tuple[Trend, ...] = ("worse", "better", "gone", "new", "changed", "same")
"""What a case became, that which asks for a look first; `changed` is another number under the same verdict."""
TITLES: dict[Trend, str] = {
    "worse": "Worse", "better": "Better", "gone": "Only in the first run", "new": "Only in the second run",
    "changed": "Same verdict, another number", "same": "The same",
}  # fmt: skip
IMAGES, ROUNDS = "the chance of the images", "the scatter of the rounds"
ROUNDS_NOTE = (
    "Intervals of speeds are over the rounds of each run; how a machine differs from run to run is not in them."
)


@dataclass(frozen=True)
class ValueChange:
    """One number before and after: the difference (points of an accuracy, a ratio of speeds) and its 95 % interval.

    `clear` tells whether the interval leaves out "no change", None where there is none; `scatter` is what the interval
    is over. `note` says why there is none, or what else to know.
    """

    name: str
    before: str
    after: str
    difference: str = ""
    interval: str = ""
    clear: bool | None = None
    note: str = ""
    scatter: str = IMAGES

    @property
    def verdict(self) -> str:
        """Whether the change is more than scatter, as it follows the numbers."""
        if self.clear is None:
            return ""
        return f", {'beyond' if self.clear else 'within'} {self.scatter}"

    @property
    def told(self) -> str:
        """The change on one line."""
        between = f" (95 % interval {self.interval})" if self.interval else ""
        difference = f": {self.difference}{between}{self.verdict}" if self.difference else ""
        return f"{self.name} {self.before} → {self.after}{difference}{f'; {self.note}' if self.note else ''}"


@dataclass(frozen=True)
class CaseChange:
    """A case before and after; one side is None where only the other run has it."""

    before: CasePart | None
    after: CasePart | None
    value: ValueChange | None = None

    @property
    def case(self) -> CasePart:
        """The case as the later run has it, if that has it."""
        found = self.after or self.before
        if found is None:
            raise ValueError("expected a case before or after")
        return found

    @property
    def trend(self) -> Trend:
        """What the case became: by its verdict, else by whether its number is the same text."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        change = STATES.index(self.after.state) - STATES.index(self.before.state)
        if change:
            return "worse" if change < 0 else "better"
        same_code = self.before.code == self.after.code
        return "same" if same_code and (self.value is None or self.value.before == self.value.after) else "changed"


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side; `environment` has each fact that differs, before and after."""

    first: str
    second: str
    environment: tuple[DifferencePart, ...]
    cases: tuple[CaseChange, ...]

    @property
    def note(self) -> str:
        """What to know of the intervals shown, empty where there is nothing to say."""
        return ROUNDS_NOTE if any(one.value and one.value.scatter == ROUNDS for one in self.cases) else ""

    def of(self, trend: Trend) -> tuple[CaseChange, ...]:
        """Return the cases that became so."""
        return tuple(one for one in self.cases if one.trend == trend)


def text(comparison: Comparison) -> str:
    """Return the comparison for a terminal; cases that stayed the same are only counted."""
    return "\n".join(_lines(comparison))


def verdict_change(change: CaseChange) -> str:
    """Return the verdict before and after, or the one there is."""
    sides = [f"{SYMBOLS[one.state]} {one.outcome} {one.code}" for one in (change.before, change.after) if one]
    return " → ".join(dict.fromkeys(sides))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.first} → {comparison.second}"
    counts = {trend: len(comparison.of(trend)) for trend in TRENDS}
    yield ", ".join(f"{count} {TITLES[trend].lower()}" for trend, count in counts.items() if count) or "no cases"
    for one in comparison.environment:
        yield f"  {one.name}: {one.before} → {one.after}"
    for trend in TRENDS[:-1]:
        if counts[trend]:
            yield f"\n{TITLES[trend]}"
        for change in comparison.of(trend):
            kind = f" {kind_of(change.case).upper()}" if kind_of(change.case) else ""
            yield f"  {change.case.test}{kind}  {verdict_change(change)}"
            if change.value:
                yield f"      {change.value.told}"
            if trend == "worse":
                yield f"      {change.case.reason}"
    if comparison.note:
        yield f"\n{comparison.note}"
