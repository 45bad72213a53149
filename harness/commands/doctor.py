"""Tell what is ready on this machine, and what to do for the rest; red only if something required is missing."""

from collections.abc import Sequence

from harness import cards, doctor
from harness.commands import arguments
from harness.needs import Places


def run(given: Sequence[str]) -> int:
    """Print one line per need; 1 when something that the default run needs is missing."""
    parser = arguments.parser("doctor", __doc__)
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir", "data-dir", "cache-dir")
    parser.add_argument("--emulate", action="store_true", help="look at the emulated Ascend tools and NPUs")
    options = parser.parse_args(given)
    places = Places(arguments.folder(options, "weights-dir"), arguments.folder(options, "data-dir"))
    red = 0
    shown = cards.load_all(options.cards)
    for finding in doctor.examine(shown, places, arguments.cache_dir(options), options.emulate):
        print(finding, flush=True)
        red += finding.required and not finding.ok
    if red:
        print(f"{red} required {'need is' if red == 1 else 'needs are'} missing")
    return 1 if red else 0
