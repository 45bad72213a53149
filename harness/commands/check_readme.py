"""Compare a card with its README, row by row; with --results, the README with what a run measured."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import readings, readme
from harness.cards import ModelCard
from harness.commands import arguments
from harness.commands.list import table
from harness.readme import baselines, drift
from harness.readme.claims import Claim
from harness.readme.drift import Drift
from harness.readme.redact import redact
from harness.render import table as tables
from harness.runs import read_entries
from harness.units import ABSENT, counted

COLUMNS = ("difference", "row", "card", "README", "line")


def run(given: Sequence[str]) -> int:
    """Print what differs; 1 when a number differs, is missing on one side, or was not met, else 0."""
    parser = arguments.parser("check-readme", __doc__)
    parser.add_argument("card", metavar="CARD", help="a card's name, its file, or its folder")
    parser.add_argument("readme", type=Path, metavar="README.md", help="the README that it is a card of")
    parser.add_argument("--results", type=Path, metavar="RUN", help="also hold the README to what this run measured")
    parser.add_argument("--synonyms", type=Path, metavar="FILE", help="a TOML file with more words of READMEs")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    card = arguments.card(options.card, options.cards)
    found = drift.between([card], readme.parse(options.readme, options.synonyms), options.readme)
    print("\n".join(_told(card, found, options.readme)))
    if options.results is None:
        return 1 if found.differences else 0
    missed = _measured(card, found, options.readme, options.results)
    return 1 if found.differences or missed else 0


def _told(card: ModelCard, found: Drift, path: Path) -> Iterator[str]:
    count = len(found.differences)
    verdict = f"{counted(count, 'row')} differ{'s' if count == 1 else ''}" if count else "agree"
    alike = len(found.agreeing)
    yield f"{card.name} and {path}: {verdict}; {counted(alike, 'row')} agree{'s' if alike == 1 else ''}"
    if count:
        yield from table([COLUMNS, *_rows(found)])
    for pair, reason in found.notes:
        yield redact(f"not compared: line {pair.line}: {pair.place} {_text(pair.readme)}: {reason}")
    if found.elsewhere:
        yield f"not compared: {found.elsewhere} of the card's rows, which stand in other files"


def _rows(found: Drift) -> Iterator[tuple[str, ...]]:
    for pair in found.differences:
        state = f"{pair.state}: {pair.moved}" if pair.state == "other place" else pair.state
        cells = (state, pair.place, _text(pair.card), _text(pair.readme), str(pair.line or ABSENT))
        yield tuple(redact(cell) for cell in cells)


def _text(claim: Claim | None) -> str:
    return claim.text if claim else ABSENT


def _measured(card: ModelCard, found: Drift, path: Path, run_folder: Path) -> bool:
    """Print the run's last measurements against the README's numbers; return whether one was missed."""
    printed = baselines.restated(card, found.pairs, path.name)
    results = readings.last(read_entries(run_folder), card.name)
    entries = readings.judged(printed, results, datetime.datetime.now(datetime.UTC).date())
    print(f"\n{path} and {run_folder}: {len(entries)} of {len(results)} last results of {card.name} bear on it")
    if entries:
        print(redact(tables.terminal(entries, {card.name: printed})))
    rest = readings.unmeasured(printed, entries)
    if rest:
        print(f"not measured: {len(rest)} of the promised numbers")
    return any(entry.verdict.outcome == "FAIL" and not entry.verdict.waived_by for entry in entries)
