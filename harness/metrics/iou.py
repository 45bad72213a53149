"""From per-image confusion matrices to the measures of segmentation, by either protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from harness.cards import Metric
from harness.errors import CardError, RunError
from harness.results import Measure, Paired
from harness.samples import Array
from harness.stats import Index, Interval, bootstrap_interval, bootstrap_sums

DATASET = "dataset"
RUNNING_MEAN = "running-mean"
ORDERS = 20
ORDER_SEED = 18
# A percentile interval over fewer images is not to be trusted, so there is none.
FEWEST_IMAGES = 30
Matrices = npt.NDArray[np.int64]
"""One confusion matrix per image: images × true classes × best classes."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """Pixels in the intersection and in the union of every class, of every image: int64, images × classes."""

    hits: npt.NDArray[np.int64]
    union: npt.NDArray[np.int64]

    @classmethod
    def of(cls, matrices: Matrices) -> Self:
        """Return the overlap of confusion matrices: the union is row + column - diagonal."""
        hits = np.diagonal(matrices, axis1=1, axis2=2)
        return cls(hits, matrices.sum(axis=1) + matrices.sum(axis=2) - hits)

    def at(self, index: Index) -> Self:
        """Return the overlap of some images, in this order."""
        return type(self)(self.hits[index], self.union[index])

    def columns(self) -> npt.NDArray[np.int64]:
        """Return the intersections and, beside them, the unions: images × (classes, twice)."""
        return np.hstack([self.hits, self.union])


def pooled_class_iou(overlap: Overlap) -> npt.NDArray[np.float64]:
    """Return the IoU of every class over all images, NaN for a class neither labelled nor predicted."""
    hits, union = overlap.hits.sum(axis=0), overlap.union.sum(axis=0)
    values: npt.NDArray[np.float64] = np.full(len(hits), np.nan)
    np.divide(hits, union, out=values, where=union > 0)
    return values


def pooled_iou(overlap: Overlap) -> float:
    """Return the mean IoU over the classes that occur, from one matrix over all images; NaN where none occurs."""
    values = pooled_class_iou(overlap)
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


def pooled_of_sums(sums: Floats) -> Floats:
    """Return the mean IoU over the classes that occur, NaN where none does, of pixel sums: … × (classes, twice).

    The first half of the last axis are the intersections, the other the unions.
    """
    hits, union = np.split(sums, 2, axis=-1)
    each = np.divide(hits, union, out=np.zeros_like(hits), where=union > 0)
    present = np.count_nonzero(union > 0, axis=-1)
    mean: Floats = np.divide(each.sum(axis=-1), present, out=np.full(present.shape, np.nan), where=present > 0)
    return mean


def mean_accuracy(matrix: npt.NDArray[np.int64]) -> float:
    """Return the mean over labelled classes of the share of a class's pixels that are found: diagonal / row."""
    rows = matrix.sum(axis=1)
    labelled = rows > 0
    return float((np.diagonal(matrix)[labelled] / rows[labelled]).mean())


def frequency_weighted_iou(matrix: npt.NDArray[np.int64]) -> float:
    """Return the IoU of every labelled class, weighted with its share of the labelled pixels."""
    rows, hits = matrix.sum(axis=1), np.diagonal(matrix)
    labelled = rows > 0
    union = rows + matrix.sum(axis=0) - hits
    return float((rows[labelled] / rows.sum() * hits[labelled] / union[labelled]).sum())


def running_mean_iou(overlap: Overlap) -> float:
    """Return the ICNet script's number: the mean over images of the mIoU accumulated so far, in this order.

    A class not yet seen counts as 0: IoU = intersection / (union + 2.2e-16). The script's accumulators are float32
    tensors, and so are these.
    """
    hits = np.cumsum(overlap.hits, axis=0, dtype=np.float32)
    union = np.cumsum(overlap.union, axis=0, dtype=np.float32)
    running = (hits / (union + np.float32(np.spacing(1)))).mean(axis=1, dtype=np.float32)
    return float(running.mean(dtype=np.float64))


def sparse(
    ids: Sequence[str], matrices: Sequence[Array], classes: Sequence[str], truncated: Sequence[int] | None
) -> dict[str, Array]:
    """Return the arrays of the outcomes sidecar: only the cells that are not zero are kept."""
    flat = np.array(matrices, np.int64).reshape(len(matrices), len(classes) ** 2)
    image, cell = np.nonzero(flat)
    arrays = {
        "ids": np.array(ids, dtype=np.str_),
        "classes": np.array(classes, dtype=np.str_),
        "image": image.astype(np.int32),
        "cell": cell.astype(np.int32),
        "count": flat[image, cell],
    }
    return arrays if truncated is None else {**arrays, "truncated_hits": np.array(truncated, np.int64)}


def dense(outcomes: Mapping[str, Array]) -> Matrices:
    """Return the matrices of a sidecar, in its order of images."""
    classes = len(outcomes["classes"])
    matrices = np.zeros((len(outcomes["ids"]), classes * classes), np.int64)
    matrices[outcomes["image"], outcomes["cell"]] = outcomes["count"]
    return matrices.reshape(-1, classes, classes)


