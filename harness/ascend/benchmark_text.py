"""What benchmark.x86_64 prints and writes: rates of a run over files, and of a pure inference."""

import re
from dataclasses import dataclass

from harness.ascend.console import NUMBER, lines
from harness.errors import RunError


@dataclass(frozen=True)
class Rates:
    """A `perf_vision_...txt`: rates per second and latencies in ms; a row the file lacks is None.

    `interface_rate` (samples per second of the inference call alone) is what READMEs quote, per device.
    """

    interface_rate: float
    infer_rate: float | None = None
    infer_latency_ms: float | None = None
    e2e_rate: float | None = None
    e2e_ms: float | None = None
    read_rate: float | None = None
    preprocess_rate: float | None = None
    post_rate: float | None = None


@dataclass(frozen=True)
class PureInfer:
    """A pure inference: `rate` in samples per second, `latency_ms` per sample, `cost_ms` per batch."""

    rate: float
    latency_ms: float
    cost_ms: float | None = None
    dataset_number: int | None = None
    result_path: str = ""


# Blanks may pad a number, the comma before moduleLatency may be missing, a row may be labelled either way.
_ROW = re.compile(r"\[(e2e|data read|preprocess|infer|inference|post|postprocess)\]([^\[\r\n]*)")
_VALUE = re.compile(rf"(Interface throughputRate|throughputRate|moduleLatency|latency)\s*[:=]\s*({NUMBER})")
_DATASET = re.compile(rf"Dataset number:\s*(\d{{1,12}}) finished cost ({NUMBER})\s*ms")
_SAVED = re.compile(r"PureInfer result saved in (\S.*)$")
_PURE = re.compile(rf"ave_throughputRate\s*[:=]\s*({NUMBER})\s*samples/s,?\s*ave_latency\s*[:=]\s*({NUMBER})\s*ms")


def parse_perf_file(text: str) -> Rates:
    """Return the rates of a perf file or of the summary on the console; of several summaries the last.

    Raises RunError (`tool-failed`) when it holds no interface rate.
    """
    rows = {
        row.group(1): {value.group(1): float(value.group(2)) for value in _VALUE.finditer(row.group(2))}
        for row in _ROW.finditer(text)
    }
    infer = rows.get("infer") or rows.get("inference") or {}
    post = rows.get("post") or rows.get("postprocess") or {}
    end_to_end = rows.get("e2e", {})
    if "Interface throughputRate" not in infer:
        got = f"rows {', '.join(rows)}" if rows else "none of its rows"
        do = "look at the tool's console text: it leaves no such file after a failure"
        raise RunError("benchmark's perf file", "expected an Interface throughputRate", got, do, kind="tool-failed")
    return Rates(
        interface_rate=infer["Interface throughputRate"],
        infer_rate=infer.get("throughputRate"),
        infer_latency_ms=infer.get("moduleLatency"),
        e2e_rate=end_to_end.get("throughputRate"),
        e2e_ms=end_to_end.get("latency"),
        read_rate=rows.get("data read", {}).get("throughputRate"),
        preprocess_rate=rows.get("preprocess", {}).get("throughputRate"),
        post_rate=post.get("throughputRate"),
    )


def parse_pure(text: str) -> tuple[PureInfer, ...]:
    """Return the pure inferences in a console text or in a result file, in order; empty where there is none."""
    found: list[PureInfer] = []
    number, cost, path = None, None, ""
    for line in lines(text):
        if hit := _DATASET.search(line):
            number, cost = int(hit.group(1)), float(hit.group(2))
        elif hit := _SAVED.search(line):
            path = hit.group(1)
        elif hit := _PURE.search(line):
            found.append(PureInfer(float(hit.group(1)), float(hit.group(2)), cost, number, path))
            number, cost, path = None, None, ""
    return tuple(found)
