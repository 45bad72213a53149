"""Scoring full-size segmentation logits costs little more than reading them."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

from harness import cards, metrics
from harness.samples import Outputs
from tests.bench.figures import Figures

pytestmark = pytest.mark.slow
ROUNDS = 15


def test_scoring_an_image_takes_at_most_four_reads_of_its_logits(figures: Figures) -> None:
    card = cards.get("icnet")
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((19, 1024, 2048), dtype=np.float32)
    labels = rng.integers(-1, 19, (1024, 2048)).astype(np.int16)
    scorer = metrics.make_scorer(card)

    # Processor time of this thread: a neighbour on the core does not count, one on the memory bus hits both alike.
    rounds = [
        (_seconds(lambda: np.max(logits)), _seconds(lambda: scorer.add(Outputs("a", (logits,)), labels)))
        for _ in range(ROUNDS)
    ]
    ratio = statistics.median(score / read for read, score in rounds)

    milliseconds = 1e3 * statistics.median(score for _, score in rounds)
    note = f" ({milliseconds:.1f} ms)"
    figures.at_most("scoring a 19×1024×2048 image / one read of it (np.max)", ratio, 4.0, " ×", note)


def test_the_score_is_exact_with_ties_to_the_lowest_class(figures: Figures) -> None:
    card = cards.get("icnet")
    rng = np.random.default_rng(1)
    logits = rng.integers(-3, 4, (19, 1024, 2048)).astype(np.float32)  # few values, so nearly every pixel has ties
    labels = rng.integers(-1, 19, (1024, 2048)).astype(np.int16)
    scorer = metrics.make_scorer(card)

    scorer.add(Outputs("a", (logits,)), labels)

    outcomes, kept = scorer.outcomes(), labels >= 0
    expected = np.bincount(labels[kept].astype(np.int64) * 19 + np.argmax(logits, axis=0)[kept], minlength=19 * 19)
    differing = int(np.count_nonzero(np.bincount(outcomes["cell"], outcomes["count"], 19 * 19) != expected))
    what = "cells of its confusion matrix that differ from argmax and bincount, all pixels tied"
    figures.at_most(what, differing, 0)


def _seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start
