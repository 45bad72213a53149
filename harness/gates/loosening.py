"""What a change of the cards loosened: every promise, tolerance, expectation and waiver that asks for less than before.

Pure: from the cards before and now. Each loosening has to carry a reason that was not there before: `reason` of the
row, or, where no row is left, a `[[loosened]]` of the card. A default of the gates carries it as its comment.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.cards import Baseline, Expect, ModelCard, Ratio, Waiver
from harness.gates import thresholds
from harness.gates.subset import PROPORTIONS
from harness.results import Case
from harness.stats import share_error
from harness.units import SHARE, difference, written

DEFAULTS = ("ACCURACY", "SCORE", "SPEED_NPU", "SPEED_CPU", "RATIO", "AGREEMENT")
"""The defaults of `gates/thresholds.py` that are looser the larger they are; `PARITY_*` are a cosine and such a one."""


class Spread(NamedTuple):
    """The standard error of a promised number, in its own unit, and what it is of; or None and why nobody knows it."""

    error: float | None
    said: str


Spreads = Callable[[ModelCard, Baseline | Ratio], Spread]
"""Who knows the standard error of what a card's row promises."""


def by_samples(card: ModelCard, row: Baseline | Ratio) -> Spread:
    """Return the binomial error of a share of right answers; that of any other number only a history knows."""
    if isinstance(row, Baseline) and row.metric in PROPORTIONS and 0 < row.target < 1 and card.dataset.count:
        return Spread(share_error(row.target, card.dataset.count), f"on {card.dataset.count} samples")
    return Spread(None, "no history is given")


@dataclass(frozen=True)
class Loosening:
    """One loosening: of which card, what, how, and why; without a `reason` it is not allowed."""

    card: str
    what: str
    change: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.card}: {self.what}: {self.change} — {self.reason or 'no reason is given'}"


def loosenings(
    before: Mapping[str, ModelCard], now: Mapping[str, ModelCard], spreads: Spreads = by_samples
) -> tuple[Loosening, ...]:
    """Return what the cards of today ask for less than those of before, by name; new cards loosen nothing."""
    found: list[Loosening] = []
    for name, old in before.items():
        if name not in now:
            found.append(Loosening(name, f"card {name}", "removed"))
            continue
        found += _of_card(old, now[name], spreads)
    fresh = {
        (name, row.what): row.reason
        for name, card in now.items()
        for row in card.loosened
        if name not in before or row not in before[name].loosened
    }
    everywhere = {what: reason for (_, what), reason in fresh.items() if what.startswith("card ")}
    return tuple(
        one if one.reason else replace(one, reason=fresh.get((one.card, one.what), everywhere.get(one.what, "")))
        for one in found
    )


def default_loosenings(before: str, now: str) -> tuple[Loosening, ...]:
    """Return which defaults of `gates/thresholds.py` are looser in one source than in another, with their comments.

    Raises SyntaxError for a source that is no Python.
    """
    old, new = _constants(before), _constants(now)
    found = []
    for name, (value, said) in old.items():
        after, comment = new.get(name, ("no such default", ""))
        if name not in new or _is_looser(after, value):
            found.append(Loosening("defaults", f"thresholds.{name}", f"{value} → {after}", _fresh(comment, said)))
    return tuple(found)


def _is_looser(after: object, before: object) -> bool:
    if isinstance(after, tuple) and isinstance(before, tuple):
        return bool(after[0] < before[0] or after[1] > before[1])
    return isinstance(after, int | float) and isinstance(before, int | float) and after > before


def _constants(source: str) -> dict[str, tuple[object, str]]:
    """Return the defaults that a module's source sets, and the comment on the line of each."""
    found: dict[str, tuple[object, str]] = {}
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        name = node.targets[0].id
        if (name in DEFAULTS or name.startswith("PARITY_")) and isinstance(node.value, ast.Constant | ast.Tuple):
            found[name] = (ast.literal_eval(node.value), lines[node.lineno - 1].partition("#")[2].strip())
    return found


def _of_card(old: ModelCard, new: ModelCard, spreads: Spreads) -> Iterator[Loosening]:
    yield from _baselines(old, new, spreads)
    yield from _expectations(old, new)
    yield from _ratios(old, new, spreads)
    yield from _waivers(old, new)
    yield from _extent(old, new)


