"""The COCO reader: pictures and objects in the order of image ids, and every way in which annotations can be wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.cards import Dataset
from harness.datasets import manifest, open_dataset
from harness.errors import DataError

GOLDENS = Path(__file__).parents[2] / "goldens"


def document():
    return {
        "info": {"year": 2017},
        "images": [
            {"id": 30, "file_name": "000000000030.png", "height": 8, "width": 10, "license": 1},
            {"id": 4, "file_name": "000000000004.png", "height": 6, "width": 5},
            {"id": 12, "file_name": "000000000012.png", "height": 6, "width": 5},
        ],
        "annotations": [
            {"id": 5, "image_id": 30, "category_id": 90, "bbox": [1, 2.5, 3, 4], "area": 7.5, "iscrowd": 0},
            {"id": 2, "image_id": 4, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "segmentation": [[0, 0, 2, 2]]},
            {"id": 9, "image_id": 30, "category_id": 1, "bbox": [0, 0, 10, 8], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}],
    }


@pytest.fixture
def root(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    annotate(tmp_path, document())
    for row in document()["images"]:
        pixels = np.full((row["height"], row["width"], 3), row["id"], np.uint8)
        Image.fromarray(pixels).save(tmp_path / "val2017" / row["file_name"])
    return tmp_path


def annotate(root, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "annotations" / "instances_val2017.json").write_text(text)


def opened(root, count=3, classes=90):
    return open_dataset(root, Dataset(kind="coco", split="val2017", count=count), classes)


def test_ids_follow_the_image_ids_whatever_the_order_in_the_file(root):
    assert opened(root).ids == ("000000000004", "000000000012", "000000000030")


def test_the_file_name_of_every_input_number_is_kept(root):
    assert list(opened(root).file_names.values()) == ["000000000004.png", "000000000012.png", "000000000030.png"]


def test_a_picture_is_decoded_by_id(root):
    picture = opened(root).picture("000000000012")

    assert picture.pixels.shape == (6, 5, 3)
    assert (picture.pixels == 12).all()
    assert picture.source == str(root / "val2017" / "000000000012.png")


def test_objects_keep_category_ids_areas_and_crowds(root):
    objects = opened(root).target("000000000030")

    assert (objects.height, objects.width) == (8, 10)
    assert objects.boxes.tolist() == [[1, 2.5, 3, 4], [0, 0, 10, 8]]
    assert objects.classes.tolist() == [90, 1]
    assert objects.areas.tolist() == [7.5, 80.0]
    assert objects.crowd.tolist() == [False, True]


def test_a_picture_without_annotations_has_no_objects(root):
    objects = opened(root).target("000000000012")

    assert objects.boxes.shape == (0, 4)
    assert len(objects.classes) == len(objects.areas) == len(objects.crowd) == 0


def test_objects_are_an_array_with_the_size_first(root):
    table = np.asarray(opened(root).target("000000000030"))

    assert table.tolist() == [[8, 10, 0, 0, 0, 0, 0], [1, 2.5, 3, 4, 90, 7.5, 0], [0, 0, 10, 8, 1, 80, 1]]


def test_the_golden_annotations_are_read(tmp_path):
    golden = json.loads((GOLDENS / "coco_gt.json").read_text())
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    annotate(tmp_path, golden)
    for row in golden["images"]:
        (tmp_path / "val2017" / row["file_name"]).touch()

    dataset = opened(tmp_path, count=8)

    assert sum(len(dataset.target(name).classes) for name in dataset.ids) == len(golden["annotations"])


def edited(table, row, **changes):
    found = document()
    found[table][row].update(changes)
    return found


def without(table, row, key):
    found = document()
    del found[table][row][key]
    return found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (edited("annotations", 1, image_id=5), r"annotation 2: expected an image that is listed, got image_id 5"),
        (
            edited("annotations", 1, category_id=3),
            r"annotation 2: expected a category that is listed, got category_id 3",
        ),
        (edited("annotations", 1, id=5), r"annotations: expected every id once, got 1 more than once: 5"),
        (edited("images", 1, id=30), r"images: expected every id once, got 1 more than once: 30"),
        (edited("images", 1, file_name="000000000030.png"), r"images: expected every file_name once"),
        (edited("images", 1, file_name="000000000030.jpg"), r"images: expected every file_name once"),
        (edited("categories", 1, id=1), r"categories: expected every id once"),
        (edited("categories", 1, id=91), r"category 'toothbrush': expected an id from 1 to 90, got 91"),
        (edited("categories", 0, id=0), r"category 'person': expected an id from 1 to 90, got 0"),
        (edited("images", 1, file_name="../x.png"), r"image 4: expected a file name below the split's folder"),
        (edited("images", 1, file_name="/x.png"), r"image 4: expected a file name below the split's folder"),
        (edited("images", 1, height=0), r"images.1.height: input should be greater than 0"),
        (edited("annotations", 1, bbox=[1, 2, 3]), r"annotations.1.bbox.*field required"),
        (edited("annotations", 1, bbox=[1, 2, 3, "x"]), r"annotations.1.bbox.3: input should be a valid number"),
        (edited("annotations", 1, bbox=[1, 2, -3, 4]), r"annotation 2: expected no negative width, height or area"),
        (edited("annotations", 1, area=-1), r"annotation 2: expected no negative width, height or area"),
        (
            edited("annotations", 1, bbox=[1, 2, 3, float("nan")]),
            r"annotations.1.bbox.3: input should be a finite number",
        ),
        (edited("annotations", 1, iscrowd=2), r"annotations.1.iscrowd"),
        (without("annotations", 1, "bbox"), r"annotations.1.bbox: field required"),
        (without("images", 1, "file_name"), r"images.1.file_name: field required"),
        ({**document(), "images": [], "annotations": []}, r"images: expected at least one image, got none"),
        ({"images": []}, r"annotations: field required"),
        ([], r"instances_val2017.json: .*got \[\]"),
        ("{", r"expected JSON"),
        ("[" * 100_000, r"expected JSON"),
        ("", r"expected JSON"),
    ],
)
def test_wrong_annotations_are_named_with_their_file(root, content, message):
    annotate(root, content)

    with pytest.raises(DataError, match=r"instances_val2017\.json.*") as raised:
        opened(root)
    assert raised.match(message)


def test_a_missing_annotation_file_is_named(root):
    (root / "annotations" / "instances_val2017.json").unlink()

    with pytest.raises(DataError, match=r"instances_val2017.json: expected a readable annotation file, got No such"):
        opened(root)


def test_missing_pictures_are_counted_and_named(root):
    (root / "val2017" / "000000000004.png").unlink()
    (root / "val2017" / "000000000012.png").unlink()

    with pytest.raises(DataError, match=r"got 2 missing: 000000000004.png, 000000000012.png; complete the folder"):
        opened(root)


def test_a_picture_of_another_size_than_annotated_is_refused(root):
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(root / "val2017" / "000000000004.png")

    with pytest.raises(DataError, match=r"000000000004.png: expected the annotated size, 5x6, got 6x5"):
        opened(root).picture("000000000004")


@pytest.mark.parametrize("access", ["picture", "target"])
def test_an_unknown_id_is_refused(root, access):
    with pytest.raises(DataError, match=r"expected the id of a picture in this data set, got 'z'"):
        getattr(opened(root), access)("z")


def test_the_digest_changes_with_pictures_and_annotations(root):
    before = opened(root).digest()
    assert opened(root).digest() == before

    annotate(root, edited("annotations", 1, bbox=[0, 0, 2, 3]))
    annotated = opened(root).digest()
    Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(root / "val2017" / "000000000004.png")

    assert len({before, annotated, opened(root).digest()}) == 3


def test_a_manifest_sees_a_box_that_moved(root):
    before = manifest.entries(opened(root))

    annotate(root, edited("annotations", 1, bbox=[0, 0, 2, 3]))

    compared = manifest.check(opened(root), before)
    assert (compared.differing, compared.damaged) == (("000000000004",), ())
