"""Manifests: what a data set held when it was known to be good, by name and decoded content.

The digests are of decoded arrays, so a picture that was only compressed anew, without loss, still agrees.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import DataError, UsageError
from harness.samples import Dataset

SCHEMA = 1
Entries = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Comparison:
    """The samples in which a data set departs from its manifest, by id; `damaged` are those that cannot be read."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        """Tell whether there is no difference at all."""
        return not (self.missing or self.extra or self.differing or self.damaged)

    def lines(self) -> Iterator[str]:
        """Yield one line for each difference."""
        for what in ("missing", "extra", "differing"):
            yield from (f"{what}: {name}" for name in getattr(self, what))
        yield from (f"damaged: {name}: {why}" for name, why in self.damaged)


def entries(dataset: Dataset, progress: Callable[[int], None] = lambda done: None) -> dict[str, dict[str, str]]:
    """Return, for each sample, the digests of its decoded picture and of its target; raises DataError."""
    made = {}
    for done, sample_id in enumerate(dataset.ids, start=1):
        made[sample_id] = _entry(dataset, sample_id)
        progress(done)
    return made


def write(path: Path, made: Entries, root: Path) -> None:
    """Write a manifest as JSON, whole or not at all; raises UsageError for a place below the data set's `root`."""
    if path.resolve().is_relative_to(root.resolve()):
        do = "choose another folder"
        raise UsageError(str(path), "expected a place outside the data set, which is only read", f"below {root}", do)
    text = json.dumps({"schema": SCHEMA, "samples": made}, indent=1, sort_keys=True) + "\n"
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise UsageError(str(path), "expected a place to write to", error.strerror or str(error)) from error


def read(path: Path) -> Entries:
    """Return a manifest's entries; raises DataError when it is no manifest of this schema."""
    do = "write it again from a good copy of the data"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(str(path), "expected a readable manifest", str(error), do) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or not _well_formed(document.get("samples")):
        raise DataError(str(path), f"expected a manifest of schema {SCHEMA}", "another document", do)
    samples: Entries = document["samples"]
    return samples


def check(dataset: Dataset, expected: Entries, progress: Callable[[int], None] = lambda done: None) -> Comparison:
    """Decode the whole data set and return how it departs from a manifest's entries."""
    ids, differing, damaged = dataset.ids, [], []
    for done, sample_id in enumerate(ids, start=1):
        try:
            if sample_id in expected and _entry(dataset, sample_id) != expected[sample_id]:
                differing.append(sample_id)
        except DataError as error:
            damaged.append((sample_id, str(error)))
        progress(done)
    missing = tuple(sorted(set(expected).difference(ids)))
    extra = tuple(name for name in ids if name not in expected)
    return Comparison(missing, extra, tuple(differing), tuple(damaged))


def _entry(dataset: Dataset, sample_id: str) -> dict[str, str]:
    return {"picture": _digest(dataset.picture(sample_id).pixels), "target": _digest(dataset.target(sample_id))}


def _digest(value: Any) -> str:
    """Return the sha256 of an array's dtype, shape and values, in little-endian C order."""
    array = np.asarray(value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(array.data)
    return digest.hexdigest()


def _well_formed(samples: Any) -> bool:
    if not isinstance(samples, dict):
        return False
    return all(isinstance(row, dict) and set(row) == {"picture", "target"} for row in samples.values())