def _baselines(old: ModelCard, new: ModelCard, spreads: Spreads) -> Iterator[Loosening]:
    rows = _gated(new)
    for key, row in _gated(old).items():
        what = _named(row)
        found = rows.get(key) or next((one for other, one in rows.items() if other[:-1] == key[:-1]), None)
        if found is None:
            yield Loosening(new.name, what, f"removed, was {_number(row, row.target)}")
            continue
        for change in _row_changes((old, row), (new, found), spreads):
            yield Loosening(new.name, what, change, _fresh(found.reason, row.reason))


def _row_changes(
    before: tuple[ModelCard, Baseline], now: tuple[ModelCard, Baseline], spreads: Spreads
) -> Iterator[str]:
    """Yield how a row asks for less than before: another kind of number, a worse one, a wider tolerance."""
    (old, row), (new, found) = before, now
    if _kind(row) != _kind(found):  # numbers of two kinds are not more or less, but it is another promise
        yield f"{_kind(row)} → {_kind(found)}"
        return
    loss = (row.target - found.target) * (1 if row.higher_is_better else -1)
    if loss > 0:
        numbers = f"value {_number(row, row.target)} → {_number(found, found.target)}"
        yield f"{numbers}, {_size(row, loss, spreads(new, row))}"
    allowed, allows = _allowed(old, row), _allowed(new, found)
    if allows > allowed and not _is_part_of_target(row, found):
        wider = allows - allowed if row.is_accuracy else (allows - allowed) * row.target
        numbers = f"tolerance {_tolerance(row, allowed)} → {_tolerance(row, allows)}"
        yield f"{numbers}, {_size(row, wider, spreads(new, row))}"


def _kind(row: Baseline) -> str:
    """Return what kind of number a row promises; speeds are compared in whatever unit they are printed."""
    better = "more" if row.higher_is_better else "less"
    unit = {SHARE: "a share", "": "a plain number"}.get(row.compared_in, row.compared_in)
    return f"{unit if row.is_accuracy else 'a speed'} of which {better} is better"


def _is_part_of_target(row: Baseline, found: Baseline) -> bool:
    """Tell whether both tolerances are the default part of their targets, and so follow them."""
    default = row.tolerance is None and found.tolerance is None
    return default and row.is_accuracy and not row.is_share


def _gated(card: ModelCard) -> dict[tuple[object, ...], Baseline]:
    """Return the rows that are gated, by what they are about and their role; of several the strictest."""
    rows: dict[tuple[object, ...], Baseline] = {}
    for row in card.baseline:
        if row.role == "reference":
            continue
        key = (row.layered_identity, row.when, row.role)
        other = rows.get(key)
        if other is None or (row.target > other.target) == row.higher_is_better:
            rows[key] = row
    return rows


def _allowed(card: ModelCard, row: Baseline) -> float:
    """Return the tolerance that the gate takes, a default where the row states none."""
    if row.is_accuracy:
        return thresholds.accuracy(row).value
    case = Case(model=card.name, runtime="", chip=row.chip, batch=1, check="throughput")
    return thresholds.speed(row, case).value


def _size(row: Baseline, loss: float, known: Spread) -> str:
    """Return how much a loosening is: points of a share, else per cent, and standard errors of the number."""
    share = row.is_share or not row.target
    size = difference(loss, row.compared_in) if share else f"{100 * loss / abs(row.target):.3g} %"
    return f"looser by {size}, {_in_errors(loss, known)}"


def _in_errors(loss: float, known: Spread) -> str:
    if not known.error:
        return f"an unknown number of standard errors: {known.said}"
    return f"{loss / known.error:.2g} standard errors {known.said}"


def _expectations(old: ModelCard, new: ModelCard) -> Iterator[Loosening]:
    known = {_expected(row): row for row in old.expect}
    for row in new.expect:
        what, before = f"expect {_expected(row)}", known.get(_expected(row))
        if before is None:
            yield Loosening(new.name, what, "is expected to fail now", row.reason)
        elif (
            before.memory_mib_at_most is not None
            and (row.memory_mib_at_most or float("inf")) > before.memory_mib_at_most
        ):
            bound = "any memory" if row.memory_mib_at_most is None else f"{row.memory_mib_at_most} MiB"
            change = f"expected up to {before.memory_mib_at_most} MiB → {bound}"
            yield Loosening(new.name, what, change, _fresh(row.reason, before.reason))


