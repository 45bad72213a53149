"""Opening a card's data set, and choosing an even part of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.cards import Dataset
from harness.datasets import open_dataset, subset
from harness.datasets.files import first_few, remembered_sha256
from harness.errors import CardError, DataError, MissingNeedError, UsageError

GOLDENS = Path(__file__).parents[2] / "goldens"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "val").mkdir()
    for name in "ab":
        Image.new("RGB", (2, 2)).save(tmp_path / "val" / f"{name}.png")
    (tmp_path / "val_label.txt").write_text("a.png 0\nb.png 1\n")
    return tmp_path


@pytest.mark.parametrize("count", [2, 0], ids=["counted", "not-counted"])
def test_a_data_set_of_the_declared_kind_is_opened(root, count):
    dataset = open_dataset(root, Dataset(kind="imagenet", count=count), 10)

    assert dataset.ids == ("a", "b")
    assert dataset.target("b") == 1


def test_cityscapes_pictures_and_labels_are_opened(tmp_path):
    for folder, end in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_labelIds")):
        name = f"city_000001_000019_{end}.png"
        (tmp_path / folder / "val" / "city").mkdir(parents=True)
        (tmp_path / folder / "val" / "city" / name).write_bytes((GOLDENS / "images" / name).read_bytes())

    dataset = open_dataset(tmp_path, Dataset(kind="cityscapes", count=1), 19)

    assert dataset.ids == ("city_000001_000019",)
    assert dataset.picture(dataset.ids[0]).pixels.shape == (128, 256, 3)
    assert dataset.target(dataset.ids[0]).shape == (128, 256)


def test_another_number_of_samples_than_declared_is_refused(root):
    with pytest.raises(DataError, match=r"expected the 500 samples that the card counts, got 2; complete"):
        open_dataset(root, Dataset(kind="imagenet", count=500), 10)


def test_a_missing_folder_is_a_missing_need_for_data(tmp_path):
    with pytest.raises(MissingNeedError, match="no such folder; put it here") as caught:
        open_dataset(tmp_path / "none", Dataset(kind="imagenet", count=2), 10)

    assert caught.value.need == "data"


def test_a_kind_without_a_reader_is_refused(root):
    with pytest.raises(CardError, match=r"dataset.kind: .*got 'none'; known: cityscapes, coco, imagenet, prepared, tf"):
        open_dataset(root, Dataset(kind="none", count=0), 10)


def numbered(size):
    return SimpleNamespace(ids=tuple(f"{number:03d}" for number in range(size)))


def test_a_subset_is_spread_evenly_from_the_first_sample_on():
    assert subset(numbered(10), 4) == ("000", "002", "005", "007")


@given(size=st.integers(1, 200), count=st.integers(1, 300))
def test_a_subset_has_distinct_ids_in_order_and_near_equal_steps(size, count):
    places = [int(name) for name in subset(numbered(size), count)]

    steps = {after - before for before, after in zip(places, [*places[1:], size], strict=True)}
    assert len(places) == min(size, count)
    assert places[0] == 0
    assert steps <= {size // len(places), size // len(places) + 1}
    assert min(steps) >= 1


@pytest.mark.parametrize("count", [0, -1])
def test_a_subset_of_nothing_is_a_usage_error(count):
    with pytest.raises(UsageError, match="--samples: expected at least 1"):
        subset(numbered(3), count)


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d"], "a, b, c and 1 more")],
)
def test_the_first_few_names_are_shown_and_the_others_counted(names, text):
    assert first_few(names) == text


def test_a_file_digest_follows_its_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    first = remembered_sha256(path)
    path.write_bytes(b"")

    # The published SHA-256 test vectors of "abc" and of nothing.
    assert first == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert remembered_sha256(path) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_a_missing_file_is_a_data_error_that_names_it(tmp_path):
    with pytest.raises(DataError, match=r"none: expected a readable file"):
        remembered_sha256(tmp_path / "none")
