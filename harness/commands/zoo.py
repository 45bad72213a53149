"""A whole zoo at a glance: its READMEs with their promises, commands, cards, gates, drift, and owners."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import cards, zoo
from harness.commands import arguments
from harness.commands.list import table
from harness.zoo import page
from harness.zoo.survey import Sight, Survey

SCHEMA = 1
COLUMNS = ("README", "promises", "ATC", "cards", "gated", "drifted", "implausible", "owner")


def run(given: Sequence[str]) -> int:
    """Print the survey; 0, or with --strict 1 when a README and its card have drifted apart."""
    parser = arguments.parser("zoo", __doc__)
    parser.add_argument("places", nargs="+", type=Path, metavar="DIR", help="a folder, or READMEs and cards in it")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--html", action="store_true", help="as one HTML page that needs nothing else")
    parser.add_argument("--results", type=Path, metavar="RUNS", help="a run's folder, or one with many: reports/runs")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a README has drifted from its card")
    parser.add_argument("--synonyms", type=Path, metavar="FILE", help="a TOML file with more words of READMEs")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    found = zoo.survey(options.places, cards.load_all(options.cards), options.results, options.synonyms)
    if options.json:
        print(json.dumps({"schema": SCHEMA, **found.as_json()}, ensure_ascii=False, indent=1))
    elif options.html:
        print(page.html(found))
    else:
        print("\n".join(_lines(found)))
    return 1 if options.strict and found.totals["drifted"] else 0


def _lines(found: Survey) -> Iterator[str]:
    yield from table([COLUMNS, *(_cells(one) for one in found.sights)])
    for one in found.sights:
        notes = (*one.problems, *(f"drifted: {text}" for text in one.drifted), *one.implausible)
        yield from (f"{one.path}: {note}" for note in notes)
    yield from found.problems
    yield ", ".join(f"{count} {name}" for name, count in found.totals.items())


def _cells(one: Sight) -> tuple[str, ...]:
    if not one.readable:
        return one.path, "unreadable", *[""] * (len(COLUMNS) - 3), one.owner
    gated = " ".join(f"{count} {outcome}" for outcome, count in one.gated.items())
    numbers = [str(count or "-") for count in (len(one.drifted), len(one.implausible))]
    return (
        one.path,
        str(one.promises or "-"),
        str(one.atc or "-"),
        " ".join(one.cards) or "-",
        gated or "-",
        *numbers,
        one.owner or "-",
    )
