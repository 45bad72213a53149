"""The pages in a real browser: nothing is loaded or fails, filters and sorts work, 5,000 cases stay responsive."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from harness import remember
from harness.history.anchors import frozen
from harness.history.store import History
from harness.report import page
from harness.report.histories import histories, told
from harness.report.read import Past, load, report
from harness.report.since import since_green
from harness.report.views import Material
from tests.harness import run_folders as made
from tests.harness.history.nights import HOST, entry
from tests.harness.report.test_page import INJECTIONS, many

FIRST_PAINT_MS = 2000
NAMES = ("chromium", "chromium-browser", "google-chrome")
# A page's policy forbids what Playwright's own waiting evaluates, so these wait in the page.
PAINTED = """() => new Promise(done => new PerformanceObserver(seen => {
    const first = seen.getEntriesByName("first-contentful-paint")[0];
    if (first) done(first.startTime);
}).observe({type: "paint", buffered: true}))"""
OVERFLOWS = """() => Array.from(document.querySelectorAll(".scroll:has(#cases, #matrix)"),
    (one) => one.scrollWidth - one.clientWidth)"""
STYLES = """(rows) => Array.from(document.querySelectorAll(rows), (one) => [
    getComputedStyle(one.querySelector(".v")).borderTopStyle,
    getComputedStyle(one.firstElementChild).backgroundImage.includes("gradient")])"""
FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


@pytest.fixture(scope="module")
def browser():
    found = os.environ.get("OMGATE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.fail("no Chromium: apt-get install chromium, or set OMGATE_CHROMIUM to its path", pytrace=False)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox in a container
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        yield started
        started.close()


class Seen:
    """A page that was opened from disk, with whatever it asked for and complained of."""

    def __init__(self, browser: Browser, path: Path, **context: object) -> None:
        self.page: Page = browser.new_context(**context).new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append("dialog"))
        self.page.goto(path.as_uri())

    def shown(self, selector: str) -> list[str]:
        return [one.inner_text() for one in self.page.query_selector_all(selector) if one.is_visible()]


def written(folder: Path, run: Path, past: Past | None = None) -> Path:
    for name, text in page.pages(report(load(run), {}, past or Past()), Material(run), "report.html"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "report.html"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A run with a red, an emulated and a green case, of two models, with all that is drawn."""
    folder = tmp_path_factory.mktemp("mixed")
    classes = {"ids": ["a"], "classes": [f"class {at}" for at in range(20)], "image": [0], "cell": [3], "count": [7]}
    outcomes = made.with_outcomes(folder / "run", made.case(batch=1), classes, "miou")
    scores = tuple(made.measure(f"iou:class {at}", at / 20) for at in range(20))
    entries = [
        made.entry(made.case(batch=1), measures=scores, outcomes=outcomes, worst=("a" * 90,)),
        made.entry(made.case("parity", 16), made.judgement("FAIL", note="cosine fell"), "missed"),
        made.entry(made.case(batch=2, model="other", emulated=True, chip="Ascend310P3", runtime="aclruntime")),
        made.timed(4, 2000.0),
    ]
    return written(folder / "out", made.write(folder / "run", entries))


@pytest.fixture(scope="module")
def with_past(tmp_path_factory):
    """A run of one case, a history of 45 nights that step, an anchor, and much that differs since the last green."""
    folder = tmp_path_factory.mktemp("past")
    facts = {"packages": {f"package-{'x' * 40}-{at}": "1.0" for at in range(9)}}
    nights = [entry(at, 100.0 + at % 3 - (9 if at > 30 else 0)) for at in range(45)]
    tonight = entry(45, 91.0, environment={**HOST, **facts})
    with History.open(str(folder / "history.sqlite"), create=True) as history:
        remember.keep(history, [(f"night-{at}", one) for at, one in enumerate([*nights, tonight])])
        (series,) = history.series(tonight.result.case.key)
        history.freeze({series.line: frozen(series, "v1.0", "2025-02-01T00:00:00Z")})
        run = load(made.write(folder / "run", [tonight]))
        known = histories(history, run.named)
        past = Past({key: told(one) for key, one in known.items()}, since_green(history, run.named, known), "")
    return written(folder / "out", run.folder, past)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_before_is_seen_and_fits(browser, with_past, scheme, width):
    seen = Seen(browser, with_past, color_scheme=scheme, viewport={"width": width, "height": 900})
    seen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    colours = "(name) => getComputedStyle(document.querySelector(`.nights ${name}`))"
    marks = {seen.page.evaluate(f"({colours})('{name}').{what}") for name, what in
             ((".night circle", "fill"), (".anchor", "stroke"), (".allowed", "fill"), (".own", "stroke"))}  # fmt: skip
    assert len(marks) == 4
    assert seen.shown("details.case h4")[1:2] == ["History on this machine"]
    box = seen.page.query_selector("svg.nights").bounding_box()
    assert 0 <= box["x"] < box["x"] + box["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_loads_nothing_complains_of_nothing_and_fits(browser, mixed, scheme, width):
    seen = Seen(browser, mixed, color_scheme=scheme, viewport={"width": width, "height": 900})
    seen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert seen.requests == [mixed.as_uri()]
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 28)")


