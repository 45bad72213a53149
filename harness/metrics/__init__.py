"""Stage 4: from outputs and targets to the numbers a README prints."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from harness.cards import Metric, ModelCard
from harness.errors import RunError
from harness.metrics import coco_map, iou, miou, topk
from harness.results import Measure, Paired
from harness.samples import Array, Outputs


class Scorer(Protocol):
    """Scores outputs one sample at a time, in the data set's order."""

    def add(self, outputs: Outputs, target: Any) -> None:
        """Score one sample; raises RunError: `nan` for NaN or infinity, `data` for a wrong shape or label."""
        ...

    def measures(self) -> tuple[Measure, ...]:
        """Return every measure, the README's protocol first; raises RunError when nothing was scored."""
        ...

    def outcomes(self) -> dict[str, Array]:
        """Return the per-sample outcomes, as arrays for the sidecar."""
        ...

    def worst(self, n: int) -> tuple[str, ...]:
        """Return up to `n` samples that did worst, the worst first, each as its id and how bad it was."""
        ...


def make_scorer(card: ModelCard) -> Scorer:
    """Return the scorer of the card's metric; raises CardError for one that is not built in."""
    scorers: dict[str, Callable[[ModelCard], Scorer]] = {
        "top1": topk.TopKScorer,
        "miou": miou.MiouScorer,
        "map": coco_map.CocoMapScorer,
    }
    return scorers[card.metric.name](card)


def prediction(card: ModelCard, outputs: Outputs) -> Array:
    """Return what the network decided for one sample, as integers that two runs must agree on.

    A class, shape (1,); a label map, height × width; or the detections, sorted, rows × 6.
    """
    predictions = {"top1": topk.prediction, "miou": miou.prediction, "map": coco_map.prediction}
    return predictions[card.metric.name](card, outputs)


def from_outcomes(metric: Metric, outcomes: Mapping[str, Array]) -> tuple[Measure, ...]:
    """Return the measures of a stored sidecar: the same as the scorer's that wrote it."""
    measures = {"top1": topk.measures, "miou": iou.measures, "map": coco_map.measures}
    return measures[metric.name](metric, outcomes)


def paired(
    card: ModelCard, candidate: Mapping[str, Array], reference: Mapping[str, Array], reference_name: str
) -> Paired:
    """Compare the outcomes of two backends; raises RunError (`data`) unless both scored the same images in order."""
    if len(candidate["ids"]) == 0 or not np.array_equal(candidate["ids"], reference["ids"]):
        what = f"expected the same images, in the same order, from {reference_name}"
        got = f"{len(candidate['ids'])} and {len(reference['ids'])} images"
        raise RunError(f"{card.name}: paired", what, got, kind="data", stage="score")
    comparisons = {"top1": topk.paired, "miou": iou.paired, "map": coco_map.paired}
    return comparisons[card.metric.name](card.metric, candidate, reference, reference_name)
