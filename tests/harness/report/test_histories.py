"""What the page says of a case's past: its series on this machine, and what differs from the last green run."""

import dataclasses

import pytest

from harness.errors import UsageError
from harness.history import changes
from harness.history.anchors import frozen
from harness.history.points import Reading, Record
from harness.history.store import History
from harness.report import page
from harness.report.document import DifferencePart, SincePart
from harness.report.histories import histories, told
from harness.report.read import NOT_LOOKED, Past, keyed, load, read, report
from harness.report.since import since_green, since_run
from harness.report.views import Material
from tests.harness import run_folders as made
from tests.harness.history.nights import CANN, HOST, case_of, commit_of, entry
from tests.harness.report.test_page import INJECTIONS, Page

OTHER = {**HOST, "cpu": "Another CPU", "commit": commit_of(0)}


@pytest.fixture
def history(tmp_path):
    with History.open(str(tmp_path / "history.sqlite"), create=True) as opened:
        yield opened


def keep(history, *nights, run="r"):
    """Keep entries, each with its throughput of 100 images/s less one for each night before."""
    records = [Record(one, f"{run}{at}", (Reading("throughput", "ais_bench", "images/s", 100 - at),))
               for at, one in enumerate(nights)]  # fmt: skip
    history.add(records)


def past(history, *entries):
    named = keyed(entries)
    found = histories(history, named)
    return found, since_green(history, named, found)


def only(found):
    (one,) = found.values()
    return one


def test_a_series_holds_the_results_of_this_machine_only(history):
    tonight = entry(5)
    keep(history, entry(1), entry(2, environment=OTHER), entry(3), tonight)

    found, _ = past(history, tonight)
    assert [point.at[:10] for point in only(found).found.series.points] == ["2025-01-02", "2025-01-04", "2025-01-06"]
    assert only(found).own == only(found).found.series.points[-1].digest
    assert only(found).lack == ""


def test_the_frozen_anchor_is_told(history):
    keep(history, *(entry(night) for night in range(6)))
    (series,) = history.series(case_of().key)
    history.freeze({series.line: frozen(series, "v1.0", "2025-01-06T00:00:00Z")})

    found, _ = past(history, entry(5))
    assert only(found).found.anchor.release == "v1.0"
    said = told(only(found)).said
    assert any(text.startswith("anchor v1.0: 97.50 images/s, frozen 2025-01-06 of 6") for text in said)


@pytest.mark.skipif(bool(changes.missing()), reason=changes.missing())
def test_a_step_is_told_with_its_commits(history):
    nights = [entry(night) for night in range(40)]
    rates = [100.0 + night % 2 if night < 20 else 80.0 + night % 2 for night in range(40)]
    history.add([Record(one, "r", (Reading("throughput", "ais_bench", "images/s", rate),))
                 for one, rate in zip(nights, rates, strict=True)])  # fmt: skip

    found, _ = past(history, nights[-1])
    assert [step.commits for step in only(found).found.changes] == ["00000013..00000014"]
    assert any("00000013..00000014" in text for text in told(only(found)).said)


@pytest.mark.parametrize(
    ("tonight", "why"),
    [
        (entry(5, case=case_of(emulated=True)), "the history keeps no results that are emulated"),
        (entry(5, case=case_of(weights="seeded")), "the history keeps no results that are of seeded weights"),
        (entry(5, environment=OTHER), "no result of this machine in the 120 days before the run"),
        (entry(200), "no result of this machine in the 120 days before the run"),
        (entry(5, started_at=""), "the history keeps no results that are without a time"),
    ],
)
def test_a_case_without_history_says_why(history, tonight, why):
    keep(history, entry(1))

    found, since = past(history, tonight)
    assert (only(found).found, only(found).lack) == (None, why)
    assert only(since) == SincePart(lack=why)


def test_a_run_that_is_not_in_the_history_is_told(history):
    keep(history, entry(1))

    found, _ = past(history, entry(5))
    assert (only(found).own, only(found).lack) == (
        "",
        "this run's result is not in the history; omgate history import takes it in",
    )


def test_what_differs_from_the_last_green_run_is_listed(history):
    green = entry(2, toolchain={**CANN, "version": "8.0.RC1"}, environment={**HOST, "packages": {"numpy": "2.1.0"}})
    keep(history, entry(1), green, entry(3, outcome="FAIL", code="missed"))
    tonight = entry(4, toolchain={**CANN, "version": "8.0.RC2"}, environment={**HOST, "commit": commit_of(4)})

    _, since = past(history, tonight)
    assert only(since).what == "the last green run here, r1 (2025-01-03, PASS met)"
    assert {(one.name, one.before, one.after) for one in only(since).differences} == {
        ("packages numpy", "2.1.0", "—"),
        ("commit", "—", commit_of(4)),
        ("toolchain version", "8.0.RC1", "8.0.RC2"),
    }


