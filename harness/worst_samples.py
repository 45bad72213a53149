"""Pictures of a run's worst samples: what the network saw, what was right, and what it says, side by side."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import metrics
from harness.cards import ModelCard
from harness.errors import OmgateError
from harness.geometry import scale_to_input
from harness.metrics import coco_outputs
from harness.report.views import Key, Panel, Picture
from harness.results import Case, Entry
from harness.runs import read_entries
from harness.samples import SURE, Array, Objects, Outputs
from harness.stream import answered
from harness.workbench import Workbench

Pixels = npt.NDArray[np.uint8]
Drawn = tuple[tuple[Panel, ...], tuple[Key, ...]]
"""What stands beside the input, and what its colours stand for."""
SIDE = 288
"""The longer side of a shown picture, in pixels."""
LINE_WIDTH = 2
COCO_FIRST = 1
"""COCO counts categories from 1."""
MOST_BYTES = 3 * 2**20
"""What the pictures of a whole report may weigh; a report of 500 results is to stay below 6 MB."""
IGNORED = -1
RIGHT, FOUND = (0, 158, 115), (213, 94, 0)
"""Okabe and Ito's green and vermilion, which colour-blind people tell apart."""
# Their eight colours, then lighter and darker mixtures of them: neighbours differ in lightness, too.
PALETTE = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66),
    (110, 110, 110), (0, 60, 100), (250, 210, 130), (0, 90, 60), (240, 200, 225), (170, 215, 245), (120, 50, 0),
    (150, 140, 10), (190, 190, 190), (60, 20, 80), (255, 255, 210), (80, 130, 90), (130, 90, 130),
)  # fmt: skip
COLOURS = np.array([PALETTE[at % len(PALETTE)] for at in range(256)] + [(0, 0, 0)], np.uint8)
"""The colours of classes, and black as the last one: what is ignored."""


def pictures(folder: Path, bench: Workbench, count: int) -> tuple[dict[str, tuple[Picture, ...]], tuple[str, ...]]:
    """Return the pictures of up to `count` samples of each accuracy case by its key, and why others have none.

    The model runs again on these samples: by the case's own runtime where that is on this host, else as ONNX on the
    CPU, and the picture says which. Raises UsageError for a folder that is no run's.
    """
    made: dict[str, tuple[Picture, ...]] = {}
    lacks: dict[str, None] = {}
    spent = 0
    entries = sorted(read_entries(folder), key=lambda entry: entry.verdict.outcome != "FAIL")
    for entry in (one for one in entries if one.result.case.check == "accuracy" and one.result.worst):
        case = entry.result.case
        if spent > MOST_BYTES:
            lacks[f"{case.id}: the pictures of other cases weigh {spent / 2**20:.1f} MiB already"] = None
        elif case.weights != "card":
            lacks[f"{case.id}: pictures are of a card's own weights only"] = None
        elif case.model not in bench.cards:
            lacks[f"{case.model}: no card here; give --cards"] = None
        else:
            try:
                made[case.key] = tuple(_case(entry, bench, count))
            except OmgateError as error:
                lacks[str(error)] = None
            spent += sum(len(panel.image) for one in made.get(case.key, ()) for panel in one.panels)
    return made, tuple(lacks)


def _case(entry: Entry, bench: Workbench, count: int) -> Iterator[Picture]:
    case, card = _runnable(entry.result.case), bench.cards[entry.result.case.model]
    feed = bench.feed(card)
    told = {_sample_id(one): one for one in entry.result.worst[:count]}
    ids = [one for one in told if one in feed.dataset.ids]
    with bench.open(case, bench.artifact(case)) as session:
        for outputs in answered(session, map(feed.sample, ids)):
            picture = feed.dataset.picture(outputs.sample_id).pixels
            target = feed.dataset.target(outputs.sample_id)
            panels, keys = DRAWN[card.metric.name](card, picture, target, outputs)
            note = "" if case == entry.result.case else f"prediction of the ONNX model on {case.runtime}"
            sample = told[outputs.sample_id]
            yield Picture(sample, (Panel("input", _encoded(picture)), *panels), note, keys)


def _runnable(case: Case) -> Case:
    """Return the case as this host can run it: one of an NPU becomes the ONNX model on the CPU, at batch 1."""
    if case.on_host:
        return case
    return case.model_copy(update={"runtime": "ort-cpu", "chip": "cpu", "batch": 1, "emulated": False})


def _sample_id(told: str) -> str:
    """Return the id in what a scorer says of a sample: `id (mIoU 26.81 %)`."""
    return told.partition(" (")[0]


