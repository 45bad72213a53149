"""Accuracy in several looks: as many images as the verdict needs, in a random order, up to the whole data set."""

from dataclasses import replace
from typing import Any

import numpy as np

from harness import environment, gates, metrics, stats
from harness.checks import accuracy
from harness.metrics.arranging import arranged, joined
from harness.results import Case, Look, Paired, Result
from harness.samples import Array
from harness.stream import Feed, Runs, evaluate
from harness.workbench import Workbench

Facts = dict[str, Any]
ORDER_SEED = 250  # any number does: every run draws the images in the same order, so that references can be kept


def measure(case: Case, bench: Workbench) -> Facts:
    """Score the case's artifact on the run's samples; with `bench.sequential`, on as many as decide.

    Returns and raises what `accuracy.measure` does.
    """
    if not bench.sequential:
        return accuracy.measure(case, bench)
    card, artifact = bench.card(case), bench.artifact(case)
    looks = _Looks(case, bench, bench.feed(bench.fed(case)))
    with bench.open(case, artifact) as session:
        facts = looks.until_settled(session)
    outcomes = accuracy.write_outcomes(bench.run_dir, case, card, looks.outcomes)
    return {**facts, "outcomes": outcomes, "digests": accuracy.digests(card, artifact, looks.feed)}


class _Looks:
    """The images of one case in the order in which they are drawn, and what was found of them so far.

    `outcomes` are those of the drawn images, in the order of the data set: at its end they are a whole run's.
    """

    def __init__(self, case: Case, bench: Workbench, feed: Feed) -> None:
        self.feed = feed
        self.outcomes: dict[str, Array] = {}
        self._case, self._bench, self._card = case, bench, bench.card(case)
        self._scorer = metrics.make_scorer(self._card)
        self._drawn = np.random.Generator(np.random.PCG64(ORDER_SEED)).permutation(len(feed.ids))
        self._references: list[dict[str, Array]] = []
        self._looks: list[Look] = []
        is_reference = case.runtime == bench.reference(case).runtime
        self._unpaired = "" if is_reference else accuracy.unpaired(case, bench)
        self._alone = is_reference or bool(self._unpaired)

    def until_settled(self, session: Runs) -> Facts:
        """Score part after part until the gate is settled or the set is used up; return the facts of all parts."""
        total, start, facts = len(self.feed.ids), 0, Facts()
        for size in (*stats.look_sizes(total), total):
            part = self._part(start, size)
            self._score(session, part, start)
            start = size
            facts = self._facts(part)
            if gates.settled(self._result(facts), self._card):
                break
        return facts

    def _part(self, start: int, stop: int) -> Feed:
        return replace(self.feed, ids=tuple(self.feed.ids[place] for place in self._drawn[start:stop]))

    def _score(self, session: Runs, part: Feed, start: int) -> None:
        case, card = self._case, self._card
        report = self._bench.reporter(case.id, len(self.feed.ids))
        depth = accuracy.depth(card, case.batch)
        evaluate(session, part.labelled(), self._scorer, depth=depth, progress=lambda done: report(start + done))
        outcomes = self._scorer.outcomes()
        drawn = self._part(0, start + len(part.ids))
        accuracy.require_each_once(card, outcomes["ids"].tolist(), drawn)
        self.outcomes = self._in_order(outcomes)

    def _in_order(self, outcomes: dict[str, Array]) -> dict[str, Array]:
        """Return outcomes of drawn images in the order of the data set."""
        return arranged(outcomes, np.argsort(self._drawn[: len(outcomes["ids"])]).tolist())

    def _facts(self, part: Feed) -> Facts:
        bench, card = self._bench, self._card
        facts: Facts = {}
        if self._alone:
            self._looks.append(Look(n=len(self.outcomes["ids"])))
        else:
            facts["paired"] = self._compared(part)
        if self._unpaired:
            facts["unpaired"] = self._unpaired
        scored = replace(self.feed, ids=tuple(self.outcomes["ids"].tolist()))
        looks = {"looks": tuple(look.n for look in self._looks), "cases": bench.cases}
        return {
            **facts,
            "measures": metrics.from_outcomes(card.metric, self.outcomes),
            "samples": accuracy.used(card, scored, None).model_copy(update=looks),
            "worst": self._scorer.worst(5),
        }

    def _compared(self, part: Feed) -> Paired:
        """Compare with the reference backend, which is asked for the newest part only."""
        backend, others = accuracy.reference_outcomes(self._case, self._bench, part)
        self._references.append(others)
        reference = self._in_order(joined(self._references))
        paired = metrics.paired(self._card, self.outcomes, reference, backend)
        self._looks.append(Look(n=paired.n, lost=paired.lost, gained=paired.gained))
        return paired.model_copy(update={"looks": tuple(self._looks)})

    def _result(self, facts: Facts) -> Result:
        """Return what the gate is asked about: as the pipeline will, were this the last look."""
        toolchain = self._bench.toolchain_of(self._case)
        environ = environment.describe()
        return Result(case=self._case, status="measured", environment=environ, toolchain=toolchain, **facts)
