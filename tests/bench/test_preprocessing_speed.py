"""A decoded Cityscapes picture becomes a network input in milliseconds."""

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness import cards
from harness.preprocess import compile_steps, network_input
from harness.samples import Picture
from tests.bench.figures import Figures

pytestmark = pytest.mark.slow


@pytest.mark.benchmark(timer=time.thread_time)
def test_a_cityscapes_picture_is_preprocessed_in_8_ms(benchmark: BenchmarkFixture, figures: Figures) -> None:
    card = cards.get("icnet")
    transform = compile_steps(card.preprocess)
    pixels = np.random.default_rng(0).integers(0, 256, (1024, 2048, 3)).astype(np.uint8)
    picture = Picture("a", pixels)

    benchmark.pedantic(network_input, (transform, card.input[0], picture), rounds=30, warmup_rounds=2)

    milliseconds = 1e3 * benchmark.stats.stats.median
    figures.at_most("Cityscapes preprocessing, 1024×2048 to CHW float32", milliseconds, 8.0, " ms")
