"""Ratios: one chip's number against another's, taken from what this run and earlier runs measured."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness import gates
from harness.card_promises import SPEEDS
from harness.cards import Check, ModelCard, Ratio, RatioSide
from harness.gates import rounds, speed
from harness.gates.promises import same_chip
from harness.gates.ratios import SIDES
from harness.results import Case, Measure, Result, Side
from harness.runs import StoredEntry, entries_so_far, planned, stored_entries
from harness.workbench import Workbench

WAIT_S = 3600.0
POLL_S = 0.5
IDENTITY = ("model", "batch", "check", "weights", "precision", "condition", "threads", "emulated")
"""What a side's case has in common with the one that is looked for, chip and runtime apart."""
DIGESTS = ("weights", "data", "preprocess")


@dataclass(frozen=True)
class Value:
    """The number of one side: its unit, how many images or rounds it is of, and the result and run it is from."""

    value: float
    unit: str
    n: int
    run: str
    result: Result


def measure(case: Case, bench: Workbench, wait_s: float = WAIT_S) -> dict[str, Any]:
    """Return both sides of every ratio of this case, as far as this run or the stored ones have measured them.

    Runs nothing itself, so it holds no device: cases of this run that are still to come in other processes are waited
    for, `wait_s` seconds at the most. Raises UsageError for a stored folder that is no run's.
    """
    card = bench.card(case)
    promise = gates.promises_for(card, case)
    rows = (*promise.ratios, *promise.references)
    needed = [one for row in rows for side in _sides_to_measure(row) for one in wanted(card, case, side)]
    stored = stored_entries(bench.stored)
    return sides(rows, case, card, (*stored, *_awaited(bench, needed, wait_s)))


def sides(rows: Sequence[Ratio], case: Case, card: ModelCard, entries: Sequence[StoredEntry]) -> dict[str, Any]:
    """Return the measures and sides of ratios from entries; of several entries for one case the last counts.

    Emulated speeds are left out: they are nobody's.
    """
    measures: list[Measure] = []
    told: list[Side] = []
    for row in rows:
        if case.emulated and row.numerator.metric in SPEEDS:
            continue
        found = [side_value(card, case, side, entries) for side in _sides_to_measure(row)]
        for name, value in zip(SIDES, _comparable(found), strict=False):
            told.append(_side(row, name, value))
            if isinstance(value, Value):
                measures.append(Measure(name=row.name, protocol=name, value=value.value, unit=value.unit, n=value.n))
    return {"measures": tuple(measures), "sides": tuple(told)}


def wanted(card: ModelCard, case: Case, side: RatioSide) -> tuple[Case, ...]:
    """Return the cases whose results make a side: one, or one per promised batch size for the best of them."""
    check: Check = side.metric if side.metric in SPEEDS else "accuracy"
    batches: tuple[int, ...] = card.batches if side.batch == "best" else (side.batch,)
    if side.batch == "best":
        rows = [row for row in card.baseline if row.role == "promise" and row.metric == side.metric]
        promised = [row.batch for row in rows if same_chip(row.chip, side.chip) and isinstance(row.batch, int)]
        batches = tuple(dict.fromkeys(promised)) or batches
    return tuple(case.model_copy(update={"chip": side.chip, "batch": batch, "check": check}) for batch in batches)


def side_value(card: ModelCard, case: Case, side: RatioSide, entries: Sequence[StoredEntry]) -> Value | str:
    """Return a side's number, the best of its batch sizes and per card where it says so, or what is missing."""
    chips = speed.CHIPS_PER_CARD.get(side.chip) if side.scope == "card" else 1
    if chips is None:
        return f"how many {side.chip} are on a card is not known"
    each = [_value(card, one, side, entries) for one in wanted(card, case, side)]
    missing = [value for value in each if isinstance(value, str)]
    if missing:
        return "; ".join(missing)
    found = [value for value in each if isinstance(value, Value)]
    pick = min if side.metric == "latency" else max
    best = pick(found, key=lambda value: value.value)
    scale = chips if side.metric == "throughput" else 1
    return Value(best.value * scale, best.unit, best.n, best.run, best.result)


def _sides_to_measure(row: Ratio) -> tuple[RatioSide, ...]:
    """Return the sides that a ratio needs from us: a reference's denominator is printed."""
    return (row.numerator,) if row.role == "reference" else (row.numerator, row.denominator)


def _awaited(bench: Workbench, needed: Sequence[Case], wait_s: float) -> tuple[StoredEntry, ...]:
    """Return what this run has measured, once no needed case is still to come or the time is up."""
    deadline = time.monotonic() + wait_s
    while True:
        entries = entries_so_far(bench.run_dir)
        done = {stored.entry.result.case.test_name for stored in entries}
        names = {case.test_name for case in needed} - done
        if not names.intersection(planned(bench.run_dir)) or time.monotonic() >= deadline:
            return entries
        time.sleep(POLL_S)


