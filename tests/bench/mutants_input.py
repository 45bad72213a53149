"""Mutants of decoding, preprocessing code, labels and the data on disk: what reaches the network and the scorer."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.samples import Array
from tests.bench.mutants import ICNET, INTRADA, RESNEST, Change, Lab, Mutant, wrap

TRANSFORM = "harness.preprocess.Transform.__call__"
CROP = "harness.preprocess.steps.CenterCrop.apply"
TARGET = "harness.datasets.{}.target"
TABLE = "harness.datasets.cityscapes.TABLE"
IMAGENET, CITYSCAPES = TARGET.format("imagenet.ImageNet"), TARGET.format("cityscapes.Cityscapes")


def before(change: Callable[[Array], Array]) -> Change:
    """Return a change of the decoded pixels, uint8 height × width × 3."""

    def around(original: Any) -> Any:
        return lambda self, pixels, out=None: original(self, np.ascontiguousarray(change(pixels)), out)

    return wrap(TRANSFORM, around)


def after(change: Callable[[Array], Array]) -> Change:
    """Return a change of the finished network input, channels first."""
    return wrap(TRANSFORM, lambda original: lambda self, pixels, out=None: change(original(self, pixels, out)))


def _corner(original: Any) -> Any:
    return lambda self, array: original(self, np.roll(array, (-1, -1), axis=(0, 1)))


def _divided_first(original: Any) -> Any:
    return lambda self: tuple(reversed(original(self)))


def _mapped(change: Callable[[list[int]], list[int]]) -> Change:
    """Return a change of the table from label ids to train ids, given and returned as int8."""

    def around(table: bytes) -> bytes:
        values = np.frombuffer(table, np.int8).tolist()
        return np.array(change(values), np.int8).tobytes()

    return wrap(TABLE, around)


def _shifted(values: list[int]) -> list[int]:
    return [(value + 1) % 11 if value >= 0 else value for value in values]


def _ignored_as_the_last(values: list[int]) -> list[int]:
    """Index with the -1 of an ignored pixel, as numpy allows: it is the last class."""
    return [10 if value == -1 else value for value in values]


def _ignored_as_ground(values: list[int]) -> list[int]:
    return [0 if value == -1 else value for value in values]


def _two_exchanged(values: list[int]) -> list[int]:
    exchanged = {3: 8, 8: 3}
    return [exchanged.get(value, value) for value in values]


def _of_the_next(original: Any) -> Any:
    def target(self: Any, sample_id: str) -> Any:
        ids = self.ids
        return original(self, ids[(ids.index(sample_id) + 1) % len(ids)])

    return target


def _in_line_order(original: Any) -> Any:
    return lambda self, sample_id: self.labels_in_line_order[self.ids.index(sample_id)]


def shuffled_lines(root: Path) -> None:
    """Put the lines of the label file into another order; a label still belongs to the picture it names."""
    path = root / "val_label.txt"
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    order = np.random.default_rng(5).permutation(len(lines))
    path.write_text("".join(lines[place] for place in order), encoding="ascii")


def on_disk(change: Callable[[Path], None]) -> Change:
    """Return a change of a copy of the data, which the card then reads as the user's."""
    return lambda lab: change(lab.own_data())


def _lines(change: Callable[[list[str]], list[str]]) -> Change:
    def rewrite(root: Path) -> None:
        path = root / "val_label.txt"
        path.write_text("\n".join(change(path.read_text(encoding="ascii").splitlines())) + "\n", encoding="ascii")

    return on_disk(rewrite)


def _labels(change: Callable[[int], int]) -> Change:
    return _lines(lambda lines: [f"{line.split()[0]} {change(int(line.split()[1]))}" for line in lines])


def _pictures(root: Path) -> list[Path]:
    return sorted((root / "val").iterdir())


def _one_missing(root: Path) -> None:
    _pictures(root)[7].unlink()


def _one_more(root: Path) -> None:
    shutil.copyfile(_pictures(root)[7], root / "val" / "ILSVRC2012_val_99999999.png")


def _one_more_with_its_label(root: Path) -> None:
    _one_more(root)
    with (root / "val_label.txt").open("a", encoding="ascii") as stream:
        stream.write("ILSVRC2012_val_99999999.png 3\n")


def _copies_of_neighbours(root: Path) -> None:
    found = _pictures(root)
    for first, second in zip(found[0:400:2], found[1:400:2], strict=True):
        shutil.copyfile(first, second)


def _truncated(root: Path) -> None:
    path = _pictures(root)[7]
    path.write_bytes(path.read_bytes()[:-200])


def _labels_of(root: Path) -> list[Path]:
    return sorted((root / "gtFine").rglob("*.png"))


def _label_missing(root: Path) -> None:
    _labels_of(root)[3].unlink()


def _train_ids_on_disk(root: Path) -> None:
    path = _labels_of(root)[3]
    label_ids = np.asarray(Image.open(path))
    Image.fromarray(np.where(label_ids == 7, 255, label_ids).astype(np.uint8)).save(path)


def _label_of_half_the_size(root: Path) -> None:
    path = _labels_of(root)[3]
    label_ids = np.asarray(Image.open(path))
    Image.fromarray(np.ascontiguousarray(label_ids[::2, ::2])).save(path)


def _sixteen_bits(root: Path) -> None:
    path = _labels_of(root)[3]
    Image.fromarray(np.asarray(Image.open(path)).astype(np.uint16)).save(path)


