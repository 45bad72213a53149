"""Stage 2: labelled pictures, read from their real on-disk layouts and never written to."""

import importlib
from collections.abc import Callable
from pathlib import Path

from harness.cards import Dataset as DatasetTable
from harness.errors import CardError, DataError, MissingNeedError, UsageError
from harness.samples import Dataset

# Each class is made from (root, dataset table, class count).
READERS = {
    "cityscapes": "harness.datasets.cityscapes:Cityscapes",
    "coco": "harness.datasets.coco:Coco",
    "imagenet": "harness.datasets.imagenet:ImageNet",
    "prepared": "harness.datasets.prepared:Prepared",
    "tfrecord": "harness.datasets.tfrecord:TFRecords",
}


def open_dataset(root: Path, table: DatasetTable, class_count: int) -> Dataset:
    """Return the data set below `root` that a card declares, with its files paired and its label list read.

    Raises CardError for a kind without a reader, MissingNeedError when `root` is no folder, and DataError when files
    or labels are missing, extra or wrong, or when there are not as many samples as the card counts (0: not counted).
    """
    if table.kind not in READERS:
        known = ", ".join(READERS)
        raise CardError("dataset.kind", "expected a kind that has a reader", repr(table.kind), f"known: {known}")
    if not root.is_dir():
        raise MissingNeedError(
            str(root), "expected the data set's folder", "no such folder", "put it here", need="data"
        )
    module, _, name = READERS[table.kind].partition(":")
    reader: Callable[[Path, DatasetTable, int], Dataset] = getattr(importlib.import_module(module), name)
    dataset = reader(root, table, class_count)
    found = len(dataset.ids)
    if table.count not in {0, found}:
        raise DataError(
            f"{root} ({table.split})",
            f"expected the {table.count} samples that the card counts",
            str(found),
            "complete the folder, or correct dataset.count in the card",
        )
    return dataset


def subset(dataset: Dataset, count: int) -> tuple[str, ...]:
    """Return `count` ids spread evenly over the data set's order, or all of them where there are fewer.

    The choice is always the same: number i of n is the id at place i × size // n. Raises UsageError for a count
    below 1.
    """
    if count < 1:
        raise UsageError("--samples", "expected at least 1", str(count), "leave it out to use the whole data set")
    size = len(dataset.ids)
    count = min(count, size)
    return tuple(dataset.ids[place * size // count] for place in range(count))