def measures(metric: Metric, outcomes: Mapping[str, Array]) -> tuple[Measure, ...]:
    """Return the measures that stored outcomes give, the README's protocol first.

    Raises RunError (`data`) without a labelled pixel, CardError for an unknown protocol.
    """
    matrices = dense(outcomes)
    if matrices.sum() == 0:
        raise RunError("mIoU", "expected at least one labelled pixel", "none", kind="data", stage="score")
    found = _running(outcomes, matrices) if protocol(metric) == RUNNING_MEAN else ()
    return (*found, *_dataset(matrices, outcomes["classes"]))


def paired(metric: Metric, candidate: Mapping[str, Array], reference: Mapping[str, Array], name: str) -> Paired:
    """Compare mIoU on the same images, in the same order, by the card's protocol; `name` is the reference's."""
    mine, theirs = Overlap.of(dense(candidate)), Overlap.of(dense(reference))
    running = protocol(metric) == RUNNING_MEAN
    statistic = running_mean_iou if running else pooled_iou
    value, reference_value = statistic(mine), statistic(theirs)
    count = len(candidate["ids"])
    return Paired(
        reference=name,
        metric="miou",
        protocol=metric.protocol,
        value=value,
        reference_value=reference_value,
        loss=reference_value - value,
        n=count,
        differing=int(np.count_nonzero((mine.columns() != theirs.columns()).any(axis=1))),
        interval=_running_loss_interval(mine, theirs) if running else _pooled_loss_interval(mine, theirs),
    )


def _running_loss_interval(mine: Overlap, theirs: Overlap) -> Interval | None:
    return _interval(
        len(mine.hits), lambda index: running_mean_iou(theirs.at(index)) - running_mean_iou(mine.at(index))
    )


def _pooled_loss_interval(mine: Overlap, theirs: Overlap) -> Interval | None:
    def losses(sums: Floats) -> Floats:
        ours, others = np.split(sums, 2, axis=-1)
        return pooled_of_sums(others) - pooled_of_sums(ours)

    if len(mine.hits) < FEWEST_IMAGES:
        return None
    return bootstrap_sums(np.hstack([mine.columns(), theirs.columns()]), losses)


def protocol(metric: Metric) -> str:
    """Return the card's protocol; raises CardError for one that is not built in."""
    if metric.protocol not in (DATASET, RUNNING_MEAN):
        what = f"expected {DATASET!r} or {RUNNING_MEAN!r} for miou"
        raise CardError("metric.protocol", what, repr(metric.protocol))
    return metric.protocol


def _running(outcomes: Mapping[str, Array], matrices: Matrices) -> tuple[Measure, ...]:
    count, overlap = len(matrices), Overlap.of(matrices)
    generator = np.random.Generator(np.random.PCG64(ORDER_SEED))
    orders = [running_mean_iou(overlap.at(generator.permutation(count))) for _ in range(ORDERS)]
    miou = Measure(
        name="miou",
        protocol=RUNNING_MEAN,
        value=running_mean_iou(overlap),
        n=count,
        interval=_interval(count, lambda index: running_mean_iou(overlap.at(index))),
        order_range=(min(orders), max(orders)),
    )
    if "truncated_hits" not in outcomes:
        return (miou,)
    hits, labelled = np.cumsum(outcomes["truncated_hits"]), np.cumsum(matrices.sum(axis=(1, 2)))
    running = float((hits / (labelled + np.spacing(1))).mean())
    return miou, Measure(name="pixacc", protocol=RUNNING_MEAN, value=running, n=count)


def _dataset(matrices: Matrices, classes: Array) -> tuple[Measure, ...]:
    """Return the four numbers of the ResNeSt script (MIoU, Pixel_acc, Mean_acc, FWIoU) and the IoU of every class."""
    count, overlap = len(matrices), Overlap.of(matrices)
    interval = bootstrap_sums(overlap.columns(), pooled_of_sums) if count >= FEWEST_IMAGES else None
    pooled = matrices.sum(axis=0)
    accuracies = {
        "pixacc": int(overlap.hits.sum()) / int(pooled.sum()),
        "meanacc": mean_accuracy(pooled),
        "fwiou": frequency_weighted_iou(pooled),
    }
    per_class = [
        Measure(name=f"iou:{name}", protocol=DATASET, value=float(value), n=count)
        for name, value in zip(classes, pooled_class_iou(overlap), strict=True)
        if not np.isnan(value)
    ]
    return (
        Measure(name="miou", protocol=DATASET, value=pooled_iou(overlap), n=count, interval=interval),
        *(Measure(name=name, protocol=DATASET, value=value, n=count) for name, value in accuracies.items()),
        *per_class,
    )


def _interval(count: int, statistic: Callable[[Index], float]) -> Interval | None:
    return bootstrap_interval(count, statistic) if count >= FEWEST_IMAGES else None
