"""Run folders: `run.json`, `results.jsonl` with one entry a line, `outcomes/`, `logs/`; written as things happen."""

import datetime
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from pydantic import ValidationError

from harness import environment
from harness.errors import UsageError
from harness.results import SCHEMA, Entry

SHAPES: Mapping[str, type[list[Any] | dict[str, Any]]] = {
    "argv": list, "plan": list, "options": list, "environment": dict, "lacks": dict,
}  # fmt: skip
"""What is a JSON array and what a table in run.json, where it is there."""


class StoredEntry(NamedTuple):
    """An entry and the name of the run that it is of."""

    run: str
    entry: Entry


def name_of_now() -> str:
    """Return the name of a run that starts now: time (UTC), commit of omgate, process."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    commit = str(environment.describe()["commit"])[:8] or "nocommit"
    return f"{now}-{commit}-{os.getpid()}"


class RunFolder:
    """One run's folder, made when the first thing is written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> None:
        """Write a whole file under a temporary name and rename it."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.path / name)

    def start(self, facts: Mapping[str, Any]) -> None:
        """Write run.json: what was asked, the ordered plan, the environment."""
        if not (self.path / "run.json").exists():
            self.write("run.json", json.dumps({"schema": SCHEMA, **facts}, indent=1, ensure_ascii=False) + "\n")

    def append(self, line: str) -> None:
        """Append one entry to results.jsonl so that it survives whatever comes next."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "results.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def hold(self) -> FileLock:
        """Hold the folder until the lock is released or this process ends; raises UsageError where another holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            what, do = "expected a run that has ended", "wait for its end, or end it"
            raise UsageError(str(self.path), what, "one that is still going", do) from error
        return lock

    def take_up(self, is_finished: Callable[[Entry], bool]) -> tuple[Entry, ...]:
        """Return the finished entries of a run that was cut off, and leave only those in results.jsonl.

        The others, which are to be measured again, go to repeated.jsonl; a torn last line goes.
        """
        file = self.path / "results.jsonl"
        if not file.is_file():
            return ()
        found = numbered_entries(self.path)
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
        finished = {number: entry for number, entry in found.items() if is_finished(entry)}
        repeated = [lines[number - 1] for number in found if number not in finished]
        if repeated:
            earlier = self.path / "repeated.jsonl"
            before = earlier.read_text(encoding="utf-8") if earlier.is_file() else ""
            self.write("repeated.jsonl", before + "".join(f"{line}\n" for line in repeated))
        self.write("results.jsonl", "".join(f"{lines[number - 1]}\n" for number in finished))
        return tuple(finished.values())


def read_run(path: Path) -> dict[str, Any]:
    """Return run.json; raises UsageError when the folder is not a run's."""
    try:
        document = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # JSON and Unicode errors are ValueErrors
        got = "none" if isinstance(error, FileNotFoundError) else str(error)
        raise UsageError(str(path), "expected a run folder with run.json", got, "give reports/runs/<run>") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(str(path / "run.json"), f"expected schema {SCHEMA}", "another", "use the omgate that wrote it")
    for name, kind in SHAPES.items():
        if not isinstance(document.get(name, kind()), kind):
            what = f"expected {name} to be {'a table' if kind is dict else 'an array'}"
            raise UsageError(str(path / "run.json"), what, repr(document[name])[:40], "copy the run folder again")
    return document


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a run in order; a torn last line is left out, any other bad line is a UsageError."""
    return tuple(numbered_entries(path).values())


def numbered_entries(path: Path) -> dict[int, Entry]:
    """Return the entries of a run in order, each by its line in results.jsonl, counted from 1; as `read_entries`."""
    file = path / "results.jsonl"
    if not file.is_file():
        raise UsageError(str(path), "expected a run folder with results.jsonl", "none", "give reports/runs/<run>")
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(str(file), "expected a file to read", str(error.strerror)) from error
    entries: dict[int, Entry] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entries[number] = Entry.model_validate_json(line)
        except ValidationError as error:
            if number == len(lines):
                break
            raise UsageError(f"{file}:{number}", "expected one JSON entry", "something else") from error
    return entries


def planned(path: Path) -> tuple[str, ...]:
    """Return the names of the tests that a run is to do, as it wrote them when it started; none before that."""
    if not (path / "run.json").exists():
        return ()
    plan = read_run(path).get("plan", [])
    return tuple(str(node).rpartition("::")[2] for node in plan) if isinstance(plan, list) else ()


def entries_so_far(path: Path) -> tuple[StoredEntry, ...]:
    """Return what a run that may still be going has measured; a run that has written nothing yet has none."""
    if not (path / "results.jsonl").exists():
        return ()
    return tuple(StoredEntry(path.name, entry) for entry in read_entries(path))


def stored_entries(paths: Sequence[Path]) -> tuple[StoredEntry, ...]:
    """Return the entries of earlier runs, folder by folder; raises UsageError for a folder that is no run's."""
    return tuple(StoredEntry(path.name, entry) for path in paths for entry in read_entries(path))
