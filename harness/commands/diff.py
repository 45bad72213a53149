"""Show what changed from one run to another: verdicts, numbers with intervals, and the environment.

1 when the verdict of a case became worse or a case is gone, else 0.
"""

from collections.abc import Sequence
from pathlib import Path

from harness import adopt, cards, comparison
from harness.commands import arguments
from harness.report import changes, page


def run(given: Sequence[str]) -> int:
    """Print the comparison, and write it as a page where one is asked for; raises UsageError for what is no run."""
    parser = arguments.parser("diff", __doc__)
    parser.add_argument("first", type=Path, metavar="RUN_A", help="the folder of the earlier run")
    parser.add_argument("second", type=Path, metavar="RUN_B", help="the folder of the later run")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page, too")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    of_runs = (folder for run_folder in (options.first, options.second) for folder in adopt.card_folders(run_folder))
    folders = (*options.cards, *dict.fromkeys(folder for folder in of_runs if folder.is_dir()))
    found = comparison.compare(options.first, options.second, {card.name: card for card in cards.load_all(folders)})
    print(changes.text(found))
    if options.html:
        arguments.write(options.html, page.difference(found))
        print(f"\n{options.html}")
    return 1 if found.of("worse") or found.of("gone") else 0
