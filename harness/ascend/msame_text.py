"""What msame prints: its times, where it wrote, and whether it came to its end."""

import re
from dataclasses import dataclass, replace

from harness.ascend.console import NUMBER, errors, lines


@dataclass(frozen=True)
class Report:
    """One run of msame.

    `rounds_ms` is every execution in order; the averages are as printed (ms; `nan` where nothing was executed, None
    where not printed). `output_dir` is the folder that it made, as printed. `inputs` are the files it started with.
    `finished` says that it printed its closing success line, which it also does after failures: `errors` counts.
    `work_bytes` and `weight_bytes` are the OM's own need, printed by old ones only.
    """

    rounds_ms: tuple[float, ...] = ()
    average_ms: float | None = None
    average_without_first_ms: float | None = None
    output_dir: str = ""
    inputs: tuple[str, ...] = ()
    finished: bool = False
    errors: tuple[str, ...] = ()
    work_bytes: int | None = None
    weight_bytes: int | None = None


_START = re.compile(r"\[INFO\] acl init success")
_ROUND = re.compile(rf"Inference time:\s*({NUMBER})\s*ms")
_AVERAGE = re.compile(rf"Inference average time\s*(without first time)?\s*:\s*({NUMBER})\s*ms")
_INPUT = re.compile(r"\[INFO\] start to process file:\s*(.+)$")
_END = re.compile(r"\[INFO\](?: pid: \d{1,10})? Execute sample success")
_NEED = re.compile(r"malloc buffer for (mem|weight)\s{0,4},\s{0,4}require size is (\d{1,18})")
# `20210202_172031` up to the end of 2021, then `2022922_17_4_9_955610`: year, month, day without padding
_FOLDER = re.compile(r"^(?:.*/)?\d{6,8}(?:_\d{6}|(?:_\d{1,2}){3}_\d{1,6})$")


def parse(text: str) -> tuple[Report, ...]:
    """Return the runs of msame in a log in order; empty where there is no sign of one."""
    reports: list[Report] = []
    rows: list[str] = []
    for line in lines(text):
        if _START.search(line):
            reports.append(_report(rows))
            rows = []
        rows.append(line)
    reports.append(_report(rows))
    return tuple(report for report in reports if report != Report())


def _report(rows: list[str]) -> Report:
    """Return what the lines of one run say.

    The lines are joined again for `errors`, which reads text; of a repeated statement the last counts.
    """
    report = Report(errors=errors("\n".join(rows)), finished=any(_END.search(line) for line in rows))
    rounds: list[float] = []
    inputs: list[str] = []
    for line in rows:
        if hit := _ROUND.search(line):
            rounds.append(float(hit.group(1)))
        elif hit := _INPUT.search(line):
            inputs.append(hit.group(1))
        else:
            report = _single(report, line)
    return replace(report, rounds_ms=tuple(rounds), inputs=tuple(inputs))


def _single(report: Report, line: str) -> Report:
    """Return the report with what a line says once per run."""
    if hit := _AVERAGE.search(line):
        average = float(hit.group(2))
        if hit.group(1):
            return replace(report, average_without_first_ms=average)
        return replace(report, average_ms=average)
    if hit := _NEED.search(line):
        size = int(hit.group(2))
        return replace(report, work_bytes=size) if hit.group(1) == "mem" else replace(report, weight_bytes=size)
    return replace(report, output_dir=line.strip()) if _FOLDER.match(line.strip()) else report
