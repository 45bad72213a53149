"""What ais_bench reports: files in and out, times, and the throughput they give, on stdout and in a JSON file."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.emulator.console import Log

SCALE = 99
PERCENTILE = f"percentile({SCALE}%)"
KEYS = ("min", "max", "mean", "median", PERCENTILE)
RULE = "-" * 54
TITLE = "-----------------Performance Summary------------------"


@dataclass
class Times:
    """Milliseconds of executions and of copies to and from the device."""

    compute: Sequence[float] = ()
    h2d: Sequence[float] = ()
    d2h: Sequence[float] = ()


@dataclass
class Summary:
    """A run of the tool, while it is made."""

    generation: str
    argv: Sequence[str]
    files: dict[int, dict[str, list[str]]] = field(default_factory=dict)

    def add(self, sample: int, infiles: Sequence[str], outfile: str) -> None:
        """Note that a sample's files gave an output file."""
        entry = self.files.setdefault(sample, {"infiles": list(infiles), "outfiles": []})
        entry["outfiles"].append(outfile)

    def report(self, times: Times, batchsize: float, everything: bool, log: Log) -> dict[str, Any]:
        """Print the summary and return the JSON document."""
        rows = {
            "NPU_compute_time": statistics(times.compute),
            "H2D_latency": statistics(times.h2d),
            "D2H_latency": statistics(times.d2h),
        }
        mean = rows["NPU_compute_time"]["mean"]
        throughput = 1000 * batchsize / mean if mean else 0
        self._print(rows, batchsize, throughput, everything, log)
        counts = {"NPU_compute_time": len(times.compute), "H2D_latency": len(times.h2d), "D2H_latency": len(times.d2h)}
        if self.generation.startswith("gen0"):
            return {"filesinfo": self.files, **rows, "throughput": throughput}
        counted = {name: {**row, "count": counts[name]} for name, row in rows.items()}
        document = {"filesinfo": self.files, "args": list(self.argv), **counted, "throughput": throughput}
        return {**document, "npu_compute_time_list": list(times.compute), "pid": os.getpid()}

    def path(self, folder: str) -> Path:
        """Return where the JSON document goes: into the folder first, beside it in later generations."""
        return Path(folder, "sumary.json") if self.generation.startswith("gen0") else Path(f"{folder}_summary.json")

    def _print(
        self, rows: Mapping[str, Mapping[str, float]], batchsize: float, rate: float, everything: bool, log: Log
    ) -> None:
        log.info(TITLE)
        for name in ("H2D_latency", "NPU_compute_time", "D2H_latency"):
            if everything or name == "NPU_compute_time":
                values = ", ".join(f"{key} = {rows[name][key]}" for key in KEYS)
                log.info(f"{name} (ms): {values}")
        if self.generation.startswith("gen0"):
            log.info(f"throughput (1000*batchsize/NPU_compute_time): {rate}")
        else:
            mean = rows["NPU_compute_time"]["mean"]
            log.info(f"throughput 1000*batchsize.mean({batchsize})/NPU_compute_time.mean({mean}): {rate}")
        log.info(RULE)


def statistics(values: Sequence[float]) -> dict[str, float]:
    """Return minimum, maximum, mean, median and 99th percentile; zeros of nothing."""
    if not values:
        return dict.fromkeys(KEYS, 0.0)
    found = (np.min(values), np.max(values), np.mean(values), np.median(values), np.percentile(values, SCALE))
    return dict(zip(KEYS, map(float, found), strict=True))


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write the JSON document."""
    path.write_text(json.dumps(document))
