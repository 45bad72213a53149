"""The ImageNet validation layout: pictures and labels matched by name."""

import os

import numpy as np
import pytest
from PIL import Image

from harness.cards import Dataset
from harness.datasets.imagenet import ImageNet
from harness.errors import DataError

NAMES = ("b.png", "a.JPEG", "c.jpeg")
LABELS = "a.JPEG 3\nb.png 1\nc.jpeg 0\n"


def table(**changes):
    return Dataset(kind="imagenet", count=3, **changes)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "val").mkdir()
    for shade, name in enumerate(NAMES):
        Image.new("RGB", (4, 4), (shade, 0, 0)).save(tmp_path / "val" / name)
    (tmp_path / "val_label.txt").write_text(LABELS)
    return tmp_path


def opened(root, **changes):
    return ImageNet(root, table(**changes), 10)


def test_ids_are_the_stems_in_sorted_order(root):
    assert opened(root).ids == ("a", "b", "c")


def test_a_name_that_starts_another_comes_first(root):
    Image.new("RGB", (1, 1)).save(root / "val" / "a-1.png")
    (root / "val_label.txt").write_text(LABELS + "a-1 2\n")

    assert opened(root).ids == ("a", "a-1", "b", "c")


def test_labels_are_matched_by_name_whatever_the_order_of_lines(root):
    (root / "val_label.txt").write_text("c.jpeg 0\na.JPEG 3\nb.png 1\n")

    dataset = opened(root)

    assert [dataset.target(name) for name in dataset.ids] == [3, 1, 0]


@pytest.mark.parametrize(
    "labels",
    ["a 3\nb 1\nc 0\n", "a.jpeg\t3\r\nb.PNG  1\r\n\r\nc.JPG 0", "\ufeffa 3\nb 1\nc 0\n"],
    ids=["stems", "tabs-suffixes-and-line-ends", "byte-order-mark"],
)
def test_labels_may_be_written_in_several_ways(root, labels):
    (root / "val_label.txt").write_bytes(labels.encode())

    dataset = opened(root)

    assert [dataset.target(name) for name in dataset.ids] == [3, 1, 0]


def test_labels_in_line_order_follow_the_file_and_not_the_names(root):
    (root / "val_label.txt").write_text("c.jpeg 0\na.JPEG 3\nb.png 1\n")

    assert opened(root).labels_in_line_order == (0, 3, 1)


def test_a_picture_is_decoded_by_id(root):
    picture = opened(root).picture("b")

    assert picture.id == "b"
    assert picture.source == str(root / "val" / "b.png")
    np.testing.assert_array_equal(picture.pixels, np.zeros((4, 4, 3), np.uint8))


def test_names_with_dots_keep_all_but_the_suffix(root):
    Image.new("RGB", (1, 1)).save(root / "val" / "d.v1.png")
    (root / "val_label.txt").write_text(LABELS + "d.v1 2\n")

    assert opened(root).target("d.v1") == 2


def test_hidden_files_and_other_kinds_of_files_are_no_pictures(root):
    for name in ("._a.png", "Thumbs.db", "notes.txt"):
        (root / "val" / name).write_bytes(b"x")

    assert opened(root).ids == ("a", "b", "c")


def test_split_and_label_file_are_the_cards(root):
    (root / "val").rename(root / "test")
    (root / "val_label.txt").rename(root / "list.txt")

    assert opened(root, split="test", labels="list.txt").ids == ("a", "b", "c")


