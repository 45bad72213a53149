"""The number that a script printed: found once, in range, a share as a fraction."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.card_scripts import PrintedMetric
from harness.errors import RunError
from harness.process import tail
from harness.units import WHOLES

MOST_BYTES = 64 * 2**20


def read_metric(metric: PrintedMetric, path: Path) -> float:
    """Return the metric, read from a step's log or from a file that it wrote: a share as a fraction, else as printed.

    Raises RunError (kind `tool-failed`; `nan` for NaN and infinities) where the number is not there, is there with
    different values, is none, or is a share outside 0 to 1 (0 to 100 for `%`).
    """
    text = _text(metric, path)
    said = metric.pattern or metric.json_path
    found = list(dict.fromkeys(_matches(metric, text) if metric.pattern else _at_path(text, metric.json_path)))
    numbers = {str(value): _number(metric, value, path) for value in found}
    if not numbers:
        hint = f"correct the metric of the card; the last lines of {path} are:\n{tail(path)}"
        raise _unread(metric, path, f"expected {said!r} in what the script printed", "nothing", hint)
    if len(set(numbers.values())) > 1:
        got = ", ".join(list(numbers)[:5])
        hint = "narrow the metric of the card down to the one number that the README promises"
        raise _unread(metric, path, f"expected one number for {said!r}", got, hint)
    return next(iter(numbers.values()))


def _text(metric: PrintedMetric, path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            hint = "let the script write its number to a file of its own"
            raise _unread(metric, path, f"expected at most {MOST_BYTES} bytes to search", str(size), hint)
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        hint = "correct `from` in the card"
        raise _unread(metric, path, "expected a file that the script wrote", str(error), hint) from error


def _matches(metric: PrintedMetric, text: str) -> Iterator[str]:
    for match in re.finditer(metric.pattern, text, re.MULTILINE):
        if match.group(1) is not None:
            yield match.group(1)


def _at_path(text: str, keys: str) -> Iterator[str]:
    """Yield what stands at a path of keys and indices in a JSON text, or in each line of it that is JSON."""
    for document in _documents(text):
        value = document
        for key in keys.split("."):
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and re.fullmatch(r"\d{1,9}", key) and int(key) < len(value):
                value = value[int(key)]
            else:
                break
        else:
            yield value if isinstance(value, str) else json.dumps(value)


def _documents(text: str) -> Iterator[Any]:
    for part in (text, *text.splitlines()):
        try:
            yield json.loads(part)
        except (ValueError, RecursionError):
            continue
        if part is text:
            return


def _number(metric: PrintedMetric, printed: str, path: Path) -> float:
    try:
        value = float(printed.strip().removesuffix("%"))
    except ValueError as error:
        raise _unread(
            metric, path, "expected a number", repr(printed[:80]), "correct the metric of the card"
        ) from error
    if not math.isfinite(value):
        raise _unread(metric, path, "expected a finite number", printed, "look at the script's log", kind="nan")
    whole = WHOLES.get(metric.unit)
    if whole is not None and not 0.0 <= value <= whole:
        hint = 'correct the unit in the card\'s metric: that of a number which is no share, or "1" for none'
        raise _unread(metric, path, f"expected 0 to {whole:g}", printed, hint)
    return value / (whole or 1.0)


def _unread(metric: PrintedMetric, path: Path, what: str, got: str, do: str, **details: str) -> RunError:
    where = f"script.postprocess.metric{f' {metric.name}' if metric.name else ''}"
    return RunError(where, what, got, do, **{"kind": "tool-failed", "stage": where, "log": str(path), **details})
