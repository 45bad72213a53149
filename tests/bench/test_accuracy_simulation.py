"""How often the gate of accuracy on a part of the data set is right: simulated, as a table with intervals.

Draws come from a model of the images; every verdict is the gate's own. Undecided is neither green nor caught.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness import stats
from harness.gates import subset
from harness.metrics.iou import pooled_of_sums
from harness.results import Look, Paired, Samples
from tests.bench.figures import Figures

WHOLE = 50_000  # ImageNet's validation set
MARGIN = 0.005
REPETITIONS = 20_000
LONG_REPETITIONS = 2_500
NIGHTS, CELLS = 2_000, 500
COVERED = 2_000
PASS, FAIL, OPEN = 1, 2, 0
CODES = {"PASS": PASS, "FAIL": FAIL, "INCONCLUSIVE": OPEN}
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """How often an image is lost, and how often one is gained."""

    lost: float
    gained: float

    def draw(self, generator: np.random.Generator, images: int, cases: int) -> Integers:
        """Return the lost and gained among so many images: cases × 2."""
        discordant = generator.binomial(images, self.lost + self.gained, cases)
        lost = generator.binomial(discordant, self.lost / (self.lost + self.gained))
        return np.stack([lost, discordant - lost], axis=1)


@dataclass(frozen=True)
class Outcomes:
    """The verdict of every case, and after how many images it was reached."""

    verdicts: Integers
    images: Integers

    def share(self, code: int, below: int = WHOLE + 1) -> float:
        return float(np.mean((self.verdicts == code) & (self.images < below)))

    def told(self, code: int, below: int = WHOLE + 1) -> str:
        """Return the 95 % interval of a share, and how many cases were undecided."""
        count = int(np.sum((self.verdicts == code) & (self.images < below)))
        low, high = stats.proportion_interval(count, len(self.verdicts))
        undecided = self.share(OPEN)
        return f" ({100 * low:.2f} to {100 * high:.2f}; undecided {100 * undecided:.2f} %; n {len(self.verdicts)})"


def pair_of(images: int, counts: Integers, looks: tuple[Look, ...] = ()) -> Paired:
    lost, gained = (int(count) for count in counts)
    facts: dict[str, Any] = {"lost": lost, "gained": gained, "loss": (lost - gained) / images, "looks": looks}
    return Paired(reference="r", metric="top1", protocol="p", value=0.7, reference_value=0.7, n=images, **facts)


def by_gate(images: int, counts: Integers, errors: subset.Errors) -> Integers:
    """Return the gate's verdict on each case at its only look; equal counts are judged once."""
    pairs, which = np.unique(counts @ [WHOLE, 1], return_inverse=True)
    rows = np.stack(np.divmod(pairs, WHOLE), axis=1)
    found = [CODES[subset.pair(pair_of(images, row), MARGIN, errors).outcome] for row in rows]
    return np.array(found)[which]


@cache
def least_lost(most: int, level: float) -> Integers:
    """Return from how many lost on McNemar's p is at most `level`, for 0 to `most` images that differ."""
    return np.array([stats.regression_bounds([count], [level])[0] for count in range(most + 1)])


def fixed(truth: Truth, images: int, seed: int, cases: int = REPETITIONS) -> Outcomes:
    """Simulate `--samples N`."""
    counts = truth.draw(np.random.default_rng(seed), images, cases)
    samples = Samples(used=images, declared=WHOLE, ids_digest="")
    verdicts = by_gate(images, counts, subset.errors(samples, pairs=1, unpaired=0)[0])
    return Outcomes(verdicts, np.full(cases, images))


