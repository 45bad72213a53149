"""Top-1 and top-5 accuracy, by the ResNeSt50 script's rule for ties and by the usual one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.cards import Metric, ModelCard
from harness.errors import RunError
from harness.metrics.outputs import check_finite, check_shape, scored_array
from harness.results import Measure, Paired
from harness.samples import Array, Outputs
from harness.stats import loss_interval, proportion_interval

STANDARD = "standard"
K = 5


class TopKScorer:
    """Counts images whose label is the best, or among the five best, of the classes.

    The README's rule sorts ascending and reads the last five backwards, so equal scores go to the HIGHEST class; the
    standard one (`numpy.argmax`) gives them to the lowest. Labels are matched to pictures by name in the data set.
    """

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self._ids: list[str] = []
        self._rows: list[tuple[int, bool, bool, bool, bool, float, int]] = []

    def add(self, outputs: Outputs, target: Any) -> None:
        """Score one image; `target` is its class number. Raises RunError: `nan`, or `data` for a wrong shape."""
        check_finite(self._card, outputs, skip_scored=False)
        scores = scored_array(self._card, outputs).reshape(-1)
        where = f"{self._card.name}: {outputs.sample_id}"
        check_shape(where, scores.shape, (self._card.class_count,))
        if not 0 <= int(target) < len(scores):
            raise RunError(where, f"expected a label from 0 to {len(scores) - 1}", str(target), kind="data")
        self._ids.append(outputs.sample_id)
        self._rows.append((*_row(scores, int(target)), int(target)))

    def measures(self) -> tuple[Measure, ...]:
        """Return top-1 and top-5, the README's rule first."""
        return measures(self._card.metric, self.outcomes())

    def outcomes(self) -> dict[str, Array]:
        """Return one entry per image: ids, prediction, hits by both rules, margin of the best, and label."""
        names = ("pred", "hit1", "hit5", "standard1", "standard5", "margin", "label")
        types = (np.int32, np.bool_, np.bool_, np.bool_, np.bool_, np.float32, np.int32)
        columns = zip(*self._rows, strict=True) if self._rows else ((),) * len(names)
        pairs = zip(names, types, columns, strict=True)
        return {"ids": np.array(self._ids, dtype=np.str_), **{name: np.array(c, dtype=t) for name, t, c in pairs}}

    def worst(self, n: int) -> tuple[str, ...]:
        """Return up to `n` ids of wrongly classified images, the most confident mistakes first."""
        wrong = [(row[5], name, row[0]) for name, row in zip(self._ids, self._rows, strict=True) if not row[1]]
        wrong.sort(key=lambda item: (-item[0], item[1]))
        return tuple(f"{name} (class {pred}, margin {margin:.3g})" for margin, name, pred in wrong[:n])


def prediction(card: ModelCard, outputs: Outputs) -> Array:
    """Return the predicted class as an int32 array of shape (1,), by the README's rule; raises RunError for NaN."""
    check_finite(card, outputs, skip_scored=False)
    scores = scored_array(card, outputs).reshape(-1)
    return np.array([_last_best(scores)], dtype=np.int32)


def measures(metric: Metric, outcomes: Mapping[str, Array]) -> tuple[Measure, ...]:
    """Return the measures that stored outcomes give, the README's protocol first; no image is a RunError."""
    count = len(outcomes["ids"])
    if count == 0:
        raise RunError("top-1", "expected at least one scored image", "none", kind="data", stage="score")
    columns = [
        ("top1", metric.protocol, "hit1"),
        ("top5", metric.protocol, "hit5"),
        ("top1", STANDARD, "standard1"),
        ("top5", STANDARD, "standard5"),
    ]
    return tuple(_share(name, protocol, outcomes[key]) for name, protocol, key in columns)


def paired(metric: Metric, candidate: Mapping[str, Array], reference: Mapping[str, Array], name: str) -> Paired:
    """Compare top-1 on the same images, in the same order; `name` is the reference's."""
    mine, theirs = candidate["hit1"], reference["hit1"]
    lost, gained = int(np.sum(theirs & ~mine)), int(np.sum(mine & ~theirs))
    return Paired(
        reference=name,
        metric="top1",
        protocol=metric.protocol,
        value=float(mine.mean()),
        reference_value=float(theirs.mean()),
        loss=(lost - gained) / len(mine),
        n=len(mine),
        lost=lost,
        gained=gained,
        interval=loss_interval(lost, gained, len(mine)),
    )


def _row(scores: Array, label: int) -> tuple[int, bool, bool, bool, bool, float]:
    mine = scores[label]
    above = int(np.count_nonzero(scores > mine))
    ties = np.flatnonzero(scores == mine)
    rank_highest, rank_lowest = above + int(np.sum(ties > label)), above + int(np.sum(ties < label))
    margin = float(scores.max()) - float(mine)
    pred = _last_best(scores)
    return pred, rank_highest < 1, rank_highest < K, rank_lowest < 1, rank_lowest < K, margin


def _last_best(scores: npt.NDArray[Any]) -> int:
    return len(scores) - 1 - int(np.argmax(scores[::-1]))


def _share(name: str, protocol: str, hits: Array) -> Measure:
    right, count = int(hits.sum()), len(hits)
    interval = proportion_interval(right, count)
    return Measure(name=name, protocol=protocol, value=right / count, n=count, interval=interval)
