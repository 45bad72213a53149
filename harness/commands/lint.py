"""Mark implausible and unexplained baselines; with --base, name what a change loosened, red without a reason."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from harness import cards, lint, remember, revisions
from harness.cards import ModelCard
from harness.commands import arguments
from harness.errors import CardError, UsageError
from harness.gates import loosening, thresholds
from harness.gates.loosening import Loosening, Spreads, by_samples
from harness.history.store import ENVIRONMENT_VARIABLE, History
from harness.units import counted

THRESHOLDS = Path(thresholds.__file__)
NIGHTLY = Path("reports/history.sqlite")
"""The history of `tox -e nightly`, in the clone that it runs in (tox.ini)."""


def run(given: Sequence[str]) -> int:
    """Print one line per mark and a count, or one per loosening since a revision."""
    parser = arguments.parser("lint", __doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this card")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when there is a mark")
    what = "name what is looser than at this git revision, and exit with 1 when one carries no reason"
    parser.add_argument("--base", metavar="REV", help=what)
    what = (
        f"the history that knows the noise of numbers (also ${ENVIRONMENT_VARIABLE}, or {NIGHTLY} where there is one)"
    )
    parser.add_argument("--history", metavar="DB", help=what)
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    if options.history and options.base is None:
        raise UsageError("--history", "expected --base too", "none", "a history tells how much was loosened since REV")
    chosen = [cards.get(options.name, options.cards)] if options.name else cards.load_all(options.cards)
    if options.base is not None:
        now = {card.name: card for card in chosen}
        with _spreads(options.history) as spreads:
            return _told(_loosened(options, now, spreads), options.base)
    return _marked(chosen, strict=options.strict)


def _marked(chosen: Sequence[ModelCard], *, strict: bool) -> int:
    count = 0
    for card in chosen:
        for mark in lint.marks(card):
            print(f"{card.name}: {mark.where}: {mark.rule}: {mark.text}")
            count += 1
    print(f"{counted(count, 'mark')} on {counted(len(chosen), 'card')}")
    return 1 if count and strict else 0


@contextmanager
def _spreads(given: str | None) -> Iterator[Spreads]:
    """Ask the history that is given, or one that is there, for the noise of numbers; without one, the cards alone."""
    usual = (os.environ.get(ENVIRONMENT_VARIABLE), str(NIGHTLY))
    where = given or next((one for one in usual if one and ("://" in one or Path(one).expanduser().is_file())), None)
    if where is None:
        yield by_samples
        return
    with History.open(where) as history:
        yield partial(remember.spread, history)


def _loosened(options: argparse.Namespace, now: Mapping[str, ModelCard], spreads: Spreads) -> tuple[Loosening, ...]:
    """Return what the cards, and the gates' own defaults, ask for less than at a revision."""
    folders = [folder for folder in (cards.MODELS_ROOT, *options.cards) if revisions.top_of(folder) is not None]
    if not folders:
        raise UsageError("--base", "expected cards in a git working tree", "none", "give its folder with --cards")
    before = {card.name: card for folder in folders for card in _cards_at(options.base, folder)}
    wanted = {key: card for key, card in before.items() if options.name in (None, key)}
    return (*loosening.loosenings(wanted, now, spreads), *_defaults(options.base, options.name))


def _told(found: Sequence[Loosening], base: str) -> int:
    """Print the loosenings and their number; 1 where one carries no reason."""
    for one in found:
        print(one)
    bare = sum(not one.reason for one in found)
    print(f"{counted(len(found), 'loosening')} since {base}, {bare} without a reason")
    return 1 if bare else 0


def _cards_at(base: str, folder: Path) -> tuple[ModelCard, ...]:
    """Return the cards of a folder as they were at a revision; raises CardError for one that cannot be read now."""
    files = {path: content for path, content in revisions.files_at(base, folder).items() if _is_card(path)}
    with tempfile.TemporaryDirectory(prefix="omgate-lint-") as place:
        return tuple(_card_at(base, Path(place), path, content) for path, content in files.items())


def _card_at(base: str, place: Path, path: PurePosixPath, content: bytes) -> ModelCard:
    file = place / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    try:
        return cards.load(file)
    except CardError as error:
        where = error.where.replace(str(file), f"{base}:{path}")
        raise CardError(where, error.what, error.got, "compare with a later revision") from error


def _is_card(path: PurePosixPath) -> bool:
    """Tell whether a path below a folder of cards is a card's, as `cards.files` looks for them."""
    depth = len(path.parts)
    return path.suffix == ".toml" and depth <= 2 and not (depth == 2 and path.parts[0].startswith("."))


def _defaults(base: str, name: str | None) -> tuple[Loosening, ...]:
    """Return which defaults of the gates are looser, where omgate itself is a clone and no single card is asked for."""
    if name is not None or revisions.top_of(THRESHOLDS.parent) is None:
        return ()
    before = revisions.files_at(base, THRESHOLDS.parent).get(PurePosixPath(THRESHOLDS.name))
    if before is None:
        return ()
    return loosening.default_loosenings(before.decode("utf-8"), THRESHOLDS.read_text(encoding="utf-8"))
