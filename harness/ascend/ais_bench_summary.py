"""The summary files of ais_bench: which output files belong to which inputs, and every time it measured."""

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.ascend.ais_bench_text import Latency, latency_of
from harness.ascend.console import lines
from harness.errors import RunError

WHERE = "ais_bench's summary file"


@dataclass(frozen=True)
class Summary:
    """A summary file: `files` maps a sample's number to its input files and its output files.

    `rounds_ms` is the device time of every execution in order, empty for generation 0, which does not list them.
    """

    rounds_ms: tuple[float, ...]
    mean_ms: float
    throughput: float
    files: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    compute: Latency
    h2d: Latency | None = None
    d2h: Latency | None = None


def parse_summary(text: str) -> Summary:
    """Return the content of `<stamp>_summary.json`, `sumary.json`, or the dictionary that ais_infer prints.

    A fragment that lost its outer braces is read too. Raises RunError (`tool-failed`) when it is no such summary.
    """
    content = _content(text)
    compute = _latency(content.get("NPU_compute_time"))
    throughput = _number(content.get("throughput"))
    if compute is None or throughput is None:
        raise _refused(
            "expected NPU_compute_time with a mean, and throughput", ", ".join(list(content)[:8]) or "nothing"
        )
    return Summary(
        rounds_ms=tuple(_round(value) for value in _sequence(content.get("npu_compute_time_list"))),
        mean_ms=compute.mean_ms,
        throughput=throughput,
        files={str(key): _sides(value) for key, value in _mapping(content.get("filesinfo")).items()},
        compute=compute,
        h2d=_latency(content.get("H2D_latency")),
        d2h=_latency(content.get("D2H_latency")),
    )


def _content(text: str) -> Mapping[str, object]:
    """Return the object that the text holds; ais_infer prints a Python dictionary behind `sumary:`."""
    body = "\n".join(lines(text)).strip().removeprefix("[INFO]").strip().removeprefix("sumary:").strip()
    read = ast.literal_eval if body.startswith("{'") else json.loads
    for candidate in (body, "{" + body, "{" + body + "}"):
        try:
            content = read(candidate)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(content, dict):
            return content
    raise _refused("expected a JSON object", f"{body[:60]!r}")


def _latency(value: object) -> Latency | None:
    parts = {key: _number(number) for key, number in _mapping(value).items()}
    return latency_of({key: number for key, number in parts.items() if number is not None})


def _round(value: object) -> float:
    """Return one execution's time in ms: the pipeline of the new generation lists [start, end]."""
    if isinstance(value, list) and len(value) == 2:
        start, end = _number(value[0]), _number(value[1])
        if start is not None and end is not None:
            return end - start
    time = _number(value)
    if time is None:
        raise _refused("expected npu_compute_time_list to hold times or [start, end]", f"{str(value)[:60]!r}")
    return time


def _sides(value: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sides = _mapping(value)
    return _names(sides.get("infiles")), _names(sides.get("outfiles"))


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in _sequence(value))


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _refused(what: str, got: str) -> RunError:
    do = "look at the tool's console text: a run that failed or was stopped leaves none or half of one"
    return RunError(WHERE, what, got, do, kind="tool-failed", stage="read the summary")