def _value(card: ModelCard, sought: Case, side: RatioSide, entries: Sequence[StoredEntry]) -> Value | str:
    found = _latest(sought, entries)
    if found is None:
        return f"nothing is known of the {_named(sought)}; {_how_to(sought)}"
    result = found.entry.result
    if result.status != "measured":
        why = result.error.message if result.error else result.missing or "it did not run"
        return f"the {_named(sought)} was not measured in {found.run}: {why}"
    return _speed(sought, found) if side.metric in SPEEDS else _accuracy(card, sought, side, found)


def _latest(sought: Case, entries: Sequence[StoredEntry]) -> StoredEntry | None:
    """Return the last entry for a case; an accuracy may be of any runtime on that chip, the same one first."""
    fitting = [stored for stored in entries if _answers(stored.entry.result, sought)]
    same = [stored for stored in fitting if stored.entry.result.case.runtime == sought.runtime]
    if same or sought.check != "accuracy":
        return same[-1] if same else None
    return fitting[-1] if fitting else None


def _answers(result: Result, sought: Case) -> bool:
    case = result.case
    if bool(result.toolchain.get("emulated")) and not sought.emulated:
        return False
    same = all(getattr(case, name) == getattr(sought, name) for name in IDENTITY)
    return same and same_chip(case.chip, sought.chip)


def _speed(sought: Case, found: StoredEntry) -> Value | str:
    measurement = found.entry.result.measurement
    if measurement is None or not (measurement.rounds_ms or measurement.tool_value):
        return f"the {_named(sought)} has no timed round in {found.run}; {_how_to(sought)}"
    value = rounds.reading(measurement, sought.check)
    count = max(1, len(measurement.rounds_ms))
    return Value(value, speed.RAW_UNITS[sought.check], count, found.run, found.entry.result)


def _accuracy(card: ModelCard, sought: Case, side: RatioSide, found: StoredEntry) -> Value | str:
    """Return the accuracy by the README's protocol, of the whole data set only."""
    result = found.entry.result
    if result.samples is None or not result.samples.whole:
        return f"the {_named(sought)} in {found.run} is of a part of the data set; run it without --samples"
    for one in result.measures:
        if (one.name, one.protocol) == (side.metric, card.metric.protocol):
            return Value(one.value, one.unit, one.n, found.run, result)
    return f"the {_named(sought)} in {found.run} holds no {side.metric} ({card.metric.protocol}); {_how_to(sought)}"


def _comparable(found: Sequence[Value | str]) -> Sequence[Value | str]:
    """Return the values, the second replaced by the reason where they are not of one definition, data or weights."""
    if len(found) < len(SIDES) or any(isinstance(value, str) for value in found):
        return found
    top, bottom = (value for value in found if isinstance(value, Value))
    why = _difference(top.result, bottom.result)
    return (top, f"it cannot be compared with the numerator: {why}") if why else found


def _difference(top: Result, bottom: Result) -> str:
    one, other = top.measurement, bottom.measurement
    if one and other and (one.definition, one.inputs) != (other.definition, other.inputs):
        ways = [f"as {way.definition} on {way.inputs} inputs" for way in (other, one)]
        return f"measured {ways[0]}, the numerator {ways[1]}"
    for name in DIGESTS:
        digests = (top.digests.get(name), bottom.digests.get(name))
        if all(digests) and digests[0] != digests[1]:
            return f"another digest of the {name}"
    return ""


def _side(row: Ratio, name: str, value: Value | str) -> Side:
    facts: dict[str, Any] = {"ratio": row.name, "side": name}
    if isinstance(value, str):
        return Side(**facts, missing=value)
    facts |= {"case": value.result.case.test_name, "run": value.run}
    measurement = value.result.measurement
    if measurement is None:
        return Side(**facts)
    quiet = not speed.disturbed(measurement)
    return Side(**facts, definition=measurement.definition, inputs=measurement.inputs, quiet=quiet)


def _named(case: Case) -> str:
    emulated = "emulated " if case.emulated else ""
    return f"{case.check} of {emulated}{case.chip} at batch {case.batch}"


def _how_to(case: Case) -> str:
    command = f"omgate gate --model {case.model} --runtime {case.runtime} --chip {case.chip}"
    command += f" --check {case.check} --batch-size {case.batch}"
    return f"run `{command}{' --emulate' if case.emulated else ''}` where that chip is, and give its run by --results"
