"""The COCO layout: `annotations/instances_<split>.json`, and the pictures in the folder `<split>`."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.cards import Dataset as DatasetTable
from harness.datasets import pictures
from harness.datasets.files import first_few, remembered_sha256
from harness.digests import text_sha256
from harness.errors import DataError
from harness.samples import Objects, Picture


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Image(_Row):
    """One row of `images`."""

    id: int
    file_name: str = Field(min_length=1)
    height: int = Field(gt=0)
    width: int = Field(gt=0)


class Annotation(_Row):
    """One row of `annotations`: `bbox` is left, top, width and height in pixels."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: int = Field(default=0, ge=0, le=1)


class Category(_Row):
    """One row of `categories`."""

    id: int
    name: str


class Instances(_Row):
    """The parts of an annotation file that boxes are scored with."""

    images: tuple[Image, ...]
    annotations: tuple[Annotation, ...]
    categories: tuple[Category, ...]


@dataclass(frozen=True)
class Annotated:
    """A checked annotation file: the images in the order of their ids, and the objects of each by file name."""

    path: Path
    images: tuple[Image, ...]
    objects: dict[str, Objects]


class Coco:
    """Pictures of `<root>/<split>` with their annotated objects, in the order of their image ids.

    A sample's id is the picture's file name without its suffix, since runtimes number inputs themselves. Category ids
    are kept as they are, from 1 to the card's class count. Raises DataError naming what is missing, double or wrong.
    """

    def __init__(self, root: Path, table: DatasetTable, class_count: int) -> None:
        self.root = root
        self._annotated = read(root / "annotations" / f"instances_{table.split}.json", class_count)
        self._paths = {image.file_name: root / table.split / image.file_name for image in self._annotated.images}
        missing = [name for name, path in self._paths.items() if not path.is_file()]
        if missing:
            got = f"{len(missing)} missing: {first_few(missing)}"
            raise DataError(str(root / table.split), "expected a file for every image", got, "complete the folder")
        self._images = {_stem(image.file_name): image for image in self._annotated.images}

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids, in the order of COCO's image ids."""
        return tuple(self._images)

    @property
    def file_names(self) -> dict[str, str]:
        """The file name of every sample, in order: number i of the inputs is the i-th of them."""
        return {sample_id: image.file_name for sample_id, image in self._images.items()}

    def picture(self, sample_id: str) -> Picture:
        """Decode one picture; raises DataError naming the file, also where its size is not the annotated one."""
        image = self._image(sample_id)
        path = self._paths[image.file_name]
        picture = pictures.picture(path, sample_id)
        height, width = picture.pixels.shape[:2]
        if (height, width) != (image.height, image.width):
            expected = f"expected the annotated size, {image.width}x{image.height}"
            raise DataError(str(path), expected, f"{width}x{height}", "annotate the picture that is there")
        return picture

    def target(self, sample_id: str) -> Objects:
        """Return the objects of a picture."""
        return self._annotated.objects[self._image(sample_id).file_name]

    def digest(self) -> str:
        """Return a sha256 over the ids, the bytes of the pictures and the annotations; raises DataError."""
        rows = (f"{name}\0{remembered_sha256(self._paths[image.file_name])}\n" for name, image in self._images.items())
        return text_sha256(remembered_sha256(self._annotated.path) + "\n" + "".join(rows))

    def _image(self, sample_id: str) -> Image:
        if sample_id not in self._images:
            raise DataError(str(self.root), "expected the id of a picture in this data set", repr(sample_id))
        return self._images[sample_id]


def read(path: Path, class_count: int) -> Annotated:
    """Read and check an annotation file; raises DataError naming it and the row that is wrong."""
    instances = _parsed(path)
    _refuse_repeated(path, "images", "id", [image.id for image in instances.images])
    _refuse_repeated(path, "images", "file_name", [_stem(image.file_name) for image in instances.images])
    _refuse_repeated(path, "annotations", "id", [annotation.id for annotation in instances.annotations])
    _refuse_repeated(path, "categories", "id", [category.id for category in instances.categories])
    _check_names(path, instances.images)
    _check_annotations(path, instances, class_count)
    images = tuple(sorted(instances.images, key=lambda image: image.id))
    rows: dict[int, list[Annotation]] = {image.id: [] for image in images}
    for annotation in instances.annotations:
        rows[annotation.image_id].append(annotation)
    return Annotated(path, images, {image.file_name: _objects(image, rows[image.id]) for image in images})


def _parsed(path: Path) -> Instances:
    do = "get the annotation file again, or write it in COCO's instances format"
    try:
        return Instances.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {where}", first["msg"].lower(), repr(first["input"])[:60], do) from error
    except OSError as error:
        raise DataError(str(path), "expected a readable annotation file", error.strerror or str(error), do) from error
    except (ValueError, RecursionError) as error:
        raise DataError(str(path), "expected JSON", " ".join(str(error).split())[:100], do) from error


def _check_names(path: Path, images: Sequence[Image]) -> None:
    if not images:
        raise DataError(f"{path}: images", "expected at least one image", "none", "use the split's own annotation file")
    for image in images:
        name = Path(image.file_name)
        if name.is_absolute() or ".." in name.parts:
            where = f"{path}: image {image.id}"
            raise DataError(where, "expected a file name below the split's folder", repr(image.file_name)[:80])


def _check_annotations(path: Path, instances: Instances, class_count: int) -> None:
    images = {image.id for image in instances.images}
    categories = {category.id for category in instances.categories}
    for category in instances.categories:
        if not 1 <= category.id <= class_count:
            do = "correct `classes` in the card, or use the data it was made for"
            where = f"{path}: category {category.name!r}"
            raise DataError(where, f"expected an id from 1 to {class_count}", str(category.id), do)
    for annotation in instances.annotations:
        where = f"{path}: annotation {annotation.id}"
        if annotation.image_id not in images:
            do = "remove it, or add the image"
            raise DataError(where, "expected an image that is listed", f"image_id {annotation.image_id}", do)
        if annotation.category_id not in categories:
            got = f"category_id {annotation.category_id}"
            raise DataError(where, "expected a category that is listed", got, "correct it, or add the category")
        if min(annotation.bbox[2:]) < 0 or (annotation.area or 0) < 0:
            got = str(list(annotation.bbox))
            raise DataError(where, "expected no negative width, height or area", got, "correct its box")


def _objects(image: Image, rows: Sequence[Annotation]) -> Objects:
    boxes = np.array([row.bbox for row in rows], np.float64).reshape(-1, 4)
    areas = [row.bbox[2] * row.bbox[3] if row.area is None else row.area for row in rows]
    return Objects(
        height=image.height,
        width=image.width,
        boxes=boxes,
        classes=np.array([row.category_id for row in rows], np.int64),
        areas=np.array(areas, np.float64),
        crowd=np.array([row.iscrowd for row in rows], np.bool_),
    )


def _refuse_repeated(path: Path, table: str, key: str, values: Sequence[Any]) -> None:
    twice = [str(value) for value, count in Counter(values).items() if count > 1]
    if twice:
        got = f"{len(twice)} more than once: {first_few(twice)}"
        raise DataError(f"{path}: {table}", f"expected every {key} once", got, "remove or rename the others")


def _stem(file_name: str) -> str:
    return file_name.removesuffix(Path(file_name).suffix)
