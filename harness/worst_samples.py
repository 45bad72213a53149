"""Pictures of a run's worst samples: what the network saw, what was right, and what it says, side by side."""

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import metrics
from harness.cards import ModelCard
from harness.errors import OmgateError
from harness.geometry import scale_to_input
from harness.metrics import coco_outputs
from harness.report.detections import SURE
from harness.report.views import Panel, Picture
from harness.results import Case, Entry
from harness.runs import read_entries
from harness.samples import Array, Objects, Outputs
from harness.stream import answered
from harness.workbench import Workbench

Pixels = npt.NDArray[np.uint8]
SIDE = 288
"""The longer side of a shown picture, in pixels."""
BOXES_ABOVE = SURE
"""Detections that score less are not drawn."""
MOST_BYTES = 3 * 2**20
"""What the pictures of a whole report may weigh; a report of 500 results is to stay below 6 MB."""
IGNORED = (0, 0, 0)
RIGHT, FOUND = (0, 158, 115), (213, 94, 0)
"""Okabe and Ito's green and vermilion, which colour-blind people tell apart."""
# Their eight colours, then lighter and darker mixtures of them: neighbours differ in lightness, too.
PALETTE = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66),
    (110, 110, 110), (0, 60, 100), (250, 210, 130), (0, 90, 60), (240, 200, 225), (170, 215, 245), (120, 50, 0),
    (150, 140, 10), (190, 190, 190), (60, 20, 80), (255, 255, 210), (80, 130, 90), (130, 90, 130),
)  # fmt: skip


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
            drawn = DRAWN[card.metric.name](card, picture, target, outputs)
            note = "" if case == entry.result.case else f"prediction of the ONNX model on {case.runtime}"
            yield Picture(told[outputs.sample_id], (Panel("input", _encoded(picture)), *drawn), note)


def _runnable(case: Case) -> Case:
    """Return the case as this host can run it: one of an NPU becomes the ONNX model on the CPU, at batch 1."""
    if case.runtime.startswith(("ort-", "torch-", "tf-")):
        return case
    return case.model_copy(update={"runtime": "ort-cpu", "chip": "cpu", "batch": 1, "emulated": False})


def _sample_id(told: str) -> str:
    """Return the id in what a scorer says of a sample: `id (mIoU 26.81 %)`."""
    return told.partition(" (")[0]


def _segmented(card: ModelCard, pixels: Pixels, target: Any, outputs: Outputs) -> tuple[Panel, Panel]:
    found = metrics.prediction(card, outputs)
    return Panel("label", _encoded(_coloured(np.asarray(target)))), Panel("prediction", _encoded(_coloured(found)))


def _coloured(labels: Array) -> Pixels:
    colours = np.array([PALETTE[at % len(PALETTE)] for at in range(256)] + [IGNORED], np.uint8)
    whole = labels.astype(np.int64)
    coloured: Pixels = colours[np.where(whole < 0, 256, whole % 256)]
    return coloured


def _classified(card: ModelCard, pixels: Pixels, target: Any, outputs: Outputs) -> tuple[Panel, Panel]:
    taken_for = int(metrics.prediction(card, outputs)[0])
    return Panel("label", text=_class_name(card, int(target))), Panel("prediction", text=_class_name(card, taken_for))


def _class_name(card: ModelCard, number: int) -> str:
    return card.classes[number] if isinstance(card.classes, tuple) else f"class {number}"


def _detected(card: ModelCard, pixels: Pixels, target: Any, outputs: Outputs) -> tuple[Panel, Panel]:
    rows = coco_outputs.rows(card, outputs)
    kept = rows.valid & (rows.scores >= BOXES_ABOVE)
    truth: Objects = target
    down, across = scale_to_input(card.preprocess, (truth.height, truth.width))
    boxes = rows.scaled(1 / across, 1 / down).boxes[kept]
    name = f"prediction, scores from {BOXES_ABOVE:g}"
    return Panel("label", _boxed(pixels, truth.boxes, RIGHT)), Panel(name, _boxed(pixels, boxes, FOUND))


def _boxed(pixels: Pixels, boxes: Array, colour: tuple[int, int, int]) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for left, top, width, height in np.asarray(boxes, np.float64):
        corners = (left, top, left + max(width, 1.0), top + max(height, 1.0))
        draw.rectangle(corners, outline=colour, width=max(1, pixels.shape[1] // 160))
    return _encoded(np.asarray(image))


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


DRAWN: Mapping[str, Callable[[ModelCard, Pixels, Any, Outputs], tuple[Panel, Panel]]] = {
    "top1": _classified,
    "miou": _segmented,
    "map": _detected,
}
