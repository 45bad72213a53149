"""Neither the gate's timing nor the accuracy run around it takes much from what ONNX Runtime alone does."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np
import onnxruntime
import pytest

from harness import metrics
from harness.artifacts import Artifact
from harness.cards import ModelCard
from harness.checks.accuracy import depth
from harness.checks.parity import fixed_inputs
from harness.measure import TimePlan
from harness.results import Case
from harness.runtimes.protocol import Session
from harness.samples import Array
from harness.stream import Feed, evaluate
from harness.workbench import Workbench
from tests.bench.figures import Figures
from tests.bench.quiet import quiet_turns

pytestmark = pytest.mark.slow
ROUNDS, REPETITIONS = 10, 8


def test_the_gate_times_what_a_bare_loop_times(bench: Workbench, figures: Figures) -> None:
    case = Case(model="resnest50", runtime="ort-cpu", chip="cpu", batch=1, check="throughput", weights="seeded")
    artifact, samples = bench.artifact(case), fixed_inputs(bench.card(case), bench)
    bare = bare_loop(artifact, np.stack([samples[0].arrays[0]]))
    plan = TimePlan(warmup=1, min_rounds=ROUNDS, max_rounds=ROUNDS, budget_s=0.0)

    gated_ms, bare_ms = list[float](), list[float]()
    with bench.open(case, artifact) as session:
        for _ in range(REPETITIONS):
            gated_ms += session.time(plan, samples).rounds_ms
            bare()
            bare_ms += [1e3 * _seconds(bare) for _ in range(ROUNDS)]
    ratio = statistics.median(bare_ms) / statistics.median(gated_ms)

    note = f" ({statistics.median(gated_ms):.1f} ms an image)"
    figures.at_least("ort-cpu rate as gated / bare session.run loop, ResNeSt50 bs1", ratio, 0.98, " ×", note)


def test_an_accuracy_run_of_full_size_icnet_is_nearly_as_fast_as_inference(bench: Workbench, figures: Figures) -> None:
    case = Case(model="icnet", runtime="ort-cpu", chip="cpu", batch=1, check="accuracy", weights="seeded")

    ratio, note = accuracy_over_inference(bench, case, bench.feed(bench.card(case)), turns=3)

    figures.at_least("end-to-end accuracy rate / bare inference, seeded ICNet", ratio, 0.90, " ×", note)


def test_an_accuracy_run_of_tiny_icnet_is_not_far_from_inference(bench: Workbench, figures: Figures) -> None:
    bench = replace(bench, weights="card")
    case = Case(model="icnet-tiny", runtime="ort-cpu", chip="cpu", batch=8, check="accuracy")
    feed = bench.feed(bench.card(case))

    ratio, note = accuracy_over_inference(bench, case, replace(feed, ids=feed.ids * 4), turns=7)

    figures.at_least("end-to-end accuracy rate / bare inference, icnet-tiny at batch 8", ratio, 0.80, " ×", note)


def accuracy_over_inference(bench: Workbench, case: Case, feed: Feed, turns: int) -> tuple[float, str]:
    """Return the rate of the accuracy stream over that of a bare loop on one thread, and a note on the turns.

    It is the median of turns of both, one after the other.
    """
    card, artifact = bench.card(case), bench.artifact(case)
    first = [feed.sample(sample_id).arrays[0] for sample_id in feed.ids[: case.batch]]
    bare, batches = bare_loop(artifact, np.stack(first)), -(-len(feed.ids) // case.batch)

    def turn() -> float:
        alone = _seconds(lambda: _times(batches, bare))
        return alone / _seconds(lambda: _evaluate(session, card, feed, case.batch))

    with bench.open(case, artifact) as session:
        _evaluate(session, card, feed, case.batch)  # the runtime's memory grows in its first run
        ratios, note = quiet_turns(turn, turns, 2 * turns)
    return statistics.median(ratios), f" ({note})"


def bare_loop(artifact: Artifact, batch: Array) -> Callable[[], object]:
    """Return one `session.run` of a session that nothing of omgate has touched, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(artifact.path), options, providers=["CPUExecutionProvider"])
    feeds = {artifact.inputs[0].name: batch}
    return lambda: session.run(None, feeds)


def _evaluate(session: Session, card: ModelCard, feed: Feed, batch: int) -> None:
    evaluate(session, feed.labelled(), metrics.make_scorer(card), depth=depth(card, batch))


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _times(count: int, call: Callable[[], object]) -> None:
    for _ in range(count):
        call()
