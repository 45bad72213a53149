"""How often the speed gate is right: simulated nights, timed and judged by the library itself, as a table.

A round is 10 ms, or as much more as the slowdown says, times 2 % of normal noise, times a slow drift of 0.5 % (an
autoregression with a memory of 20 rounds), and one in a hundred is an outlier of 1.2 to 2 times its length. A fresh
process has a noise, a drift and outliers of its own. Undecided is neither green nor caught.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from harness.cards import ModelCard
from harness.checks.speed import run_until
from harness.gates import judge, nights, promises_for, rounds, speed
from harness.measure import TimePlan
from harness.results import Measurement, Result
from harness.samples import Sample
from harness.stats import proportion_interval
from tests.bench.figures import Figures
from tests.harness.gates.handmade import TODAY, card_of, case_of, fps

Floats = npt.NDArray[np.float64]

NOISE, DRIFT, MEMORY = 0.02, 0.005, 20
OUTLIERS, OUTLIER = 0.01, (1.2, 2.0)
TOLERANCE = 0.02
REPETITIONS, CHEAP_REPETITIONS = 2_000, 100_000
FIRST, MOST = 15, 60
PLAN = TimePlan(0, FIRST, FIRST, 0.0, open_rounds=MOST, open_s=3600.0)
CASE = case_of("throughput")
CARD = card_of(fps(100.0, tolerance=TOLERANCE))
SEED = 20240501
DEFINITIONS = ("wall", "ais_bench")


class Simulated:
    """A session whose rounds are simulated."""

    def __init__(self, times_ms: Sequence[float], definition: str) -> None:
        self.times_ms, self.definition, self.taken = times_ms, definition, 0

    def time(self, plan: TimePlan, samples: Sequence[Sample]) -> Measurement:
        """Return the next rounds, as many as are asked for."""
        found = self.times_ms[self.taken : self.taken + plan.min_rounds]
        self.taken += plan.min_rounds
        return measured(found, self.definition)


def measured(times_ms: Sequence[float], definition: str) -> Measurement:
    statistic = "median" if definition == "wall" else "mean"
    return Measurement(definition=definition, statistic=statistic, batch=1, rounds_ms=tuple(times_ms))


def processes(generator: np.random.Generator, count: int, slowdown: float) -> Floats:
    """Return the rounds of so many processes in milliseconds: processes × 60."""
    keep = np.exp(-1 / MEMORY)
    drift = np.empty((count, MOST))
    drift[:, 0] = generator.normal(0, DRIFT, count)
    for i in range(1, MOST):
        drift[:, i] = keep * drift[:, i - 1] + generator.normal(0, DRIFT * np.sqrt(1 - keep**2), count)
    times = 10.0 / (1 - slowdown) * (1 + NOISE * generator.standard_normal((count, MOST))) * (1 + drift)
    outlying = generator.random((count, MOST)) < OUTLIERS
    return np.where(outlying, times * generator.uniform(*OUTLIER, (count, MOST)), times)


def timed(first_ms: Floats, second_ms: Floats, definition: str, card: ModelCard = CARD) -> Result:
    """Return one case timed as the check does it: a second process where the first does not pass."""
    first, second = (_run(times, definition, card) for times in (first_ms, second_ms))
    found = Result(case=CASE, status="measured", measurement=first)
    return found if speed.passes(card, CASE, first) else found.model_copy(update={"confirmation": second})


def _run(times_ms: Floats, definition: str, card: ModelCard) -> Measurement:
    session = Simulated(times_ms.tolist(), definition)
    return run_until(session, PLAN, [], lambda run: speed.settled(card, CASE, run))  # type: ignore[arg-type]


@cache
def cases(slowdown: float, definition: str, count: int = REPETITIONS) -> tuple[Result, ...]:
    generator = np.random.default_rng(SEED)
    first, second = (processes(generator, count, slowdown) for _ in range(2))
    return tuple(timed(one, other, definition) for one, other in zip(first, second, strict=True))


@cache
def outcomes(slowdown: float, definition: str) -> tuple[str, ...]:
    return tuple(judge(result, CARD, TODAY).outcome for result in cases(slowdown, definition))


def told(count: int, of: int) -> str:
    low, high = proportion_interval(count, of)
    return f" ({100 * low:.3g} to {100 * high:.3g}; n {of})"


def share(slowdown: float, definition: str, outcome: str) -> tuple[float, str]:
    found = outcomes(slowdown, definition)
    count = found.count(outcome)
    return 100 * count / len(found), told(count, len(found))


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_slowdown_of_5_per_cent_is_caught(figures: Figures, definition: str) -> None:
    caught, interval = share(0.05, definition, "FAIL")
    undecided, note = share(0.05, definition, "INCONCLUSIVE")
    used = np.mean([sum(len(run.rounds_ms) for run in speed.runs_of(one)) for one in cases(0.05, definition)])

    figures.at_least(f"5 % slower, tolerance 2 %: caught, {definition}", caught, 95, " %", interval)
    figures.at_most(f"the same: undecided, {definition}", undecided, 5, " %", note)
    figures.at_most(f"the same: rounds of both processes, mean, {definition}", float(used), MOST)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_case_with_nothing_wrong_is_green(figures: Figures, definition: str) -> None:
    green, interval = share(0.0, definition, "PASS")
    undecided, note = share(0.0, definition, "INCONCLUSIVE")

    figures.at_least(f"nothing slower: green, {definition}", green, 95, " %", interval)
    figures.at_most(f"the same: undecided, {definition}", undecided, 5, " %", note)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_false_red_is_rarer_than_one_in_ten_thousand(figures: Figures, definition: str) -> None:
    """Count the first processes that fail to pass: no other can be red, and a red needs two of them.

    Two processes are independent here, so the square of that share bounds the false reds; so does its upper bound.
    """
    doubtful = 0
    generator = np.random.default_rng(SEED + 1)
    for _ in range(CHEAP_REPETITIONS // 20_000):
        times = processes(generator, 20_000, 0.0)
        doubtful += sum(
            not speed.passes(CARD, CASE, _run(times[i], definition, CARD)) for i in _below(times, definition)
        )

    upper = proportion_interval(doubtful, CHEAP_REPETITIONS)[1]
    note = f" of one process ({doubtful} of {CHEAP_REPETITIONS} do not pass), squared at its upper bound"
    figures.at_most(f"nothing slower: red after confirmation, {definition}", upper**2, 1e-4, "", note)


def _below(times: Floats, definition: str) -> Iterator[int]:
    """Yield the processes that read below the floor at some look; where none does, a process passes whatever is looked.

    Readings with warm-up left out are larger, so that they are above the floor as well.
    """
    statistic = np.median if definition == "wall" else np.mean
    looks = [statistic(times[:, :count], axis=1) for count in (15, 30, 60)]
    slowest = np.max(looks, axis=0)
    yield from np.flatnonzero(slowest > 10.0 / (1 - TOLERANCE)).tolist()


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_slowdown_of_3_per_cent_is_caught_in_two_nights(figures: Figures, definition: str) -> None:
    found = cases(0.03, definition, 2 * REPETITIONS)
    pairs = list(zip(found[::2], found[1::2], strict=True))
    caught = sum(_caught(pair) for pair in pairs)

    figures.at_least(
        f"3 % slower, two nights: caught, {definition}", 100 * caught / len(pairs), 90, " %", told(caught, len(pairs))
    )


def _caught(pair: tuple[Result, Result]) -> bool:
    alone = any(judge(night, CARD, TODAY).outcome == "FAIL" for night in pair)
    return alone or any(one.code == "missed" for one in nights.over_nights(pair, CARD))


def test_what_happens_at_the_floor_itself_is_told(figures: Figures) -> None:
    """A case that is exactly 2 % slower may go either way; it is told, as no bound can hold there without history."""
    found = outcomes(TOLERANCE, "wall")
    shares = {name: f"{100 * found.count(name) / len(found):.1f} %" for name in ("PASS", "FAIL", "INCONCLUSIVE")}
    figures.add("exactly at the floor, wall", "told", ", ".join(f"{k} {v}" for k, v in shares.items()), ok=True)


def test_the_interval_covers_the_truth_where_the_history_knows_the_noise(figures: Figures) -> None:
    """One process's own rounds cannot know how far the next process's drift is away; the history's noise does."""
    promise = promises_for(CARD, CASE).baselines[0]
    times = processes(np.random.default_rng(SEED + 2), REPETITIONS, 0.0)
    noise = float(np.std([rounds.reading(measured(row, "wall"), "throughput") for row in times])) / 100.0
    inside = 0
    for row in times:
        run = measured(row, "wall").model_copy(update={"noise": noise})
        low, high = rounds.share(promise, rounds.read(run, "throughput"), 1.0).interval
        inside += low <= 1.0 <= high

    figures.at_least(
        "99 % interval with known noise covers, wall", 100 * inside / REPETITIONS, 98, " %", told(inside, REPETITIONS)
    )
