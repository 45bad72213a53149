"""Stage 4: from outputs and targets to the numbers a README prints."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from harness.cards import Metric, ModelCard
from harness.errors import CardError, RunError
from harness.metrics import iou, miou, topk
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
    return topk.TopKScorer(card) if _name(card.metric) == "top1" else miou.MiouScorer(card)


def prediction(card: ModelCard, outputs: Outputs) -> Array:
    """Return what the network decided for one sample: a class, shape (1,), or a label map, height × width."""
    return topk.prediction(card, outputs) if _name(card.metric) == "top1" else miou.prediction(card, outputs)


def from_outcomes(metric: Metric, outcomes: Mapping[str, Array]) -> tuple[Measure, ...]:
    """Return the measures of a stored sidecar: the same as the scorer's that wrote it."""
    return topk.measures(metric, outcomes) if _name(metric) == "top1" else iou.measures(metric, outcomes)


def paired(
    card: ModelCard, candidate: Mapping[str, Array], reference: Mapping[str, Array], reference_name: str
) -> Paired:
    """Compare the outcomes of two backends; raises RunError (`data`) unless both scored the same images in order."""
    if len(candidate["ids"]) == 0 or not np.array_equal(candidate["ids"], reference["ids"]):
        what = f"expected the same images, in the same order, from {reference_name}"
        got = f"{len(candidate['ids'])} and {len(reference['ids'])} images"
        raise RunError(f"{card.name}: paired", what, got, kind="data", stage="score")
    compare = topk.paired if _name(card.metric) == "top1" else iou.paired
    return compare(card.metric, candidate, reference, reference_name)


def _name(metric: Metric) -> str:
    if metric.name not in ("top1", "miou"):
        raise CardError("metric.name", "expected a metric that is built in: top1 or miou", repr(metric.name))
    return metric.name
