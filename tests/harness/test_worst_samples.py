"""The worst samples as pictures: input, label and prediction, drawn from what a session answers."""

import io
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from harness import worst_samples
from harness.cards import ModelCard
from harness.samples import Objects, Outputs, Picture, Sample
from harness.stream import Feed
from tests.harness import run_folders as made

OUTPUT = {"name": "y", "index": 0, "dtype": "float32", "shape": ("N", 3), "scored": True}
BOXES = tuple(
    {"name": name, "index": at, "dtype": "float32", "shape": shape, "scored": at == 1}
    for at, (name, shape) in enumerate(
        {
            "NumDetections": ("N",),
            "DetectionBoxes": ("N", 2, 4),
            "DetectionClasses": ("N", 2),
            "DetectionScores": ("N", 2),
        }.items()
    )
)
GREY = np.full((40, 60, 3), 90, np.uint8)


def card(metric: str, kind: str, outputs=(OUTPUT,), classes: object = ("cat", "dog", "owl")) -> ModelCard:
    return ModelCard.model_validate(
        {
            "name": "toy",
            "family": "f",
            "classes": classes,
            "source": {"url": "u", "framework": "torch"},
            "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3, 40, 60)},),
            "output": outputs,
            "dataset": {"kind": kind, "count": 2},
            "metric": {"name": metric, "protocol": "standard"},
        }
    )


class Data:
    ids = ("a", "b")

    def __init__(self, target: object) -> None:
        self.of_all = target

    def picture(self, sample_id: str) -> Picture:
        return Picture(sample_id, GREY)

    def target(self, sample_id: str) -> object:
        return self.of_all


class Bench:
    """Stands in for the workbench: one card, one answer to every sample."""

    def __init__(self, card: ModelCard, target: object, *arrays: object) -> None:
        self.cards = {card.name: card}
        self.opened: list[object] = []
        self._data, self._arrays = Data(target), tuple(np.asarray(array, np.float32) for array in arrays)

    def feed(self, card: ModelCard) -> Feed:
        return Feed(self._data, self._data.ids, lambda picture: Sample(picture.id, ()))

    def artifact(self, case: object) -> str:
        return "artifact"

    def open(self, case: object, artifact: str) -> object:
        self.opened.append(case)
        answers = SimpleNamespace(run=lambda samples: (Outputs(one.id, self._arrays) for one in samples))
        return nullcontext(answers)


def pictures(tmp_path, bench, count=3, worst=("b (margin 2)", "a (margin 1)"), **facts):
    case = made.case(**facts)
    run = made.write(tmp_path, [made.entry(case, worst=worst)])
    found, lacks = worst_samples.pictures(run, bench, count)
    return found.get(case.key, ()), lacks


def pixels(panel) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(panel.image)).convert("RGB")).astype(int)


def test_a_classified_picture_stands_beside_its_label_and_its_prediction(tmp_path):
    found, lacks = pictures(tmp_path, Bench(card("top1", "imagenet"), 0, [0.1, 0.2, 0.7]))

    assert lacks == ()
    assert [one.sample for one in found] == ["b (margin 2)", "a (margin 1)"]
    assert [(panel.name, panel.text) for panel in found[0].panels[1:]] == [("label", "cat"), ("prediction", "owl")]
    assert abs(pixels(found[0].panels[0]) - 90).max() <= 2


def test_label_maps_have_a_colour_for_each_class_and_black_for_what_is_ignored(tmp_path):
    target = np.zeros((40, 60), np.int16)
    target[:, 30:], target[:10] = 2, -1
    logits = np.zeros((3, 40, 60), np.float32)
    logits[2, :, :30] = logits[0, :, 30:] = 1.0
    found, _ = pictures(
        tmp_path,
        Bench(
            card("miou", "cityscapes").model_copy(
                update={"metric": card("miou", "cityscapes").metric.model_copy(update={"protocol": "dataset"})}
            ),
            target,
            logits,
        ),
    )

    label, prediction = (pixels(panel) for panel in found[0].panels[1:])
    first, third = worst_samples.PALETTE[0], worst_samples.PALETTE[2]
    assert [tuple(label[20, 5]), tuple(label[20, 55]), tuple(label[2, 5])] == [first, third, (0, 0, 0)]
    assert [tuple(prediction[20, 5]), tuple(prediction[20, 55])] == [third, first]
    assert found[0].keys == (("ignored", "#000000"), ("cat", "#0072b2"), ("owl", "#009e73"))
    assert [panel.text for panel in found[0].panels[1:]] == ["ignored, cat, owl", "cat, owl"]


def test_boxes_are_drawn_where_the_objects_are_and_weak_ones_are_not(tmp_path):
    # Corners are (top, left, bottom, right); the second row scores too little to be drawn.
    rows = [[[5, 10, 25, 40], [0, 0, 39, 59]], [1, 1], [0.9, 0.1]]
    truth = Objects(40, 60, np.array([[20.0, 10.0, 30.0, 20.0]]), np.array([1]), np.array([600.0]), np.array([False]))
    found, _ = pictures(tmp_path, Bench(card("map", "coco", BOXES), truth, [2], *rows))

    label, prediction = (pixels(panel) - 90 for panel in found[0].panels[1:])
    assert abs(label[10, 20:50]).max(axis=1).min() > 20  # the upper edge of the annotated box
    assert abs(prediction[5, 10:40]).max(axis=1).min() > 20  # and of the detected one
    assert abs(prediction[39, 45:]).max() <= 20
    assert [panel.text for panel in found[0].panels[1:]] == ["cat", "cat 0.90"]
    assert abs(label[11:20, 21:26]).max() > 20  # the name stands inside the box


def test_only_as_many_as_asked_for_and_only_samples_that_are_here(tmp_path):
    bench = Bench(card("top1", "imagenet"), 0, [0.1, 0.2, 0.7])
    found, _ = pictures(tmp_path, bench, count=2, worst=("gone (x)", "b (y)", "a (z)"))

    assert [one.sample for one in found] == ["b (y)"]


def test_a_case_of_an_npu_is_shown_by_the_onnx_model_and_says_so(tmp_path):
    bench = Bench(card("top1", "imagenet"), 0, [0.1, 0.2, 0.7])
    found, _ = pictures(tmp_path, bench, runtime="aclruntime", chip="Ascend310P3", batch=8, emulated=True)

    assert found[0].note == "prediction of the ONNX model on ort-cpu"
    assert [(case.runtime, case.batch, case.emulated) for case in bench.opened] == [("ort-cpu", 1, False)]


@pytest.mark.parametrize("weights", ["seeded", "ab" * 32])
def test_other_weights_than_the_cards_are_not_shown(tmp_path, weights):
    found, lacks = pictures(tmp_path, Bench(card("top1", "imagenet"), 0, [1, 0, 0]), weights=weights)

    assert found == ()
    assert "a card's own weights only" in lacks[0]


def test_pictures_end_where_the_report_would_become_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(worst_samples, "MOST_BYTES", 10)
    entries = [made.entry(made.case(batch=at), worst=("a (x)",)) for at in (1, 2)]
    run = made.write(tmp_path, entries)

    found, lacks = worst_samples.pictures(run, Bench(card("top1", "imagenet"), 0, [1, 0, 0]), 1)
    assert list(found) == [made.case(batch=1).key]
    assert "weigh" in lacks[0]