def _segmented(card: ModelCard, pixels: Pixels, target: Any, outputs: Outputs) -> Drawn:
    sides = {"label": np.asarray(target), "prediction": metrics.prediction(card, outputs)}
    shown = {name: _numbers(labels) for name, labels in sides.items()}
    panels = tuple(
        Panel(name, _encoded(_coloured(labels)), ", ".join(_class_name(card, one) for one in shown[name]))
        for name, labels in sides.items()
    )
    return panels, tuple(_key(card, one) for one in sorted({*shown["label"], *shown["prediction"]}))


def _numbers(labels: Array) -> list[int]:
    """Return the classes of a label map, -1 for what is ignored."""
    found: list[int] = np.unique(np.maximum(labels.astype(np.int64), IGNORED)).tolist()
    return found


def _key(card: ModelCard, number: int) -> Key:
    red, green, blue = COLOURS[number % len(COLOURS)].tolist()
    return Key(_class_name(card, number), f"#{red:02x}{green:02x}{blue:02x}")


def _coloured(labels: Array) -> Pixels:
    coloured: Pixels = COLOURS[np.maximum(labels.astype(np.int64), IGNORED) % len(COLOURS)]
    return coloured


def _classified(card: ModelCard, pixels: Pixels, target: Any, outputs: Outputs) -> Drawn:
    taken_for = int(metrics.prediction(card, outputs)[0])
    said = {"label": int(target), "prediction": taken_for}
    return tuple(Panel(name, text=_class_name(card, number)) for name, number in said.items()), ()


def _class_name(card: ModelCard, number: int, first: int = 0) -> str:
    """Return what a class is called; `first` is the number of the card's first one."""
    if number == IGNORED:
        return "ignored"
    named = isinstance(card.classes, tuple) and 0 <= number - first < len(card.classes)
    return card.classes[number - first] if named and isinstance(card.classes, tuple) else f"class {number}"


def _detected(card: ModelCard, pixels: Pixels, target: Any, outputs: Outputs) -> Drawn:
    rows = coco_outputs.rows(card, outputs)
    kept = rows.valid & (rows.scores >= SURE)
    truth: Objects = target
    down, across = scale_to_input(card.preprocess, (truth.height, truth.width))
    boxes = rows.scaled(1 / across, 1 / down).boxes[kept]
    numbers, scores = rows.classes[kept].tolist(), rows.scores[kept].tolist()
    objects = [_class_name(card, one, COCO_FIRST) for one in truth.classes.tolist()]
    found = [f"{_class_name(card, one, COCO_FIRST)} {score:.2f}" for one, score in zip(numbers, scores, strict=True)]
    label = Panel("label", _boxed(pixels, truth.boxes, objects, RIGHT), ", ".join(objects))
    name = f"prediction, scores from {SURE:g}"
    return (label, Panel(name, _boxed(pixels, boxes, found, FOUND), ", ".join(found))), ()


def _boxed(pixels: Pixels, boxes: Array, names: Sequence[str], colour: tuple[int, int, int]) -> bytes:
    """Return a picture, as large as it is shown, with boxes (left, top, width, height in its own pixels) and names."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    scale = image.width / pixels.shape[1]
    draw = ImageDraw.Draw(image)
    for (left, top, width, height), name in zip(np.asarray(boxes, np.float64) * scale, names, strict=True):
        draw.rectangle((left, top, left + max(width, 1.0), top + max(height, 1.0)), outline=colour, width=LINE_WIDTH)
        text = name.encode("ascii", "replace").decode()  # Pillow's own font has no more
        written = draw.textbbox((left, top), text)
        draw.rectangle((left, top, written[2] + 2, written[3] + 2), fill=colour)
        draw.text((left + 1, top), text, fill=_readable_on(colour))
    return _encoded(np.asarray(image))


def _readable_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, whichever stands out: by the luma of ITU-R BT.601, that of white being 255."""
    red, green, blue = colour
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 100 else (255, 255, 255)


def _encoded(pixels: Pixels) -> bytes:
    """Return a picture as a small PNG where it has few colours, else as JPEG."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    few = image.getcolors(maxcolors=64) is not None
    image.thumbnail((SIDE, SIDE), Image.Resampling.NEAREST if few else Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    if few:
        image.quantize(64).save(stream, "PNG", optimize=True)
    else:
        image.save(stream, "JPEG", quality=80)
    return stream.getvalue()


DRAWN: Mapping[str, Callable[[ModelCard, Pixels, Any, Outputs], Drawn]] = {
    "top1": _classified,
    "miou": _segmented,
    "map": _detected,
}