def test_the_theme_can_be_chosen(browser, mixed):
    seen = Seen(browser, mixed, color_scheme="light")

    grounds = []
    for _ in range(3):
        seen.page.click("#theme")
        grounds.append(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(21, 24, 28)", "rgb(255, 255, 255)"]


@pytest.mark.parametrize(
    ("control", "value", "left"),
    [
        ("state", "red", 1),
        ("check", "accuracy", 2),
        ("model", "other", 1),
        ("chip", "cpu", 3),
        ("kind", "emulated", 1),
        ("kind", "real", 3),
    ],
)
def test_a_choice_filters_the_table_and_the_matrix(browser, mixed, control, value, left):
    seen = Seen(browser, mixed)

    seen.page.select_option(f"select[name={control}]", value)
    assert len(seen.shown("#cases tbody tr")) == left
    assert len(seen.shown("#matrix a[data-i]")) == left
    assert seen.shown("#filters output") == [f"{left} of 4 cases"]
    seen.page.click("button[type=reset]")
    seen.page.evaluate(FRAME)
    assert seen.shown("#filters output") == ["4 of 4 cases"]


def test_words_filter_by_whatever_a_row_says(browser, mixed):
    seen = Seen(browser, mixed)

    seen.page.fill("input[name=text]", "COSINE fell")
    assert [row for row in seen.shown("#cases tbody tr") if "parity" in row] == seen.shown("#cases tbody tr") != []


def test_a_column_is_sorted_by_its_numbers_and_back(browser, mixed):
    seen = Seen(browser, mixed)

    def batches() -> list[str]:
        return seen.shown("#cases tbody td:nth-child(5)")

    seen.page.click("#cases th:nth-child(5) button")
    assert batches() == ["1", "2", "4", "16"]
    seen.page.click("#cases th:nth-child(5) button")
    assert batches() == ["16", "4", "2", "1"]


def test_a_link_opens_the_case(browser, mixed):
    seen = Seen(browser, mixed)

    seen.page.click("#matrix a.s-red")
    assert len(seen.shown("details.case[open]")) == 1
    assert "cosine fell" in seen.shown("details.case[open]")[0]


@pytest.mark.parametrize("bad", INJECTIONS)
def test_a_hostile_run_runs_nothing(browser, tmp_path, bad):
    run = made.write(
        tmp_path / "run", [made.entry(made.case(model=bad), made.judgement("FAIL", note=bad), "missed", worst=(bad,))]
    )
    seen = Seen(browser, written(tmp_path / "out", run))

    assert seen.complaints == []
    assert len(seen.requests) == 1


def test_a_phone_shows_verdicts_and_cases_whole_and_sorts_them(browser, mixed):
    seen = Seen(browser, mixed, viewport={"width": 390, "height": 900})

    assert seen.page.evaluate(OVERFLOWS) == [0, 0]
    assert len(seen.shown("#cases td.reason")) == 4
    seen.page.click("#cases th:nth-child(1) button")
    assert "FAIL" in seen.shown("#cases tbody tr")[0]


def test_on_paper_everything_fits_and_what_is_red_is_open(browser, mixed):
    seen = Seen(browser, mixed, viewport={"width": 720, "height": 900})  # A4 less its margins, at 96 pixels an inch

    seen.page.emulate_media(media="print")
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 720
    assert ["cosine fell" in one for one in seen.shown("details.case[open]")] == [True]
    assert seen.shown("#filters, #theme") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_emulated_looks_otherwise_in_the_matrix_and_the_table(browser, mixed, scheme):
    seen = Seen(browser, mixed, color_scheme=scheme)

    for table in ("#matrix", "#cases"):
        hatched, plain = (
            seen.page.evaluate(STYLES, f"{table} tbody tr{kind}") for kind in (".not-real", ":not(.not-real)")
        )
        assert hatched == [["dashed", True]]
        assert [one for one in plain if one != ["solid", False]] == []
        assert plain != []


@pytest.mark.parametrize("width", [1280, 390])
def test_5000_cases_are_painted_in_two_seconds_and_filtered_in_two(browser, tmp_path, width):
    viewport = {"width": width, "height": 900}
    seen = Seen(browser, written(tmp_path / "out", many(tmp_path / "run", 5000)), viewport=viewport)

    assert seen.page.evaluate(PAINTED) <= FIRST_PAINT_MS
    began = seen.page.evaluate("performance.now()")
    seen.page.select_option("select[name=check]", "accuracy")
    seen.page.evaluate(FRAME)
    assert seen.page.evaluate("performance.now()") - began <= FIRST_PAINT_MS
    assert seen.shown("#filters output") == ["1000 of 5000 cases"]
    assert seen.complaints == []
