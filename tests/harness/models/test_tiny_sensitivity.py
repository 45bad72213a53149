"""What the shipped tiny weights score, and that every link broken on purpose costs at least 3 points."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness import cards, networks
from harness.cards import ModelCard
from harness.datasets import digits, open_dataset
from harness.digests import file_sha256
from harness.metrics import make_scorer
from harness.preprocess import compile_steps
from harness.samples import Array, Dataset, Outputs

COST = 0.03
NAMES = ("resnest50-tiny", "icnet-tiny", "intrada-deeplabv2-tiny")
# Enough for a cost of 3 points to stand out; whole sets take longer than a test may.
SAMPLES = {"resnest50-tiny": 1000, "icnet-tiny": 30, "intrada-deeplabv2-tiny": 50}
BATCH = 10


class Bench:
    """A tiny card with its network and preprocessed data; `score` runs them with one thing changed."""

    def __init__(self, card: ModelCard, root: Path) -> None:
        digits.generate(card.dataset.generator, card.dataset.generator_params, root)
        self.card, self.dataset = card, open_dataset(root, card.dataset, card.class_count)
        self.network = networks.build_network(card)
        networks.load_state(self.network, networks.state(card, "card", None))
        self.loaded: dict[str, tuple[Array, Any]] = {}
        self.intact = self.score()

    def sample(self, name: str) -> tuple[Array, Any]:
        if name not in self.loaded:
            pixels = self.dataset.picture(name).pixels
            self.loaded[name] = compile_steps(self.card.preprocess)(pixels), self.dataset.target(name)
        return self.loaded[name]

    def score(
        self,
        card: ModelCard | None = None,
        change: Callable[[Array], Array] = np.asarray,
        label: Callable[[Any], Any] = lambda target: target,
        count: int | None = None,
    ) -> float:
        card = card or self.card
        scorer = make_scorer(card)
        names = spread(self.dataset, count or SAMPLES[card.name])
        for start in range(0, len(names), BATCH):
            some = names[start : start + BATCH]
            inputs = np.stack([change(self.sample(name)[0]) for name in some])
            with torch.inference_mode():
                outputs = self.network(torch.from_numpy(inputs))
            for row, name in enumerate(some):
                kept = tuple(outputs[spec.index][row].numpy() for spec in card.kept_outputs)
                scorer.add(Outputs(name, kept), label(self.sample(name)[1]))
        return scorer.measures()[0].value


def spread(dataset: Dataset, count: int) -> list[str]:
    step = max(1, len(dataset.ids) // count)
    return list(dataset.ids[::step])


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(cards.get(request.param), tmp_path_factory.mktemp(request.param))


def moved(down: int, right: int) -> Callable[[Array], Array]:
    """Return a function that moves a CHW picture by pixels and repeats its edge."""

    def move(array: Array) -> Array:
        height, width = array.shape[1:]
        rows, columns = (np.clip(np.arange(size) - by, 0, size - 1) for size, by in ((height, down), (width, right)))
        return array[:, rows[:, None], columns]

    return move


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_weights_are_the_ones_the_card_names_and_small(name: str) -> None:
    card = cards.get(name)
    assert card.weights is not None

    path = card.path.parent / card.weights.file

    assert file_sha256(path) == card.weights.sha256
    assert path.stat().st_size <= 300_000


@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_the_shipped_weights_score_what_their_card_states_and_are_not_saturated(bench: Bench) -> None:
    baseline = next(row for row in bench.card.baseline if row.metric == bench.card.metric.name)
    low, high = (0.93, 0.97) if baseline.metric == "top1" else (0.7, 0.8)

    value = bench.score(count=bench.card.dataset.count)

    assert value == pytest.approx(baseline.value, abs=0.001)
    assert low <= value <= high


@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_swapped_channels_cost_three_points(bench: Bench) -> None:
    swapped = bench.score(change=lambda array: np.ascontiguousarray(array[::-1]))

    assert swapped <= bench.intact - COST


@pytest.mark.parametrize("by", [(0, 1), (1, 0), (0, -1), (-1, 0)], ids=["right", "down", "left", "up"])
@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_an_input_moved_by_one_pixel_costs_three_points(bench: Bench, by: tuple[int, int]) -> None:
    shifted = bench.score(change=moved(*by))

    assert shifted <= bench.intact - COST


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("bench", NAMES, indirect=True)
def test_a_shifted_label_table_costs_three_points(bench: Bench, by: int) -> None:
    classes = bench.card.class_count

    shifted = bench.score(label=lambda target: np.where(np.less(target, 0), target, (target + by) % classes))

    assert shifted <= bench.intact - COST


@pytest.mark.parametrize("bench", ["icnet-tiny"], indirect=True)
def test_corners_aligned_otherwise_inside_icnet_cost_three_points(bench: Bench) -> None:
    resize = functional.interpolate

    def unaligned(x: torch.Tensor, **options: Any) -> torch.Tensor:
        assert options["align_corners"] is True
        return resize(x, **{**options, "align_corners": False})

    with mock.patch.object(functional, "interpolate", unaligned):
        flipped = bench.score()

    assert flipped <= bench.intact - COST


@pytest.mark.parametrize("bench", ["intrada-deeplabv2-tiny"], indirect=True)
def test_corners_aligned_otherwise_in_the_scoring_of_intrada_cost_three_points(bench: Bench) -> None:
    upsample = {**bench.card.metric.params["upsample"], "align_corners": False}
    metric = bench.card.metric.model_copy(update={"params": {"upsample": upsample}})

    flipped = bench.score(bench.card.model_copy(update={"metric": metric}))

    assert flipped <= bench.intact - COST


@pytest.mark.parametrize("bench", ["intrada-deeplabv2-tiny"], indirect=True)
def test_scoring_the_auxiliary_head_of_intrada_costs_three_points(bench: Bench) -> None:
    swapped = tuple(spec.model_copy(update={"scored": not spec.scored}) for spec in bench.card.output)

    auxiliary = bench.score(bench.card.model_copy(update={"output": swapped}))

    assert auxiliary <= bench.intact - COST
