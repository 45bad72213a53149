"""The nouns of the history: a record to keep, a point of a series, a series, an anchor."""

from dataclasses import dataclass

from harness.results import Entry
from harness.units import SHARE, more_is_better

LOWER_IS_BETTER = ("latency", "paired-loss", "max-rel")
"""Readings of which less is better; so it is of metrics that count errors, and of all others more."""


@dataclass(frozen=True)
class Reading:
    """One number of a result; `interval` is its 95 % interval, `n` the samples or rounds it is of.

    `protocol` tells apart numbers of one name: a metric's protocol, an output's name, how many samples of all.
    """

    name: str
    protocol: str
    unit: str
    value: float
    interval: tuple[float, float] | None = None
    n: int = 0


@dataclass(frozen=True)
class Record:
    """An entry to be kept, the run it is of, and its readings, the headline first."""

    entry: Entry
    run: str
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class Point:
    """One result in a series; `value` is None where the case broke. `at` is UTC, as `2026-03-01T04:05:06Z`."""

    at: str
    commit: str
    toolchain: str
    run: str
    outcome: str
    code: str
    digest: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    n: int = 0

    @property
    def usable(self) -> bool:
        """Tell whether the number says something of the case: it was measured, and the device was quiet."""
        return self.value is not None and self.code != "not-quiet"


@dataclass(frozen=True)
class Line:
    """What a series is about: one reading of one case on one machine."""

    case_key: str
    case_name: str
    machine: str
    name: str
    protocol: str
    unit: str

    @property
    def higher_is_better(self) -> bool:
        """Tell which direction is good."""
        return self.name not in LOWER_IS_BETTER and more_is_better(self.name.partition(":")[0]) is not False

    @property
    def is_directed(self) -> bool:
        """Tell whether it is known which direction is good: of a score whose name does not tell only a card knows."""
        return not self.is_score or more_is_better(self.name.partition(":")[0]) is not None

    @property
    def is_share(self) -> bool:
        """Tell whether the numbers are shares of right answers, whose differences are points and not per cent."""
        return self.unit == SHARE

    @property
    def is_score(self) -> bool:
        """Tell whether the numbers are accuracies that are no shares (a PSNR), whose differences are in per cent."""
        return self.case_name.startswith("test_accuracy[") and not self.is_share


@dataclass(frozen=True)
class Series:
    """The results of one line, oldest first."""

    line: Line
    points: tuple[Point, ...]

    @property
    def usable(self) -> tuple[Point, ...]:
        """The points whose numbers may be compared."""
        return tuple(point for point in self.points if point.usable)

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers that may be compared, oldest first."""
        return tuple(point.value for point in self.points if point.value is not None and point.usable)


@dataclass(frozen=True)
class Anchor:
    """What a line stood at when it was frozen: the median of `n` results and their noise (a standard deviation).

    `tolerance` is the loss that is allowed against it, None for the default; `release` names a frozen anchor and is
    empty for one that moves with the results.
    """

    value: float
    sigma: float
    n: int
    release: str = ""
    tolerance: float | None = None
    frozen_at: str = ""
    toolchain: str = ""
    commit: str = ""
