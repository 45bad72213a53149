"""The TFRecord reader: records as the ResNeSt script writes them, and every way in which a file can be wrong."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from harness.cards import Dataset
from harness.datasets import open_dataset
from harness.datasets.tf_example import example, record
from harness.errors import DataError

GOLDENS = Path(__file__).parents[2] / "goldens"
TRAIN_IDS = dict(zip([7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33], range(19), strict=True))
HEIGHT, WIDTH = 4, 6


def picture_of(number):
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def labels_of(number):
    labels = np.random.default_rng(number).integers(0, 19, (HEIGHT, WIDTH)).astype(np.uint8)
    labels[0, :2] = 255
    return labels


def features_of(number, **changes):
    found = {"image": picture_of(number).tobytes(), "label": labels_of(number).tobytes()}
    return {**found, "height": HEIGHT, "width": WIDTH, "channels": 3, **changes}


def written(path, numbers):
    path.write_bytes(b"".join(record(example(features_of(number))) for number in numbers))
    return path


def opened(root, split="val", count=0, classes=19):
    return open_dataset(root, Dataset(kind="tfrecord", split=split, count=count), classes)


@pytest.fixture
def root(tmp_path):
    written(tmp_path / "val.tfrecord", range(3))
    return tmp_path


def test_ids_count_the_records(root):
    assert opened(root, count=3).ids == ("000000", "000001", "000002")


def test_pictures_are_the_bgr_bytes_as_rgb(root):
    dataset = opened(root)

    for number in (2, 0, 1):
        picture = dataset.picture(f"{number:06d}")
        assert np.array_equal(picture.pixels, picture_of(number)[:, :, ::-1])
        assert picture.source == f"{root / 'val.tfrecord'}: record {number}"


def test_targets_are_train_ids_and_minus_one_where_the_record_says_255(root):
    target = opened(root).target("000001")

    assert target.dtype == np.int16
    assert target[0, :2].tolist() == [-1, -1]
    assert np.array_equal(target.ravel()[2:], labels_of(1).ravel()[2:])


def test_more_than_128_classes_are_read_too(tmp_path):
    labels = np.arange(24, dtype=np.uint8).reshape(HEIGHT, WIDTH) + 120
    labels[0, 0] = 255
    (tmp_path / "val.tfrecord").write_bytes(record(example(features_of(0, label=labels.tobytes()))))

    assert opened(tmp_path, classes=150).target("000000").ravel().tolist() == [-1, *range(121, 144)]


def test_records_of_several_files_follow_the_order_of_their_names(tmp_path):
    written(tmp_path / "val.tfrecord-00001-of-00002", [2])
    written(tmp_path / "val.tfrecord-00000-of-00002", [0, 1])
    written(tmp_path / "train.tfrecord", [7])
    (tmp_path / "val.txt").write_text("no records")

    dataset = opened(tmp_path, count=3)

    assert [dataset.target(name)[1, 1] for name in dataset.ids] == [labels_of(number)[1, 1] for number in range(3)]


def test_the_golden_labels_of_the_original_script_come_out(tmp_path):
    """Labels as blocks of 64 px of random label ids, as behind the golden histogram."""
    with np.load(GOLDENS / "preprocess_resnest_seg.npz") as golden:
        histogram = golden["seg0/label_hist"]
    random = np.random.Generator(np.random.PCG64(zlib.crc32(b"label:seg0")))
    ids = random.integers(0, 34, (16, 32)).repeat(64, 0).repeat(64, 1)
    labels = np.vectorize(lambda label_id: TRAIN_IDS.get(label_id, 255))(ids).astype(np.uint8)
    features = {"image": bytes(1024 * 2048 * 3), "label": labels.tobytes()}
    features |= {"height": 1024, "width": 2048, "channels": 3}
    (tmp_path / "val.tfrecord").write_bytes(record(example(features)))

    target = opened(tmp_path).target("000000")

    counts = np.bincount(target.ravel() + 1, minlength=20)
    assert counts[0] == histogram[255]
    assert counts[1:].tolist() == histogram[:19].tolist()


def test_opening_reads_no_more_than_the_lengths(root, monkeypatch):
    monkeypatch.setattr("harness.datasets.tfrecord.read", None)

    assert len(opened(root).ids) == 3


def test_picture_and_label_of_a_record_are_read_once(root, monkeypatch):
    from harness.datasets import tfrecord

    read, places = tfrecord.read, []
    monkeypatch.setattr(tfrecord, "read", lambda place: places.append(place.number) or read(place))
    dataset = opened(root)

    for name in dataset.ids:
        dataset.picture(name)
        dataset.target(name)

    assert places == [0, 1, 2]


@pytest.mark.parametrize("lost", [1, 4, 5, 100, 130])
def test_a_record_cut_short_is_named_when_the_file_is_opened(root, lost):
    path = root / "val.tfrecord"
    path.write_bytes(path.read_bytes()[:-lost])

    with pytest.raises(DataError, match=r"val.tfrecord: record 2: expected \d+ bytes.*got \d+.*get the file again"):
        opened(root)


def test_a_file_cut_within_a_length_is_named(root):
    path = root / "val.tfrecord"
    path.write_bytes(path.read_bytes() + b"\x01\x02\x03")

    with pytest.raises(DataError, match=r"val.tfrecord: record 3: expected 12 bytes of a length, got 3"):
        opened(root)


def test_a_file_cut_after_it_was_opened_is_named(root):
    dataset, path = opened(root), root / "val.tfrecord"
    path.write_bytes(path.read_bytes()[:-2])

    with pytest.raises(DataError, match=r"record 2: expected \d+ bytes and a checksum, got the end of the file"):
        dataset.picture("000002")


def test_a_length_that_disagrees_with_its_checksum_is_named(root):
    path = root / "val.tfrecord"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1  # the three records have the same size
    path.write_bytes(data)

    with pytest.raises(DataError, match=r"record 1: expected a length that agrees with its checksum"):
        opened(root)


@pytest.mark.parametrize("place", [20, -5, -1], ids=["first byte", "last byte", "checksum"])
def test_data_that_disagree_with_their_checksum_are_named(root, place):
    path = root / "val.tfrecord"
    data = bytearray(path.read_bytes())
    data[place if place < 0 else place - len(data) // 3] ^= 1
    path.write_bytes(data)

    dataset = opened(root)
    dataset.picture("000001")
    with pytest.raises(DataError, match=r"record 2: expected data that agree with their checksum"):
        dataset.picture("000002")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (features_of(0, image=b"\x89PNG"), r"record 0: image: expected 72 bytes, 4 × 6 × 3, got 4; write raw bytes"),
        (features_of(0, label=bytes(25)), r"record 0: label: expected 24 bytes, 4 × 6, got 25"),
        (features_of(0, height=5), r"record 0: image: expected 90 bytes, 5 × 6 × 3, got 72"),
        (features_of(0, height=0), r"feature height: expected one positive int64"),
        (features_of(0, width=-6), r"feature width: expected one positive int64"),
        (features_of(0, channels=1), r"channels: expected 3, got 1; write BGR pictures"),
        (features_of(0, width=b"6"), r"feature width: expected one positive int64, got another kind"),
        (features_of(0, image=7), r"feature image: expected one bytes value, got another kind"),
        ({"image": b"a", "height": 1, "width": 1, "channels": 3, "label": b"a"}, r"image: expected 3 bytes"),
        ({"height": 1, "width": 1}, r"feature channels: expected one positive int64, got only height, width; write"),
        ({}, r"feature height: expected one positive int64, got only nothing"),
    ],
)
def test_wrong_features_are_named_with_file_and_record(tmp_path, features, message):
    (tmp_path / "val.tfrecord").write_bytes(record(example(features)))
    dataset = opened(tmp_path)

    with pytest.raises(DataError, match=r"val\.tfrecord: record 0.*") as raised:
        dataset.picture("000000")
    assert raised.match(message)


def test_data_that_are_no_example_are_named(tmp_path):
    (tmp_path / "val.tfrecord").write_bytes(record(b"\x0bnonsense"))

    with pytest.raises(DataError, match=r"val.tfrecord: record 0: expected an Example, got a field of wire type 3"):
        opened(tmp_path).picture("000000")


@pytest.mark.parametrize(("value", "classes"), [(19, 19), (254, 19), (11, 11)])
def test_a_label_beyond_the_classes_is_named_where_the_script_would_stop(tmp_path, value, classes):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[1, 1:3] = value
    (tmp_path / "val.tfrecord").write_bytes(record(example(features_of(0, label=labels.tobytes()))))

    with pytest.raises(DataError, match=rf"record 0: expected train ids below {classes}.*got 2 pixels of {value} to"):
        opened(tmp_path, classes=classes).target("000000")


def test_an_unknown_id_is_refused(root):
    with pytest.raises(DataError, match=r"expected the id of a record in this data set, got '7'"):
        opened(root).picture("7")


@pytest.mark.parametrize("name", ["train.tfrecord", ".val.tfrecord", "val.record"])
def test_a_folder_without_records_of_the_split_is_refused(tmp_path, name):
    written(tmp_path / name, [0])

    with pytest.raises(DataError, match=r"expected files named \*val\*.tfrecord\*, got none"):
        opened(tmp_path)


def test_the_digest_changes_with_a_byte_and_with_a_name(root):
    before = opened(root).digest()
    assert opened(root).digest() == before

    written(root / "val.tfrecord", [0, 1, 3])
    changed = opened(root).digest()
    (root / "val.tfrecord").rename(root / "other_val.tfrecord")

    assert len({before, changed, opened(root).digest()}) == 3
