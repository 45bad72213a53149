"""Reading READMEs: hostile ones in bounded time, and a zoo of them."""

import random
import time

import pytest

from harness.readme import parse
from tests.bench.figures import Figures
from tests.harness.readme.test_hostile_readmes import PATTERNS

SECONDS_PER_MEGABYTE = 2.0


@pytest.mark.parametrize("name", PATTERNS)
def test_a_megabyte_of_anything_is_read_in_two_seconds(figures: Figures, name: str) -> None:
    data = PATTERNS[name](random.Random(7)).encode()  # noqa: S311 - a test's data

    began = time.process_time()
    parse(data)
    taken = (time.process_time() - began) / len(data) * 1e6

    figures.at_most(f"README of {name}, processor seconds per MB", taken, SECONDS_PER_MEGABYTE, " s")
