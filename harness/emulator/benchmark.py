"""The emulated benchmark.x86_64: samples of an info file, or random inputs, through one OM; results below `result/`.

Nothing there is cleared between runs. What is not known of the closed tool is taken to be this: the last batch is
filled with its last sample, text is written by default, a failure ends with 1.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.emulator import console, faults
from harness.emulator.acl_device import AclDevice, AclError, AclModel
from harness.emulator.benchmark_arguments import Arguments, Refused, Sample, parse, refused, samples
from harness.emulator.console import Log
from harness.emulator.execution import Outputs
from harness.emulator.faults import Faults
from harness.emulator.result_files import text
from harness.errors import OmgateError

RESULTS = Path("result")
PURE_RULE = "-" * 64


@dataclass
class Stages:
    """Milliseconds spent in each stage, over all samples, and in the executions alone, one by one."""

    read_ms: float = 0.0
    prepare_ms: float = 0.0
    infer_ms: float = 0.0
    write_ms: float = 0.0
    executed_ms: list[float] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on the process's arguments; return its exit code."""
    log = Log()
    try:
        args = parse(sys.argv[1:] if argv is None else argv, log)
        found = faults.active("benchmark", args.device)
        found.start()
        model = _load(args, found, log)
        try:
            _hold(model, log)
            (_pure if args.rounds else _dataset)(args, model, log)
        finally:
            model.unload()
    except Refused:
        return 1
    except OmgateError as error:
        console.complain(str(error))
        return 1
    return 0


def _load(args: Arguments, found: Faults, log: Log) -> AclModel:
    try:
        return AclDevice.open(args.device, found, "benchmark").load(args.model)
    except AclError as error:
        console.line(error.message)
        raise refused(log, f"init model {args.model} failed, ret = {error.code}") from None


def _hold(model: AclModel, log: Log) -> None:
    try:
        model.hold_io()
    except AclError as error:
        console.line(error.message)
        raise refused(log, f"malloc device memory failed, ret = {error.code}") from None


def _pure(args: Arguments, model: AclModel, log: Log) -> None:
    random = np.random.default_rng()
    ports = zip(model.om.inputs, model.shapes, strict=True)
    contents = [random.random(shape).astype(port.dtype).tobytes() for port, shape in ports]
    times = [_execute(model, contents, log)[1] for _ in range(args.rounds)]
    mean_ms = float(np.mean(times))
    rate, latency_ms = 1000 * args.batch / mean_ms, mean_ms / args.batch
    path = RESULTS / f"PureInfer_perf_of_{Path(args.model).stem}_in_device_{args.device}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"ave_throughputRate = {rate:g}samples/s, ave_latency = {latency_ms:g}ms\n")
    model.device.faults.harm(path)
    log.info(f"Dataset number: {args.rounds - 1} finished cost {times[-1]:g}ms")
    log.info(f"PureInfer result saved in ./{path}")
    console.line("-----------------PureInfer Performance Summary------------------")
    log.info(f"ave_throughputRate: {rate:g}samples/s, ave_latency: {latency_ms:g}ms")
    console.line(PURE_RULE)


def _dataset(args: Arguments, model: AclModel, log: Log) -> None:
    listed, stages = samples(args, log), Stages()
    folder = RESULTS / f"dumpOutput_device{args.device}"
    folder.mkdir(parents=True, exist_ok=True)
    started_ms = _now_ms()
    for first in range(0, len(listed), args.batch):
        chunk = listed[first : first + args.batch]
        contents = _read(chunk, args.batch, stages)
        began_ms = _now_ms()
        outputs, executed_ms = _execute(model, contents, log)
        stages.executed_ms.append(executed_ms)
        ended_ms = _now_ms()
        _write(folder, chunk, outputs, args, model.device.faults)
        stages.infer_ms += ended_ms - began_ms
        stages.write_ms += _now_ms() - ended_ms
    rows = _rates(stages, len(listed), args.batch, _now_ms() - started_ms)
    path = RESULTS / f"perf_{args.kind}_batchsize_{args.batch}_device_{args.device}.txt"
    path.write_text("".join(f"{row}\n" for row in rows))
    model.device.faults.harm(path)
    console.line("-----------------Performance Summary------------------")
    for row in rows:
        console.line(row)
    console.line("-" * 59)


def _read(chunk: Sequence[Sample], batch: int, stages: Stages) -> list[bytes]:
    """Return the bytes of each input for one batch, filled up with the last sample."""
    started_ms = _now_ms()
    filled = [*chunk, *[chunk[-1]] * (batch - len(chunk))]
    parts = [[file.read_bytes() for file in sample.files] for sample in filled]
    read_ms = _now_ms()
    contents = [b"".join(part) for part in zip(*parts, strict=True)]
    stages.read_ms += read_ms - started_ms
    stages.prepare_ms += _now_ms() - read_ms
    return contents


def _execute(model: AclModel, contents: Sequence[bytes], log: Log) -> tuple[Outputs, float]:
    try:
        outputs, started_ms, ended_ms = model.execute(contents)
    except AclError as error:
        console.line(error.message)
        raise refused(log, f"execute inference failed, ret = {error.code}") from None
    return outputs, ended_ms - started_ms


def _write(folder: Path, chunk: Sequence[Sample], outputs: Outputs, args: Arguments, found: Faults) -> None:
    """Write each sample's part of each output, the outputs numbered from 1."""
    for number, output in enumerate(outputs, 1):
        parts = np.array_split(output.reshape(-1), args.batch)
        for sample, part in zip(chunk, parts, strict=False):
            path = folder / f"{sample.stem}_{number}.{'bin' if args.binary else 'txt'}"
            if args.binary:
                part.tofile(path)
            else:
                path.write_text(text(part, "%g ").rstrip("\n"))
            found.harm(path)


def _rates(stages: Stages, count: int, batch: int, total_ms: float) -> tuple[str, ...]:
    """Return the lines of the performance file: rates per second and milliseconds, of samples; of batches for post."""
    runs = len(stages.executed_ms)
    interface = 1000 * batch / float(np.mean(stages.executed_ms))
    rate = f"{1000 * count / total_ms:g}"
    inner = f"{_rate(count, stages.infer_ms)}, Interface throughputRate: {interface:g}"
    return (
        f"[e2e] throughputRate: {rate}, latency: {total_ms:g}",
        f"[data read] throughputRate: {_rate(count, stages.read_ms)}, moduleLatency: {stages.read_ms / count:g}",
        f"[preprocess] throughputRate: {_rate(count, stages.prepare_ms)}, moduleLatency: {stages.prepare_ms / count:g}",
        f"[infer] throughputRate: {inner}, moduleLatency: {stages.infer_ms / count:g}",
        f"[post] throughputRate: {_rate(runs, stages.write_ms)}, moduleLatency: {stages.write_ms / runs:g}",
    )


def _rate(count: int, elapsed_ms: float) -> str:
    return f"{1000 * count / max(elapsed_ms, 1e-6):g}"


def _now_ms() -> float:
    return 1000 * time.perf_counter()
