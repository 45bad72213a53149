"""The tables of a card that promise something: baselines, ratios, expected failures and waivers."""

import datetime
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from harness import units, version_ranges
from harness.card_tables import Chip, Count, ImpossibleError, Place, Table, Text, Unit
from harness.version_ranges import VersionRange

Check = Literal["accuracy", "parity", "batch-consistency", "throughput", "latency", "ratio"]
CHECKS: tuple[Check, ...] = ("accuracy", "parity", "batch-consistency", "throughput", "latency", "ratio")
SPEEDS: tuple[Check, ...] = ("throughput", "latency")
NO_ACCURACIES = (*SPEEDS, "ratio")
NO_SHARE = f'a number that is no share has a unit, as in unit = "dB", or unit = "{units.PLAIN}"'


class Baseline(Table):
    """One printed number with everything that makes it comparable (a fraction where the README prints per cent)."""

    chip: Chip
    printed: str = ""
    scope: Literal["chip", "card"] = "chip"
    batch: Count | Literal["any", "unstated"]
    metric: Text
    class_: str = Field(default="", alias="class")
    protocol: str = ""
    value: float
    unit: Unit = ""
    higher_is_better: bool = True
    tolerance: float | None = Field(default=None, ge=0)
    role: Literal["promise", "reference", "measured"]
    definition: str = ""
    inputs: Literal["", "real", "random", "zero"] = ""
    condition: str = ""
    toolchain: str = ""
    when: str = ""
    certain: bool = True
    source: Place
    reason: str = ""
    decimals: int | None = Field(default=None, ge=0, le=20)

    @model_validator(mode="before")
    @classmethod
    def _direction_by_name(cls, values: Any) -> Any:
        metric = values.get("metric") if isinstance(values, dict) else None
        known = units.more_is_better(metric) if isinstance(metric, str) else None
        return values if known is None else {"higher_is_better": known, **values}

    @model_validator(mode="after")
    def _value_is_possible(self) -> "Baseline":
        if self.is_share:
            self._require_share(units.WHOLES.get(self.unit, 1.0))
        elif not self.is_accuracy and self.value <= 0:
            raise ImpossibleError("value", f"expected more than 0 for {self.metric}", f"{self.value:g}")
        elif self.is_accuracy and "higher_is_better" not in self.model_fields_set:
            do = 'add higher_is_better = true, or false; a share has unit = "%", or none as a fraction of 1'
            in_unit = f" in {self.compared_in}" if self.compared_in else ""
            what = f"expected whether more of {self.metric}{in_unit} is better"
            raise ImpossibleError("higher_is_better", what, "nothing", do)
        return self

    def _require_share(self, whole: float) -> None:
        got = f"{self.value:g}"
        if self.unit == "%" and not self.class_ and 0 < self.value < 1:
            do = "write it as it is printed, in per cent, or leave out unit for a fraction of 1"
            raise ImpossibleError("value", f"expected per cent for {self.metric}, as unit says", got, do)
        if not 0 <= self.value <= whole:
            do = NO_SHARE if whole > 1 else f'per cent have unit = "%"; {NO_SHARE}'
            raise ImpossibleError("value", f"expected 0 to {whole:g} for {self.metric}", got, do)

    @model_validator(mode="after")
    def _condition_is_readable(self) -> "Baseline":
        try:
            _ = self.versions
        except ValueError as error:
            raise ImpossibleError("when", str(error), repr(self.when)) from error
        return self

    @cached_property
    def versions(self) -> VersionRange | None:
        """The toolchains that the number is for, as `when` says; None for all."""
        return version_ranges.parse(self.when) if self.when else None

    @property
    def is_accuracy(self) -> bool:
        """Tell whether the number says how good the answers are, and not how fast they come."""
        return self.metric not in NO_ACCURACIES

    @property
    def compared_in(self) -> str:
        """The unit of `target`: `fraction` for a share, else as printed, nothing for a plain number."""
        return units.compared_in(self.metric, self.unit) if self.is_accuracy else self.unit

    @property
    def is_share(self) -> bool:
        """Tell whether the number is a share, between 0 and 1 once normalised; a PSNR or an FID is none."""
        return self.compared_in == units.SHARE

    @cached_property
    def target(self) -> float:
        """The value as a fraction where it is printed in per cent, else as printed."""
        return self.value / 100.0 if self.unit == "%" else self.value

    @cached_property
    def allowed(self) -> float | None:
        """The stated tolerance: in the units of `target` for an accuracy, as a share of the target for a speed."""
        if self.tolerance is None or not self.is_accuracy:
            return self.tolerance
        return self.tolerance / 100.0 if self.unit == "%" else self.tolerance

    @cached_property
    def half_unit(self) -> float:
        """Half a unit of the last printed digit, in the units of `target`."""
        half: float = 0.5 * 10.0 ** -(self.decimals or 0)
        return half / 100.0 if self.unit == "%" else half

    @property
    def identity(self) -> tuple[object, ...]:
        """Everything but the number: two promises with the same identity contradict each other."""
        return (*self.layered_identity, self.toolchain, self.versions)

    @property
    def layered_identity(self) -> tuple[object, ...]:
        """What a number is about, whatever the toolchain: rows that share it are layers of one promise."""
        where = (self.chip, self.scope, self.batch, self.metric, self.class_, self.protocol)
        return (*where, self.definition, self.inputs, self.condition)


class Expect(Table):
    """A failure that the README states: the case passes only if it fails in just this way."""

    chip: Chip
    batch: Count
    check: Check | Literal["any"]
    outcome: Literal["oom", "unsupported", "compile-error", "accuracy-gap"]
    memory_mib_at_most: int | None = Field(default=None, gt=0)
    source: Place
    reason: str = ""


class RatioSide(Table):
    """One side of a ratio; `batch` may be `best`, the best of the card's promised batches."""

    chip: Chip
    batch: Count | Literal["best"]
    scope: Literal["chip", "card"] = "chip"
    metric: Text


class Ratio(Table):
    """A promise about two numbers: their ratio `at_least` a value, or `within` the tolerance of it."""

    name: Text
    numerator: RatioSide
    denominator: RatioSide
    at_least: float | None = Field(default=None, gt=0)
    within: float | None = Field(default=None, gt=0)
    tolerance: float | None = Field(default=None, ge=0)
    role: Literal["promise", "reference"] = "promise"
    source: Place
    reason: str = ""

    @model_validator(mode="after")
    def _one_bound(self) -> "Ratio":
        if (self.at_least is None) == (self.within is None):
            both = "neither" if self.within is None else "both"
            raise ImpossibleError("at_least", "expected exactly one of at_least and within", both)
        return self


class Waiver(Table):
    """A known failure that somebody owns, until a date."""

    chip: Chip
    batch: Count | Literal["any"]
    check: Check
    owner: Text
    reason: Text
    link: Text
    expires: datetime.date


class Loosened(Table):
    """Why something was loosened that has no row of its own any more; `what` is as `omgate lint --base` names it."""

    what: Text
    reason: Text