def sequential(truth: Truth, generator: np.random.Generator, cases: int, cells: int = 1) -> Outcomes:
    """Simulate `--samples auto` in a run of so many cells; on the whole set the observed loss is a fact."""
    sizes = stats.look_sizes(WHOLE)
    samples = Samples(used=0, declared=WHOLE, ids_digest="", looks=(0,), cases=cells)
    errors = subset.errors(samples, pairs=1, unpaired=0)[0]
    path = np.zeros((cases, len(sizes), 2), np.int64)
    verdicts, images, alive = np.zeros(cases, np.int64), np.full(cases, WHOLE), np.arange(cases)
    before, counts = 0, np.zeros((cases, 2), np.int64)
    for look, size in enumerate(sizes):
        counts[alive] += truth.draw(generator, size - before, len(alive))
        path[alive, look], before = counts[alive], size
        found = at_look(sizes[: look + 1], path[alive, : look + 1], errors)
        verdicts[alive], images[alive[found != OPEN]] = found, size
        alive = alive[found == OPEN]
    counts[alive] += truth.draw(generator, WHOLE - before, len(alive))
    verdicts[alive] = np.where(counts[alive] @ [1, -1] <= MARGIN * WHOLE, PASS, FAIL)
    return Outcomes(verdicts, images)


