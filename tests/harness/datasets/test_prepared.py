"""Inputs prepared by other scripts: numbered files, their labels, and the map to annotated pictures."""

import json

import numpy as np
import pytest

from harness.cards import Dataset, TensorSpec
from harness.datasets import open_dataset
from harness.errors import DataError
from harness.preprocess.prepared import prepared_input

SPEC = TensorSpec(name="inputx", dtype="float32", shape=("N", 2, 3, 3), layout="NHWC")


def input_of(number):
    return np.random.default_rng(number).standard_normal((2, 3, 3)).astype("<f4")


def label_of(number):
    return np.array([[[number, 255, 18], [0, 1, 2]]], np.int64)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "label").mkdir()
    for number in range(12):
        input_of(number).tofile(tmp_path / "data" / f"{number}.bin")
        np.save(tmp_path / "label" / f"{number}.npy", label_of(number))
    return tmp_path


@pytest.fixture
def detection_root(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "annotations").mkdir()
    for number in range(2):
        input_of(number).tofile(tmp_path / "data" / f"{number:05d}.bin")
    # The file system gave b before a.
    (tmp_path / "names.txt").write_text("0 det b.jpeg\n1 a.png\n")
    document = {
        "images": [
            {"id": i, "file_name": name, "height": 2, "width": 3} for i, name in enumerate(("a.png", "det b.jpeg"))
        ],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1]}],
        "categories": [{"id": 7, "name": "train"}],
    }
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(document))
    return tmp_path


def opened(root, count=0, classes=19):
    return open_dataset(root, Dataset(kind="prepared", count=count), classes)


def test_ids_follow_the_numbers_not_the_letters(root):
    assert opened(root, count=12).ids == tuple(str(number) for number in range(12))


def test_an_input_is_the_files_values_in_the_shape_of_the_networks_input(root):
    sample = prepared_input(SPEC, opened(root).picture("11"))

    assert np.array_equal(sample.arrays[0], input_of(11))
    assert (sample.id, sample.source) == ("11", str(root / "data" / "11.bin"))


def test_a_file_of_another_size_is_named(root):
    (root / "data" / "3.bin").write_bytes(bytes(71))

    with pytest.raises(DataError, match=r"3.bin: expected 72 bytes, float32 2 × 3 × 3 of the input 'inputx', got 71"):
        prepared_input(SPEC, opened(root).picture("3"))


def test_targets_are_the_labels_of_the_same_number(root):
    target = opened(root).target("7")

    assert target.dtype == np.int16
    assert target.tolist() == [[7, -1, 18], [0, 1, 2]]


def test_objects_are_found_through_the_map(detection_root):
    dataset = opened(detection_root, classes=90)

    assert dataset.file_names == {"00000": "det b.jpeg", "00001": "a.png"}
    assert dataset.target("00000").classes.tolist() == [7]
    assert dataset.target("00001").classes.tolist() == []


def test_annotations_without_a_map_are_refused(detection_root):
    (detection_root / "names.txt").unlink()

    with pytest.raises(
        DataError, match=r"names.txt: expected a map from inputs to annotated pictures, got no such file"
    ):
        opened(detection_root, classes=90)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 det b.jpeg\n", r"names.txt: expected a line for every input, got none for 00001"),
        ("0 det b.jpeg\n1 a.png\n1 c.png\n", r"names.txt:3: expected each number and name once"),
        ("0 a.png\n1 a.png\n", r"names.txt:2: expected each number and name once"),
        ("0 det b.jpeg\n2 a.png\n", r"names.txt:2: expected `<number> <file name>` of an input"),
        ("a.png\n", r"names.txt:1: expected `<number> <file name>` of an input"),
        ("0 det b.jpeg\n1 c.png\n", r"names.txt: expected names of images in instances_val.json, got 1 unknown: c.png"),
    ],
)
def test_a_wrong_map_is_named_with_its_line(detection_root, text, message):
    (detection_root / "names.txt").write_text(text)

    with pytest.raises(DataError, match=message):
        opened(detection_root, classes=90)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: (data / "4.bin").unlink(), r"data: expected the number 4 once, got 5.bin"),
        (lambda data: (data / "004.bin").touch(), r"data: expected the number 5 once, got (00)?4.bin"),
        (lambda data: (data / "a.bin").touch(), r"data: expected files named <number>.bin, got a.bin; keep a map"),
        (lambda data: [path.unlink() for path in data.iterdir()], r"data: expected files named <number>.bin, got none"),
    ],
)
def test_gaps_doubles_and_other_names_are_refused(root, change, message):
    change(root / "data")

    with pytest.raises(DataError, match=message):
        opened(root)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (np.full((1, 2, 3), 19), r"7.npy: expected train ids from 0 to 18, or 255, got 6 pixels of 19 to 19"),
        (np.full((1, 2, 3), -1), r"7.npy: expected train ids from 0 to 18, or 255, got 6 pixels of -1 to -1"),
        (np.zeros((2, 3), np.float32), r"7.npy: expected integers of shape height × width, got float32 \(2, 3\)"),
        (np.zeros((2, 2, 3), np.int64), r"7.npy: expected integers of shape height × width, got int64 \(2, 2, 3\)"),
        (np.array([{}]), r"7.npy: expected a label in numpy's .npy format"),
    ],
)
def test_a_wrong_label_is_named(root, label, message):
    np.save(root / "label" / "7.npy", label)

    with pytest.raises(DataError, match=message):
        opened(root).target("7")


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"text"])
def test_a_damaged_label_is_named(root, data):
    (root / "label" / "7.npy").write_bytes(data)

    with pytest.raises(DataError, match=r"7.npy: expected a label in numpy's .npy format"):
        opened(root).target("7")


def test_a_missing_label_is_named(root):
    (root / "label" / "7.npy").unlink()

    with pytest.raises(DataError, match=r"7.npy: expected a readable file, got No such file"):
        opened(root).target("7")


@pytest.mark.parametrize("access", ["picture", "target"])
def test_an_unknown_id_is_refused(root, access):
    with pytest.raises(DataError, match=r"expected the id of an input in this data set, got '12'"):
        getattr(opened(root), access)("12")


def test_the_digest_changes_with_inputs_and_labels(root):
    before = opened(root).digest()
    assert opened(root).digest() == before

    np.save(root / "label" / "7.npy", label_of(8))
    labelled = opened(root).digest()
    input_of(99).tofile(root / "data" / "7.bin")

    assert len({before, labelled, opened(root).digest()}) == 3


def test_the_digest_changes_with_the_map(detection_root):
    before = opened(detection_root, classes=90).digest()
    (detection_root / "names.txt").write_text("1 det b.jpeg\n0 a.png\n")

    assert opened(detection_root, classes=90).digest() != before
