"""Entries from and to files: the history's own JSON lines, and pytest-benchmark's JSON of any suite."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from harness.errors import UsageError
from harness.history.keys import MARK, moment
from harness.results import Case, Entry, Measurement, Result, Verdict

FOREIGN = "pytest-benchmark"
"""The runtime, and the definition of speed, of a benchmark that is no gate."""
OWN = "omgate_entry"
"""The key of a benchmark's extra_info under which omgate writes the whole entry."""


class Named(NamedTuple):
    """An entry and the run it is of."""

    run: str
    entry: Entry


def line(run: str, digest: str, text: str) -> str:
    """Return an entry's JSON as a line of an export, which also names its run and its digest."""
    document = json.loads(text)
    document[MARK] = {"run": run, "digest": digest}
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def entries_of(text: str, where: str, run: str) -> tuple[Named, ...]:
    """Return the entries in a file's text: JSON lines, or a document of pytest-benchmark; `run` where none is named.

    Raises UsageError, with the line, for any other text; a torn last line is left out.
    """
    document = _document(text)
    if isinstance(document, dict) and "benchmarks" in document:
        return tuple(Named(run, entry) for entry in _benchmarks(document, where))
    return tuple(_lines(text, where, run))


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _lines(text: str, where: str, run: str) -> Iterator[Named]:
    lines = text.split("\n")
    for number, one in enumerate(lines, 1):
        if not one.strip():
            continue
        try:
            document = json.loads(one)
            mark = document.pop(MARK, {}) if isinstance(document, dict) else {}
            entry = Entry.model_validate(document)
        except ValueError as error:  # pydantic's and JSON's errors are ValueErrors
            if number == len(lines) and number > 1:
                return
            what = "expected one JSON entry a line, or pytest-benchmark's JSON"
            raise UsageError(f"{where}:{number}", what, "something else", "give a run folder or an export") from error
        yield Named(str(mark.get("run") or run) if isinstance(mark, dict) else run, entry)


def _benchmarks(document: Mapping[str, Any], where: str) -> Iterator[Entry]:
    for number, benchmark in enumerate(_listed(document["benchmarks"])):
        try:
            own = benchmark.get("extra_info", {}).get(OWN)
            yield Entry.model_validate(own) if own else _foreign(benchmark, document)
        except (ValidationError, KeyError, TypeError, AttributeError, ValueError) as error:
            place = f"{where}: benchmarks[{number}]"
            raise UsageError(place, "expected a benchmark of pytest-benchmark", "something else") from error


def _listed(value: object) -> Iterable[Mapping[str, Any]]:
    return value if isinstance(value, list) else ()


def _foreign(benchmark: Mapping[str, Any], document: Mapping[str, Any]) -> Entry:
    """Return a benchmark of another suite as a latency, its rounds in milliseconds; hosts' names are left behind."""
    seconds = benchmark["stats"].get("data") or [benchmark["stats"]["median"]]
    case = Case(model=str(benchmark["fullname"]), runtime=FOREIGN, chip="cpu", batch=1, check="latency")
    measurement = Measurement(
        definition=FOREIGN, statistic="median", batch=1, rounds_ms=tuple(1000.0 * float(one) for one in seconds)
    )
    result = Result(
        case=case,
        status="measured",
        measurement=measurement,
        environment=_environment(document),
        started_at=moment(str(document["datetime"])),
    )
    return Entry(result=result, verdict=Verdict(outcome="NO_BASELINE", code="no-promise"))


def _environment(document: Mapping[str, Any]) -> dict[str, Any]:
    info = document.get("machine_info", {})
    cpu = info.get("cpu", {})
    return {
        "cpu": cpu.get("brand_raw", ""),
        "cores": cpu.get("count", 0),
        "system": f"{info.get('system', '')} {info.get('machine', '')}".strip(),
        "python": info.get("python_version", ""),
        "commit": document.get("commit_info", {}).get("id", ""),
    }
