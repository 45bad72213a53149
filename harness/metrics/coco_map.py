"""COCO's mean average precision, by the SpineNet evaluation's rule for padding rows and by the usual one.

SpineNet's graph always returns 100 rows; beyond the number of detections they repeat a box with score -1. Its own
COCOEvaluator submits them all (`all-rows`), and such a row can still find an object; the usual definition drops them
(`standard`). Every image that was run counts in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.cards import Metric, ModelCard
from harness.errors import CardError, RunError
from harness.geometry import scale_to_input
from harness.metrics import coco_outputs
from harness.metrics.coco_curves import Curves, packed, unpacked
from harness.metrics.coco_match import AREAS, Detections, Flags, Truth, match, taken_for
from harness.metrics.coco_outputs import Rows
from harness.results import Measure, Paired
from harness.samples import SURE, Array, Objects, Outputs
from harness.stats import bootstrap_interval

ALL_ROWS = "all-rows"
STANDARD = "standard"
PROTOCOLS = (ALL_ROWS, STANDARD)
# So many images are matched at once: 256 took the least time of 16 to 4096, with 100 detections each.
CHUNK_IMAGES = 256
RESAMPLES = 200
# A resample of so many detections takes about 30 ms; of more, fewer are drawn, but never fewer than tell a spread.
QUICKLY_RESAMPLED = 50_000
FEWEST_RESAMPLES = 50
# The whole of COCO has 500,000 rows, and there the observed loss is a fact.
MOST_RESAMPLED = 450_000
# A percentile interval over fewer images is not to be trusted, so there is none.
FEWEST_IMAGES = 30


@dataclass
class _Waiting:
    """Images that are not matched yet: their detections and objects, and the number of the first."""

    first: int = 0
    rows: list[Rows] = field(default_factory=list)
    objects: list[Objects] = field(default_factory=list)


class CocoMapScorer:
    """Matches detections to objects image by image; every measure comes from these matches.

    The card's preprocessing says how boxes map back to the picture. Card parameters are those of `coco_outputs`.
    """

    def __init__(self, card: ModelCard) -> None:
        """Raise CardError for a protocol, a parameter or a preprocessing step that boxes cannot be scored with."""
        _protocol(card.metric)
        coco_outputs.positions(card)
        scale_to_input(card.preprocess, (1, 1))
        self._card = card
        self._ids: list[str] = []
        self._waiting = _Waiting()
        self._matched: list[dict[str, Array]] = []

    def add(self, found: Outputs, target: Any) -> None:
        """Score one image; `target` is its Objects. Raises RunError: `nan`, or `data` for what is no detection."""
        rows = coco_outputs.rows(self._card, found)
        down, across = scale_to_input(self._card.preprocess, (target.height, target.width))
        rows = rows.scaled(1 / across, 1 / down)
        self._ids.append(found.sample_id)
        self._waiting.rows.append(rows)
        self._waiting.objects.append(target)
        if len(self._waiting.rows) == CHUNK_IMAGES:
            self._match()

    def measures(self) -> tuple[Measure, ...]:
        """Return COCO's twelve numbers by both protocols, the README's first."""
        return measures(self._card.metric, self.outcomes())

    def outcomes(self) -> dict[str, Array]:
        """Return the matches: `image`, `class`, `score`, `valid`, `matched` and `ignored` of every row, best first.

        `valid` is False for padding; `matched` and `ignored` are bits, areas × thresholds. Of every object:
        `object_image`, `object_class`, `object_counted` by area, and `object_taken_for`: the class of the detection on
        it, -1 for none. Images are counted from 0 in `ids`.
        """
        self._match()
        parts = self._matched or [_matched(_Waiting())]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return {"ids": np.array(self._ids, dtype=np.str_), **columns}

    def worst(self, n: int) -> tuple[str, ...]:
        """Return up to `n` images with the largest share of objects that no sure detection finds, the worst first."""
        outcomes = self.outcomes()
        count = len(outcomes["ids"])
        counted = outcomes["object_counted"][:, 0]
        lost = counted & (outcomes["object_taken_for"] != outcomes["object_class"])
        objects, missed = (np.bincount(outcomes["object_image"][some], minlength=count) for some in (counted, lost))
        share = missed / np.maximum(objects, 1)
        order = sorted(np.flatnonzero(missed), key=lambda image: (-share[image], image))
        return tuple(
            f"{self._ids[image]} ({missed[image]} of {objects[image]} objects missed at IoU 0.50, scores from {SURE:g})"
            for image in order[:n]
        )

    def _match(self) -> None:
        if self._waiting.rows:
            self._matched.append(_matched(self._waiting))
            self._waiting = _Waiting(first=len(self._ids))


def prediction(card: ModelCard, found: Outputs) -> Array:
    """Return the detections of one image, rows × (class, top, left, bottom, right, score), for comparing two runs.

    They are rounded to pixels and per cent and sorted, padding is zero: equal scores may come in any order.
    """
    return coco_outputs.sorted_rows(card, found)


def measures(metric: Metric, outcomes: Mapping[str, Array]) -> tuple[Measure, ...]:
    """Return the measures that stored outcomes give, the README's protocol first.

    Raises RunError (`data`) without an annotated object, CardError for an unknown protocol.
    """
    if not outcomes["object_counted"][:, 0].any():
        raise RunError("mAP", "expected at least one annotated object", "none", kind="data", stage="score")
    first = _protocol(metric)
    protocols = sorted(PROTOCOLS, key=lambda protocol: protocol != first)
    return tuple(measure for protocol in protocols for measure in _measures(protocol, outcomes))


def paired(metric: Metric, candidate: Mapping[str, Array], reference: Mapping[str, Array], name: str) -> Paired:
    """Compare mAP on the same images, in the same order, by the card's protocol; `name` is the reference's."""
    protocol = _protocol(metric)
    mine, theirs = (Curves(outcomes, _rows(protocol, outcomes)) for outcomes in (candidate, reference))
    value, reference_value = mine.summary().get("map", 0.0), theirs.summary().get("map", 0.0)
    count, interval = len(candidate["ids"]), None
    if _resampled(candidate, reference):
        ours, others = mine.mean_precision(), theirs.mean_precision()
        interval = bootstrap_interval(count, lambda index: others(index) - ours(index), _resamples(candidate))
    return Paired(
        reference=name,
        metric="map",
        protocol=protocol,
        value=value,
        reference_value=reference_value,
        loss=reference_value - value,
        n=count,
        differing=int(np.count_nonzero((_found(candidate) != _found(reference)).any(axis=1))),
        interval=interval,
    )


def _protocol(metric: Metric) -> str:
    if metric.protocol not in PROTOCOLS:
        what = f"expected {ALL_ROWS!r} or {STANDARD!r} for map"
        raise CardError("metric.protocol", what, repr(metric.protocol))
    return metric.protocol


def _rows(protocol: str, outcomes: Mapping[str, Array]) -> Flags:
    return np.ones(len(outcomes["valid"]), np.bool_) if protocol == ALL_ROWS else outcomes["valid"]


def _resampled(*outcomes: Mapping[str, Array]) -> bool:
    """Tell whether an interval is worth its time and its name."""
    return len(outcomes[0]["ids"]) >= FEWEST_IMAGES and all(len(one["image"]) <= MOST_RESAMPLED for one in outcomes)


def _resamples(outcomes: Mapping[str, Array]) -> int:
    """Return how many resamples an interval is made of, in about the same time for more detections."""
    return max(FEWEST_RESAMPLES, min(RESAMPLES, RESAMPLES * QUICKLY_RESAMPLED // max(1, len(outcomes["image"]))))


def _found(outcomes: Mapping[str, Array]) -> Array:
    """Return how many rows of each image found an object and how many did not, at each threshold: images × 20."""
    hits = (unpacked(outcomes["matched"])[0] & ~unpacked(outcomes["ignored"])[0]).astype(np.int64)
    rows = np.vstack([hits, 1 - hits]) * outcomes["valid"]
    counts = np.zeros((len(rows), len(outcomes["ids"])), np.int64)
    for count, row in zip(counts, rows, strict=True):
        np.add.at(count, outcomes["image"], row)
    return counts.T


def _measures(protocol: str, outcomes: Mapping[str, Array]) -> list[Measure]:
    count, curves = len(outcomes["ids"]), Curves(outcomes, _rows(protocol, outcomes))
    precision, interval = curves.mean_precision(), None
    if _resampled(outcomes):
        interval = bootstrap_interval(count, precision, _resamples(outcomes))
    return [
        Measure(name=name, protocol=protocol, value=value, n=count, interval=interval if name == "map" else None)
        for name, value in curves.summary().items()
    ]


def _matched(waiting: _Waiting) -> dict[str, Array]:
    """Return the columns of the outcomes for some images, with the rows of each image best first."""
    rows, objects = waiting.rows, waiting.objects
    image = np.repeat(np.arange(len(rows)), [len(one.scores) for one in rows])
    object_image = np.repeat(np.arange(len(objects)), [len(one.classes) for one in objects])
    joined = Rows.joined(rows)
    order = np.lexsort((-joined.scores, image))
    joined = joined.at(order)
    found = Detections(image, joined.classes, joined.boxes, joined.scores)
    truth = Truth(
        object_image,
        np.concatenate([np.empty(0, np.int64), *(one.classes for one in objects)]),
        np.concatenate([np.empty((0, 4)), *(one.boxes for one in objects)]),
        np.concatenate([np.empty(0), *(one.areas for one in objects)]),
        np.concatenate([np.empty(0, np.bool_), *(one.crowd for one in objects)]),
    )
    fate = match(found, truth)
    return {
        "image": (waiting.first + image).astype(np.int32),
        "class": joined.classes.astype(np.int32),
        "score": joined.scores,
        "valid": joined.valid,
        "matched": packed(fate.matched),
        "ignored": packed(fate.ignored),
        "object_image": (waiting.first + object_image).astype(np.int32),
        "object_class": truth.classes.astype(np.int32),
        "object_counted": ~truth.ignored.T.reshape(-1, len(AREAS)),
        "object_taken_for": taken_for(found, truth, fate, joined.valid & (joined.scores >= SURE)).astype(np.int32),
    }
