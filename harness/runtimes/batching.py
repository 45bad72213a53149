"""Samples into full batches, and a batch's outputs back into one Outputs per sample."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

import numpy as np

from harness.cards import TensorSpec
from harness.errors import RunError
from harness.samples import Array, Outputs, Sample

RANDOM_SEED = 310  # any number does: it makes random inputs the same in every run


@dataclass(frozen=True)
class Batch:
    """A full batch: the ids of its real samples, and one array per input with the batch axis first.

    Rows past the last id repeat the last sample. The arrays belong to the Batcher, which fills them again for the next
    batch.
    """

    ids: tuple[str, ...]
    arrays: tuple[Array, ...]


class Batcher:
    """Gathers samples into memory that is allocated once; every input has the batch as its first axis.

    Raises RunError (kind `unsupported`) for a tensor whose first axis is not the batch.
    """

    def __init__(self, where: str, inputs: Sequence[TensorSpec], batch: int) -> None:
        for spec in inputs:
            require_batch_axis(where, spec)
        self._where = where
        self._expected = [(spec.dtype, spec.at(batch)[1:]) for spec in inputs]
        self._buffers = tuple(np.empty(spec.at(batch), np.dtype(spec.dtype)) for spec in inputs)
        self._size = batch

    def batches(self, samples: Iterable[Sample]) -> Iterator[Batch]:
        """Yield the samples in full batches, in order; never more than one batch of samples is taken ahead.

        Raises RunError (kind `data`) naming a sample that is not what the inputs declare.
        """
        source = iter(samples)
        while gathered := self._gather(islice(source, self._size)):
            for buffer in self._buffers:
                buffer[len(gathered) :] = buffer[len(gathered) - 1]
            yield Batch(gathered, self._buffers)

    def timed(self, inputs: Literal["real", "random", "zero"], samples: Sequence[Sample]) -> Batch:
        """Return the batch that a timed run is fed: the first samples, or random or zero bytes that stand for none.

        Random are the bytes, not the numbers, as in ais_bench's `--pure_data_type random`. Raises RunError.
        """
        if inputs == "real":
            return self.first(samples)
        random = np.random.default_rng(RANDOM_SEED)
        for buffer in self._buffers:
            raw = buffer.reshape(-1).view(np.uint8)
            raw[:] = random.integers(0, 256, raw.size, np.uint8) if inputs == "random" else 0
        return Batch((), self._buffers)

    def first(self, samples: Sequence[Sample]) -> Batch:
        """Return one batch of different rows as far as the samples go, repeated from the start to fill it.

        Raises RunError (kind `data`) without a sample.
        """
        for batch in self.batches(islice(cycle(samples), self._size)):
            return batch
        raise RunError(self._where, "expected at least one sample to time", "none", kind="data", stage="time")

    def _gather(self, samples: Iterable[Sample]) -> tuple[str, ...]:
        """Copy up to one batch of samples into the buffers; return their ids."""
        ids = []
        for row, sample in enumerate(samples):
            self._check(sample)
            for buffer, array in zip(self._buffers, sample.arrays, strict=True):
                buffer[row] = array
            ids.append(sample.id)
        return tuple(ids)

    def _check(self, sample: Sample) -> None:
        """Refuse a sample with other arrays than the inputs: numpy would broadcast or convert them without a word."""
        found = [(array.dtype.name, array.shape) for array in sample.arrays]
        if found != self._expected:
            hint = "compare the card's [[input]] tables with its [[preprocess]] steps"
            what = f"sample {sample.id!r}: expected {_arrays(self._expected)}"
            raise RunError(self._where, what, _arrays(found), hint, kind="data", stage="run")


def require_batch_axis(where: str, spec: TensorSpec) -> None:
    """Raise RunError (kind `unsupported`) unless the batch is the tensor's first axis, and no other."""
    if spec.shape[:1] != ("N",) or "N" in spec.shape[1:]:
        what = f"expected the batch as the first axis of {spec.name!r}, and only there"
        raise RunError(where, what, str(spec.shape), 'write its shape as ["N", …]', kind="unsupported", stage="open")


def split(outputs: Sequence[Array], ids: Sequence[str]) -> Iterator[Outputs]:
    """Yield one Outputs per real sample of a batch: rows of its outputs, without copies."""
    for row, sample_id in enumerate(ids):
        yield Outputs(sample_id, tuple(output[row] for output in outputs))


def _arrays(arrays: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    return " and ".join(f"{dtype} {shape}" for dtype, shape in arrays) or "no array"
