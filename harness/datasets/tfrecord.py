"""The TFRecord files of the ResNeSt segmentation script: one Example per picture, raw bytes, BGR.

Features: `image` (uint8, height × width × channels) and `label` (uint8 train ids, height × width; 255 is not scored) as
bytes, `height`, `width` and `channels` as int64. The script crops what is larger than the network's input at random,
without a seed; here preprocessing refuses such a picture.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.cards import Dataset as DatasetTable
from harness.datasets.files import remembered_sha256
from harness.datasets.tf_example import FOOTER, HEADER, Feature, MalformedError, features, masked_crc
from harness.digests import text_sha256
from harness.errors import DataError
from harness.samples import Picture

CHANNELS = 3
UNSCORED = 255
AGAIN = "get the file again from its source"


@dataclass(frozen=True)
class Place:
    """Where a record's data is: number and size count from 0 and in bytes."""

    path: Path
    number: int
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.path}: record {self.number}"


@dataclass(frozen=True)
class Record:
    """One decoded record: `bgr` uint8 height × width × 3, `labels` uint8 height × width; both read-only."""

    bgr: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


class TFRecords:
    """The records of all files `<root>/*<split>*.tfrecord*`, in the order of file names and of the records in them.

    A sample's id is the record's number over all files, six digits. Opening reads only the lengths of the records, so
    memory is bounded by one of them. Raises DataError naming file and record where a file ends within a record or a
    length's checksum is wrong.
    """

    def __init__(self, root: Path, table: DatasetTable, class_count: int) -> None:
        self.root = root
        self.class_count = class_count
        self._files = _files(root, table.split)
        found = [place for path in self._files for place in places(path)]
        self._places = {f"{number:06d}": place for number, place in enumerate(found)}
        self._last: tuple[Place, Record] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids, in the order of the records."""
        return tuple(self._places)

    def picture(self, sample_id: str) -> Picture:
        """Return one picture, as RGB; raises DataError naming file and record."""
        place = self._place(sample_id)
        return Picture(sample_id, self._record(place).bgr[:, :, ::-1], str(place))

    def target(self, sample_id: str) -> npt.NDArray[np.int16]:
        """Return the train ids of a picture as int16, height × width, -1 where not scored.

        Raises DataError naming file and record, also for an id beyond the card's classes: the script itself lets the
        class count pass as a label, and stops at it without saying where.
        """
        place = self._place(sample_id)
        labels = self._record(place).labels
        signed = labels.view(np.int8)  # 255 is -1 then, and most cards have no class beyond 127
        if signed.min() >= -1 and signed.max() < self.class_count:
            return signed.astype(np.int16)
        wrong = labels[(labels >= self.class_count) & (labels != UNSCORED)]
        if wrong.size:
            expected = f"expected train ids below {self.class_count}, or {UNSCORED} where nothing is scored"
            do = "write the records with train ids, not with label ids"
            raise DataError(str(place), expected, f"{wrong.size} pixels of {wrong.min()} to {wrong.max()}", do)
        return np.where(labels == UNSCORED, -1, labels.astype(np.int16))

    def digest(self) -> str:
        """Return a sha256 over the names and bytes of the files; raises DataError naming the file."""
        return text_sha256("".join(f"{path.name}\0{remembered_sha256(path)}\n" for path in self._files))

    def _place(self, sample_id: str) -> Place:
        if sample_id not in self._places:
            raise DataError(str(self.root), "expected the id of a record in this data set", repr(sample_id))
        return self._places[sample_id]

    def _record(self, place: Place) -> Record:
        """Return a record; the last one is kept, since its picture and its label are asked for in turn."""
        last = self._last
        if last is not None and last[0] == place:
            return last[1]
        record = read(place)
        self._last = place, record
        return record


def read(place: Place) -> Record:
    """Read and check one record; raises DataError naming file and record.

    The arrays are the file's own pages: 8 MB are mapped and their checksum compared in the time that copying would
    take alone.
    """
    with _opened(place.path) as file:
        stored = _mapped(file, place)
    data, footer = stored[: place.size], stored[place.size :]
    if FOOTER.unpack(footer.tobytes())[0] != masked_crc(data):
        raise DataError(str(place), "expected data that agree with their checksum", "other data", AGAIN)
    try:
        found = features(data.data)
    except MalformedError as error:
        raise DataError(str(place), error.what, error.got, "write it as a tf.train.Example") from error
    height, width = _integer(place, found, "height"), _integer(place, found, "width")
    channels = _integer(place, found, "channels")
    if channels != CHANNELS:
        raise DataError(f"{place}: channels", f"expected {CHANNELS}", str(channels), "write BGR pictures")
    bgr = _bytes(place, found, "image", (height, width, channels))
    return Record(bgr, _bytes(place, found, "label", (height, width)))


def _files(root: Path, split: str) -> list[Path]:
    named = (path for path in root.iterdir() if split in path.name and ".tfrecord" in path.name)
    found = sorted(path for path in named if not path.name.startswith(".") and path.is_file())
    if not found:
        raise DataError(str(root), f"expected files named *{split}*.tfrecord*", "none", "put the records there")
    return found


def _mapped(file: int, place: Place) -> npt.NDArray[np.uint8]:
    """Return the bytes of a record's data and of its checksum, read-only, without copying them."""
    skipped = place.start % mmap.ALLOCATIONGRANULARITY
    size = skipped + place.size + FOOTER.size
    flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
    try:
        pages = mmap.mmap(file, size, flags, mmap.PROT_READ, offset=place.start - skipped)
    except ValueError as error:  # longer than the file, which was cut since its lengths were read
        what = f"expected {place.size} bytes and a checksum"
        raise DataError(str(place), what, "the end of the file", AGAIN) from error
    return np.frombuffer(pages, np.uint8)[skipped:]


