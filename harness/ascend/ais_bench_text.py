"""What ais_bench prints, in every generation (ais_infer, the old and the new ais_bench).

The throughput it prints is 1000 x batch / mean device-execute time in ms: no copies, no file reads.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.ascend.console import NUMBER, errors, lines

Generation = Literal["0", "1", "2", ""]
TIMES: Mapping[str, Literal["compute", "h2d", "d2h"]] = {
    "NPU_compute_time": "compute",
    "H2D_latency": "h2d",
    "D2H_latency": "d2h",
}

# The label is `(1000*batchsize/NPU_compute_time)`, `1000*batchsize(1)/...` or `1000*batchsize.mean(1)/...`; a script of
# the zoo prints `Throughput: 82.063 fps.` under the same heading, which is none of it.
_RATE = re.compile(
    rf"\[INFO\] throughput \(?1000\*batchsize(?:(?:\.mean)?\(({NUMBER})\))?/NPU_compute_time.*:\s*({NUMBER})$"
)
_TIME = re.compile(r"(NPU_compute_time|H2D_latency|D2H_latency)\s*\(ms\):\s*(.*)")
_PART = re.compile(rf"(min|max|mean|median|percentile\(99%\)|count)\s*=\s*({NUMBER})")
_OUTPUT = re.compile(r"\[INFO\] output path:\s*(.+)$")
_DETECTED = re.compile(r"try get model batchsize:\s*(\d{1,9})")
_RUNS = re.compile(r"filesperbatch:(\d{1,9})\s+runcount:(\d{1,9})")
_DEVICE = re.compile(rf"\bi:\d{{1,4}} device_(\d{{1,4}}) throughput:({NUMBER})")
_TOTAL = re.compile(rf"\bsummary throughput:({NUMBER})")
_RESULT = re.compile(r"multidevice run end qsize:\d{1,9} result:(-?\d{1,9})")
_RANGE = re.compile(rf"\brun_count:(\d{{1,9}}) success_count:(\d{{1,9}}) avg_throughput:({NUMBER})")
_ROW = re.compile(rf"\bdymshape:(\S{{1,2000}}) bs:(\d{{1,9}}) result:(\w{{1,40}})(?: throughput:({NUMBER}))?")
_NEW = re.compile(r"create new context|energy consumption|\[INFO\] i:\d|exception_cb streamId|/device\d{1,4}_\d{1,4}\b")


@dataclass(frozen=True)
class Latency:
    """Statistics of a time in ms over `count` executions; a part the tool did not give is None."""

    mean_ms: float
    min_ms: float | None = None
    max_ms: float | None = None
    median_ms: float | None = None
    p99_ms: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Block:
    """One performance summary: samples per second, the batch it was computed with, and times where printed."""

    throughput: float | None = None
    batch: float | None = None
    compute: Latency | None = None
    h2d: Latency | None = None
    d2h: Latency | None = None


@dataclass(frozen=True)
class ShapeRange:
    """What `--dymShape_range` prints: runs tried and good, their mean rate, and (shape, batch, good, rate) per run."""

    runs: int
    succeeded: int
    average_rate: float
    rows: tuple[tuple[str, int, bool, float | None], ...]


@dataclass(frozen=True)
class Report:
    """What ais_bench printed of a run.

    `blocks` holds one summary per device process, in the order printed; `throughput`, `batch`, `compute`, `h2d` and
    `d2h` are the last one's. `device_rates` (device id to samples per second), `total_rate` and `result` (0 is good,
    but old ones print 1 after a good run) are of runs on several devices. `runs` x `files_per_run` inputs were
    executed. `generation` is `0` (ais_infer), `1` (also where 1 and 2 print the same), `2`, or empty.
    """

    blocks: tuple[Block, ...] = ()
    output_dirs: tuple[str, ...] = ()
    runs: int | None = None
    files_per_run: int | None = None
    device_rates: Mapping[int, float] = field(default_factory=dict)
    total_rate: float | None = None
    result: int | None = None
    shape_range: ShapeRange | None = None
    errors: tuple[str, ...] = ()
    generation: Generation = ""

    @property
    def output_dir(self) -> str:
        """The folder of the outputs as printed, the first device's; empty where none was written."""
        return self.output_dirs[0] if self.output_dirs else ""

    @property
    def throughput(self) -> float | None:
        """Samples per second of the last summary, or None."""
        return self.blocks[-1].throughput if self.blocks else None

    @property
    def batch(self) -> float | None:
        """The batch size that the last summary was computed with, or None."""
        return self.blocks[-1].batch if self.blocks else None

    @property
    def compute(self) -> Latency | None:
        """Device-execute time of the last summary."""
        return self.blocks[-1].compute if self.blocks else None

    @property
    def h2d(self) -> Latency | None:
        """Time of the copies to the device, where printed."""
        return self.blocks[-1].h2d if self.blocks else None

    @property
    def d2h(self) -> Latency | None:
        """Time of the copies to the host, where printed."""
        return self.blocks[-1].d2h if self.blocks else None