def test_a_later_and_another_machines_green_run_are_not_the_last_one(history):
    keep(history, entry(1, outcome="FAIL"), entry(2, environment=OTHER), entry(9))

    _, since = past(history, entry(4))
    assert only(since).lack == "no older PASS of it on this machine in the 120 days before the run"


def test_a_given_run_is_compared_with_instead(tmp_path):
    before = made.write(tmp_path / "before", [entry(1, outcome="FAIL", code="missed")])

    same = only(since_run(before, keyed([entry(1)])))
    other = only(since_run(before, keyed([entry(1, case=case_of(batch=8))])))
    assert (same.what, same.differences) == ("the run before (2025-01-02, FAIL missed)", ())
    assert other.lack == "the run before has no such case"
    with pytest.raises(UsageError):
        since_run(tmp_path / "none", [])


def test_the_differences_of_a_run_are_counted_over_its_cases(tmp_path):
    numpy, commit = (DifferencePart(name=name, before="1", after="2") for name in ("packages numpy", "commit"))
    since = {
        "a": SincePart(what="x", differences=(commit, numpy)),
        "b": SincePart(what="x", differences=(numpy,)),
        "c": SincePart(lack="none"),
    }

    past = report(load(made.write(tmp_path, [])), {}, Past(since=since, note="")).past
    assert past.compared == 2
    assert [(one.name, one.cases) for one in past.differences] == [("packages numpy", 2), ("commit", 1)]


def test_a_case_that_ran_twice_is_compared_twice(history):
    keep(history, entry(1))

    found, since = past(history, entry(4), entry(5))
    assert list(found) == list(since) == [case_of().key, f"{case_of().key}-2"]


def whole(history, folder, entries):
    """Return the report of a run of these entries, with what the history knows of them."""
    run = load(made.write(folder, entries))
    known = histories(history, run.named)
    parts = {key: told(one) for key, one in known.items()}
    return report(run, {}, Past(parts, since_green(history, run.named, known), ""))


def shown_with(history, folder, entries):
    found = whole(history, folder, entries)
    return Page(dict(page.pages(found, Material(folder), "report.html"))["report.html"])


def test_the_page_shows_the_nights_and_the_differences_of_each_case_and_of_the_run(history, tmp_path):
    tonight = entry(4)
    keep(history, entry(1), entry(2), tonight)

    found = shown_with(history, tmp_path / "run", [tonight, entry(4, case=case_of(batch=8))])
    assert [one["aria-label"] for one in found.of("svg") if "nights" in one["class"]] == ["throughput over 3 results"]
    assert "1 fact differs from the last green run here, r1 (2025-01-03, PASS met)" in found.text
    assert "No result of this machine in the 120 days before the run." in found.text
    assert found.text.count(commit_of(2)) == 2
    assert "Of 1 compared case;" in found.text


def test_the_page_says_that_no_history_was_looked_at(tmp_path):
    run = made.write(tmp_path / "run", [made.entry()])

    text = dict(page.pages(read(run, {}), Material(run), "report.html"))["report.html"]
    assert NOT_LOOKED in text


@pytest.mark.parametrize("bad", INJECTIONS)
def test_no_text_of_a_history_becomes_markup(tmp_path, bad):
    def with_text(text: str, name: str) -> Page:
        with History.open(str(tmp_path / f"{name}.sqlite"), create=True) as history:
            case = case_of(model=text)
            chain = {"name": text, "version": text, "driver": text}
            facts = {"case": case, "toolchain": chain}
            nights = [
                entry(night, environment={**HOST, text: f"{text}{night}", "commit": text}, **facts) for night in (1, 2)
            ]
            records = [Record(one, text, (Reading(text, text, text, 1.0 + at),)) for at, one in enumerate(nights)]
            history.add(records)
            (series,) = history.series(case.key)
            history.freeze({series.line: dataclasses.replace(frozen(series, text, "2025-01-06"), commit=text)})
            return shown_with(history, tmp_path / name, [nights[-1]])

    plain, found = with_text("plain", "a"), with_text(bad, "b")
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    assert [list(one) for _, one in found.elements] == [list(one) for _, one in plain.elements]
    assert found.text.count(bad) > 10
