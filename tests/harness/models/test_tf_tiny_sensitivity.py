"""What the TensorFlow pair's tiny weights score, and that every link broken on purpose costs at least 3 points."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from harness import cards
from harness.cards import ModelCard
from harness.datasets import digits, open_dataset
from harness.digests import file_sha256
from harness.metrics import make_scorer
from harness.preprocess import compile_steps, network_input
from harness.samples import Array, Objects, Outputs
from harness.train import tf_fit
from harness.weights import State, read_checkpoint

tf = pytest.importorskip("tensorflow", reason="the networks are TensorFlow's")

COST = 0.03
NAMES = ("resnest-seg-tiny", "spinenet-tiny")
# Enough for a cost of 3 points to stand out; whole sets take longer than a test may.
SAMPLES = 60


class Bench:
    """A tiny card with its weights and inputs; `score` runs them with one thing changed."""

    def __init__(self, card: ModelCard, root: Path) -> None:
        digits.generate(card.dataset.generator, card.dataset.generator_params, root)
        self.card, self.dataset = card, open_dataset(root, card.dataset, card.class_count)
        assert card.weights is not None
        self.state: State = read_checkpoint(card.path.parent / card.weights.file)
        self.run = tf_fit.runner(card, self.state)
        self.transform = compile_steps(card.preprocess)
        self.intact = self.score()

    def score(
        self,
        change: Callable[[Array], Array] = np.asarray,
        label: Callable[[Any], Any] = lambda target: target,
        outputs: Callable[[tuple[Array, ...]], tuple[Array, ...]] = lambda found: found,
        count: int = SAMPLES,
    ) -> float:
        scorer = make_scorer(self.card)
        for name in self.dataset.ids[:: max(1, len(self.dataset.ids) // count)]:
            array = network_input(self.transform, self.card.input[0], self.dataset.picture(name)).arrays[0]
            found = outputs(self.run(np.ascontiguousarray(change(array))[None]))
            kept = tuple(found[spec.index][0] for spec in self.card.kept_outputs)
            scorer.add(Outputs(name, kept), label(self.dataset.target(name)))
        return scorer.measures()[0].value

    def built_otherwise(self, operator: str, **options: bool) -> float:
        """Return the score of the network with one operator's options changed."""
        intact = getattr(tf.raw_ops, operator)
        with mock.patch.object(tf.raw_ops, operator, lambda **given: intact(**{**given, **options})):
            otherwise = tf_fit.runner(self.card, self.state)
        with mock.patch.object(self, "run", otherwise):
            return self.score()


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(cards.get(request.param), tmp_path_factory.mktemp(request.param))


def moved(down: int, right: int) -> Callable[[Array], Array]:
    """Return a function that moves an HWC picture by pixels and repeats its edge."""

    def move(array: Array) -> Array:
        height, width = array.shape[:2]
        rows, columns = (np.clip(np.arange(size) - by, 0, size - 1) for size, by in ((height, down), (width, right)))
        return array[rows[:, None], columns]

    return move


def renumbered(target: Any, by: int) -> Any:
    """Return a target with every class number moved on."""
    if isinstance(target, Objects):
        return replace(target, classes=(target.classes - 1 + by) % 10 + 1)
    return np.where(target < 0, target, (target + by) % 11)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_weights_are_the_ones_the_card_names_and_small(name: str) -> None:
    card = cards.get(name)
    assert card.weights is not None

    path = card.path.parent / card.weights.file

    assert file_sha256(path) == card.weights.sha256
    assert path.stat().st_size <= 500_000
    assert {array.dtype for array in read_checkpoint(path).values()} <= {np.dtype("f2"), np.dtype("f4")}


@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_the_shipped_weights_score_what_their_card_states_and_are_not_saturated(bench: Bench) -> None:
    baseline = next(row for row in bench.card.baseline if row.metric == bench.card.metric.name)
    low, high = (0.75, 0.85) if baseline.metric == "miou" else (0.4, 0.7)

    value = bench.score(count=bench.card.dataset.count)

    assert value == pytest.approx(baseline.value, abs=0.001)
    assert low <= value <= high


@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_swapped_channels_cost_three_points(bench: Bench) -> None:
    swapped = bench.score(change=lambda array: array[..., ::-1])

    assert swapped <= bench.intact - COST


@pytest.mark.parametrize("by", [(0, 1), (1, 0), (0, -1), (-1, 0)], ids=["right", "down", "left", "up"])
@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_an_input_moved_by_one_pixel_costs_three_points(bench: Bench, by: tuple[int, int]) -> None:
    shifted = bench.score(change=moved(*by))

    assert shifted <= bench.intact - COST


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_a_shifted_label_table_costs_three_points(bench: Bench, by: int) -> None:
    shifted = bench.score(label=lambda target: renumbered(target, by))

    assert shifted <= bench.intact - COST


@pytest.mark.parametrize("flag", ["align_corners", "half_pixel_centers"])
@pytest.mark.parametrize("bench", ["resnest-seg-tiny"], indirect=True)
def test_logits_resized_by_the_other_rules_of_tensorflow_cost_three_points(bench: Bench, flag: str) -> None:
    flipped = bench.built_otherwise("ResizeBilinear", **{flag: True})

    assert flipped <= bench.intact - COST


@pytest.mark.parametrize("bench", ["spinenet-tiny"], indirect=True)
def test_boxes_read_as_xyxy_cost_three_points(bench: Bench) -> None:
    def transposed(found: tuple[Array, ...]) -> tuple[Array, ...]:
        return found[0], found[1][..., [1, 0, 3, 2]], *found[2:]

    assert bench.score(outputs=transposed) <= bench.intact - COST
