"""Show a run: one HTML file that opens from disk, or Markdown, JSON, a step summary, or one screen of text.

Without a form, `report.html` is written into the run's folder.
"""

import gc
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import adopt, cards, needs
from harness.cards import ModelCard
from harness.commands import arguments
from harness.errors import UsageError
from harness.history.store import ENVIRONMENT_VARIABLE, History
from harness.report import document, histories, markdown, page, terminal
from harness.report.promised import promised
from harness.report.read import NOT_LOOKED, Past, Run, load
from harness.report.read import report as report_of
from harness.report.since import since_green, since_run
from harness.report.views import Material, Picture

NAME = "report.html"
FORMS = ("json", "markdown", "summary", "text")
WITH_PAST = ("", "json")
"""The forms that show what was before: the page, which has no name, and the data."""


def run(given: Sequence[str]) -> int:
    """Write or print a run in the form that is asked for; a folder that is no run's is a UsageError."""
    options = _parser().parse_args(given)
    if options.json_schema:
        print(json.dumps(document.schema(), indent=1, ensure_ascii=False))
        return 0
    if options.run is None:
        raise UsageError("omgate report", "expected a run's folder", "none", "give reports/runs/<run>")
    known = {card.name: card for card in cards.load_all((*options.cards, *_card_folders(options.run)))}
    form = next((name for name in FORMS if getattr(options, name)), "")
    if form not in WITH_PAST and (options.history or options.against):
        what, do = "expected the page or --json, which show what was before", "leave --history and --against out"
        raise UsageError("omgate report", what, f"--{form}", do)
    with _collecting_less():
        if form:
            sys.stdout.write(_printed(form, options, known))
            return 0
        for path in _written(options, known, options.html or options.run / NAME):
            print(path)
    return 0


@contextmanager
def _collecting_less() -> Iterator[None]:
    """Leave what was imported out of the garbage collections until the end: they took a sixth of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _parser() -> arguments.Parser:
    parser = arguments.parser("report", __doc__)
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="a run's folder: reports/runs/<run>")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--html", type=Path, metavar="FILE", help=f"write the page there (RUN/{NAME})")
    forms.add_argument("--json", action="store_true", help="print every verdict, and what was before it, as JSON")
    forms.add_argument("--markdown", action="store_true", help="print the READMEs' tables and every judgement")
    forms.add_argument("--summary", action="store_true", help="print Markdown for $GITHUB_STEP_SUMMARY")
    forms.add_argument("--text", action="store_true", help="print one screen: what to look at")
    forms.add_argument("--json-schema", action="store_true", help="print the JSON schema of --json")
    pictures = "show N of the worst samples of each accuracy case: the model runs on them again"
    parser.add_argument("--pictures", type=arguments.positive, default=0, metavar="N", help=pictures)
    history = "show each case over time, and what differs from its last green run: a SQLite file or a database URL"
    parser.add_argument("--history", metavar="DB", help=f"{history} (also ${ENVIRONMENT_VARIABLE})")
    against = "show what differs from this run instead of the last green one"
    parser.add_argument("--against", type=Path, metavar="RUN", help=against)
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir", "data-dir", "cache-dir")
    return parser


def _card_folders(run_folder: Path) -> tuple[Path, ...]:
    """Return the card folders that the run was given and that are still there: a report needs no cards."""
    return tuple(folder for folder in adopt.card_folders(run_folder) if folder.is_dir())


def _printed(form: str, options: Namespace, known: Mapping[str, ModelCard]) -> str:
    if form == "markdown":
        return markdown.whole(options.run, known) + "\n"
    found = load(options.run)
    if form == "json":
        return report_of(found, known, _past(options, found)).model_dump_json(by_alias=True, indent=1) + "\n"
    report = report_of(found, known, Past())
    return markdown.step_summary(report) if form == "summary" else terminal.one_screen(report) + "\n"


def _written(options: Namespace, known: Mapping[str, ModelCard], target: Path) -> list[Path]:
    """Write the page and those of its details, and return their paths, the page first."""
    found = load(options.run)
    report = report_of(found, known, _past(options, found))
    material = Material(options.run, promised(known), _pictures(options, known))
    paths = []
    for name, text in page.pages(report, material, target.name):
        paths.append(target.parent / name)
        arguments.write(paths[-1], text)
    _sweep(target.parent / page.folder(target.name), paths)
    return paths[::-1]


def _sweep(folder: Path, kept: Sequence[Path]) -> None:
    """Remove the pages of details that an earlier, larger report left there; nothing but such pages."""
    for path in folder.glob("*.html") if folder.is_dir() else ():
        if path not in kept and page.DETAIL.fullmatch(path.name):
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _past(options: Namespace, run: Run) -> Past:
    """Return what was before this run: by the history that is named, and by the run to compare with."""
    where = options.history or os.environ.get(ENVIRONMENT_VARIABLE)
    since = since_run(options.against, run.named) if options.against else {}
    if not where:
        return Past({}, since, NOT_LOOKED)
    with History.open(where) as history:
        found = histories.histories(history, run.named)
        shown = {key: histories.told(one) for key, one in found.items()}
        return Past(shown, since or since_green(history, run.named, found), histories.not_looked_for())


def _pictures(options: Namespace, known: Mapping[str, ModelCard]) -> dict[str, tuple[Picture, ...]]:
    """Return the pictures of the worst samples, and say on stderr which cannot be shown here."""
    if not options.pictures:
        return {}
    from harness import worst_samples
    from harness.artifacts import Store
    from harness.build import Builder
    from harness.workbench import Workbench

    places = needs.Places(arguments.folder(options, "weights-dir"), arguments.folder(options, "data-dir"))
    builder = Builder(Store(arguments.cache_dir(options)), places.weights_dir)
    with TemporaryDirectory() as scratch:
        bench = Workbench(known, builder, Path(scratch), places)
        found, lacks = worst_samples.pictures(options.run, bench, options.pictures)
    for lack in lacks:
        print(f"omgate: no pictures: {lack}", file=sys.stderr)
    return found
