"""The digits as TFRecord and in the COCO layout: what the readers read is what was drawn."""

import json

import numpy as np
import pytest
from PIL import Image

from harness.cards import Dataset
from harness.datasets import digit_boxes, digit_scenes, digits, open_dataset

LOOK = {"seed": 1, "fat": False, "cycles": (16, 32), "hue": 850, "phase": 850, "stripes": 40, "noise": 40}
RECORDS = {**LOOK, "height": 64, "width": 128, "count": 6, "slot": 32, "digit": (20, 31), "ink": (140, 230)}
BOXES = {**LOOK, "height": 128, "width": 128, "count": 6, "slot": 64, "digit": (20, 62), "ink": (200, 256)}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    root = tmp_path_factory.mktemp("records")
    digits.generate("digit-records", RECORDS, root)
    return root


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    root = tmp_path_factory.mktemp("boxes")
    digits.generate("digit-boxes", BOXES, root)
    return root


def drawn(params):
    return list(digit_scenes.scenes(digit_scenes.SceneParams(**params), "val"))


def test_records_are_read_as_they_were_drawn(records):
    dataset = open_dataset(records, Dataset(kind="tfrecord", count=6), 11)

    for name, scene in zip(dataset.ids, drawn(RECORDS), strict=True):
        assert np.array_equal(dataset.picture(name).pixels, scene.pixels)
        assert np.array_equal(dataset.target(name), digit_scenes.train_ids(scene.label_ids))
    assert min(dataset.target(name).min() for name in dataset.ids) == -1


def test_records_hold_bgr_bytes(records):
    first = drawn(RECORDS)[0].pixels

    assert first[:, :, ::-1].tobytes() in (records / "val.tfrecord").read_bytes()


def test_tensorflows_own_reader_accepts_the_records(records):
    tensorflow = pytest.importorskip("tensorflow", reason="the extra `tf` is not installed")

    found = list(tensorflow.data.TFRecordDataset(str(records / "val.tfrecord")).as_numpy_iterator())

    examples = [tensorflow.train.Example.FromString(data).features.feature for data in found]
    assert [example["width"].int64_list.value[0] for example in examples] == [128] * 6
    image = np.frombuffer(examples[2]["image"].bytes_list.value[0], np.uint8).reshape(64, 128, 3)
    assert np.array_equal(image[:, :, ::-1], drawn(RECORDS)[2].pixels)


def test_records_are_the_same_bytes_every_time(records, tmp_path):
    digits.generate("digit-records", RECORDS, tmp_path)

    assert (tmp_path / "val.tfrecord").read_bytes() == (records / "val.tfrecord").read_bytes()


def test_pictures_with_boxes_are_close_to_what_was_drawn(boxes):
    dataset = open_dataset(boxes, Dataset(kind="coco", count=6), 10)

    for name, scene in zip(dataset.ids, drawn(BOXES), strict=True):
        found = dataset.picture(name).pixels.astype(int) - scene.pixels
        assert np.abs(found).mean() < 4
        assert (boxes / "val" / f"{name}.jpg").read_bytes().startswith(b"\xff\xd8")


def test_every_box_is_the_smallest_around_the_ink_of_its_digit(boxes):
    dataset = open_dataset(boxes, Dataset(kind="coco", count=6), 10)

    seen = set()
    for name, scene in zip(dataset.ids, drawn(BOXES), strict=True):
        objects, labels = dataset.target(name), digit_scenes.train_ids(scene.label_ids)
        inside = np.zeros(labels.shape, bool)
        for (left, top, width, height), category, area in zip(
            objects.boxes.astype(int), objects.classes, objects.areas, strict=True
        ):
            ink = labels[top : top + height, left : left + width] == category
            assert ink.any(axis=0)[[0, -1]].all()
            assert ink.any(axis=1)[[0, -1]].all()
            assert ink.sum() == area
            inside[top : top + height, left : left + width] = True
            seen.add(int(category))
        assert not (labels[~inside] > 0).any()
    assert len(seen) > 5


def test_objects_are_small_and_medium_and_their_categories_are_the_digits_plus_one(boxes):
    document = json.loads((boxes / "annotations" / "instances_val.json").read_text())

    assert [row["name"] for row in sorted(document["categories"], key=lambda row: row["id"])] == list("0123456789")
    assert {row["id"] for row in document["categories"]} == set(range(1, 11))
    assert [row["id"] for row in document["images"]] != sorted(row["id"] for row in document["images"])


def test_training_pictures_come_with_objects_and_differ_from_validation_pictures():
    params = digit_boxes.BoxParams(**BOXES)

    training = list(digits.examples("digit-boxes", BOXES, seed=1))

    validation = list(digit_boxes.boxed_scenes(params, "val"))
    assert len(training) == 6
    pairs = [pair for pair in zip(training, validation, strict=True) if len(pair[0].target.classes)]
    assert len(pairs) >= 5  # an empty scene is the same ground in both
    assert not any(np.array_equal(one.pixels, other.pixels) for one, other in pairs)


def test_training_pictures_of_records_come_with_train_ids():
    example = next(digits.examples("digit-records", RECORDS, seed=2))

    assert example.target.shape == (64, 128)
    assert example.target.dtype == np.int16


def test_decoded_pictures_are_the_same_every_time(boxes, tmp_path):
    digits.generate("digit-boxes", BOXES, tmp_path)

    for path in sorted((boxes / "val").iterdir()):
        again = np.asarray(Image.open(tmp_path / "val" / path.name))
        assert np.array_equal(np.asarray(Image.open(path)), again)
