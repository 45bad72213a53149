"""A device that answers after a stated time is fed by the host: how many images a core can feed, and how busy it is."""

import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from harness import metrics
from harness.cards import ModelCard
from harness.checks.accuracy import depth
from harness.runtimes.batching import Batcher, split
from harness.samples import Outputs, Sample
from harness.stream import Feed, evaluate
from harness.workbench import Workbench
from tests.bench.figures import Figures
from tests.bench.quiet import quiet_turns

pytestmark = pytest.mark.slow
REPETITIONS = 3
# The device's time, as a multiple of one core's work for it: a host of one core and more suffices.
SLOWER = 1.3
# model, batch size, passes over the pictures on disk, images a second and core to reach
PIPELINES = [("resnest50", 8, 2, 250.0), ("icnet", 1, 2, 10.0)]


class NullDevice:
    """A session that gathers batches as a real one does, waits, and returns outputs made beforehand."""

    def __init__(self, card: ModelCard, batch: int, batch_s: float = 0.0) -> None:
        rng = np.random.default_rng(0)
        self._outputs = [rng.standard_normal(spec.at(batch), dtype=np.float32) for spec in card.kept_outputs]
        self._batcher = Batcher("null device", card.input, batch)
        self.batch_s = batch_s
        self.busy_s = 0.0

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        for batch in self._batcher.batches(samples):
            if self.batch_s:
                time.sleep(self.batch_s)
                self.busy_s += self.batch_s
            yield from split(self._outputs, batch.ids)


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize(("model", "batch", "passes", "bound"), PIPELINES, ids=["resnest50", "icnet"])
def test_a_core_feeds_a_device(
    bench: Workbench, figures: Figures, model: str, batch: int, passes: int, bound: float
) -> None:
    card = bench.cards[model]
    feed, device = repeated(bench.feed(card), passes), NullDevice(card, batch)

    # Processor time, on one core: what the core could do if nothing else asked for it.
    seconds = [_stream(card, feed, device, batch)[1] for _ in range(REPETITIONS)]
    rate = len(feed.ids) / statistics.median(seconds)

    figures.at_least(f"{model} decode → preprocess → score, null device", rate, bound, " images/s/core")


@pytest.mark.parametrize(("model", "batch", "passes", "bound"), PIPELINES, ids=["resnest50", "icnet"])
def test_a_device_is_kept_busy(
    bench: Workbench, figures: Figures, model: str, batch: int, passes: int, bound: float
) -> None:
    card = bench.cards[model]
    feed, device = repeated(bench.feed(card), 3 * passes), NullDevice(card, batch)

    def turn() -> float:
        device.batch_s = 0.0
        _, used = _stream(card, feed, device, batch)
        device.batch_s, device.busy_s = SLOWER * used * batch / len(feed.ids), 0.0
        fed, _ = _stream(card, feed, device, batch)
        return 100 * device.busy_s / fed

    shares, turns = quiet_turns(turn, REPETITIONS, 2 * REPETITIONS)

    note = f" ({1e3 * device.batch_s:.1f} ms a batch of {batch}; {turns})"
    what = f"{model} null device busy, {SLOWER} × as slow as a core's work for it"
    figures.at_least(what, statistics.median(shares), 90.0, " %", note)


def repeated(feed: Feed, passes: int) -> Feed:
    """Return the feed with its pictures several times over, to measure a stream rather than its first picture."""
    return replace(feed, ids=feed.ids * passes)


def _stream(card: ModelCard, feed: Feed, device: NullDevice, batch: int) -> tuple[float, float]:
    """Return the seconds of one evaluation, by the clock on the wall and of all this process's threads."""
    scorer = metrics.make_scorer(card)
    wall, used = time.perf_counter(), time.process_time()
    evaluate(device, feed.labelled(), scorer, depth=depth(card, batch))
    return time.perf_counter() - wall, time.process_time() - used
