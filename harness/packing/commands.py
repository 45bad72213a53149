"""The exact commands of each tool for a packed folder, to be started in it; every path is relative."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cards import ModelCard, TensorSpec
from harness.convert import atc
from harness.convert.atc import Job, Order
from harness.packing.manifest import Timed
from harness.runtimes.benchmark_tool import picture_size

TOOLS = ("ais_bench", "msame", "benchmark", "aclruntime")
MODEL = "model"
TIMING = "timing"
"""Where the outputs of timing go, which nobody scores."""
SAMPLES = "samples.info"
"""The list of samples that benchmark reads."""
IMAGE_DIMENSIONS = 4
LOOPS = 100
"""How often the first batch is run to time it; msame does no more in one run."""


def timings(root: Path, tool: str, kind: Timed) -> tuple[Path, ...]:
    """Return the files in a pack where the commands left what they timed; none where they did not run."""
    rates = "result/perf_*.txt" if kind == "real" else "result/PureInfer_perf_*.txt"
    places = {"ais_bench": f"{TIMING}/ais_bench_summary.json", "msame": f"{TIMING}/msame.log", "benchmark": rates}
    return tuple(sorted(root.glob(places[tool]))) if tool in places else ()


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


def of_tool(tool: str, card: ModelCard, timing: tuple[int, Timed], names: Sequence[str]) -> tuple[str, ...]:
    """Return the commands that run every prepared file, and time one batch of that size on inputs of that kind."""
    batch, kind = timing
    folders = [f"inputs/input_{index}" for index in range(len(card.input))]
    first = ",".join(f"{folder}/{names[0]}.bin" for folder in folders)
    if tool == "benchmark":
        return _of_benchmark(card.input[0], batch, kind)
    if tool == "msame":
        return _of_msame(",".join(folders), "" if kind == "zero" else f" --input {first}")
    if tool == "ais_bench":
        fed = {"zero": "", "random": " --pure_data_type random", "real": f" --input {first}"}
        return _of_ais_bench(batch, ",".join(folders), fed[kind])
    return ("python3 run.py --device 0",)


def samples_info(spec: TensorSpec, names: Sequence[str]) -> str:
    """Return benchmark's list: number, file, width and height of each sample."""
    width, height = picture_size(spec)
    return "".join(f"{number} inputs/input_0/{name}.bin {width} {height}\n" for number, name in enumerate(names))


def _of_ais_bench(batch: int, folders: str, fed: str) -> tuple[str, ...]:
    start = f"python3 -m ais_bench --model {MODEL}.om --device 0 --batchsize {batch}"
    return (
        f"mkdir -p -m 750 outputs {TIMING}",  # newer front ends refuse a folder that others may read
        f"{start} --output outputs --output_dirname ais_bench --outfmt BIN --input {folders}",
        f"{start} --output {TIMING} --output_dirname ais_bench --loop {LOOPS}{fed}",
    )


def _of_msame(folders: str, fed: str) -> tuple[str, ...]:
    start = f"msame --model {MODEL}.om --device 0 --outfmt BIN"
    return (
        f"mkdir -p outputs/msame {TIMING}",
        f"{start} --output outputs/msame --input {folders}",
        f"{start} --output {TIMING} --loop {LOOPS}{fed} > {TIMING}/msame.log",
    )


def _of_benchmark(spec: TensorSpec, batch: int, kind: Timed) -> tuple[str, ...]:
    """Return the commands; a run over files leaves its rate, and a pure inference is on random numbers."""
    width, height = picture_size(spec)
    start = f'"benchmark.$(uname -m)" -om_path={MODEL}.om -device_id=0 -batch_size={batch}'
    listed = f"-model_type=vision -input_text_path={SAMPLES} -input_width={width} -input_height={height}"
    run = f"{start} {listed} -useDvpp=False -output_binary=True"
    return (run,) if kind == "real" else (run, f"{start} -round={LOOPS}")