BAD_LABELS = {
    "missing": ("a 3\nc 0\n", r"expected a label for every picture, got 1 without a label: b; make"),
    "extra": (LABELS + "x.png 1\ny 2\n", r"a picture for every label, got 2 without a picture: x, y; make"),
    "twice": (LABELS + "b 1\n", r"one line per picture, got 1 labelled more than once: b; make"),
    "too-large": ("a 3\nb 10\nc 0\n", r"val_label.txt:2: expected a class number from 0 to 9, got '10'"),
    "negative": ("a 3\nb 1\nc -1\n", r"val_label.txt:3: expected a class number from 0 to 9, got '-1'"),
    "fraction": ("a 3.0\nb 1\nc 0\n", r"val_label.txt:1: expected a class number from 0 to 9, got '3.0'"),
    "underscore": ("a 0_3\nb 1\nc 0\n", r"val_label.txt:1: expected a class number"),
    "very-long": ("a " + "9" * 5000, r"val_label.txt:1: expected a class number"),
    "one-field": ("a 3\n\nb\n", r"val_label.txt:3: expected `<picture name> <class number>`, got 'b'"),
    "three-fields": ("a b 3\n", r"val_label.txt:1: expected `<picture name> <class number>`, got 'a b 3'"),
    "empty": ("", r"expected a label for every picture, got 3 without a label: a, b, c"),
}


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels_that_do_not_fit_are_named(root, labels, message):
    (root / "val_label.txt").write_text(labels)

    with pytest.raises(DataError, match=message):
        opened(root)


def test_many_pictures_without_a_label_are_counted(root):
    for number in range(7):
        Image.new("RGB", (1, 1)).save(root / "val" / f"n{number}.png")

    with pytest.raises(DataError, match=r"got 7 without a label: n0, n1, n2 and 4 more"):
        opened(root)


def test_two_pictures_of_one_name_are_refused(root):
    Image.new("RGB", (1, 1)).save(root / "val" / "a.png")

    with pytest.raises(DataError, match=r"val: expected one picture per name, got a; remove"):
        opened(root)


def test_a_missing_label_file_is_refused(root):
    (root / "val_label.txt").unlink()

    with pytest.raises(DataError, match=r"val_label.txt: expected a readable label file"):
        opened(root)


def test_a_label_file_that_is_no_text_is_refused(root):
    (root / "val_label.txt").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(DataError, match=r"val_label.txt: expected a readable label file"):
        opened(root)


def test_a_missing_split_is_refused(root):
    with pytest.raises(DataError, match=r"test: expected a folder of the data set, got No such file"):
        opened(root, split="test")


def test_an_empty_folder_is_refused(root):
    (root / "empty").mkdir()

    with pytest.raises(DataError, match=r"empty: expected pictures, got none"):
        opened(root, split="empty")


@pytest.mark.parametrize("access", ["picture", "target"])
def test_an_unknown_id_is_refused(root, access):
    with pytest.raises(DataError, match=r"expected the id of a picture in this data set, got 'z'"):
        getattr(opened(root), access)("z")


def test_a_damaged_picture_is_an_error_when_it_is_decoded(root):
    (root / "val" / "b.png").write_bytes((root / "val" / "b.png").read_bytes()[:-20])

    with pytest.raises(DataError, match=r"b.png: expected a whole PNG"):
        opened(root).picture("b")


def test_the_digest_is_that_of_equal_content_in_another_folder(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "val").mkdir()
    for name in (*(f"val/{name}" for name in NAMES), "val_label.txt"):
        (other / name).write_bytes((root / name).read_bytes())

    assert opened(other).digest() == opened(root).digest()


@pytest.mark.parametrize("change", ["pixels", "label", "name"])
def test_the_digest_changes_with_pixels_labels_and_names(root, change):
    before = opened(root).digest()
    if change == "pixels":
        Image.new("RGB", (4, 4), (9, 9, 9)).save(root / "val" / "b.png")
        os.utime(root / "val" / "b.png", ns=(1, 1))
    elif change == "label":
        (root / "val_label.txt").write_text(LABELS.replace("b.png 1", "b.png 2"))
    else:
        (root / "val" / "b.png").rename(root / "val" / "d.png")
        (root / "val_label.txt").write_text(LABELS.replace("b.png", "d.png"))

    assert opened(root).digest() != before


def test_reading_leaves_the_folder_as_it_was(root):
    before = sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*"))

    dataset = opened(root)
    dataset.picture("a")
    dataset.digest()

    assert sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*")) == before
