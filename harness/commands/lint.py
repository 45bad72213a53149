"""Mark implausible and unexplained baselines; the marks are warnings, red only with --strict."""

from collections.abc import Sequence

from harness import cards, lint
from harness.commands import arguments


def run(given: Sequence[str]) -> int:
    """Print one line per mark and a count."""
    parser = arguments.parser("lint", __doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this card")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when there is a mark")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    chosen = [cards.get(options.name, options.cards)] if options.name else cards.load_all(options.cards)
    count = 0
    for card in chosen:
        for mark in lint.marks(card):
            print(f"{card.name}: {mark.where}: {mark.rule}: {mark.text}")
            count += 1
    print(f"{count} {'mark' if count == 1 else 'marks'} on {len(chosen)} {'card' if len(chosen) == 1 else 'cards'}")
    return 1 if count and options.strict else 0
