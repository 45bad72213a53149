"""Accuracy: the whole data set through one artifact, scored by the README's protocol and the standard one."""

import hashlib
import json
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from harness import metrics, needs, sidecar
from harness.artifacts import Artifact, Recipe, file_sha256
from harness.cards import ModelCard
from harness.digests import code_version
from harness.errors import RunError
from harness.preprocess import digest as steps_digest
from harness.results import Case, Outcomes, Paired, Samples
from harness.samples import Array
from harness.stream import Feed, Runs, evaluate
from harness.workbench import Workbench

# The code that turns a data set into a reference's outcomes.
HARNESS = Path(__file__).parent.parent
SCORED_BY = [
    source for stage in ("datasets", "preprocess", "runtimes", "metrics") for source in (HARNESS / stage).glob("*.py")
]
# Decoded samples and unscored outputs kept waiting; full-size segmentation logits are 160 MB an image.
WAITING_BYTES = 400 * 2**20


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Score the case's artifact on its data set; return the measures, the paired comparison and the sidecar."""
    artifact = bench.artifact(case)
    feed = bench.feed(bench.fed(case))
    with bench.open(case, artifact) as session:
        scorer, outcomes = scored(case, bench, feed, session)
    facts = {**told(case, bench, feed, (scorer, outcomes)), "digests": digests(bench.fed(case), artifact, feed)}
    if case.runtime == bench.reference(case).runtime:
        return facts
    reason = unpaired(case, bench)
    return {**facts, "unpaired": reason} if reason else {**facts, "paired": paired(case, bench, feed, outcomes)}


def unpaired(case: Case, bench: Workbench) -> str:
    """Return what keeps the reference backend from running here, or nothing: a model built elsewhere needs less."""
    card = bench.card(case)
    if case.weights not in ("card", "seeded") and bench.weights == "card":
        return f"the model has a checkpoint of its own, {case.weights[:8]}…; give it with --weights"
    lack = needs.weights(card, bench.weights, bench.places) or needs.framework(card)
    return str(lack) if lack else bench.runtime("ort-cpu").missing() or ""


def scored(case: Case, bench: Workbench, feed: Feed, session: Runs) -> tuple[metrics.Scorer, dict[str, Array]]:
    """Score what a session answers to a feed; return the scorer and the outcomes of exactly the feed's samples.

    Raises what decoding, the session and the scorer raise.
    """
    card = bench.card(case)
    scorer = metrics.make_scorer(card)
    report = bench.reporter(case.id, len(feed.ids))
    evaluate(session, feed.labelled(), scorer, depth=depth(card, case.batch), progress=report)
    outcomes = scorer.outcomes()
    require_each_once(card, outcomes["ids"].tolist(), feed)
    return scorer, outcomes


def told(case: Case, bench: Workbench, feed: Feed, found: tuple[metrics.Scorer, dict[str, Array]]) -> dict[str, Any]:
    """Return the facts that a scorer and its outcomes give; the outcomes are written to the run folder."""
    card, (scorer, outcomes) = bench.card(case), found
    return {
        "measures": scorer.measures(),
        "samples": used(card, feed, bench.samples).model_copy(update={"cases": bench.cases}),
        "worst": scorer.worst(5),
        "outcomes": write_outcomes(bench.run_dir, case, card, outcomes),
    }


def require_each_once(card: ModelCard, scored: list[str], feed: Feed) -> None:
    """Raise RunError unless exactly the samples of the feed were scored: a reference that repeats one agrees, too."""
    if scored != list(feed.ids):
        both = zip_longest(scored, feed.ids, fillvalue="none")
        got, wanted = next((one, other) for one, other in both if one != other)
        what, hint = f"expected sample {wanted} to be scored next", "compare the stream with the data set's ids"
        raise RunError(card.name, what, got, hint, kind="data", stage="score")


def depth(card: ModelCard, batch: int) -> int:
    """Return how many samples may wait: two batches and two more where memory allows, and at least one batch."""
    sample_bytes = sum(4 * int(np.prod(spec.at(1))) for spec in (*card.input, *card.kept_outputs))
    return max(1, batch, min(2 * batch + 2, WAITING_BYTES // max(sample_bytes, 1)))


def used(card: ModelCard, feed: Feed, asked: int | None) -> Samples:
    """Return how many samples were used, and a digest of their ids in order."""
    ids_digest = hashlib.sha256("\n".join(feed.ids).encode()).hexdigest()
    return Samples(asked=asked, used=len(feed.ids), declared=card.dataset.count, ids_digest=ids_digest)


def digests(card: ModelCard, artifact: Artifact, feed: Feed) -> dict[str, str]:
    """Return the digests that say what was measured: weights, data and preprocessing."""
    return {
        "weights": str(artifact.recipe.get("weights", "")),
        "data": feed.dataset.digest(),
        "preprocess": steps_digest(card.preprocess),
    }


def write_outcomes(run_dir: Path, case: Case, card: ModelCard, outcomes: dict[str, Array]) -> Outcomes:
    """Write the per-sample outcomes into the run folder; return where they are."""
    folder = run_dir / "outcomes"
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{case.key}.npz"
    sidecar.write(final, outcomes)
    kind = "top-k" if card.metric.name == "top1" else card.metric.name
    return Outcomes(path=f"outcomes/{final.name}", sha256=file_sha256(final), kind=kind)


def paired(case: Case, bench: Workbench, feed: Feed, outcomes: dict[str, Array]) -> Paired:
    """Compare with the reference backend on the same images: the framework for ONNX Runtime, else ONNX Runtime.

    Raises what building and running the reference raises.
    """
    backend, others = reference_outcomes(case, bench, feed)
    return metrics.paired(bench.card(case), outcomes, others, backend)


def reference_outcomes(case: Case, bench: Workbench, feed: Feed) -> tuple[str, dict[str, Array]]:
    """Return the name of the reference backend and its outcomes on a feed, which are kept in the store.

    Raises what building and running the reference raises.
    """
    card = bench.card(case)
    if bench.has_aipp(case):  # the same images, as the network takes them
        feed = replace(bench.feed(card), ids=feed.ids)
    backend = bench.reference(case).runtime if case.runtime.startswith("ort-") else "ort-cpu"
    reference = case.model_copy(update={"runtime": backend, "chip": "cpu"})
    artifact = bench.artifact(reference)
    recipe = Recipe(
        kind="outcomes",
        producer=backend,
        version=code_version(*SCORED_BY),
        inputs={"artifact": artifact.digest, "data": feed.dataset.digest()},
        arguments={
            "preprocess": steps_digest(card.preprocess),
            "outputs": [spec.index for spec in card.kept_outputs],
            "scored": card.scored_output.index,
            "classes": card.class_count,
            "metric": json.loads(card.metric.model_dump_json()),
            "ids": used(card, feed, None).ids_digest,
        },
    )

    def build(path: Path) -> None:
        with bench.open(reference, artifact) as session:
            sidecar.write(path, scored(reference, bench, feed, session)[1])

    entry = bench.builder.store.get_or_build(recipe, "outcomes.npz", build)
    return backend, sidecar.read(entry.path)
