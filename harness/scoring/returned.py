"""Output files as a session: it answers each sample with what its file holds, a batch split and padding left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.cards import TensorSpec
from harness.digests import file_sha256
from harness.errors import DataError
from harness.runtimes.output_files import FORMATS
from harness.samples import Array, Outputs, Picture, Sample
from harness.samples import Dataset as LabelledPictures
from harness.scoring.folder import Found, first_ids
from harness.scoring.names import Unit
from harness.stream import Feed

NO_PIXELS = np.empty((0, 0, 3), np.uint8)
SHOWN = 5


@dataclass(frozen=True)
class Returned:
    """The outputs of a run: `rows` samples in each file, of the tensors `specs`.

    `digests` are the sha256 of each unit's files, where the run noted them.
    """

    root: Path
    found: Found
    units: tuple[Unit, ...]
    specs: Sequence[TensorSpec]
    rows: int = 1
    digests: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        """Yield the outputs of each sample; a file is read once for samples of it that follow each other.

        Raises DataError, naming the samples, for a file that holds something else than the card says.
        """
        place = {sample_id: (unit, row) for unit in self.units for row, sample_id in enumerate(unit.ids)}
        name, arrays = "", list[Array]()
        for sample in samples:
            unit, row = place[sample.id]
            if unit.name != name:
                name, arrays = unit.name, [self._read(unit, output) for output in range(len(self.specs))]
            yield Outputs(sample.id, tuple(array[row] for array in arrays))

    def require_sizes(self) -> None:
        """Raise DataError for `.bin` files of another size than the card's tensors have, before anything is scored."""
        if self.found.format != "BIN":
            return
        wrong = [
            (unit, output, size)
            for unit in self.units
            if unit.ids
            for output, spec in enumerate(self.specs)
            if (size := self._path(unit, output).stat().st_size) != self._expected_bytes(spec)
        ]
        if wrong:
            unit, output, size = wrong[0]
            others = [sample_id for unit, _, _ in wrong for sample_id in unit.ids]
            got = f"{size} in {self._path(unit, output).name} and {len(wrong)} such files, of {first_ids(others)}"
            raise self._wrong(output, got, size)

    def _read(self, unit: Unit, output: int) -> Array:
        path, spec = self._path(unit, output), self.specs[output]
        known = self.digests.get(unit.name)
        if known is not None and file_sha256(path) != known[output]:
            do = "copy the folder again, or run run.py into an empty one"
            raise DataError(
                str(path), f"expected the outputs of {first_ids(unit.ids)} as run.py wrote them", "others", do
            )
        shape = spec.at(self.rows)
        try:
            return FORMATS[self.found.format].read(path, spec.dtype, shape)
        except (OSError, ValueError) as error:
            expected = FORMATS[self.found.format].expects(spec.dtype, shape)
            what = f"expected {expected}, output {spec.name!r} of {first_ids(unit.ids)}"
            raise DataError(str(path), what, str(error), "compare the card's outputs with the model") from error

    def _wrong(self, output: int, got: str, size: int) -> DataError:
        spec = self.specs[output]
        expected = self._expected_bytes(spec)
        what = f"expected {expected} bytes of output {spec.name!r}, {spec.dtype} {spec.at(self.rows)}"
        several = size % expected == 0 and size > expected
        do = "compare the card's outputs with the model, and the dtype with ATC's --output_type"
        if several:
            do = f"{size // expected} samples a file: only a pack's manifest says which (omgate pack)"
        return DataError(str(self.root), what, got, do)

    def _expected_bytes(self, spec: TensorSpec) -> int:
        return FORMATS["BIN"].planned_bytes(spec.dtype, spec.at(self.rows))

    def _path(self, unit: Unit, output: int) -> Path:
        return self.found.files[unit.name, output]


@dataclass(frozen=True)
class Unpictured:
    """A data set whose pictures are never decoded: what a network answered to them is known."""

    dataset: LabelledPictures

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids in the data set's defined order."""
        return self.dataset.ids

    def picture(self, sample_id: str) -> Picture:
        """Return a picture without pixels."""
        return Picture(sample_id, NO_PIXELS)

    def target(self, sample_id: str) -> object:
        """Return what a sample is scored against; raises DataError naming the file."""
        return self.dataset.target(sample_id)

    def digest(self) -> str:
        """Return the data set's digest."""
        return self.dataset.digest()


def labels_of(feed: Feed) -> Feed:
    """Return a feed of the same samples and targets whose samples have no arrays."""
    return Feed(Unpictured(feed.dataset), feed.ids, lambda picture: Sample(picture.id, ()))
