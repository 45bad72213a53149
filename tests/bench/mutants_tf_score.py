"""Mutants of the TensorFlow pair's scoring: from logits and detections to the numbers that are compared."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from harness import pipeline
from harness.metrics import iou
from harness.results import Case
from tests.bench.mutants import SEGMENTATION, SPINENET, Change, Lab, Mutant, wrap
from tests.bench.mutants_score import ABOVE
from tests.bench.mutants_tf_network import FROZEN, argument, code

ROWS = "harness.metrics.coco_map._rows"
READ = "harness.metrics.coco_outputs.rows"


def _measured(lab: Lab, name: str, protocol: str) -> float:
    """Return what the unbroken pipeline scores here."""
    case = Case(model=lab.card().name, runtime=FROZEN["runtime"], chip="cpu", batch=1, check="accuracy")
    found = pipeline.run(case, lab.bench()).measures
    return next(measure.value for measure in found if (measure.name, measure.protocol) == (name, protocol))


def promised(name: str) -> Change:
    """Return a change that has the card promise, beside mIoU, what another measure scores: `fwiou`, `iou:3`."""

    def apply(lab: Lab) -> None:
        value, (metric, _, of) = _measured(lab, name, "dataset"), name.partition(":")
        row = f'chip = "any"\nbatch = "any"\nmetric = "{metric}"\nprotocol = "dataset"\nvalue = {value:.4f}\n'
        row += f'class = "{of}"\n' if of else ""
        source = 'tolerance = 0.002\nrole = "measured"\nsource = { file = "a run", text = "learned" }\n'
        with lab.card_file.open("a", encoding="utf-8") as stream:
            stream.write(f"\n[[baseline]]\n{row}{source}")

    return apply


def relearned(protocol: str) -> Change:
    """Return a change that has the card promise the mAP that the network scores as it is now, by a protocol.

    Nothing but the protocol is to change, so no more is tolerated than the promise is rounded by.
    """

    def apply(lab: Lab) -> None:
        text = lab.card_file.read_text(encoding="utf-8").replace('protocol = "all-rows"', f'protocol = "{protocol}"')
        value = f"value = {_measured(lab, 'map', protocol):.5f}\ntolerance = 0.0001"
        text = re.sub(r"^value = 0\.6.*\ntolerance = .*$", value, text, flags=re.MULTILINE)
        lab.card_file.write_text(text, encoding="utf-8")

    return apply


def _found(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda original: lambda *given: change(original(*given))


def _transposed(rows: Any) -> Any:
    return replace(rows, boxes=rows.boxes[:, [1, 0, 3, 2]])


def _corners_kept(rows: Any) -> Any:
    """Take the right and the lower end for width and height."""
    return replace(rows, boxes=np.concatenate([rows.boxes[:, :2], rows.boxes[:, :2] + rows.boxes[:, 2:]], axis=1))


def _without_scale(original: Any) -> Any:
    return lambda card: {role: place for role, place in original(card).items() if role != "info"}


def _by_predictions(original: Any) -> Any:
    return lambda matrix: original(matrix.T)


def _each_class_alike(original: Any) -> Any:
    return lambda matrix: iou.pooled_iou(iou.Overlap.of(matrix[None]))


def _shifted(values: Any) -> Any:
    return np.roll(values, 1)


def _every_row(original: Any) -> Any:
    return lambda protocol, outcomes: np.ones(len(outcomes["valid"]), np.bool_)


def _only_valid(original: Any) -> Any:
    return lambda protocol, outcomes: outcomes["valid"]


# Boxes in an image twice as large, and the scale that says so: nothing changes while both are read.
DOUBLED = (
    code(r"tf.identity\(found, name=", "tf.identity(found * tf.constant(2.0), name="),
    code(r"\[1, 1\], \[0, 0\]", "[2, 2], [0, 0]"),
)
# So few detections that padding repeats candidates which nothing else submits.
SPARSE = argument("least_score = 0.8")


def _seg(name: str, *how: Change, survives: str = "") -> Mutant:
    return Mutant(name, SEGMENTATION, "accuracy", how, batch=1, survives=survives)


def _spine(name: str, *how: Change, survives: str = "", frozen: bool = False) -> Mutant:
    return Mutant(name, SPINENET, "accuracy", how, batch=1, survives=survives, case=FROZEN if frozen else None)


MUTANTS = (
    _seg(
        "the IoUs of classes one place late",
        promised("iou:3"),
        wrap("harness.metrics.iou.pooled_class_iou", _found(_shifted)),
    ),
    _seg(
        "FWIoU that weighs every class alike",
        promised("fwiou"),
        wrap("harness.metrics.iou.frequency_weighted_iou", _each_class_alike),
    ),
    _seg(
        "mean accuracy over what was predicted",
        promised("meanacc"),
        wrap("harness.metrics.iou.mean_accuracy", _by_predictions),
        survives=ABOVE,
    ),
    _seg("the running mean for the dataset's", wrap("harness.metrics.iou.pooled_iou", lambda f: iou.running_mean_iou)),
    _spine("boxes read as xyxy", wrap(READ, _found(_transposed))),
    _spine("corners scored as width and height", wrap(READ, _found(_corners_kept))),
    _spine(
        "boxes not divided by the scale",
        *DOUBLED,
        wrap("harness.metrics.coco_outputs.positions", _without_scale),
        frozen=True,
    ),
    _spine("the size for the scale", wrap("harness.metrics.coco_outputs.SCALE_ROW", lambda row: 0)),
    _spine(
        "padding rows dropped under the seed's protocol",
        SPARSE,
        relearned("all-rows"),
        wrap(ROWS, _only_valid),
        frozen=True,
    ),
    _spine(
        "padding rows kept under the usual protocol",
        SPARSE,
        relearned("standard"),
        wrap(ROWS, _every_row),
        survives=ABOVE,
        frozen=True,
    ),
)
