"""The Cityscapes layout: `leftImg8bit` pictures paired with `gtFine` label pictures by name."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.cards import Dataset as DatasetTable
from harness.datasets import pictures
from harness.datasets.files import files_in, first_few, folders_in, remembered_sha256
from harness.digests import text_sha256
from harness.errors import DataError
from harness.samples import Picture

PICTURE_END = "_leftImg8bit"
LABEL_END = "_gtFine_labelIds"
# Label id -> train id, from labels.py of cityscapesScripts; ids up to 33 that are not here are ignored.
TRAIN_IDS = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13}
TRAIN_IDS |= {27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
LABEL_ID_COUNT = 34
IGNORED = -1
# An int8 value that no train id has: it marks bytes that are no label id.
UNKNOWN = -128


def _table() -> bytes:
    """Return the byte to write for each label id: its train id as int8."""
    values = [TRAIN_IDS.get(label_id, IGNORED) for label_id in range(LABEL_ID_COUNT)]
    return np.array(values + [UNKNOWN] * (256 - LABEL_ID_COUNT), np.int8).tobytes()


TABLE = _table()


class Cityscapes:
    """Pictures of `<root>/leftImg8bit/<split>/<city>` with their labels, sorted by city and name.

    A sample's id is the picture's file name without `_leftImg8bit.png`. Raises DataError naming the pictures and
    labels that have no partner.
    """

    def __init__(self, root: Path, table: DatasetTable, class_count: int) -> None:
        self.root = root
        self.class_count = class_count
        self._pictures = _by_name(root / "leftImg8bit" / table.split, PICTURE_END)
        self._labels = _by_name(root / "gtFine" / table.split, LABEL_END)
        self._sizes: dict[str, tuple[int, int]] = {}  # of the pictures decoded so far: a header is not read again
        _refuse_unpaired(self._pictures, self._labels, root)

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids, sorted by city and name."""
        return tuple(self._pictures)

    def picture(self, sample_id: str) -> Picture:
        """Decode one picture; raises DataError naming the file."""
        picture = pictures.picture(self._path(self._pictures, sample_id), sample_id)
        self._sizes[sample_id] = (picture.pixels.shape[0], picture.pixels.shape[1])
        return picture

    def target(self, sample_id: str) -> npt.NDArray[np.int16]:
        """Return the train ids of a picture as int16, height × width, -1 where ignored.

        Raises DataError naming the file when the label is no 8-bit single-channel PNG, has another size than its
        picture, or holds an id that is unknown or beyond the card's classes.
        """
        path = self._path(self._labels, sample_id)
        label_ids = pictures.label_ids(path)
        wanted = self._sizes.get(sample_id) or pictures.size(self._pictures[sample_id])
        if label_ids.shape != wanted:
            got = "{1}x{0}".format(*label_ids.shape)
            expected = "expected the size of its picture, {1}x{0}".format(*wanted)
            raise DataError(str(path), expected, got, "pair it with the right picture")
        return train_ids(label_ids, self.class_count, str(path))

    def digest(self) -> str:
        """Return a sha256 over the ids and the bytes of pictures and labels; raises DataError naming the file."""
        rows = (
            f"{name}\0{remembered_sha256(path)}\0{remembered_sha256(self._labels[name])}\n"
            for name, path in self._pictures.items()
        )
        return text_sha256("".join(rows))

    def _path(self, paths: dict[str, Path], sample_id: str) -> Path:
        if sample_id not in paths:
            raise DataError(str(self.root), "expected the id of a picture in this data set", repr(sample_id))
        return paths[sample_id]


def train_ids(label_ids: npt.NDArray[np.uint8], class_count: int, where: str) -> npt.NDArray[np.int16]:
    """Return the train ids of uint8 label ids as int16, -1 where ignored.

    Raises DataError naming `where` and the values for ids that Cityscapes does not have, such as the 255 of a
    labelTrainIds picture, and for train ids from `class_count` on.
    """
    # bytes.translate with both checks takes 0.9 ms for 1024 × 2048; indexing a numpy table alone takes 2.4 ms.
    mapped = np.frombuffer(label_ids.tobytes().translate(TABLE), np.int8).reshape(label_ids.shape)
    if mapped.size and mapped.min() == UNKNOWN:
        values = _listed(label_ids[mapped == UNKNOWN])
        do = "use the *_gtFine_labelIds.png files, not labelTrainIds"
        raise DataError(where, f"expected label ids from 0 to {LABEL_ID_COUNT - 1}", values, do)
    if mapped.size and mapped.max() >= class_count:
        values = _listed(label_ids[mapped >= class_count])
        expected = f"expected label ids of the card's {class_count} classes or ignored ones"
        raise DataError(where, expected, values, "correct `classes` in the card, or use the data it was made for")
    return mapped.astype(np.int16)


def _listed(values: npt.NDArray[np.uint8]) -> str:
    return first_few([str(value) for value in np.unique(values)])


def _by_name(split: Path, end: str) -> dict[str, Path]:
    """Return the files `<city>/<name><end>.png` of a split by name, sorted by city and name."""
    cities = folders_in(split)
    found = [path for city in cities for path in files_in(city, (".png",)) if path.stem.endswith(end)]
    if not found:
        raise DataError(str(split), f"expected pictures named <city>/*{end}.png", "none", "complete the folder")
    paths: dict[str, Path] = {}
    for path in found:
        name = path.stem.removesuffix(end)
        if name in paths:
            raise DataError(str(path), "expected a name that is used once", f"also {paths[name]}", "rename one of them")
        paths[name] = path
    return paths


def _refuse_unpaired(found: dict[str, Path], labels: dict[str, Path], root: Path) -> None:
    """Raise DataError naming pictures without a label, or labels without a picture of the same city and name."""
    places = {name: path.parent.name for name, path in found.items()}
    label_places = {name: path.parent.name for name, path in labels.items()}
    for end, one, other in ((LABEL_END, places, label_places), (PICTURE_END, label_places, places)):
        lonely = [f"{city}/{name}{end}.png" for name, city in one.items() if other.get(name) != city]
        if lonely:
            missing = f"{len(lonely)} missing: {first_few(lonely)}"
            raise DataError(str(root), "expected a partner for every picture and label", missing, "complete the data")
