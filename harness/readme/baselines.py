"""README rows as the rows of a card: what a card can state, and a card with the README's numbers for its own."""

import re
from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from harness.cards import Baseline, Expect, ModelCard, Place, Ratio, RatioSide
from harness.readme.claims import DIFFER, FAILURES
from harness.readme.compare import Pair
from harness.readme.rows import Row
from harness.units import PLAIN, SHARE, more_is_better

# What the README leaves to the card: how a number is measured and judged, not which number it is.
LEFT_TO_THE_CARD = (
    *("tolerance", "definition", "protocol", "inputs", "metric", "condition", "toolchain"),
    "higher_is_better",
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def stated(row: Row, file: str, protocol: str = "") -> Baseline | Ratio | Expect | None:
    """Return a README's row as a card's, or None where a card has no row for it.

    It has none for what is no accuracy, speed, ratio of two known chips or failure of one batch.
    `protocol` is that of the card's accuracies.
    """
    try:
        if row.kind == "unsupported":
            return _expectation(row, file)
        return _ratio(row, file) if row.kind == "ratio" else _baseline(row, file, protocol)
    except ValidationError:  # the card's schema decides what it can state
        return None


def restated(card: ModelCard, pairs: Sequence[Pair], file: str) -> ModelCard:
    """Return a card that promises what its README prints, and nothing more.

    What a README does not say of a number (tolerance, definition, protocol, inputs) stays as the card has it.
    """
    made = [_restated(pair, card, file) for pair in pairs if pair.readme is not None]
    rows = list({id(row): row for row in made if row is not None}.values())
    gaps = [row for row in card.expect if row.outcome not in FAILURES]
    return card.model_copy(
        update={
            "baseline": tuple(_distinct(row for row in rows if isinstance(row, Baseline))),
            "ratio": tuple(row for row in rows if isinstance(row, Ratio)),
            "expect": (*gaps, *(row for row in rows if isinstance(row, Expect))),
        }
    )


def _restated(pair: Pair, card: ModelCard, file: str) -> Baseline | Ratio | Expect | None:
    origin = pair.card.origin if pair.card else None
    printed = pair.readme.origin if pair.readme else None
    if not isinstance(printed, Row) or isinstance(origin, Row):
        return None
    if pair.state == "same":
        return origin
    if isinstance(origin, Ratio):
        return _with_value(origin, printed)
    new = stated(printed, file, card.metric.protocol)
    if isinstance(new, Baseline) and isinstance(origin, Baseline):
        kept = (*LEFT_TO_THE_CARD, *([] if printed.unit else ["unit"]))
        return new.model_copy(update={name: getattr(origin, name) for name in kept})
    return new


def _baseline(row: Row, file: str, protocol: str) -> Baseline:
    accuracy = row.kind == "accuracy"
    number = next((text for text in _NUMBER.findall(row.where.text) if float(text) == row.value), "")
    return Baseline.model_validate(
        {
            "chip": row.chip or "any",
            "printed": row.printed_chip,
            "scope": row.scope,
            "batch": row.batch or "unstated",
            "metric": row.metric if accuracy else row.kind,
            "class": row.cls,
            "protocol": row.protocol or (protocol if accuracy else ""),
            "value": row.value,
            "unit": {SHARE: "", "": PLAIN if accuracy else ""}.get(row.unit, row.unit),
            "higher_is_better": more_is_better(row.metric if accuracy else row.kind) is not False,
            "role": row.role,
            "definition": row.definition,
            "condition": row.condition,
            "certain": row.certain,
            "source": _place(row, file),
            # A whole number may be rounded to any digit, so it says nothing of its resolution.
            "decimals": len(number.partition(".")[2]) or None,
        }
    )


def _ratio(row: Row, file: str) -> Ratio:
    """Return a ratio of two chips' throughputs, or of their accuracies where it is a difference in per cent."""
    above, _, below = row.chip.partition("/")
    metric = "throughput" if row.unit == "x" else "accuracy"
    sides = [RatioSide(chip=chip, batch=row.batch or "best", metric=metric) for chip in (above, below)]
    bound: dict[str, float | None] = {"at_least": row.value}
    if DIFFER in row.condition:
        bound = {"within": 1.0, "tolerance": (row.value or 0.0) / 100.0}
    values = {"name": row.printed_chip or row.chip, "numerator": sides[0], "denominator": sides[1]}
    return Ratio.model_validate({**values, **bound, "role": row.role, "source": _place(row, file)})


def _expectation(row: Row, file: str) -> Expect:
    outcome = "oom" if FAILURES["oom"] in row.condition else "unsupported"
    values = {"chip": row.chip, "batch": row.batch, "check": "any", "outcome": outcome}
    return Expect.model_validate({**values, "source": _place(row, file)})


def _place(row: Row, file: str) -> Place:
    return Place(file=file, line=row.where.line, column=row.where.column, text=row.where.text)


def _with_value(origin: Ratio, printed: Row) -> Ratio:
    """Return a ratio with the printed number; a difference of accuracies has it in its tolerance."""
    value = printed.value or 0.0
    if origin.within is not None:
        return origin.model_copy(update={"tolerance": value / 100.0})
    return origin.model_copy(update={"at_least": value})


def _distinct(rows: Iterable[Baseline]) -> list[Baseline]:
    """Return the rows with the first of each promise: a README that contradicts itself is read from its top."""
    kept: dict[object, Baseline] = {}
    for row in rows:
        kept.setdefault(row.identity if row.role == "promise" else id(row), row)
    return list(kept.values())
