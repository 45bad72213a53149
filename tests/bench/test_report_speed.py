"""Rendering a report, beyond imports: a usual run, and one of 5,000 results."""

import datetime
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness import remember
from harness.history.store import History
from harness.report import page
from harness.report.histories import histories
from harness.report.read import keyed, read
from harness.report.since import since_green
from harness.report.views import Material
from harness.results import Entry
from harness.runs import read_entries
from tests.bench.figures import Figures
from tests.harness.history.nights import FIRST, HOST, commit_of
from tests.harness.report.test_page import many, rendered


def test_a_report_with_a_history_is_rendered_in_time_and_stays_small(figures: Figures, tmp_path: Path) -> None:
    folder, nights = many(tmp_path / "run", 500), 45
    entries = [_at(one, nights) for one in read_entries(folder)]
    with History.open(str(tmp_path / "history.sqlite"), create=True) as history:
        for night in range(nights):
            remember.keep(history, [(f"n{night}", _at(one, night)) for one in entries])
        _rendered_with(history, folder, entries[:5])  # what is imported on first use
        began = time.perf_counter()
        text = _rendered_with(history, folder, entries)

    figures.at_most("a report of 500 results with their history", time.perf_counter() - began, 2.5, " s")
    figures.at_most("its size", len(text.encode()) / 1e6, 6.0, " MB")


def _at(one: Entry, night: int) -> Entry:
    return one.model_copy(update={"result": one.result.model_copy(update={
        "environment": {**HOST, "commit": commit_of(night), "packages": {"numpy": f"2.{night}"}},
        "started_at": (FIRST + datetime.timedelta(days=night)).isoformat(),
    })})  # fmt: skip


def _rendered_with(history: History, folder: Path, entries: Sequence[Entry]) -> str:
    named = keyed(entries)
    known = histories(history, named)
    material = Material(folder, {}, {}, known, since_green(history, named, known), "")
    return dict(page.pages(read(folder, {}), material, "report.html"))["report.html"]


@pytest.mark.parametrize(("count", "bound_s"), [(500, 2.0), (5000, 15.0)])
def test_a_report_is_rendered_in_time(figures: Figures, tmp_path: Path, count: int, bound_s: float) -> None:
    rendered(many(tmp_path / "first", 5))  # what is imported on first use
    folder = many(tmp_path / "run", count)

    began = time.perf_counter()
    rendered(folder)

    figures.at_most(f"a report of {count} results", time.perf_counter() - began, bound_s, " s")