def _ratios(old: ModelCard, new: ModelCard, spreads: Spreads) -> Iterator[Loosening]:
    rows = {row.name: row for row in new.ratio if row.role == "promise"}
    for row in old.ratio:
        if row.role != "promise":
            continue
        what, found = f"ratio {row.name}", rows.get(row.name)
        if found is None:
            yield Loosening(new.name, what, f"removed, was {_bound(row)}")
            continue
        if found == row:  # nobody has to be asked for its error
            continue
        for change in _ratio_changes(row, found, spreads(new, row)):
            yield Loosening(new.name, what, change, _fresh(found.reason, row.reason))


def _ratio_changes(row: Ratio, found: Ratio, known: Spread) -> Iterator[str]:
    if row.at_least and found.at_least and found.at_least < row.at_least:
        lower = row.at_least - found.at_least
        size = f"looser by {100 * lower / row.at_least:.3g} %, {_in_errors(lower, known)}"
        yield f"{_bound(row)} → {_bound(found)}, {size}"
    elif row.within != found.within:  # nearer to which number is not more or less, but it is another promise
        yield f"{_bound(row)} → {_bound(found)}"
    before, after = thresholds.ratio(row.tolerance).value, thresholds.ratio(found.tolerance).value
    if after > before:
        wider = (after - before) * (row.at_least or row.within or 0.0)
        size = f"looser by {100 * (after - before):.3g} %, {_in_errors(wider, known)}"
        yield f"tolerance {100 * before:g} % → {100 * after:g} %, {size}"


def _waivers(old: ModelCard, new: ModelCard) -> Iterator[Loosening]:
    until = {_waived(row): row.expires for row in old.waiver}
    for row in new.waiver:
        what = f"waiver {_waived(row)}"
        before = until.get(_waived(row))
        if before is None:
            yield Loosening(new.name, what, f"{row.owner} until {row.expires}", row.reason)
        elif row.expires > before:
            days = (row.expires - before).days
            yield Loosening(new.name, what, f"{before} → {row.expires}, {days} days longer", row.reason)


def _extent(old: ModelCard, new: ModelCard) -> Iterator[Loosening]:
    """Yield what is run less: not nightly any more, fewer samples, chips or batch sizes."""
    if old.nightly and not new.nightly:
        yield Loosening(new.name, "nightly", "true → false")
    if new.dataset.count < old.dataset.count:
        lost = 100 * (1 - new.dataset.count / old.dataset.count)
        yield Loosening(
            new.name, "dataset.count", f"{old.dataset.count} → {new.dataset.count} samples, {lost:.3g} % fewer"
        )
    for field in ("chips", "batches"):
        gone = [str(one) for one in getattr(old, field) if one not in getattr(new, field)]
        if gone:
            yield Loosening(new.name, field, f"without {', '.join(gone)}")


def _named(row: Baseline) -> str:
    """Return what a row is about, as short as it is plain: `baseline Ascend310P3 bs4 throughput`."""
    marks = [row.class_, row.protocol, row.definition, row.inputs, row.condition, row.when]
    scope = ["per card"] if row.scope == "card" else []
    return " ".join(["baseline", row.chip, f"bs{row.batch}", row.metric, *scope, *filter(None, marks)])


def _number(row: Baseline, value: float) -> str:
    return written(value, row.compared_in)


def _tolerance(row: Baseline, value: float) -> str:
    return difference(value, row.compared_in) if row.is_accuracy else f"{100 * value:g} %"


def _fresh(reason: str, before: str) -> str:
    """Return a reason unless it was there before: then it is that of an earlier change."""
    return "" if reason == before else reason


def _expected(row: Expect) -> str:
    return f"{row.chip} bs{row.batch} {row.check} {row.outcome}"


def _waived(row: Waiver) -> str:
    return f"{row.chip} bs{row.batch} {row.check}"


def _bound(row: Ratio) -> str:
    return f"at least {row.at_least:g}" if row.at_least is not None else f"within tolerance of {row.within:g}"
