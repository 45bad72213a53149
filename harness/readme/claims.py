"""What a card and a README claim, in one form, so that the two can be laid side by side."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from harness.cards import Baseline, Expect, ModelCard, Place, Ratio
from harness.readme.quantities import UNIT, unit_of
from harness.readme.rows import Kind, Row
from harness.units import WHOLES

Side = Literal["card", "README"]
Origin = Baseline | Expect | Ratio | Row
SPEEDS: dict[str, Kind] = {"throughput": "throughput", "latency": "latency", "ratio": "ratio"}
# One metric under several names; an accuracy that nobody names may be any of them.
ALIASES = {"accuracy": "acc", "map50": "ap50", "map75": "ap75"}
UNNAMED = "acc"
# How a README's row says why nothing runs, by the outcome that a card expects.
FAILURES = {"oom": "out of memory", "unsupported": "does not run", "compile-error": "does not run"}
DIFFER = "accuracies differ by at most"
_PLAIN = re.compile(r"[\s_@-]+")


@dataclass(frozen=True, eq=False)
class Claim:
    """One number with its place; an empty chip and no batch are not stated, and fit any.

    Durations are in ms, units are those of a README's rows. A claim without a number says in `unit` why nothing runs.
    """

    side: Side
    kind: Kind
    metric: str
    value: float | None
    unit: str
    role: str
    chip: str
    batch: int | None
    scope: str
    cls: str
    condition: str
    line: int
    origin: Origin

    @property
    def text(self) -> str:
        """The number and its unit for people."""
        if self.value is None:
            return self.unit
        number = f"{self.value:.12g}"
        return number if self.unit in ("", "fraction") else f"{number} {self.unit}"

    @property
    def place(self) -> str:
        """Where the number belongs, for people: chip, batch, metric, class, condition."""
        batch = "" if self.batch is None else f"bs{self.batch}"
        scope = "per card" if self.scope == "card" else ""
        role = "" if self.role == "promise" else self.role
        parts = (self.chip, batch, self.metric, self.cls, scope, role, self.condition)
        return " ".join(part for part in parts if part)


def of_readme(rows: Iterable[Row]) -> tuple[Claim, ...]:
    """Return a README's rows as claims."""
    return tuple(_of_row(row) for row in rows)


def of_card(card: ModelCard, readme: Path) -> tuple[tuple[Claim, ...], int]:
    """Return what a card claims to be printed in a README, and how many of its rows come from elsewhere.

    Elsewhere are measurements and the files that no README of this name is; an expected gap in accuracy is no row.
    """
    stated: list[Baseline | Ratio | Expect] = [row for row in card.baseline if row.role != "measured"]
    stated += [*card.ratio, *(row for row in card.expect if row.outcome in FAILURES)]
    mine = [row for row in stated if is_of(row.source, card, readme)]
    return tuple(_distinct(_of_card_row(row) for row in mine)), len(stated) - len(mine)


def is_of(place: Place, card: ModelCard, readme: Path) -> bool:
    """Tell whether a place is in a README: by the address of the card's README, or by the file's name."""
    address = unquote(urlsplit(card.source.readme).path)
    same_name = PurePosixPath(place.file).name.lower() == readme.name.lower()
    return same_name or f"/{address}".endswith(f"/{place.file}")


def plain_metric(name: str) -> str:
    """Return a metric's name without the freedom of its spelling.

    >>> plain_metric("mAP_50"), plain_metric("Accuracy")
    ('ap50', 'acc')
    """
    plain = _PLAIN.sub("", name.lower())
    return ALIASES.get(plain, plain)


def _of_row(row: Row) -> Claim:
    unit, conditions = row.unit, row.condition
    if row.kind == "unsupported":
        unit = next((reason for reason in FAILURES.values() if reason in conditions), "does not run")
        conditions = ", ".join(one for one in conditions.split(", ") if one != unit)
    return Claim(
        side="README",
        kind=row.kind,
        metric=row.metric,
        value=row.value,
        unit=unit,
        role=row.role,
        chip=row.chip,
        batch=row.batch,
        scope=row.scope if row.kind == "throughput" else "",
        cls=row.cls,
        condition=conditions,
        line=row.where.line,
        origin=row,
    )


def _of_card_row(row: Baseline | Ratio | Expect) -> Claim:
    if isinstance(row, Baseline):
        return _of_baseline(row)
    return _of_ratio(row) if isinstance(row, Ratio) else _of_expectation(row)


def _of_baseline(row: Baseline) -> Claim:
    kind: Kind = SPEEDS.get(row.metric, "accuracy")
    value, unit = _quantity(row, kind)
    return Claim(
        side="card",
        kind=kind,
        metric=row.metric,
        value=value,
        unit=unit,
        role=row.role,
        chip="" if row.chip == "any" else row.chip,
        batch=row.batch if isinstance(row.batch, int) else None,
        scope=row.scope if kind == "throughput" else "",
        cls=row.class_,
        condition=row.condition,
        line=row.source.line,
        origin=row,
    )


def _quantity(row: Baseline, kind: Kind) -> tuple[float, str]:
    """Return a baseline's number and unit as a README's row has them: durations in ms, shares with their unit."""
    if kind == "accuracy":
        return row.value, row.unit if row.unit in WHOLES else row.compared_in
    if kind == "ratio":
        return row.value, "x"
    match = UNIT.fullmatch(row.unit)
    unit = unit_of(match) if match else None
    if unit is None or unit.kind != kind:
        return row.value, row.unit
    return float(f"{row.value * unit.factor:.12g}"), unit.name


def _of_ratio(row: Ratio) -> Claim:
    """Return a ratio's claim; one of accuracies is printed as a difference in per cent."""
    above, below = row.numerator, row.denominator
    differs = row.within == 1.0 and row.tolerance is not None
    value = 100.0 * (row.tolerance or 0.0) if differs else row.at_least or row.within
    return Claim(
        side="card",
        kind="ratio",
        metric="ratio",
        value=value,
        unit="%" if differs else "x",
        role=row.role,
        chip=f"{above.chip}/{below.chip}",
        batch=above.batch if isinstance(above.batch, int) else None,
        scope="",
        cls="",
        condition=DIFFER if differs else "",
        line=row.source.line,
        origin=row,
    )


def _of_expectation(row: Expect) -> Claim:
    return Claim(
        side="card",
        kind="unsupported",
        metric="throughput",
        value=None,
        unit=FAILURES[row.outcome],
        role="promise",
        chip=row.chip,
        batch=row.batch,
        scope="",
        cls="",
        condition="",
        line=row.source.line,
        origin=row,
    )


def _distinct(claims: Iterable[Claim]) -> Iterator[Claim]:
    """Yield the claims with each failure once: a card may expect it of several checks."""
    seen = set()
    for claim in claims:
        failure = (claim.chip, claim.batch, claim.unit) if claim.kind == "unsupported" else None
        if failure is None or failure not in seen:
            yield claim
        seen.add(failure)
