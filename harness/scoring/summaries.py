"""What a tool's summary or log says of speed, as a measurement in the tool's own definition."""

import json
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.ascend import ais_bench_text, benchmark_text, codes, console, msame_text
from harness.ascend.ais_bench_summary import parse_summary
from harness.cards import Check
from harness.errors import OmgateError, RunError, UsageError
from harness.packing.manifest import RUN_KIND
from harness.results import Measurement

UNKNOWN = "unknown"
DISAGREEMENT = 0.01
"""How far a printed rate may be from the one that its own mean gives: they round to four digits at the least."""
# perf_vision_batchsize_4_device_0.txt, PureInfer_perf_of_ICNet_bs4_in_device_0.txt
_BATCH_IN_NAME = re.compile(r"(?:batchsize_|_bs)(\d{1,6})(?!\d)")


@dataclass(frozen=True)
class Timing:
    """What one or more summaries of one tool say.

    `rounds_ms` is every execution, empty where the tool lists none; then `means_ms` has the mean of each invocation, in
    ms per batch. `inputs` is real, random, zero or unknown.
    """

    tool: str
    inputs: str
    means_ms: tuple[float, ...]
    rounds_ms: tuple[float, ...] = ()
    warmup_ms: tuple[float, ...] = ()
    runtime: str = ""

    def measurement(self, check: Check, batch: int) -> Measurement:
        """Return the measurement of a check; a single mean is the tool's own value, without rounds.

        That value is in images/s for throughput and in ms for latency.
        """
        rounds_ms = self.rounds_ms or (self.means_ms if len(self.means_ms) > 1 else ())
        statistic = "median" if self.tool == "benchmark" else "mean"
        typical_ms = statistics.median(self.means_ms) if statistic == "median" else statistics.mean(self.means_ms)
        value = 1000.0 * batch / typical_ms if check == "throughput" else typical_ms
        return Measurement(
            definition=self.tool,
            statistic=statistic,
            batch=batch,
            rounds_ms=rounds_ms,
            warmup_ms=self.warmup_ms,
            tool_value=value,
            inputs=self.inputs,
        )


def read(paths: Sequence[Path], batch: int, inputs: str = "") -> Timing:
    """Return what the files say together; `inputs`, if given, wins over what they say of it.

    Raises UsageError for a file that is no summary, or of several tools, kinds of input or batch sizes, and RunError
    with the tool's code where it says that it failed.
    """
    each = [_read(path, batch) for path in paths]
    first = each[0]
    for path, other in zip(paths[1:], each[1:], strict=True):
        if (other.tool, other.inputs) != (first.tool, first.inputs):
            got = f"one of {other.tool} on {other.inputs} inputs"
            what = f"expected another summary of {first.tool} on {first.inputs} inputs, as {paths[0].name} is"
            raise UsageError(f"--summary {path}", what, got, "score them one by one")
    later = [one.rounds_ms[1:] if one.tool == "msame" else one.rounds_ms for one in each[1:]]
    return replace(
        first,
        inputs=inputs or first.inputs,
        means_ms=tuple(ms for one in each for ms in one.means_ms),
        rounds_ms=tuple(ms for rounds in (first.rounds_ms, *later) for ms in rounds),
    )


def _read(path: Path, batch: int) -> Timing:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            f"--summary {path}", "expected a summary or log", str(error.strerror), "give another"
        ) from error
    timing = _of_text(path, text, batch)
    if timing is None:
        what = "expected a summary or log of ais_bench, msame or benchmark, with a time in it"
        raise UsageError(f"--summary {path}", what, f"{text[:60]!r}", "give another file")
    if not all(ms > 0 for ms in (*timing.means_ms, *timing.rounds_ms)):  # NaN is not above 0 either
        raise UsageError(f"--summary {path}", "expected times above 0", str(min(timing.means_ms)), "run the tool again")
    return timing


def _of_text(path: Path, text: str, batch: int) -> Timing | None:
    if text.lstrip().startswith(("{", "sumary:", "[INFO] sumary:")):
        return _of_run_script(path, text, batch) or _of_ais_summary(path, text, batch)
    _require_success(path, text)
    return _of_msame(path, text) or _of_ais_text(path, text, batch) or _of_benchmark(path, text, batch)


def _require_success(path: Path, text: str) -> None:
    """Raise RunError where a log reports a failure, of the kind that its codes and words tell."""
    said = console.errors(text)
    if said:
        kind, code = codes.error_kind(text, "tool-failed"), codes.first_code(text)
        what = "expected the log of a run that succeeded"
        raise RunError(path.name, what, said[0], "", kind=kind, stage="run", code=code, log=str(path))


