"""Network inputs that another script prepared: numbered `.bin` files of raw values, as the ModelZoo scripts leave them.

`<root>/data/<number>.bin` are the inputs. Targets are `<root>/label/<number>.npy`, train ids with 255 where nothing is
scored, as the ResNeSt segmentation script writes them; or, for detection, the objects of
`<root>/annotations/instances_<split>.json`, found through `<root>/names.txt`, one `<number> <file name>` per line:
SpineNet's script numbers the pictures in the file system's order, so without that map nobody knows which is which.
"""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.cards import Dataset as DatasetTable
from harness.datasets import coco
from harness.datasets.files import files_in, first_few, remembered_sha256
from harness.digests import text_sha256
from harness.errors import DataError
from harness.samples import Picture

UNSCORED = 255
NAMES = "names.txt"


class Prepared:
    """Inputs as their bytes, in the order of their numbers, from 0 without a gap.

    A sample's id is the file name without `.bin`. Raises DataError for other names, gaps and doubles, for a map that
    does not name every file once, and for annotations that do not know a name.
    """

    def __init__(self, root: Path, table: DatasetTable, class_count: int) -> None:
        self.root = root
        self.class_count = class_count
        self._inputs = _numbered(root / "data")
        self.file_names = _names(root / NAMES, self._inputs) if (root / NAMES).is_file() else {}
        annotations = root / "annotations" / f"instances_{table.split}.json"
        self._annotated = coco.read(annotations, class_count) if annotations.is_file() else None
        if self._annotated is not None:
            _check_map(root, self.file_names, self._annotated)

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids, in the order of their numbers."""
        return tuple(self._inputs)

    def picture(self, sample_id: str) -> Picture:
        """Return the bytes of one input as flat uint8 pixels; `prepared_input` gives them the input's shape."""
        path = self._path(sample_id)
        return Picture(sample_id, np.frombuffer(_read(path), np.uint8), str(path))

    def target(self, sample_id: str) -> Any:
        """Return the int16 train ids (-1: not scored) or the Objects of an input.

        Raises DataError naming the file when there is neither a label nor an annotation, or a label is wrong.
        """
        self._path(sample_id)
        if self._annotated is not None:
            return self._annotated.objects[self.file_names[sample_id]]
        return _train_ids(self._label(sample_id), self.class_count)

    def digest(self) -> str:
        """Return a sha256 over the ids, the bytes of inputs and labels, map and annotations; raises DataError."""
        paths = [*self._inputs.values()]
        paths += [path for path in map(self._label, self._inputs) if path.is_file()]
        paths += [self.root / NAMES] if self.file_names else []
        paths += [self._annotated.path] if self._annotated is not None else []
        rows = (f"{path.relative_to(self.root).as_posix()}\0{remembered_sha256(path)}\n" for path in paths)
        return text_sha256("".join(rows))

    def _label(self, sample_id: str) -> Path:
        return self.root / "label" / f"{sample_id}.npy"

    def _path(self, sample_id: str) -> Path:
        if sample_id not in self._inputs:
            raise DataError(str(self.root), "expected the id of an input in this data set", repr(sample_id))
        return self._inputs[sample_id]


def _numbered(folder: Path) -> dict[str, Path]:
    """Return the inputs of a folder by number."""
    found = files_in(folder, (".bin",))
    if not found:
        raise DataError(str(folder), "expected files named <number>.bin", "none", "put the prepared inputs there")
    strange = [path.name for path in found if not re.fullmatch(r"[0-9]{1,9}", path.stem)]
    if strange:
        raise DataError(str(folder), "expected files named <number>.bin", first_few(strange), "keep a map in names.txt")
    found.sort(key=lambda path: int(path.stem))
    for number, path in enumerate(found):
        if int(path.stem) != number:
            raise DataError(str(folder), f"expected the number {number} once", path.name, "prepare the inputs again")
    return {path.stem: path for path in found}


def _names(path: Path, inputs: dict[str, Path]) -> dict[str, str]:
    """Return the original file name of every input, in the order of their numbers."""
    ids = {int(sample_id): sample_id for sample_id in inputs}
    names: dict[str, str] = {}
    for line, text in enumerate(_read(path).decode("utf-8", "replace").splitlines(), start=1):
        number, _, name = text.strip().partition(" ")
        if not text.strip():
            continue
        if not re.fullmatch(r"[0-9]{1,9}", number) or not name or int(number) not in ids:
            what = "expected `<number> <file name>` of an input in data/"
            raise DataError(f"{path}:{line}", what, repr(text)[:80], "correct the line")
        if ids[int(number)] in names or name.strip() in names.values():
            raise DataError(f"{path}:{line}", "expected each number and name once", repr(text)[:80], "remove the line")
        names[ids[int(number)]] = name.strip()
    missing = [sample_id for sample_id in inputs if sample_id not in names]
    if missing:
        raise DataError(str(path), "expected a line for every input", f"none for {first_few(missing)}", "complete it")
    return names


def _check_map(root: Path, names: dict[str, str], annotated: coco.Annotated) -> None:
    if not names:
        do = "write one `<number> <file name>` per line when the inputs are prepared"
        raise DataError(str(root / NAMES), "expected a map from inputs to annotated pictures", "no such file", do)
    unknown = [name for name in names.values() if name not in annotated.objects]
    if unknown:
        got = f"{len(unknown)} unknown: {first_few(unknown)}"
        raise DataError(str(root / NAMES), f"expected names of images in {annotated.path.name}", got, "correct the map")


def _train_ids(path: Path, class_count: int) -> npt.NDArray[np.int16]:
    """Return a label file as int16 height × width, -1 where it holds 255."""
    where, do = str(path), "write train ids of shape height × width, as integers, with numpy.save"
    try:
        values = np.load(io.BytesIO(_read(path)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(where, "expected a label in numpy's .npy format", str(error)[:80], do) from error
    labels = values.reshape(values.shape[1:]) if values.ndim == 3 and len(values) == 1 else values
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(where, "expected integers of shape height × width", f"{values.dtype} {values.shape}", do)
    wrong = labels[((labels < 0) | (labels >= class_count)) & (labels != UNSCORED)]
    if wrong.size:
        expected = f"expected train ids from 0 to {class_count - 1}, or {UNSCORED}"
        raise DataError(where, expected, f"{wrong.size} pixels of {wrong.min()} to {wrong.max()}", do)
    return np.where(labels == UNSCORED, -1, labels).astype(np.int16)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        do = "prepare the inputs and labels again"
        raise DataError(str(path), "expected a readable file", error.strerror or str(error), do) from error
