"""Print a card's promises as the table of a README, or a README's table or diff with the card's numbers."""

import datetime
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness import readings, readme
from harness.cards import Baseline, ModelCard
from harness.commands import arguments
from harness.errors import UsageError
from harness.readme import drift, patch, render
from harness.readme.compare import Pair
from harness.readme.patch import Change
from harness.readme.rows import Row
from harness.results import Result
from harness.runs import read_entries


def run(given: Sequence[str]) -> int:
    """Print the table or the diff to standard output, and what it leaves out to standard error."""
    parser = arguments.parser("render", __doc__)
    parser.add_argument("card", metavar="CARD", help="a card's name, its file, or its folder")
    parser.add_argument(
        "--results", type=Path, metavar="RUN", help="with what this run measured in place of the promises"
    )
    parser.add_argument("--readme", type=Path, metavar="README.md", help="in the layout of this README's own tables")
    parser.add_argument("--patch", action="store_true", help="print a unified diff of the README's tables")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    if options.patch and options.readme is None:
        raise UsageError("omgate render --patch", "expected a README", "none", "give it with --readme README.md")
    card = arguments.card(options.card, options.cards)
    results = readings.last(read_entries(options.results), card.name) if options.results else None
    if options.readme is None:
        return _table(card, results)
    return _of_readme(card, results, options.readme, as_diff=options.patch)


def _table(card: ModelCard, results: Sequence[Result] | None) -> int:
    rows = render.of_card(card)
    if results is not None:
        promised = [row for row in card.baseline if row.role == "promise"]
        values = [_measured(row, card, results) for row in promised]
        rows = (*map(_with_value, rows, values), *rows[len(values) :])
        _note_unmeasured(values)
    print(render.table(rows))
    left = [row for row in rows if not render.in_table(row)]
    _tell(f"not in the table: {row.chip or 'any chip'} {row.metric} {row.cls or row.condition}".strip() for row in left)
    return 0


def _of_readme(card: ModelCard, results: Sequence[Result] | None, path: Path, *, as_diff: bool) -> int:
    """Print the README's tables with the card's or the run's numbers, or how the file changes with them."""
    found = drift.between([card], readme.parse(path), path)
    before = path.read_bytes()
    done = patch.changed(before, _changes(found.pairs, card, results))
    _tell(f"{path}:{line}: {note}" for line, note in done.notes)
    _tell(f"{path}: no row for {pair.place}" for pair in found.differences if pair.state == "missing in README")
    moved = (pair for pair in found.differences if pair.state == "other place")
    _tell(f"{path}:{pair.line}: {pair.place} is left as it is: {pair.moved}" for pair in moved)
    if as_diff:
        sys.stdout.flush()
        sys.stdout.buffer.write(patch.diff(_name(path), before, done.data))
        return 0
    print(patch.tables_with(done.data, (pair.line for pair in found.pairs if pair.card and pair.readme)))
    return 0


def _changes(pairs: Iterable[Pair], card: ModelCard, results: Sequence[Result] | None) -> list[Change]:
    """Return the README's rows that get another number: the card's, or what was measured of its promises."""
    changes: dict[Row, Change] = {}
    values = []
    for pair in pairs:
        row, origin = (claim.origin if claim else None for claim in (pair.readme, pair.card))
        if not isinstance(row, Row) or row.value is None or pair.card is None or pair.card.value is None:
            continue
        if results is None and pair.state == "other value":
            decimals = origin.decimals if isinstance(origin, Baseline) else None
            changes[row] = Change(row, _in_unit(pair.card.value, pair.card.unit, row.unit), decimals or 0)
        if results is not None and isinstance(origin, Baseline) and origin.role == "promise":
            values.append(_measured(origin, card, results))
            if values[-1] is not None:
                changes.setdefault(row, Change(row, _in_unit(values[-1], pair.card.unit, row.unit)))
    _note_unmeasured(values)
    return list(changes.values())


def _in_unit(value: float, unit: str, wanted: str) -> float:
    """Return a number in the unit that the README prints: per cent or a fraction."""
    factor = {("%", "fraction"): 0.01, ("fraction", "%"): 100.0}.get((unit, wanted), 1.0)
    return value if factor == 1.0 else float(f"{value * factor:.12g}")


def _measured(row: Baseline, card: ModelCard, results: Sequence[Result]) -> float | None:
    return readings.measured(row, card, results, datetime.datetime.now(datetime.UTC).date())


def _with_value(row: Row, value: float | None) -> Row:
    """Return a row with another number, with the decimals of the printed one."""
    if value is None or row.value is None:
        return row
    decimals = len(render.number(row).partition(".")[2])
    text = f"{value:.{decimals}f}"
    return row.model_copy(update={"value": float(text), "where": row.where.model_copy(update={"text": text})})


def _note_unmeasured(values: Sequence[float | None]) -> None:
    count = sum(value is None for value in values)
    if count:
        _tell([f"{count} of {len(values)} promised numbers were not measured on their chip; they stay as promised"])


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _name(path: Path) -> str:
    """Return a file's name for a diff: relative to here, where it is below."""
    name = os.path.relpath(path)
    return path.name if name.startswith("..") else name
