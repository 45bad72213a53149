"""Propose tighter baselines where runs were faster than promised: a patch on stdout, which nobody applies but you."""

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import adopt, cards, tighten
from harness.commands import arguments
from harness.units import counted


def run(given: Sequence[str]) -> int:
    """Print the unified diff of every card that could promise more, and on stderr what it is of; write nothing."""
    parser = arguments.parser("tighten", __doc__)
    what = "the folder of a run; of a case in several runs the slowest counts"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=what)
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    folders = (*options.cards, *(folder for run in options.runs for folder in adopt.card_folders(run)))
    known = {card.name: card for card in cards.load_all(folders)}
    found = tighten.proposals(options.runs, known, datetime.datetime.now(datetime.UTC).date())
    for path in dict.fromkeys(one.path for one in found):
        inside = path.resolve().is_relative_to(Path.cwd())
        shown = path.resolve().relative_to(Path.cwd() if inside else "/").as_posix()
        print(tighten.diff(path, [one for one in found if one.path == path], shown), end="")
        print(f"{shown}: apply with `patch -p1{'' if inside else ' -d /'}`", file=sys.stderr)
    for one in found:
        print(f"{one.case.test_name}: {one.row['source']['text']}", file=sys.stderr)
    print(counted(len(found), "proposal"), file=sys.stderr)
    return 0
