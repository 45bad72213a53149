"""From faster runs to tighter baselines: a patch of the cards, as a unified diff for a person to apply."""

import datetime
import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import gates
from harness.card_promises import SPEEDS
from harness.cards import Baseline, ModelCard
from harness.errors import CardError
from harness.results import Case, Entry
from harness.runs import read_entries

_HEADER = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*(?:#.*)?")
_ENTRY = re.compile(r"(\s*(\w+)\s*=\s*).*")


@dataclass(frozen=True)
class Proposal:
    """A `[[baseline]]` row to add to the card at `path`, or to put in the place of its row `replaces`."""

    case: Case
    path: Path
    row: Mapping[str, Any]
    lines: tuple[str, ...]
    replaces: int | None


def proposals(runs: Sequence[Path], known: Mapping[str, ModelCard], today: datetime.date) -> tuple[Proposal, ...]:
    """Return what the runs' faster cases would tighten, as the cards are now; of several runs the slowest counts.

    A case that any run measured without beating every promise gives nothing. Raises UsageError for no run's folder.
    """
    by_case: dict[str, list[Entry]] = {}
    for entry in (entry for run in runs for entry in read_entries(run)):
        if entry.result.case.check in SPEEDS and entry.result.case.model in known:
            by_case.setdefault(entry.result.case.key, []).append(entry)
    found = (_proposal(entries, known[entries[0].result.case.model], today) for entries in by_case.values())
    return tuple(one for one in found if one is not None)


def diff(path: Path, mine: Sequence[Proposal], shown: str) -> str:
    """Return the unified diff of a card with its proposals, its file called `shown`; the file is not touched.

    Raises CardError where a row is written in a way that cannot be changed line by line.
    """
    before = path.read_bytes().decode("utf-8")
    after = before
    for one in mine:
        after = _changed(after, one)
    pieces = difflib.unified_diff(_lines(before), _lines(after), f"a/{shown}", f"b/{shown}")
    return "".join(piece if piece.endswith("\n") else f"{piece}\n\\ No newline at end of file\n" for piece in pieces)


def _proposal(entries: Sequence[Entry], card: ModelCard, today: datetime.date) -> Proposal | None:
    patches = [gates.judge(entry.result, card, today).suggestion.get("patch", "") for entry in entries]
    if not all(patches):
        return None
    case = entries[0].result.case
    slowest = (min if case.check == "throughput" else max)(patches, key=lambda patch: float(_row(patch)["value"]))
    row = _row(slowest)
    identity = Baseline.model_validate(row).layered_identity
    measured = [i for i, one in enumerate(card.baseline) if one.role == "measured"]
    same = [i for i in measured if card.baseline[i].layered_identity == identity and not card.baseline[i].when]
    return Proposal(case, card.path, row, tuple(slowest.splitlines()), same[-1] if same else None)


def _row(patch: str) -> dict[str, Any]:
    row: dict[str, Any] = tomllib.loads(patch)["baseline"][0]
    return row


def _changed(text: str, one: Proposal) -> str:
    """Return a card's text with one proposal, read again to see that nothing else changed."""
    end = "\r\n" if "\r\n" in text else "\n"
    expected = tomllib.loads(text)
    if one.replaces is None:
        gap = "" if not text or text.endswith("\n") else end
        after = text + gap + end + "".join(line + end for line in one.lines)
        expected.setdefault("baseline", []).append(dict(one.row))
    else:
        after = "".join(_with_entries(_lines(text), one.replaces, one.row))
        expected["baseline"][one.replaces] |= {key: one.row[key] for key in ("value", "source")}
    try:
        found = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        found = {}
    if found != expected:
        what = "expected a row with `value` and `source` on lines of their own"
        do = f"put in by hand: value = {one.row['value']}"
        raise CardError(f"{one.path}: baseline[{one.replaces}]", what, "another layout", do)
    return after


def _with_entries(lines: Sequence[str], index: int, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield a card's lines, in its baseline of that index the value and the source replaced."""
    seen, table = -1, ""
    for line in lines:
        header, entry = _HEADER.fullmatch(line.rstrip("\r\n")), _ENTRY.fullmatch(line.rstrip("\r\n"))
        if header:
            table = header[1]
            seen += table == "baseline"
        if entry and table == "baseline" and seen == index and entry[2] in ("value", "source"):
            yield f"{entry[1]}{_toml(row[entry[2]])}{line[len(line.rstrip()) :]}"
        else:
            yield line


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> list[str]:
    """Return the lines of a text with their ends; only line feeds end one."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
