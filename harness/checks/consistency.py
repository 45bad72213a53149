"""Batch consistency: a batch size answers as the one that accuracy was measured at."""

from typing import Any

import numpy as np

from harness import metrics, plan
from harness.checks.accuracy import digests, used
from harness.results import Agreement, Case
from harness.samples import Array
from harness.stream import Feed, answered
from harness.workbench import Workbench

IMAGES = 32


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Compare predictions at the case's batch size with those at the accuracy batch, on the same images.

    The number of images is no multiple of the batch size where the set allows it, so that a padded last batch is seen.
    """
    card = bench.card(case)
    count = min(IMAGES, bench.samples or IMAGES, card.dataset.count)
    feed = bench.feed(card, count - 1 if count > 1 and count % case.batch == 0 else count)
    first = case.model_copy(update={"batch": plan.accuracy_batch(card, case.chip)})
    expected = _predictions(first, bench, feed)
    got = _predictions(case, bench, feed)
    differing = [name for name, a, b in zip(feed.ids, got, expected, strict=True) if not np.array_equal(a, b)]
    shares = [float(np.mean(a != b)) for a, b in zip(got, expected, strict=True)]
    artifact = bench.artifact(case)
    return {
        "agreement": Agreement(
            reference_batch=first.batch,
            n=len(feed.ids),
            equal=len(feed.ids) - len(differing),
            differing=tuple(differing[:5]),
            differing_share=max(shares),
        ),
        "samples": used(card, feed, bench.samples),
        "worst": tuple(differing[:5]),
        "digests": digests(card, artifact, feed),
    }


def _predictions(case: Case, bench: Workbench, feed: Feed) -> list[Array]:
    card = bench.card(case)
    with bench.open(case, bench.artifact(case)) as session:
        answers = answered(session, (feed.sample(sample_id) for sample_id in feed.ids))
        return [metrics.prediction(card, outputs) for outputs in answers]
