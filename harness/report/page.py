"""The run as HTML: one file that opens from disk and loads nothing, with pages of details beside it for large runs."""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from harness import __version__
from harness.cards import CHECKS
from harness.errors import MissingNeedError
from harness.render.table import README_COLUMNS
from harness.report import views
from harness.report.changes import TITLES, TRENDS, Comparison, Trend
from harness.report.charts import REMEDY
from harness.report.document import STATES, CasePart, RunReport, State
from harness.report.promised import Promised
from harness.report.views import CaseView, Material, SpeedChart
from harness.units import ABSENT, written

TEMPLATES = Path(__file__).parent / "templates"
MOST_TOGETHER = 500
"""With more cases than these the details go to pages of their own: the file stays below 6 MB and opens at once."""
CASES_A_PAGE = 250
DETAIL = re.compile(r"\d{3,}\.html")
"""The names of these pages."""
MOST_DIFFERENCES = 40
"""How many differences the run as a whole lists; each case has all of its own."""
SHORT = {"batch-consistency": "consistency"}
COLUMNS = (
    ("verdict", False), ("case", False), ("check", False), ("chip", True), ("batch", True), ("measured", False),
    ("promised", False), ("why", False),
)  # fmt: skip
"""The columns of the table of cases, and whether a phone leaves them out."""

TREND_COLOURS: dict[Trend, State] = {
    "worse": "red", "better": "green", "gone": "undecided", "new": "unpromised", "changed": "not-run",
    "same": "not-run",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A model's part of a page, or what of it fits there."""

    name: str
    table: tuple[tuple[str, ...], ...] = ()
    speeds: tuple[SpeedChart, ...] = ()
    views: tuple[CaseView, ...] = ()


@dataclass(frozen=True)
class _Chunk:
    """The cases of one page of details, with everything that it is drawn from; it travels to another process."""

    report: RunReport
    material: Material
    number: int
    count: int
    index: str
    led: tuple[str, ...]
    """The models that begin on this page, whose tables and curves it shows."""
    whole: Mapping[str, tuple[CasePart, ...]]


def pages(report: RunReport, material: Material, name: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a report, each with its path beside the report called `name`; the report comes last.

    Raises MissingNeedError without the libraries of the extra `report`.
    """
    _templates()
    chunks = _chunks(report, material, name) if len(report.cases) > MOST_TOGETHER else []
    files = {case.key: f"{folder(name)}/{chunk.number:03}.html" for chunk in chunks for case in chunk.report.cases}
    for chunk, text in zip(chunks, _rendered(chunks), strict=True):
        yield f"{folder(name)}/{chunk.number:03}.html", text
    links = {case.key: f"{files.get(case.key, '')}#c-{case.key}" for case in report.cases}
    sections = () if chunks else tuple(_sections(report.cases, report, material))
    yield name, _index(report, links, sections)


def folder(name: str) -> str:
    """Return the folder of a report's pages of details, beside the report."""
    return f"{Path(name).stem}-pages"


def difference(found: Comparison) -> str:
    """Return the comparison of two runs as one page; raises MissingNeedError as `pages`."""
    return _render("diff.html.j2", found=found, trends=TRENDS, titles=TITLES, colours=TREND_COLOURS)


def _index(report: RunReport, links: Mapping[str, str], sections: Sequence[Section]) -> str:
    batches, lines = views.matrix(report.cases)
    return _render(
        "report.html.j2",
        report=report,
        head=views.headline(report),
        batches=batches,
        lines=lines,
        links=links,
        kinds=[views.kind_of(case) for case in report.cases],
        choices={name: _distinct(getattr(case, name) for case in report.cases) for name in ("check", "model", "chip")},
        columns=COLUMNS,
        sections=sections,
    )


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def _sections(cases: Sequence[CasePart], report: RunReport, material: Material) -> Iterator[Section]:
    for model, mine in _by_model(cases).items():
        yield Section(
            name=model,
            table=report.readme.get(model, ()),
            speeds=views.speed_charts(mine, material.promised.get(model, Promised())),
            views=tuple(views.case_view(case, material) for case in mine),
        )


def _by_model(cases: Iterable[CasePart]) -> dict[str, tuple[CasePart, ...]]:
    found: dict[str, list[CasePart]] = {}
    for case in cases:
        found.setdefault(case.model, []).append(case)
    return {model: tuple(mine) for model, mine in found.items()}


def _chunks(report: RunReport, material: Material, name: str) -> list[_Chunk]:
    """Return the pages of details, models in order; each carries only what it shows."""
    by_model = _by_model(report.cases)
    ordered = [case for mine in by_model.values() for case in mine]
    parts = [ordered[start : start + CASES_A_PAGE] for start in range(0, len(ordered), CASES_A_PAGE)]
    first = {model: mine[0].key for model, mine in by_model.items()}
    chunks = []
    for number, part in enumerate(parts, 1):
        models, keys = {case.model for case in part}, {case.key for case in part}
        own = replace(
            material,
            promised={model: one for model, one in material.promised.items() if model in models},
            pictures={key: some for key, some in material.pictures.items() if key in keys},
        )
        led = tuple(model for model in models if first[model] in keys)
        short = report.model_copy(update={"cases": tuple(part)})
        chunks.append(_Chunk(short, own, number, len(parts), name, led, {model: by_model[model] for model in led}))
    return chunks


def _rendered(chunks: Sequence[_Chunk]) -> Iterator[str]:
    """Render pages in as many processes as there are cores: charts are what takes the time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2 or len(chunks) < 2:
        yield from map(_detail, chunks)
        return
    with ProcessPoolExecutor(min(cores, len(chunks)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_detail, chunks)


def _detail(chunk: _Chunk) -> str:
    sections = []
    for model, mine in _by_model(chunk.report.cases).items():
        leads = model in chunk.led
        speeds = views.speed_charts(chunk.whole[model], chunk.material.promised.get(model, Promised())) if leads else ()
        drawn = tuple(views.case_view(case, chunk.material) for case in mine)
        sections.append(Section(model, chunk.report.readme.get(model, ()) if leads else (), speeds, drawn))
    facts = {"run": chunk.report.run, "number": chunk.number, "count": chunk.count, "index": chunk.index}
    return _render("detail.html.j2", sections=sections, **facts)


@lru_cache(maxsize=1)
def _templates() -> Any:
    """Return the templates, which escape every text that is put into them."""
    try:
        import jinja2
    except ImportError as error:
        raise MissingNeedError("omgate report", "expected Jinja2, which fills the pages", "none", REMEDY) from error
    loader = jinja2.FileSystemLoader(TEMPLATES)
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    script = (TEMPLATES / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made.globals.update(
        style=_trusted((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        script=_trusted(script),
        script_hash=f"sha256-{digest}",
        version=__version__,
        states=STATES,
        symbols=views.SYMBOLS,
        labels=views.LABELS,
        short={check: SHORT.get(check, check) for check in CHECKS},
        readme_columns=README_COLUMNS,
        absent=ABSENT,
        most_differences=MOST_DIFFERENCES,
        written=written,
    )
    return made


def _trusted(text: str) -> Any:
    """Return our own style or script as what needs no escaping."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - files of this package


def _render(template: str, **values: Any) -> str:
    filled: str = _templates().get_template(template).render(values)
    return filled
