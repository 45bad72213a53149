"""The ImageNet validation layout: a folder of pictures, and a text file with one `name label` line per picture."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness.cards import Dataset as DatasetTable
from harness.datasets import pictures
from harness.datasets.files import files_in, first_few, remembered_sha256
from harness.digests import text_sha256
from harness.errors import DataError
from harness.samples import Picture

DEFAULT_LABELS = "val_label.txt"


@dataclass(frozen=True)
class Line:
    """One line of the label file; `stem` is the picture's name without its suffix."""

    number: int
    stem: str
    label: int


class ImageNet:
    """Pictures of `<root>/<split>` with their labels, matched by name and sorted by it.

    A sample's id is the picture's file name without the suffix. The label file may name a picture with or without its
    suffix. Raises DataError naming the pictures and lines that have no partner, or more than one.
    """

    def __init__(self, root: Path, table: DatasetTable, class_count: int) -> None:
        self.root = root
        self.labels_path = root / (table.labels or DEFAULT_LABELS)
        self._lines = _lines(self.labels_path, class_count)
        self._pictures = _pictures(root / table.split)
        self._labels = _matched(self._pictures, self._lines, self.labels_path)

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids, sorted."""
        return tuple(self._pictures)

    @property
    def labels_in_line_order(self) -> tuple[int, ...]:
        """The labels as the ModelZoo script reads them: line by line, never matched by name.

        They belong to the pictures only where the lines are sorted as the pictures are.
        """
        return tuple(line.label for line in self._lines)

    def picture(self, sample_id: str) -> Picture:
        """Decode one picture; raises DataError naming the file."""
        return pictures.picture(self._path(sample_id), sample_id)

    def target(self, sample_id: str) -> int:
        """Return the label of a picture, from 0 to one below the class count."""
        self._path(sample_id)
        return self._labels[sample_id]

    def digest(self) -> str:
        """Return a sha256 over the ids, the pictures' bytes and the labels; raises DataError naming the file."""
        rows = (f"{name}\0{remembered_sha256(path)}\0{self._labels[name]}\n" for name, path in self._pictures.items())
        return text_sha256("".join(rows))

    def _path(self, sample_id: str) -> Path:
        if sample_id not in self._pictures:
            raise DataError(str(self.root), "expected the id of a picture in this data set", repr(sample_id))
        return self._pictures[sample_id]


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the pictures of a folder by stem, in sorted order."""
    found = files_in(folder, pictures.SUFFIXES)
    if not found:
        do = f"put the validation pictures there, as {', '.join(pictures.SUFFIXES)} files in no further folder"
        raise DataError(str(folder), "expected pictures", "none", do)
    twice = _repeated([path.stem for path in found])
    if twice:
        raise DataError(str(folder), "expected one picture per name", first_few(twice), "remove the other suffix")
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem)}


def _lines(path: Path, class_count: int) -> list[Line]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        do = "write one line `<picture name> <class number>` per picture"
        raise DataError(str(path), "expected a readable label file", str(error), do) from error
    rows = enumerate(text.split("\n"), start=1)
    return [_line(path, number, row.split(), class_count) for number, row in rows if row.strip()]


def _line(path: Path, number: int, fields: list[str], class_count: int) -> Line:
    where, do = f"{path}:{number}", "correct the line"
    if len(fields) != 2:
        raise DataError(where, "expected `<picture name> <class number>`", repr(" ".join(fields))[:80], do)
    name, label = fields
    # At most 9 digits: no class count is longer, and int() refuses thousands of them.
    if not re.fullmatch(r"[0-9]{1,9}", label) or int(label) >= class_count:
        raise DataError(where, f"expected a class number from 0 to {class_count - 1}", repr(label)[:80], do)
    stem = name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in pictures.SUFFIXES else name
    return Line(number, stem, int(label))


def _matched(found: dict[str, Path], lines: list[Line], labels_path: Path) -> dict[str, int]:
    """Return the label of every picture, or raise DataError naming the pictures and lines that do not pair up."""
    labels = {line.stem: line.label for line in lines}
    problems = {
        "one line per picture": ("labelled more than once", _repeated([line.stem for line in lines])),
        "a label for every picture": ("without a label", [name for name in found if name not in labels]),
        "a picture for every label": ("without a picture", [name for name in labels if name not in found]),
    }
    for expected, (what, names) in problems.items():
        if names:
            got = f"{len(names)} {what}: {first_few(names)}"
            raise DataError(str(labels_path), f"expected {expected}", got, "make folder and label file agree")
    return labels


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
