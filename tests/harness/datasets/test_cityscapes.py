"""The Cityscapes layout: pictures paired with label pictures, label ids turned into train ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from harness.cards import Dataset
from harness.datasets.cityscapes import Cityscapes, train_ids
from harness.errors import DataError

# The table of the ModelZoo scripts for ICNet and IntraDA; every other id up to 33 is ignored.
PUBLISHED = "7>0 8>1 11>2 12>3 13>4 17>5 19>6 20>7 21>8 22>9 23>10 24>11 25>12 26>13 27>14 28>15 31>16 32>17 33>18"
TABLE = Dataset(kind="cityscapes", count=3)
NAMES = ("bonn/bonn_000001_000019", "aachen/aachen_000002_000019", "aachen/aachen_000001_000019")


def picture_path(root, name):
    return root / "leftImg8bit" / "val" / f"{name}_leftImg8bit.png"


def label_path(root, name):
    return root / "gtFine" / "val" / f"{name}_gtFine_labelIds.png"


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path):
    for shade, name in enumerate(NAMES):
        write(picture_path(tmp_path, name), np.full((4, 6, 3), shade, np.uint8))
        write(label_path(tmp_path, name), np.full((4, 6), 7 + shade, np.uint8))
    return tmp_path


def opened(root, class_count=19, split="val"):
    return Cityscapes(root, TABLE.model_copy(update={"split": split}), class_count)


def test_ids_are_sorted_by_city_and_name(root):
    assert opened(root).ids == ("aachen_000001_000019", "aachen_000002_000019", "bonn_000001_000019")


def test_a_picture_is_decoded_by_id(root):
    picture = opened(root).picture("aachen_000002_000019")

    assert picture.source == str(picture_path(root, NAMES[1]))
    np.testing.assert_array_equal(picture.pixels, np.ones((4, 6, 3), np.uint8))


def test_a_target_is_the_train_ids_of_the_picture_of_that_name(root):
    target = opened(root).target("aachen_000002_000019")

    assert target.dtype == np.int16
    np.testing.assert_array_equal(target, np.ones((4, 6), np.int16))


def test_every_label_id_becomes_the_train_id_of_the_published_table():
    published = dict(map(int, pair.split(">")) for pair in PUBLISHED.split())
    label_ids = np.arange(34, dtype=np.uint8).reshape(2, 17)

    result = train_ids(label_ids, 19, "a.png")

    assert result.ravel().tolist() == [published.get(label_id, -1) for label_id in range(34)]
    assert result.shape == (2, 17)


@given(label_ids=arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 33)))
def test_each_pixel_is_mapped_on_its_own(label_ids):
    published = dict(map(int, pair.split(">")) for pair in PUBLISHED.split())

    result = train_ids(label_ids, 19, "a.png")

    assert result.tolist() == [[published.get(label_id, -1) for label_id in row] for row in label_ids.tolist()]


def test_a_view_that_is_not_contiguous_is_mapped_in_its_own_order():
    label_ids = np.array([[7, 8, 11], [12, 13, 17]], np.uint8).T

    assert train_ids(label_ids, 19, "a.png").tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("value", [34, 127, 128, 255])
def test_an_unknown_label_id_is_named_with_its_file(root, value):
    label_ids = np.full((4, 6), 7, np.uint8)
    label_ids[3, 5] = value
    write(label_path(root, NAMES[0]), label_ids)

    with pytest.raises(DataError, match=rf"bonn_.*labelIds.png: expected label ids from 0 to 33, got {value}; use"):
        opened(root).target("bonn_000001_000019")


def test_a_train_id_beyond_the_cards_classes_is_named_by_its_label_id(root):
    write(label_path(root, NAMES[0]), np.array([[23, 24]] * 4, np.uint8).repeat(3, axis=1))

    with pytest.raises(
        DataError, match=r"bonn_.*: expected label ids of the card's 11 classes or ignored ones, got 24"
    ):
        opened(root, class_count=11).target("bonn_000001_000019")


def test_the_last_class_of_the_card_is_accepted(root):
    write(label_path(root, NAMES[0]), np.full((4, 6), 23, np.uint8))

    assert (opened(root, class_count=11).target("bonn_000001_000019") == 10).all()


def test_a_label_of_another_size_than_its_picture_is_refused(root):
    write(label_path(root, NAMES[0]), np.full((6, 4), 7, np.uint8))

    with pytest.raises(DataError, match=r"bonn_.*labelIds.png: expected the size of its picture, 6x4, got 4x6"):
        opened(root).target("bonn_000001_000019")


def test_a_label_of_another_size_is_refused_after_its_picture_was_decoded_too(root):
    write(label_path(root, NAMES[0]), np.full((6, 4), 7, np.uint8))
    dataset = opened(root)
    dataset.picture("bonn_000001_000019")

    with pytest.raises(DataError, match=r"bonn_.*labelIds.png: expected the size of its picture, 6x4, got 4x6"):
        dataset.target("bonn_000001_000019")


@pytest.mark.parametrize(
    "pixels", [np.full((4, 6, 3), 7, np.uint8), np.full((4, 6), 7, np.uint16)], ids=["rgb", "16-bit"]
)
def test_a_label_that_is_not_8_bit_single_channel_is_refused(root, pixels):
    write(label_path(root, NAMES[0]), pixels)

    with pytest.raises(DataError, match=r"bonn_.*labelIds.png: expected an 8-bit single-channel label PNG"):
        opened(root).target("bonn_000001_000019")


def test_other_files_of_the_layout_are_left_alone(root):
    city = root / "gtFine" / "val" / "bonn"
    for name in ("bonn_000001_000019_gtFine_color.png", "bonn_000001_000019_gtFine_polygons.json", "._x.png"):
        (city / name).write_bytes(b"x")
    (root / "leftImg8bit" / "val" / ".cache").mkdir()

    assert len(opened(root).ids) == 3


def test_a_picture_without_its_label_is_an_error_that_names_the_label(root):
    label_path(root, NAMES[0]).unlink()

    with pytest.raises(DataError, match=r"1 missing: bonn/bonn_000001_000019_gtFine_labelIds.png; complete"):
        opened(root)


def test_a_label_without_its_picture_is_an_error_that_names_the_picture(root):
    picture_path(root, NAMES[1]).unlink()

    with pytest.raises(DataError, match=r"1 missing: aachen/aachen_000002_000019_leftImg8bit.png; complete"):
        opened(root)


def test_a_label_in_another_citys_folder_is_no_partner(root):
    lost = label_path(root, NAMES[0])
    (root / "gtFine" / "val" / "ulm").mkdir()
    lost.rename(root / "gtFine" / "val" / "ulm" / lost.name)

    with pytest.raises(DataError, match=r"1 missing: bonn/bonn_000001_000019_gtFine_labelIds.png"):
        opened(root)


def test_many_missing_partners_are_counted(root):
    for number in range(5):
        write(picture_path(root, f"ulm/ulm_{number}"), np.zeros((4, 6, 3), np.uint8))

    with pytest.raises(DataError, match=r"5 missing: ulm/ulm_0_\S+, ulm/ulm_1_\S+, ulm/ulm_2_\S+ and 2 more; complete"):
        opened(root)


def test_a_name_in_two_cities_is_refused(root):
    write(picture_path(root, "ulm/bonn_000001_000019"), np.zeros((4, 6, 3), np.uint8))

    with pytest.raises(DataError, match=r"expected a name that is used once, got also .*bonn_000001_000019"):
        opened(root)


@pytest.mark.parametrize("folder", ["leftImg8bit", "gtFine"])
def test_a_missing_folder_is_refused_by_name(root, folder):
    (root / folder).rename(root / "elsewhere")

    with pytest.raises(DataError, match=rf"{folder}/val: expected a folder of the data set, got No such file"):
        opened(root)


def test_a_split_without_pictures_is_refused(root):
    (root / "leftImg8bit" / "test" / "berlin").mkdir(parents=True)

    with pytest.raises(
        DataError, match=r"leftImg8bit/test: expected pictures named <city>/\*_leftImg8bit.png, got none"
    ):
        opened(root, split="test")


@pytest.mark.parametrize("access", ["picture", "target"])
def test_an_unknown_id_is_refused(root, access):
    with pytest.raises(DataError, match=r"expected the id of a picture in this data set, got 'z'"):
        getattr(opened(root), access)("z")


@pytest.mark.parametrize("path", [picture_path, label_path], ids=["picture", "label"])
def test_the_digest_changes_with_every_file(root, path):
    before = opened(root).digest()
    pixels = np.array(Image.open(path(root, NAMES[2])))
    write(path(root, NAMES[2]), np.vstack([pixels, pixels]))

    assert opened(root).digest() != before


def test_the_digest_is_the_same_when_nothing_changed(root):
    assert opened(root).digest() == opened(root).digest()
