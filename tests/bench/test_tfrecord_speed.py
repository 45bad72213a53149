"""Records of full-size pictures are read, checksums and all, far faster than tf.data reads them."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.datasets.tf_example import example, record
from harness.datasets.tfrecord import Record, places, read
from tests.bench.figures import Figures

pytestmark = pytest.mark.slow
HEIGHT, WIDTH, RECORDS, ROUNDS = 1024, 2048, 12, 7


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 records of 8 MB: a full Cityscapes picture and its label each."""
    root = tmp_path_factory.mktemp("records")
    random = np.random.default_rng(0)
    with (root / "val.tfrecord").open("wb") as file:
        for _ in range(RECORDS):
            image = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8).tobytes()
            label = random.integers(0, 19, (HEIGHT, WIDTH)).astype(np.uint8).tobytes()
            sizes = {"height": HEIGHT, "width": WIDTH, "channels": 3}
            file.write(record(example({"image": image, "label": label, **sizes})))
    return root


def test_reading_a_record_takes_a_fifth_of_tf_datas_time(records: Path, figures: Figures, one_core: None) -> None:
    for ours, theirs in zip(_by_us(records), _by_tf_data(records), strict=True):
        assert np.array_equal(ours.bgr, theirs[0])
        assert np.array_equal(ours.labels, theirs[1])

    rounds = [(_seconds(_by_us(records)), _seconds(_by_tf_data(records))) for _ in range(ROUNDS)]

    ratio = statistics.median(theirs / ours for ours, theirs in rounds)
    milliseconds = 1e3 * statistics.median(ours for ours, _ in rounds) / RECORDS
    note = f" ({milliseconds:.2f} ms a record)"
    figures.at_least("tf.data / reading a TFRecord of 8 MB, checksums compared", ratio, 5.0, " ×", note)


def _by_us(root: Path) -> Iterator[Record]:
    for place in places(root / "val.tfrecord"):
        yield read(place)


def _by_tf_data(root: Path) -> Iterator[tuple[Any, Any]]:
    """Yield pictures and labels as the ResNeSt script reads them, in batches of one."""
    tf = pytest.importorskip("tensorflow", reason="the row compares with tf.data")
    kinds = {name: tf.io.FixedLenFeature([], tf.string) for name in ("image", "label")}

    def decoded(data: Any) -> tuple[Any, Any]:
        found = tf.io.parse_single_example(data, kinds)
        image = tf.reshape(tf.io.decode_raw(found["image"], tf.uint8), (HEIGHT, WIDTH, 3))
        return image, tf.reshape(tf.io.decode_raw(found["label"], tf.uint8), (HEIGHT, WIDTH))

    batches = tf.data.TFRecordDataset(str(root / "val.tfrecord")).map(decoded).batch(1)
    for image, label in batches.as_numpy_iterator():
        yield image[0], label[0]


def _seconds(samples: Iterator[Any]) -> float:
    """Return processor time of all threads per pass, without the start of the pipeline: from the second record on.

    Both give uint8 arrays of picture and label; tf.data's threads may run at the same time, a busy machine may not.
    """
    next(samples)
    start = time.process_time()
    for _ in samples:
        pass
    return (time.process_time() - start) * RECORDS / (RECORDS - 1)