def places(path: Path) -> Iterator[Place]:
    """Yield where the records of a file are, reading only their headers."""
    position, number = 0, 0
    with _opened(path) as file:
        end = os.fstat(file).st_size
        while position < end:
            where, header = f"{path}: record {number}", os.pread(file, HEADER.size, position)
            if len(header) < HEADER.size:
                raise DataError(where, f"expected {HEADER.size} bytes of a length", str(len(header)), AGAIN)
            size, crc = HEADER.unpack(header)
            if crc != masked_crc(header[:8]):
                raise DataError(where, "expected a length that agrees with its checksum", str(size), AGAIN)
            start = position + HEADER.size
            position = start + size + FOOTER.size
            if position > end:
                got = f"{max(0, end - start)} up to the end of the file"
                raise DataError(where, f"expected {size + FOOTER.size} bytes", got, AGAIN)
            yield Place(path, number, start, size)
            number += 1


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Give the body a file descriptor to read from; raises DataError naming the file."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file.fileno()
    except OSError as error:
        raise DataError(str(path), "expected a readable file", error.strerror or str(error), AGAIN) from error


def _integer(place: Place, found: dict[str, Feature], name: str) -> int:
    value = found.get(name, ())
    if value is None or len(value) != 1 or not isinstance(value[0], int) or value[0] < 1:
        raise _wrong(place, found, name, "one positive int64")
    return value[0]


def _bytes(place: Place, found: dict[str, Feature], name: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    value = found.get(name, ())
    if value is None or len(value) != 1 or isinstance(value[0], int):
        raise _wrong(place, found, name, "one bytes value")
    size = prod(shape)
    if len(value[0]) != size:
        expected = f"expected {size} bytes, {' × '.join(map(str, shape))}"
        raise DataError(f"{place}: {name}", expected, str(len(value[0])), "write raw bytes, not a PNG or JPEG file")
    return np.frombuffer(value[0], np.uint8).reshape(shape)


def _wrong(place: Place, found: dict[str, Feature], name: str, expected: str) -> DataError:
    got = "another kind or number of values" if name in found else f"only {', '.join(sorted(found)) or 'nothing'}"
    do = "write the features image, label, height, width and channels"
    return DataError(f"{place}: feature {name}", f"expected {expected}", got, do)
