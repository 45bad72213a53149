"""Finding the READMEs below folders: files only, in the order of their paths, without following a link."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import UsageError

# README.md, readme.md, Readme_zh.MD, README.en.markdown. reStructuredText is another language.
README = re.compile(r"readme.*\.(?:md|markdown)", re.IGNORECASE)


def readmes(places: Iterable[Path]) -> tuple[Path, ...]:
    """Return the READMEs in folders and all below, and those that are given themselves, links among them.

    Any other file that is given stands for its folder: a card's change concerns the README beside it. Hidden folders
    are not entered. Raises UsageError for a place that is not there.
    """
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            found.update(dict.fromkeys(_below(place)))
        elif place.is_file() or place.is_symlink():
            mine = [place] if README.fullmatch(place.name) else _here(place.parent)
            found.update(dict.fromkeys(mine))
        else:
            raise UsageError(f"omgate zoo {place}", "expected a folder or a file", "nothing there")
    return tuple(found)


def beside(readme: Path, suffix: str) -> tuple[Path, ...]:
    """Return the plain files of a README's folder that end with `suffix`, sorted; none where it cannot be read."""
    try:
        entries = sorted(os.scandir(readme.parent), key=lambda entry: entry.name)
    except OSError:
        return ()
    return tuple(Path(entry.path) for entry in entries if entry.name.endswith(suffix) and _is_file(entry))


def _here(folder: Path) -> list[Path]:
    return [folder / path.name for path in sorted(folder.iterdir()) if README.fullmatch(path.name)]


def _below(root: Path) -> Iterator[Path]:
    """Yield the READMEs below a folder; a stack, since folders may nest deeper than Python's calls."""
    folders = [str(root)]
    while folders:
        try:
            entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
        except OSError:
            continue  # a folder that may not be entered has no README that could be read
        yield from (Path(entry.path) for entry in entries if README.fullmatch(entry.name) and not _is_folder(entry))
        folders += [entry.path for entry in reversed(entries) if _is_folder(entry) and not entry.name.startswith(".")]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file(follow_symlinks=False)
