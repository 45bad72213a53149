"""What the commands' command lines share: one-line usage errors, and the folders a user can point at."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from harness import cards, needs
from harness.cards import ModelCard
from harness.errors import UsageError
from harness.runs import RunFolder


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UsageErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with the parser's message and the way to its help."""
        raise UsageError(self.prog, message, do=f"see {self.prog} --help")


def parser(command: str, description: str | None) -> Parser:
    """Return the parser of a command; the first line of `description` becomes its help."""
    first = (description or "").partition("\n")[0]
    return Parser(prog=f"omgate {command}", description=first, allow_abbrev=False)


def add_cards(parser: argparse.ArgumentParser) -> None:
    """Add `--cards DIR`, which may be given more than once."""
    parser.add_argument("--cards", action="append", default=[], type=Path, metavar="DIR", help="more model folders")


def add_folders(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add `--weights-dir`, `--data-dir` or `--cache-dir`, each with an environment variable for its default."""
    what = {"weights-dir": "checkpoints", "data-dir": "data sets, one folder per kind", "cache-dir": "the store"}
    for name in names:
        text = f"folder with {what[name]} (also ${_variable(name)})"
        parser.add_argument(f"--{name}", metavar="DIR", help=text)


def positive(text: str) -> int:
    """Return a whole number of 1 or more; raises ArgumentTypeError for another text."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def require_data(card: ModelCard, places: needs.Places, samples: int | None) -> None:
    """Raise UsageError where the data set of a card, which was asked for, is not here or has fewer samples."""
    lack = needs.data(card, places)
    if lack is not None:
        raise UsageError(lack.where, f"expected {lack.what}", lack.got, lack.do)
    if samples is not None and 0 < card.dataset.count < samples:
        raise UsageError(
            "--samples", f"expected at most {card.dataset.count}, all of them", str(samples), "leave it out"
        )


def folder(options: argparse.Namespace, name: str) -> Path | None:
    """Return the folder of an option, else of its variable, else None; raises UsageError if it is not there."""
    given = getattr(options, name.replace("-", "_")) or os.environ.get(_variable(name))
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.is_dir():
        raise UsageError(f"--{name} (or ${_variable(name)})", "expected a folder", repr(given), "create or correct it")
    return path.resolve()


def cache_dir(options: argparse.Namespace) -> Path:
    """Return the store's folder, which need not exist yet: the option, else the environment, else the user's cache."""
    from harness.artifacts import default_cache_dir

    return Path(options.cache_dir).expanduser().resolve() if options.cache_dir else default_cache_dir()


def write(path: Path, text: str) -> None:
    """Write a whole file that was asked for, folders included; raises UsageError where it cannot be written."""
    what, do = "expected a file to write", "choose another place"
    if path.is_dir():
        raise UsageError(str(path), what, "a folder", do)
    try:
        RunFolder(path.parent).write(path.name, text)
    except OSError as error:
        raise UsageError(str(path), what, str(error.strerror), do) from error


def _variable(name: str) -> str:
    return f"OMGATE_{name.replace('-', '_').upper()}"


def card(given: str, extra: Sequence[Path] = ()) -> ModelCard:
    """Return the card of a name, a TOML file or a folder with one; raises UsageError or CardError without any."""
    path = Path(given)
    if path.suffix == ".toml":
        return cards.load(path)
    inside = sorted(path.glob("*.toml")) if path.is_dir() else []
    if len(inside) == 1:
        return cards.load(inside[0])
    try:
        return cards.get(given, extra)
    except UsageError as error:
        if inside:
            raise UsageError(
                f"CARD {given}", "expected one card", f"{len(inside)} in this folder", "name one"
            ) from error
        raise UsageError("CARD", error.what, error.got, f"{error.do}; or give its file") from error
