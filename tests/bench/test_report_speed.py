"""Rendering a report, beyond imports: a usual run, and one of 5,000 results."""

import time
from pathlib import Path

import pytest

from tests.bench.figures import Figures
from tests.harness.report.test_page import many, rendered


@pytest.mark.parametrize(("count", "bound_s"), [(500, 2.0), (5000, 15.0)])
def test_a_report_is_rendered_in_time(figures: Figures, tmp_path: Path, count: int, bound_s: float) -> None:
    rendered(many(tmp_path / "first", 5))  # what is imported on first use
    folder = many(tmp_path / "run", count)

    began = time.perf_counter()
    rendered(folder)

    figures.at_most(f"a report of {count} results", time.perf_counter() - began, bound_s, " s")
