"""Handmade results of many nights, and records of them."""

import datetime

from harness.history.points import Line, Point, Reading, Record, Series
from harness.results import Case, Entry, Measurement, Result, Verdict

FIRST = datetime.datetime(2025, 1, 1, 3, 0, 0, tzinfo=datetime.UTC)
HOST = {
    "cpu": "Example CPU", "cores": 8, "memory_mib": 65_211, "system": "Linux aarch64",
    "device": "Ascend310P3", "device_memory_mib": 21_527,
}  # fmt: skip
CANN = {"name": "CANN", "version": "8.0.RC1", "driver": "23.0.0", "emulated": False}


def commit_of(night: int) -> str:
    return f"{night:08x}" + "0" * 32


def case_of(check="throughput", **changes) -> Case:
    facts = {"model": "net", "runtime": "ais_bench", "chip": "Ascend310P3", "batch": 4, "check": check, **changes}
    return Case(**facts)


def entry(night=0, fps=100.0, case=None, outcome="PASS", code="met", **facts) -> Entry:
    """Return a throughput of one night: rounds of 4 images whose mean is the rate that is asked for."""
    at = (FIRST + datetime.timedelta(days=night)).isoformat(timespec="seconds")
    timed = Measurement(definition="ais_bench", statistic="mean", batch=4, rounds_ms=(4000.0 / fps,) * 5)
    rows = {
        "case": case or case_of(),
        "status": "measured",
        "measurement": timed,
        "environment": {**HOST, "commit": commit_of(night)},
        "toolchain": CANN,
        "started_at": at,
    }
    return Entry(result=Result(**{**rows, **facts}), verdict=Verdict(outcome=outcome, code=code))


def record(night=0, fps=100.0, run="run", **facts) -> Record:
    return Record(entry(night, fps, **facts), run, (Reading("throughput", "ais_bench", "images/s", fps, None, 5),))


LINE = Line("k", "test_throughput[net]", "m", "throughput", "ais_bench", "images/s")


def series_of(values, line=LINE, **changes) -> Series:
    points = [
        Point(
            **{
                "at": f"{2025 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}T03:00:00Z",
                "commit": commit_of(day),
                "toolchain": "CANN 8.0.0",
                "run": "r",
                "outcome": "PASS",
                "code": "met",
                "digest": f"{day:032x}",
                "value": value,
                **changes,
            }
        )
        for day, value in enumerate(values)
    ]
    return Series(line, tuple(points))
