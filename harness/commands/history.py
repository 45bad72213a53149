"""What was measured over time: a case's results, noise, drift and change points; import, export and frozen anchors."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import remember
from harness.commands import arguments
from harness.errors import UsageError
from harness.history import changes, exchange, keys, report
from harness.history.anchors import frozen
from harness.history.points import Anchor, Line, Series
from harness.history.store import ENVIRONMENT_VARIABLE, History, KnownCase
from harness.render import benchmark_json
from harness.results import Entry
from harness.runs import read_entries
from harness.units import counted

NAMED_DB = f"the history: a SQLite file, or a database URL (also ${ENVIRONMENT_VARIABLE})"
EPILOG = """Without CASE, the cases that have results. Further:
  omgate history import RUN… or FILE…      take in run folders, exports, pytest-benchmark's JSON
  omgate history export [CASE]             give out every entry, or a case's
  omgate history anchor CASE --release X   freeze what a case stands at
Each has its own --help."""


def run(given: Sequence[str]) -> int:
    """Do what the first word says, else show a case; raises UsageError without a history or for an unknown case."""
    actions: dict[str, Callable[[Sequence[str]], int]] = {"import": _import, "export": _export, "anchor": _anchor}
    action = actions.get(given[0]) if given else None
    return action(given[1:]) if action else _show(given)


def _show(given: Sequence[str]) -> int:
    parser = _parser("history", __doc__)
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("case", nargs="?", metavar="CASE", help="test_check[case], what is in its brackets, or a key")
    parser.add_argument("--machine", default="", metavar="ID", help="only the machine whose fingerprint begins so")
    parser.add_argument("--metric", default="", metavar="NAME", help="only readings of this name; all: every one")
    parser.add_argument("--since", type=_day, metavar="DATE", help="only from this day on")
    parser.add_argument("--limit", default=30, type=arguments.positive, metavar="N", help="rows of a table (30)")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    options = parser.parse_args(given)
    with _open(options) as history:
        if options.case is None:
            _list(history, as_json=options.json)
            return 0
        found = [one for case in history.find(options.case) for one in _examined(history, case, options)]
    if options.json:
        print(json.dumps({"schema": 1, "series": [report.document(one) for one in found]}, ensure_ascii=False))
    else:
        print("\n\n".join(report.text(one, options.limit) for one in found) or "no result fits")
    return 0


def _list(history: History, *, as_json: bool) -> None:
    cases = history.cases()
    if as_json:
        print(json.dumps({"schema": 1, "cases": [vars(case) for case in cases]}, ensure_ascii=False))
        return
    for case in cases:
        print(f"{case.key}  {case.count:>6}  {case.last_at[:10]}  {case.last_outcome:<12}  {case.name}")
    print(f"{counted(len(cases), 'case')} in {history.name}")


def _examined(history: History, case: KnownCase, options: argparse.Namespace) -> Iterator[report.Findings]:
    """Yield what each series of a case says: the headline of each machine, or the readings that were asked for."""
    anchors = history.anchors(case.key)
    missing = changes.missing()
    for series in _chosen(history.series(case.key, options.since or ""), options):
        found = () if missing else changes.change_points(series)
        yield report.examine(series, case.chip, anchors.get(series.line), found, missing)


def _chosen(found: Sequence[Series], options: argparse.Namespace) -> Iterator[Series]:
    machines: set[str] = set()
    for series in found:
        line = series.line
        headline = line.machine not in machines
        machines.add(line.machine)
        wanted = options.metric in ("all", line.name) if options.metric else headline
        if wanted and line.machine.startswith(options.machine):
            yield series


def _import(given: Sequence[str]) -> int:
    parser = _parser("history import", "Take in run folders, exports and pytest-benchmark's JSON; nothing twice.")
    parser.add_argument("sources", nargs="+", type=Path, metavar="RUN|FILE", help="a run folder, .jsonl or .json")
    options = parser.parse_args(given)
    read = {source: _entries(source) for source in options.sources}  # all of them, before anything is written
    with _open(options, create=True) as history:
        for source, entries in read.items():
            print(f"{source}: {remember.keep(history, entries)}")
    return 0


def _entries(source: Path) -> tuple[exchange.Named, ...]:
    if source.is_dir():
        return tuple(exchange.Named(source.resolve().name, entry) for entry in read_entries(source))
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        got = "none" if isinstance(error, FileNotFoundError) else "an unreadable one"
        raise UsageError(str(source), "expected a run folder or a file", got, "correct the path") from error
    return exchange.entries_of(text, str(source), source.stem)


def _export(given: Sequence[str]) -> int:
    parser = _parser("history export", "Give out every entry, or a case's, oldest first.")
    parser.add_argument("case", nargs="?", metavar="CASE", help="test_check[case], what is in its brackets, or a key")
    parser.add_argument(
        "--format", choices=("jsonl", "benchmark"), default="jsonl", help="jsonl, or pytest-benchmark's"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    options = parser.parse_args(given)
    with _open(options) as history:
        wanted = [case.key for case in history.find(options.case)] if options.case else [""]
        kept = [one for key in wanted for one in history.entries(key)]
    if options.format == "jsonl":
        text = "".join(exchange.line(one.run, one.digest, one.text) + "\n" for one in kept)
    else:
        text = benchmark_json.render([Entry.model_validate_json(one.text) for one in kept])
    if options.output is None:
        sys.stdout.write(text)
        return 0
    _write(options.output, text)
    print(f"{options.output}: {len(kept)} entries")
    return 0


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"--output {path}", "expected a file to write", str(error.strerror), "choose another"
        ) from error


def _anchor(given: Sequence[str]) -> int:
    parser = _parser("history anchor", "Freeze what cases stand at, as a release: later results are held against it.")
    parser.add_argument("case", nargs="*", metavar="CASE", help="test_check[case], what is in its brackets, or a key")
    parser.add_argument("--all", action="store_true", help="every case that has a usable result")
    parser.add_argument("--release", required=True, type=_release, metavar="NAME", help="the release's name")
    text = "the loss that is allowed: a share of a speed, a fraction of an accuracy (0.03, on cpu 0.10; 0.005)"
    parser.add_argument("--tolerance", type=_tolerance, metavar="X", help=text)
    options = parser.parse_args(given)
    if bool(options.case) == options.all:
        raise UsageError("omgate history anchor", "expected cases or --all", "both" if options.all else "neither")
    with _open(options) as history:
        cases = history.cases() if options.all else [case for name in options.case for case in history.find(name)]
        anchors = _frozen(history, cases, options)
        if not anchors:
            raise UsageError(history.name, "expected a usable result to freeze", "none", "run the cases first")
        history.freeze(anchors)
    for line, anchor in anchors.items():
        print(f"{line.case_name} on machine {line.machine[:8]}: {report.standing(line, anchor)}")
    return 0


def _frozen(history: History, cases: Sequence[KnownCase], options: argparse.Namespace) -> dict[Line, Anchor]:
    """Return the anchor of each headline that has a usable result, on each machine."""
    everything = argparse.Namespace(metric="", machine="")
    found = [series for case in cases for series in _chosen(history.series(case.key), everything) if series.values]
    at = keys.now()
    return {series.line: frozen(series, options.release, at, options.tolerance) for series in found}


def _parser(command: str, description: str | None) -> arguments.Parser:
    parser = arguments.parser(command, description)
    parser.add_argument("--db", metavar="DB", help=NAMED_DB)
    return parser


def _open(options: argparse.Namespace, *, create: bool = False) -> History:
    where = options.db or os.environ.get(ENVIRONMENT_VARIABLE)
    if not where:
        what = f"expected --db or ${ENVIRONMENT_VARIABLE}"
        raise UsageError("omgate history", what, "neither", "for example --db history.sqlite")
    return History.open(where, create=create)


def _day(text: str) -> str:
    try:
        return keys.moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-03-01, got {text!r}") from error


def _release(text: str) -> str:
    if not 0 < len(text.strip()) <= 100:
        raise argparse.ArgumentTypeError("expected a name of 1 to 100 characters")
    return text.strip()


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, got {text!r}")
    return value