def _of_run_script(path: Path, text: str, batch: int) -> Timing | None:
    """Return what a pack's run.py measured, or None; it times as ais_bench does."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("kind") != RUN_KIND:
        return None
    _require_batch(path, document.get("batch"), batch)
    rounds, warmup = _times(document.get("rounds_ms")), _times(document.get("warmup_ms"))
    if not rounds:
        raise UsageError(f"--summary {path}", "expected rounds_ms with times", "none", "run it again")
    inputs = str(document.get("inputs", UNKNOWN))
    return Timing("ais_bench", inputs, (statistics.mean(rounds),), rounds, warmup, "aclruntime")


def _times(found: object) -> tuple[float, ...]:
    each = found if isinstance(found, list) else []
    return tuple(float(one) for one in each if isinstance(one, int | float))


def _of_ais_summary(path: Path, text: str, batch: int) -> Timing:
    try:
        summary = parse_summary(text)
    except OmgateError as error:
        raise UsageError(f"--summary {path}", error.what, error.got, error.do) from error
    _require_rate(path, summary.throughput, summary.mean_ms, batch)
    infiles = [name for sides in summary.files.values() for name in sides[0]]
    return Timing("ais_bench", _fed(text, infiles), (summary.mean_ms,), summary.rounds_ms)


def _fed(text: str, infiles: Sequence[str]) -> str:
    """Return what ais_bench was fed, by its summary: `filesinfo` and, since the second generation, `args`."""
    pure = [name for name in infiles if Path(name).name.startswith("pure_infer_data")]
    if infiles and not pure:
        return "real"
    try:
        document = json.loads(text)
    except ValueError:
        return UNKNOWN
    words = document.get("args") if isinstance(document, dict) else None
    if not isinstance(words, list):
        return UNKNOWN
    told = " ".join(str(word) for word in words).replace("=", " ").split()
    if "--input" in told or "-i" in told:
        return "real"
    return "random" if "random" in told else "zero"


def _of_ais_text(path: Path, text: str, batch: int) -> Timing | None:
    report = ais_bench_text.parse(text)
    if not report.blocks:
        return None
    if len(report.blocks) > 1 or report.device_rates:
        got = f"{max(len(report.blocks), len(report.device_rates))} summaries in it"
        raise UsageError(f"--summary {path}", "expected the log of one run on one device", got, "cut it to one run")
    block = report.blocks[0]
    if block.throughput is None or block.compute is None:
        what = "expected both NPU_compute_time and the throughput"
        raise UsageError(f"--summary {path}", what, "a log that was cut off", "give the whole log")
    _require_rate(path, block.throughput, block.compute.mean_ms, batch)
    return Timing("ais_bench", UNKNOWN if report.runs is None else "real", (block.compute.mean_ms,))


def _of_msame(path: Path, text: str) -> Timing | None:
    reports = [report for report in msame_text.parse(text) if report.rounds_ms or report.average_ms is not None]
    if not reports:
        return None
    if len(reports) > 1:
        raise UsageError(f"--summary {path}", "expected the log of one run", f"{len(reports)} runs", "cut it to one")
    report = reports[0]
    if not report.finished:
        what, hint = "expected 'Execute sample success' at the end of msame's log", "give the whole log"
        raise UsageError(f"--summary {path}", what, "no such line", hint)
    first, *later = report.rounds_ms or (0.0,)
    printed = report.average_ms if report.average_without_first_ms is None else report.average_without_first_ms
    mean_ms = statistics.mean(later or [first]) if report.rounds_ms else printed
    inputs = "real" if report.inputs else UNKNOWN if "[INFO] acl init" not in text else "zero"
    return Timing("msame", inputs, (float(mean_ms or 0.0),), report.rounds_ms)


def _of_benchmark(path: Path, text: str, batch: int) -> Timing | None:
    """Return a file of rates, or the pure inferences in a text, which are on random numbers."""
    pure = benchmark_text.parse_pure(text)
    named = _BATCH_IN_NAME.search(pure[0].result_path if pure and pure[0].result_path else path.name)
    if named:
        _require_batch(path, int(named[1]), batch)
    if pure:
        rates, inputs = [one.rate for one in pure], "random"
    elif "throughputRate" in text:
        rates, inputs = [_interface_rate(path, text)], "real"
    else:
        return None
    means_ms = tuple(1000.0 * batch / rate if rate > 0 else 0.0 for rate in rates)
    return Timing("benchmark", inputs, means_ms)


def _interface_rate(path: Path, text: str) -> float:
    try:
        return benchmark_text.parse_perf_file(text).interface_rate
    except RunError as error:
        raise UsageError(f"--summary {path}", error.what, error.got, error.do) from error


def _require_rate(path: Path, throughput: float, mean_ms: float, batch: int) -> None:
    """Refuse a rate that was computed with another batch size: the same times would count for that many images."""
    expected = 1000.0 * batch / mean_ms if mean_ms > 0 else 0.0
    if abs(throughput - expected) > DISAGREEMENT * expected:
        size = throughput * mean_ms / 1000.0
        what = f"expected the throughput of batch {batch}, {expected:.6g}"
        do = f"give --batch-size if the model has another, or run ais_bench again with --batchsize {batch}"
        raise UsageError(f"--summary {path}", what, f"{throughput:.6g}, that of batch {size:.3g}", do)


def _require_batch(path: Path, found: object, batch: int) -> None:
    if found != batch:
        raise UsageError(f"--summary {path}", f"expected one at batch {batch}", f"batch {found}", "give --batch-size")
