"""Mark implausible and unexplained baselines; with --base, name what a change loosened, red without a reason."""

import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from harness import cards, lint, revisions
from harness.cards import ModelCard
from harness.commands import arguments
from harness.errors import CardError, UsageError
from harness.gates import loosening, thresholds
from harness.gates.loosening import Loosening

THRESHOLDS = Path(thresholds.__file__)


def run(given: Sequence[str]) -> int:
    """Print one line per mark and a count, or one per loosening since a revision."""
    parser = arguments.parser("lint", __doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this card")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when there is a mark")
    what = "name what is looser than at this git revision, and exit with 1 when one carries no reason"
    parser.add_argument("--base", metavar="REV", help=what)
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    chosen = [cards.get(options.name, options.cards)] if options.name else cards.load_all(options.cards)
    if options.base is not None:
        return _loosened(options.base, chosen, options.name, options.cards)
    return _marked(chosen, strict=options.strict)


def _marked(chosen: Sequence[ModelCard], *, strict: bool) -> int:
    count = 0
    for card in chosen:
        for mark in lint.marks(card):
            print(f"{card.name}: {mark.where}: {mark.rule}: {mark.text}")
            count += 1
    print(f"{count} {'mark' if count == 1 else 'marks'} on {len(chosen)} {'card' if len(chosen) == 1 else 'cards'}")
    return 1 if count and strict else 0


def _loosened(base: str, chosen: Sequence[ModelCard], name: str | None, extra: Sequence[Path]) -> int:
    """Print what the cards, and the gates' own defaults, ask for less than at a revision; 1 without a reason."""
    folders = [folder for folder in (cards.MODELS_ROOT, *extra) if revisions.top_of(folder) is not None]
    if not folders:
        raise UsageError("--base", "expected cards in a git working tree", "none", "give its folder with --cards")
    before = {card.name: card for folder in folders for card in _cards_at(base, folder)}
    wanted = {key: card for key, card in before.items() if name in (None, key)}
    found = (*loosening.loosenings(wanted, {card.name: card for card in chosen}), *_defaults(base, name))
    for one in found:
        print(one)
    bare = sum(not one.reason for one in found)
    print(f"{len(found)} {'loosening' if len(found) == 1 else 'loosenings'} since {base}, {bare} without a reason")
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