def at_look(sizes: tuple[int, ...], path: Integers, errors: subset.Errors) -> Integers:
    """Return the gate's verdict at the last of these looks: cases × looks × 2.

    Only a case whose McNemar p is below the whole error can have crossed a bound, and is judged by the gate; of the
    others, Tango's score at the margin tells whether his upper bound is below it.
    """
    size, counts, discordant = sizes[-1], path[:, -1], path.sum(axis=-1)
    passes = stats.score_z(counts[:, 0], counts[:, 1], size, MARGIN) < -stats.z_of(errors.green_now)
    found = np.where(passes, PASS, OPEN)
    table = least_lost(-(-int(discordant.max(initial=0)) // 1000) * 1000, errors.red)
    small = (path[..., 0] >= table[discordant]).any(axis=1)
    for case in np.flatnonzero(small & (counts @ [1, -1] > MARGIN * size)):
        rows = zip(sizes, path[case].tolist(), strict=True)
        looks = tuple(Look(n=n, lost=lost, gained=gained) for n, (lost, gained) in rows)
        found[case] = CODES[subset.pair(pair_of(size, counts[case], looks), MARGIN, errors).outcome]
    return found


@pytest.mark.parametrize("images", [250, 1000, 4000, 32_000])
def test_what_is_simulated_is_what_the_gate_decides(images: int) -> None:
    counts = Truth(0.007, 0.004).draw(np.random.default_rng(images), images, 400)
    errors = subset.Errors(0.05, 0.05, 1)

    assert at_look((images,), counts[:, None], errors).tolist() == by_gate(images, counts, errors).tolist()


def per_cent(share: float) -> float:
    return 100 * share


def test_a_loss_of_2_points_is_caught_on_1000_images(figures: Figures) -> None:
    pure, noisy = fixed(Truth(0.02, 0.0), 1000, seed=1), fixed(Truth(0.03, 0.01), 1000, seed=2)

    what = "true 2-point loss, 1,000 images"
    figures.at_least(f"{what}, 20 : 0: caught", per_cent(pure.share(FAIL)), 99, " %", pure.told(FAIL))
    figures.at_least(f"{what}, 30 : 10: caught", per_cent(noisy.share(FAIL)), 90, " %", noisy.told(FAIL))


@pytest.mark.parametrize("discordance", [0.002, 0.01, 0.02, 0.04])
def test_1000_images_without_a_loss_are_seldom_red(figures: Figures, discordance: float) -> None:
    clean = fixed(Truth(discordance / 2, discordance / 2), 1000, seed=3)

    what = f"no loss, 1,000 images, discordance {100 * discordance:g} %: false alarm"
    figures.at_most(what, per_cent(clean.share(FAIL)), 5, " %", clean.told(FAIL))


def test_a_loss_of_1_point_is_caught_on_5000_images(figures: Figures) -> None:
    at_once = fixed(Truth(0.015, 0.005), 5000, seed=4)
    in_looks = sequential(Truth(0.015, 0.005), np.random.default_rng(5), LONG_REPETITIONS)

    what = "true 1-point loss, discordance 2 %"
    figures.at_least(f"{what}, 5,000 images: caught", per_cent(at_once.share(FAIL)), 95, " %", at_once.told(FAIL))
    caught = in_looks.share(FAIL, below=5001)
    note = in_looks.told(FAIL, below=5001)
    figures.at_least(f"{what}, auto, by 5,000 images: caught", per_cent(caught), 95, " %", note)


def test_looking_several_times_needs_few_images_and_keeps_its_error_rates(figures: Figures) -> None:
    clean = sequential(Truth(0.005, 0.005), np.random.default_rng(6), REPETITIONS)
    at_margin = sequential(Truth(0.0075, 0.0025), np.random.default_rng(7), LONG_REPETITIONS)
    all_lost = sequential(Truth(0.005, 1e-9), np.random.default_rng(8), LONG_REPETITIONS)

    median = float(np.median(clean.images))
    note = f" of 50,000 ({int(median):,}; 90 % of cases by {int(np.quantile(clean.images, 0.9)):,})"
    figures.at_most("auto, no loss, discordance 1 %: median images", 100 * median / WHOLE, 10, " %", note)
    figures.at_most("auto, no loss: red", per_cent(clean.share(FAIL)), 5, " %", clean.told(FAIL))
    what = "auto, loss at the margin: green before the end"
    for name, found in (("discordance 1 %", at_margin), ("losses only", all_lost)):
        figures.at_most(f"{what}, {name}", per_cent(found.share(PASS, WHOLE)), 5, " %", found.told(PASS, WHOLE))


def test_a_night_with_nothing_wrong_is_green(figures: Figures) -> None:
    generator = np.random.default_rng(9)
    kinds = (Truth(0.001, 0.001), Truth(0.005, 0.005), Truth(0.015, 0.015))
    share = [CELLS // 3, CELLS // 3, CELLS - 2 * (CELLS // 3)]
    parts = [sequential(kind, generator, NIGHTS * cells, CELLS) for kind, cells in zip(kinds, share, strict=True)]
    green = np.concatenate([part.verdicts.reshape(NIGHTS, -1) == PASS for part in parts], axis=1)
    undecided = np.concatenate([part.verdicts.reshape(NIGHTS, -1) == OPEN for part in parts], axis=1)

    bad = int(np.sum(~green.all(axis=1)))
    low, high = stats.proportion_interval(bad, NIGHTS)
    open_nights = 100 * float(np.mean(undecided.any(axis=1)))
    note = f" ({100 * low:.2f} to {100 * high:.2f}; undecided {open_nights:.2f} %; n {NIGHTS})"
    figures.at_most("a night of 500 cells, nothing wrong: red or undecided", 100 * bad / NIGHTS, 5, " %", note)


def test_a_printed_number_that_holds_is_seldom_missed_on_a_part_of_its_set(figures: Figures) -> None:
    images, right = 4000, 40_000
    hits = np.random.default_rng(10).hypergeometric(right - 250, WHOLE - right + 250, images, REPETITIONS)
    part = stats.subset_factor(images, WHOLE)
    floor = right / WHOLE - MARGIN
    limits = stats.threshold(floor, lambda value: part * stats.share_error(value, images), 0.05, 0.05)
    worse = right - round((limits.detectable + MARGIN) * WHOLE)
    missed = np.random.default_rng(11).hypergeometric(worse, WHOLE - worse, images, REPETITIONS)

    red = int(np.sum(hits / images < limits.lowest))
    overlooked = int(np.sum(missed / images >= limits.lowest))
    for what, count in (("0.5 points below the README: red", red), ("the detectable loss: overlooked", overlooked)):
        low, high = stats.proportion_interval(count, REPETITIONS)
        note = f" ({100 * low:.2f} to {100 * high:.2f}; n {REPETITIONS})"
        figures.at_most(f"4,000 images against a printed number, {what}", 100 * count / REPETITIONS, 5.5, " %", note)


def scenes(generator: np.random.Generator, images: int) -> Integers:
    """Return intersections and unions of street-like scenes: images × (classes, twice).

    Some classes are in every scene and some in one of fifteen; of each, what share is found differs between scenes.
    """
    presence = np.linspace(1.0, 0.07, 19)
    size = generator.gamma(2.0, 40_000 * presence, (images, 19)) * (generator.random((images, 19)) < presence)
    found = generator.beta(8 * presence + 2, 3, (images, 19))
    hits = (size * found).astype(np.int64)
    wrongly = (generator.gamma(1.0, 3_000 * presence, (images, 19))).astype(np.int64)
    return np.hstack([hits, size.astype(np.int64) + wrongly])


@pytest.mark.parametrize("images", [100, 250])
def test_the_interval_of_a_miou_covers_the_truth(figures: Figures, images: int) -> None:
    generator = np.random.default_rng(images)
    total = sum(scenes(generator, 50_000).sum(axis=0).astype(np.float64) for _ in range(8))
    truth = float(pooled_of_sums(total))

    intervals = [stats.bootstrap_sums(scenes(generator, images), pooled_of_sums) for _ in range(COVERED)]

    covered = sum(low <= truth <= high for low, high in intervals)
    low, high = stats.proportion_interval(covered, COVERED)
    share = 100 * covered / COVERED
    measured = f"{share:.3g} % ({100 * low:.2f} to {100 * high:.2f}; n {COVERED})"
    figures.add(f"coverage of the 95 % mIoU interval, {images} scenes", "93 to 97 %", measured, ok=93 <= share <= 97)


def worse(generator: np.random.Generator, rows: Integers, share: float) -> Integers:
    """Return the scenes as another artifact sees them: pixels found are lost, by a share that differs between scenes.

    As many on average are found instead, less `share` of all; a few scenes differ much, most hardly.
    """
    hits, union = np.split(rows, 2, axis=1)
    change = generator.gamma(0.3, 0.01 / 0.3, (len(rows), 1)) * generator.choice([-1.0, 1.0], (len(rows), 1)) + share
    return np.hstack([np.clip(hits - change * hits, 0, union).astype(np.int64), union])


def by_resampling(mine: Integers, theirs: Integers, margin: float) -> int:
    """Return the gate's verdict on the mIoU of the same scenes."""

    def losses(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        ours, others = np.split(sums, 2, axis=-1)
        return pooled_of_sums(others) - pooled_of_sums(ours)

    both = np.hstack([mine, theirs])
    loss = float(losses(both.sum(axis=0).astype(np.float64)))
    facts: dict[str, Any] = {"n": len(mine), "interval": stats.bootstrap_sums(both, losses)}
    facts |= {"differing": int(np.sum((mine != theirs).any(axis=1))), "value": 0.6, "reference_value": 0.6}
    found = Paired(reference="r", metric="miou", protocol="p", loss=loss, **facts)
    return CODES[subset.pair(found, margin, subset.Errors(0.05, 0.05, 1)).outcome]


@pytest.mark.parametrize(("share", "code", "what"), [(0.0, FAIL, "no loss: red"), (0.01, PASS, "at the margin: green")])
def test_a_pair_of_mious_is_seldom_judged_wrongly(figures: Figures, share: float, code: int, what: str) -> None:
    generator = np.random.default_rng(12)
    many = [scenes(generator, 50_000) for _ in range(8)]
    theirs = sum(rows.sum(axis=0).astype(np.float64) for rows in many)
    mine = sum(worse(generator, rows, share).sum(axis=0).astype(np.float64) for rows in many)
    truth = float(pooled_of_sums(theirs)) - float(pooled_of_sums(mine))
    margin = truth if code == PASS else MARGIN / 10

    samples = (scenes(generator, 250) for _ in range(COVERED))
    found = np.array([by_resampling(worse(generator, rows, share), rows, margin) for rows in samples])

    outcomes = Outcomes(found, np.full(COVERED, 250))
    figures.at_most(f"pair of mIoUs, 250 scenes, {what}", per_cent(outcomes.share(code)), 5, " %", outcomes.told(code))
