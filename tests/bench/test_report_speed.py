"""Rendering a report, beyond imports: a usual run, one with a history, and one of 5,000 results.

Processor time is measured, that of all processes: what the clock says on a machine with one free core, and not how many
others use this one.
"""

import datetime
import os
from pathlib import Path

import pytest

from harness import remember
from harness.history.store import History
from harness.report import page
from harness.report.histories import histories, told
from harness.report.read import Past, load, report
from harness.report.since import since_green
from harness.report.views import Material
from harness.results import Entry
from harness.runs import read_entries
from tests.bench.figures import Figures
from tests.harness import run_folders as made
from tests.harness.history.nights import FIRST, HOST, commit_of
from tests.harness.report.test_page import many, rendered


def test_a_report_with_a_history_is_rendered_in_time_and_stays_small(figures: Figures, tmp_path: Path) -> None:
    nights = 45
    entries = read_entries(many(tmp_path / "run", 500))
    run = made.write(tmp_path / "run", [_at(one, nights) for one in entries])
    first = made.write(tmp_path / "first", read_entries(run)[:5])
    with History.open(str(tmp_path / "history.sqlite"), create=True) as history:
        for night in range(nights):
            remember.keep(history, [(f"n{night}", _at(one, night)) for one in entries])
        _rendered_with(history, first)  # what is imported on first use
        began = _spent_s()
        text = _rendered_with(history, run)

    figures.at_most("a report of 500 results with their history", _spent_s() - began, 2.0, " s")
    figures.at_most("its size", len(text.encode()) / 1e6, 6.0, " MB")


def _at(one: Entry, night: int) -> Entry:
    return one.model_copy(update={"result": one.result.model_copy(update={
        "environment": {**HOST, "commit": commit_of(night), "packages": {"numpy": f"2.{night}"}},
        "started_at": (FIRST + datetime.timedelta(days=night)).isoformat(),
    })})  # fmt: skip


def _rendered_with(history: History, folder: Path) -> str:
    run = load(folder)
    known = histories(history, run.named)
    past = Past({key: told(one) for key, one in known.items()}, since_green(history, run.named, known), "")
    return dict(page.pages(report(run, {}, past), Material(folder), "report.html"))["report.html"]


@pytest.mark.parametrize(("count", "bound_s"), [(500, 2.0), (5000, 15.0)])
def test_a_report_is_rendered_in_time(figures: Figures, tmp_path: Path, count: int, bound_s: float) -> None:
    rendered(many(tmp_path / "first", 5))  # what is imported on first use
    folder = many(tmp_path / "run", count)

    began = _spent_s()
    rendered(folder)

    figures.at_most(f"a report of {count} results", _spent_s() - began, bound_s, " s")


def _spent_s() -> float:
    """Return the processor time of this process and of those it waited for, in seconds."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
