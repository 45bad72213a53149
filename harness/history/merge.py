"""Runs of several hosts as one: their entries in order, nothing twice, their plans together. Pure; files elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from harness.history import keys
from harness.results import Entry, Outcomes


@dataclass(frozen=True)
class SourceRun:
    """A run to merge: its folder's name, what its run.json says, and its entries in order."""

    name: str
    facts: Mapping[str, Any]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Sidecar:
    """A file of outcomes to bring along: the position of its run, and its path there."""

    run: int
    path: str


@dataclass(frozen=True)
class Merged:
    """What becomes of the runs: run.json, entries by time, the files they name by their new paths, and the tally.

    `conflicts` names entries of one case and moment that say different things; all of them are kept.
    """

    facts: dict[str, Any]
    entries: tuple[Entry, ...]
    sidecars: Mapping[str, Sidecar]
    duplicates: int
    conflicts: tuple[str, ...]


def merge(runs: Sequence[SourceRun]) -> Merged:
    """Return the runs as one; an entry that another run has too is kept once."""
    kept: dict[str, tuple[int, Entry]] = {}
    seen: dict[tuple[str, str], int] = {}
    conflicts: list[str] = []
    for position, run in enumerate(runs):
        for entry in run.entries:
            digest = keys.document(entry).digest
            identity = (entry.result.case.key, entry.result.started_at)
            if digest not in kept and identity in seen:
                conflicts.append(_conflict(entry, runs[seen[identity]].name, run.name))
            seen.setdefault(identity, position)
            kept.setdefault(digest, (position, entry))
    ordered = sorted(kept.values(), key=lambda one: _order(one[1]))
    entries, sidecars = _with_sidecars(ordered)
    duplicates = sum(len(run.entries) for run in runs) - len(kept)
    return Merged(_facts(runs, conflicts), entries, sidecars, duplicates, tuple(conflicts))


def _conflict(entry: Entry, one: str, other: str) -> str:
    return f"{entry.result.case.test_name} at {entry.result.started_at or 'no time'}: {one} and {other} differ"


def _order(entry: Entry) -> str:
    return "" if keys.left_out(entry.result) == "without a time" else keys.moment(entry.result.started_at)


def _with_sidecars(entries: Sequence[tuple[int, Entry]]) -> tuple[tuple[Entry, ...], dict[str, Sidecar]]:
    """Return the entries with the new paths of their outcomes: the old one, numbered where another has taken it."""
    files: dict[str, Sidecar] = {}
    contents: dict[str, str] = {}
    moved: list[Entry] = []
    for position, entry in entries:
        outcomes = entry.result.outcomes
        if outcomes is None:
            moved.append(entry)
            continue
        path = _free(outcomes, contents)
        contents[path] = outcomes.sha256
        files.setdefault(path, Sidecar(position, outcomes.path))
        there = outcomes.model_copy(update={"path": path})
        moved.append(entry.model_copy(update={"result": entry.result.model_copy(update={"outcomes": there})}))
    return tuple(moved), files


def _free(outcomes: Outcomes, contents: Mapping[str, str]) -> str:
    path = PurePosixPath(outcomes.path)
    name, number = str(path), 1
    while contents.get(name, outcomes.sha256) != outcomes.sha256:
        number += 1
        name = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    return name


def _facts(runs: Sequence[SourceRun], conflicts: Sequence[str]) -> dict[str, Any]:
    """Return run.json: every plan once, the options and the lacks that all runs had, and each run's own facts whole."""
    plans = [run.facts.get("plan", []) for run in runs]
    options = [list(run.facts.get("options", [])) for run in runs]
    started = sorted(str(run.facts["started_at"]) for run in runs if run.facts.get("started_at"))
    return {
        "argv": ["omgate", "merge"],
        "plan": list(dict.fromkeys(node for plan in plans for node in plan)),
        "options": options[0] if all(one == options[0] for one in options) else _cards(options),
        "seed": runs[0].facts.get("seed", 0),
        "started_at": started[0] if started else "",
        "lacks": _lacks([run.facts.get("lacks") or {} for run in runs]),
        "merged": [{"run": run.name, **run.facts} for run in runs],
        "conflicts": list(conflicts),
    }


def _lacks(of_runs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what could run on no host; a card that one of them could run lacks nothing."""
    return {name: reason for name, reason in of_runs[0].items() if all(name in lacks for lacks in of_runs)}


def _cards(options: Sequence[Sequence[str]]) -> list[str]:
    """Return the card folders of all runs as options: what cases mean is told by them."""
    pairs = [pair for words in options for pair in pairwise(words) if pair[0] == "--cards"]
    return [word for pair in dict.fromkeys(pairs) for word in pair]
