"""Check that cards are sound, without running anything: every table, and whether they agree with each other."""

from collections.abc import Sequence
from pathlib import Path

from harness import cards
from harness.cards import ModelCard
from harness.commands import arguments
from harness.commands.agreement import findings
from harness.errors import CardError, OmgateError, UsageError


def run(given: Sequence[str]) -> int:
    """Print one line per sound card or finding; 1 when there is a finding."""
    parser = arguments.parser("validate", __doc__)
    parser.add_argument("card", nargs="?", metavar="NAME|PATH", help="a card's name, its file, or a folder of cards")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir")
    options = parser.parse_args(given)
    weights_dir = arguments.folder(options, "weights-dir")
    seen: dict[str, Path] = {}
    red = False
    for path in _files(options.card, options.cards):
        found = _problems(path, weights_dir, seen)
        red = red or bool(found)
        for line in found or (f"ok {path}",):
            print(line)
    return 1 if red else 0


def _files(asked: str | None, extra: Sequence[Path]) -> tuple[Path, ...]:
    if asked is None:
        return cards.files(extra)
    path = Path(asked)
    if path.is_dir():
        found = sorted({*path.glob("*.toml"), *path.glob("*/*.toml")})
        if not found:
            raise UsageError(asked, "expected *.toml cards in this folder", "none")
        return tuple(found)
    if path.is_file() or path.suffix == ".toml" or len(path.parts) > 1:
        return (path,)
    return (_named(asked, extra).path,)


def _named(name: str, extra: Sequence[Path]) -> ModelCard:
    try:
        return cards.get(name, extra)
    except UsageError as error:
        raise UsageError("NAME|PATH", "expected a card's name or file", repr(name), error.do) from error


def _problems(path: Path, weights_dir: Path | None, seen: dict[str, Path]) -> tuple[OmgateError, ...]:
    try:
        card = cards.load(path)
    except CardError as error:
        return (error,)
    found = findings(card, weights_dir)
    first = seen.setdefault(card.name, path)
    if first != path:
        twice = CardError(f"{path}: name", "expected a name of its own", f"{card.name!r}, also in {first}")
        return (*found, twice)
    return found
