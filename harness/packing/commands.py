"""The exact commands of each tool for a packed folder, to be started in it; every path is relative."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cards import ModelCard, TensorSpec
from harness.convert import atc
from harness.convert.atc import Job, Order

TOOLS = ("ais_bench", "msame", "benchmark", "aclruntime")
MODEL = "model"
SAMPLES = "samples.info"
"""The list of samples that benchmark reads."""
IMAGE_DIMENSIONS = 4
LOOPS = 100
"""How often the first batch is run to time it; msame does no more in one run."""


def rows_of(tool: str, batch: int) -> int:
    """Return how many samples a prepared file holds: benchmark makes its batches itself."""
    return 1 if tool == "benchmark" else batch


def of_atc(order: Order) -> tuple[str, Mapping[Path, str]]:
    """Return the ATC command that makes `model.om`, and the files that it reads with their names in the pack."""
    job = atc.job(order)
    sources = [value for value in job.flags.values() if isinstance(value, Path)]
    places = {path: f"{MODEL}{path.suffix}" if path == order.source.path else path.name for path in sources}
    words = atc.argv(("atc",), Job(job.name, {**job.flags, "output": MODEL}), places)
    return shlex.join(words), places


def of_tool(tool: str, card: ModelCard, batch: int, names: Sequence[str]) -> tuple[str, ...]:
    """Return the commands that run every prepared file, and time the first batch."""
    folders = [f"inputs/input_{index}" for index in range(len(card.input))]
    first = [f"{folder}/{names[0]}.bin" for folder in folders]
    if tool == "benchmark":
        return _of_benchmark(card.input[0], batch)
    if tool == "msame":
        return _of_msame(",".join(folders), ",".join(first))
    if tool == "ais_bench":
        return _of_ais_bench(batch, ",".join(folders), ",".join(first))
    return ("python3 run.py --device 0",)


def samples_info(spec: TensorSpec, names: Sequence[str]) -> str:
    """Return benchmark's list: number, file, width and height of each sample."""
    width, height = _picture_size(spec)
    return "".join(f"{number} inputs/input_0/{name}.bin {width} {height}\n" for number, name in enumerate(names))


def _of_ais_bench(batch: int, folders: str, first: str) -> tuple[str, ...]:
    start = f"python3 -m ais_bench --model {MODEL}.om --device 0 --batchsize {batch}"
    return (
        "mkdir -p outputs",
        f"{start} --output outputs --output_dirname ais_bench --outfmt BIN --input {folders}",
        f"{start} --output outputs --output_dirname timing --loop {LOOPS} --input {first}",
    )


def _of_msame(folders: str, first: str) -> tuple[str, ...]:
    start = f"msame --model {MODEL}.om --device 0 --outfmt BIN"
    return (
        "mkdir -p outputs/msame outputs/timing",
        f"{start} --output outputs/msame --input {folders}",
        f"{start} --output outputs/timing --loop {LOOPS} --input {first} > outputs/timing.log",
    )


def _of_benchmark(spec: TensorSpec, batch: int) -> tuple[str, ...]:
    width, height = _picture_size(spec)
    words = [f'"benchmark.$(uname -m)" -model_type=vision -om_path={MODEL}.om -device_id=0 -batch_size={batch}']
    words += [f"-input_text_path={SAMPLES} -input_width={width} -input_height={height}"]
    return (" ".join([*words, "-useDvpp=False -output_binary=True"]),)


def _picture_size(spec: TensorSpec) -> tuple[int, int]:
    """Return width and height of an input; benchmark only passes them on."""
    sizes = spec.at(1)
    if len(sizes) != IMAGE_DIMENSIONS:
        return 1, 1
    height, width = sizes[1:3] if spec.layout == "NHWC" else sizes[2:]
    return width, height