def parse(text: str) -> Report:
    """Return the report in ais_bench's console text; fields that it does not hold stay empty."""
    found = _Found()
    for line in lines(text):
        found.read(line)
    runs = _RUNS.search(text)
    result = _RESULT.search(text)
    total = _TOTAL.search(text)
    return Report(
        blocks=tuple(found.finished()),
        output_dirs=tuple(found.output_dirs),
        runs=int(runs.group(2)) if runs else None,
        files_per_run=int(runs.group(1)) if runs else None,
        device_rates=found.device_rates,
        total_rate=float(total.group(1)) if total else None,
        result=int(result.group(1)) if result else None,
        shape_range=_shape_range(text),
        errors=errors(text),
        generation=_generation(text, found.device_rates),
    )


@dataclass
class _Found:
    """What the lines read so far have given."""

    blocks: list[Block] = field(default_factory=list)
    block: Block = field(default_factory=Block)
    detected: float | None = None
    output_dirs: list[str] = field(default_factory=list)
    device_rates: dict[int, float] = field(default_factory=dict)

    def read(self, line: str) -> None:
        """Take what one line says."""
        if time := _TIME.search(line):
            self._time(time.group(1), time.group(2))
        elif rate := _RATE.search(line):
            batch = float(rate.group(1)) if rate.group(1) else self.detected
            self.blocks.append(replace(self.block, throughput=float(rate.group(2)), batch=batch))
            self.block = Block()
        elif output := _OUTPUT.search(line):
            self.output_dirs.append(output.group(1))
        elif detected := _DETECTED.search(line):
            self.detected = float(detected.group(1))
        elif device := _DEVICE.search(line):
            self.device_rates[int(device.group(1))] = float(device.group(2))

    def finished(self) -> list[Block]:
        """Return the summaries, with one that the text cuts off before its throughput."""
        return self.blocks if self.block == Block() else [*self.blocks, self.block]

    def _time(self, name: str, parts: str) -> None:
        latency = latency_of({part.group(1): float(part.group(2)) for part in _PART.finditer(parts)})
        if latency is None:
            return
        match TIMES[name]:
            case "compute":
                self.block = replace(self.block, compute=latency)
            case "h2d":
                self.block = replace(self.block, h2d=latency)
            case "d2h":
                self.block = replace(self.block, d2h=latency)


def latency_of(parts: Mapping[str, float]) -> Latency | None:
    """Return a latency from statistics under the tool's own names, or None without a mean."""
    if "mean" not in parts:
        return None
    count = parts.get("count")
    return Latency(
        mean_ms=parts["mean"],
        min_ms=parts.get("min"),
        max_ms=parts.get("max"),
        median_ms=parts.get("median"),
        p99_ms=parts.get("percentile(99%)"),
        count=int(count) if count is not None and math.isfinite(count) else None,
    )


def _shape_range(text: str) -> ShapeRange | None:
    head = _RANGE.search(text)
    if head is None:
        return None
    rows = tuple(
        (row.group(1), int(row.group(2)), row.group(3) == "OK", float(row.group(4)) if row.group(4) else None)
        for row in _ROW.finditer(text)
    )
    return ShapeRange(int(head.group(1)), int(head.group(2)), float(head.group(3)), rows)


def _generation(text: str, device_rates: Mapping[int, float]) -> Generation:
    if "throughput (1000*batchsize" in text:
        return "0"
    if _NEW.search(text):
        return "2"
    return "1" if device_rates or "1000*batchsize" in text or "filesperbatch:" in text else ""
