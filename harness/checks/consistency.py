"""Batch consistency: a batch size answers as the one that accuracy was measured at."""

from typing import Any

import numpy as np

from harness import metrics, needs, plan
from harness.checks import parity
from harness.checks.accuracy import digests, used
from harness.results import Agreement, Case
from harness.samples import Array
from harness.stream import Feed, answered
from harness.workbench import Workbench

IMAGES = 32


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Compare predictions at the case's batch size with those at the accuracy batch, on the same images.

    The number of images is no multiple of the batch size where the set allows it, so that a padded last batch is seen.
    Without a data set there is nothing to predict: the outputs for noise are compared.
    """
    card = bench.card(case)
    if not needs.needs_data(card, "batch-consistency"):
        return _on_noise(case, bench)
    count = min(IMAGES, bench.samples or IMAGES, card.dataset.count)
    feed = bench.feed(bench.fed(case), count - 1 if count > 1 and count % case.batch == 0 else count)
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


def _on_noise(case: Case, bench: Workbench) -> dict[str, Any]:
    samples = parity.fixed_inputs(bench.fed(case), bench)
    if len(samples) > 1 and len(samples) % case.batch == 0:
        samples = samples[:-1]
    first = case.model_copy(update={"batch": plan.accuracy_batch(bench.card(case), case.chip)})
    expected, got = (parity.outputs_of(one, bench, samples) for one in (first, case))
    return {"parity": parity.compared(bench.card(case), got, expected)}


def _predictions(case: Case, bench: Workbench, feed: Feed) -> list[Array]:
    card = bench.card(case)
    with bench.open(case, bench.artifact(case)) as session:
        answers = answered(session, (feed.sample(sample_id) for sample_id in feed.ids))
        return [metrics.prediction(card, outputs) for outputs in answers]