def _gray(pixels: Array) -> Array:
    return np.repeat(np.asarray(Image.fromarray(pixels).convert("L"))[..., None], 3, axis=2)


def _moved(pixels: Array) -> Array:
    return pixels[:, np.clip(np.arange(pixels.shape[1]) - 1, 0, None)]


def _resize_that_crops(lab: Lab) -> None:
    lab.monkeypatch.setattr(Image.Image, "resize", lambda self, size, resample=None: self.crop((0, 0, *size)))


PREPROCESSING = (
    Mutant("a crop that starts one pixel late", RESNEST, "accuracy", (wrap(CROP, _corner),)),
    Mutant("a picture one pixel to the right", ICNET, "accuracy", (before(_moved),)),
    Mutant("a picture one pixel to the right", INTRADA, "accuracy", (before(_moved),)),
    Mutant("height and width transposed", RESNEST, "accuracy", (before(lambda pixels: pixels.swapaxes(0, 1)),)),
    Mutant("a picture upside down", ICNET, "accuracy", (before(lambda pixels: pixels[::-1]),)),
    Mutant("gray pictures", INTRADA, "accuracy", (before(_gray),)),
    Mutant(
        "only the first channel, three times", RESNEST, "accuracy", (before(lambda p: np.repeat(p[..., :1], 3, 2)),)
    ),
    Mutant("bytes read as signed", ICNET, "accuracy", (before(lambda pixels: pixels ^ np.uint8(128)),)),
    Mutant("a resize that only crops", INTRADA, "accuracy", (_resize_that_crops,)),
    Mutant(
        "divided by the std before the mean is subtracted",
        RESNEST,
        "accuracy",
        (wrap("harness.preprocess.steps.Normalize.operations", _divided_first),),
    ),
    Mutant("inputs in half precision", RESNEST, "accuracy", (after(lambda a: a.astype(np.float16)),), "wrong-error"),
    Mutant("inputs rounded to integers", RESNEST, "accuracy", (after(np.round),)),
    Mutant("channels last", RESNEST, "accuracy", (after(lambda a: a.transpose(1, 2, 0)),), "wrong-error"),
    Mutant("an empty input", RESNEST, "accuracy", (after(np.zeros_like),)),
)

LABELS = (
    Mutant("a label table shifted by one", RESNEST, "accuracy", (_labels(lambda label: (label + 1) % 10),)),
    Mutant("a label table shifted by one", ICNET, "accuracy", (_mapped(_shifted),)),
    Mutant("a label table shifted by one", INTRADA, "accuracy", (_mapped(_shifted),)),
    Mutant("two classes exchanged in the label table", INTRADA, "accuracy", (_mapped(_two_exchanged),)),
    Mutant("ignored pixels scored as the last class", ICNET, "accuracy", (_mapped(_ignored_as_the_last),)),
    Mutant("ignored pixels scored as the last class", INTRADA, "accuracy", (_mapped(_ignored_as_the_last),)),
    Mutant(
        "ignored pixels scored as ground",
        ICNET,
        "accuracy",
        (_mapped(_ignored_as_ground),),
        survives="what the generated scenes leave unscored is ground to look at, and is answered so",
    ),
    Mutant("labels of the next picture", RESNEST, "accuracy", (wrap(IMAGENET, _of_the_next),)),
    Mutant("labels of the next picture", ICNET, "accuracy", (wrap(CITYSCAPES, _of_the_next),)),
    Mutant(
        "labels in line order though the lines are unsorted",
        RESNEST,
        "accuracy",
        (on_disk(shuffled_lines), wrap(IMAGENET, _in_line_order)),
    ),
    Mutant("label maps upside down", INTRADA, "accuracy", (wrap(CITYSCAPES, lambda f: lambda s, i: f(s, i)[::-1]),)),
)

ON_DISK = (
    Mutant("labels that count from 1", RESNEST, "accuracy", (_labels(lambda label: label + 1),), "wrong-error"),
    Mutant("a picture missing", RESNEST, "accuracy", (on_disk(_one_missing),), "wrong-error"),
    Mutant("a picture without a label", RESNEST, "accuracy", (on_disk(_one_more),), "wrong-error"),
    Mutant("a picture twice, labelled twice", RESNEST, "accuracy", (on_disk(_one_more_with_its_label),), "wrong-error"),
    Mutant("a line twice", RESNEST, "accuracy", (_lines(lambda lines: [*lines, lines[0]]),), "wrong-error"),
    Mutant("every tenth picture a copy of its neighbour", RESNEST, "accuracy", (on_disk(_copies_of_neighbours),)),
    Mutant("a truncated picture", RESNEST, "accuracy", (on_disk(_truncated),), "wrong-error"),
    Mutant("a label map missing", ICNET, "accuracy", (on_disk(_label_missing),), "wrong-error"),
    Mutant("train ids where label ids belong", ICNET, "accuracy", (on_disk(_train_ids_on_disk),), "wrong-error"),
    Mutant("a label map of half the size", INTRADA, "accuracy", (on_disk(_label_of_half_the_size),), "wrong-error"),
    Mutant("a label map of 16 bits", INTRADA, "accuracy", (on_disk(_sixteen_bits),), "wrong-error"),
)

MUTANTS = (*PREPROCESSING, *LABELS, *ON_DISK)
