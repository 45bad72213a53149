"""Make baselines of what a run measured for the first time: rows of role "measured" at the end of their cards."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from harness import adopt, cards
from harness.adopt import OWN_THRESHOLD, PROMISED, Adoption, Refusal
from harness.commands import arguments
from harness.errors import UsageError
from harness.units import counted

QUIET = (PROMISED, OWN_THRESHOLD)


def run(given: Sequence[str]) -> int:
    """Print and write the rows; 1 when there is none to write, UsageError when a case that was named gives none."""
    parser = arguments.parser("adopt", __doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run with --unpromised")
    what = "only this case: its test_check[case], its id, or its key; may be given more than once"
    parser.add_argument("--case", action="append", default=[], metavar="ID", help=what)
    parser.add_argument("--dry-run", action="store_true", help="print the rows and write nothing")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    folders = (*options.cards, *adopt.card_folders(options.run))
    known = {card.name: card for card in cards.load_all(folders)}
    decided = adopt.examine(options.run, known, datetime.datetime.now(datetime.UTC).date())
    groups = [_named(decided, wanted) for wanted in options.case] or [decided]
    chosen = [one for one in decided if any(one in group for group in groups)]
    adoptions = [one for one in chosen if isinstance(one, Adoption)]
    _keep(adoptions, dry=options.dry_run)
    _tell_refusals([one for one in chosen if isinstance(one, Refusal)])
    print(f"{counted(len(adoptions), 'row')} {'to write' if options.dry_run else 'written'}")
    return 0 if adoptions else 1


def _named(decided: Sequence[Adoption | Refusal], wanted: str) -> tuple[Adoption | Refusal, ...]:
    """Return what a named case gives; raises UsageError where none of it is a first measurement."""
    found = adopt.choose(decided, wanted)
    if not any(isinstance(one, Adoption) for one in found):
        reasons = "; ".join(f"{one.case.test_name}: {one.reason}" for one in found if isinstance(one, Refusal))
        raise UsageError(f"--case {wanted}", "expected a first measurement", reasons)
    return found


def _keep(adoptions: Sequence[Adoption], *, dry: bool) -> None:
    """Write the rows, card by card, and print them."""
    for path in dict.fromkeys(one.path for one in adoptions):
        mine = [one for one in adoptions if one.path == path]
        if not dry:
            adopt.write(path, mine)
        print(f"{path}: {counted(len(mine), 'row')}")
        for one in mine:
            print("\n".join(["", *one.lines]))
        print()


def _tell_refusals(refusals: Sequence[Refusal]) -> None:
    """Print what becomes no baseline: line by line where somebody might have hoped for one, else counted."""
    for one in refusals:
        if one.reason not in QUIET:
            print(f"not adopted: {one.case.test_name}: {one.reason}")
    for reason in QUIET:
        count = sum(one.reason == reason for one in refusals)
        if count:
            print(f"{count} left out: {reason}")
