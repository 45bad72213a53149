"""benchmark.x86_64 (or .aarch64), which takes a list of sample files and makes batches of them itself.

Its source is closed: what is known of it stands in the scripts and READMEs of the model zoo.
"""

import os
import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from harness.artifacts import Artifact
from harness.ascend import benchmark_text
from harness.cards import TensorSpec
from harness.errors import UsageError
from harness.measure import CANARY_ROUNDS, TimePlan
from harness.results import Measurement
from harness.runtimes.ascend_files import CANARY, INVOCATIONS, MODEL, OmFiles, OmTool
from harness.runtimes.files import Chunk, Written
from harness.runtimes.om_failures import read_text
from harness.runtimes.protocol import SessionOptions
from harness.toolchain import Toolchain

MOST_ROUNDS = 1024  # of a pure inference
IMAGE_DIMENSIONS = 4


class BenchmarkTool(OmTool):
    """The driver of benchmark: a file holds one sample, and batches come out even, since they are filled beforehand.

    The tool writes into `result/` of the folder that it is started in, which is the chunk's: nothing stale lies there.
    """

    name = "benchmark"

    def __init__(
        self, toolchain: Toolchain, artifact: Artifact, device: int, outfmt: str, options: SessionOptions
    ) -> None:
        if len(artifact.inputs) != 1:
            got, hint = f"{len(artifact.inputs)} inputs", "use ais_bench, msame or aclruntime"
            raise UsageError(artifact.path.name, "benchmark expects a model of one input", got, hint)
        super().__init__(toolchain, artifact, device, outfmt, options)
        self.rows = 1

    def answer(self, chunk: Chunk) -> Written:
        """Run every file of the chunk; output i is `<name>_<i + 1>` in `result/dumpOutput_device<N>`."""
        samples = [chunk.inputs[0] / f"{name}.bin" for name in chunk.names]
        log = self._listed(samples, chunk.folder)
        folder = chunk.folder / "result" / f"dumpOutput_device{self._device}"
        return Written(log, partial(_output_file, folder, self.outputs.suffix), folder)

    def time(self, plan: TimePlan, chunk: Chunk) -> Measurement:
        """Time several invocations, which give one rate each; `tool_value` is the median of them, in images/s.

        That is the rate of the inference call alone. Any plan but for real samples is the tool's pure inference, on
        random numbers.
        """
        if plan.inputs != "real":
            rates = [self._pure_rate(MODEL, plan.min_rounds, self._options.batch) for _ in range(INVOCATIONS)]
            return self._in_its_words("random", rates)
        samples = [chunk.inputs[0] / f"{name}.bin" for name in chunk.names] * plan.min_rounds
        return self._in_its_words("real", [self._interface_rate(samples, chunk) for _ in range(INVOCATIONS)])

    def canary_ms(self) -> float:
        """Return the milliseconds of one run of the canary OM, from the rate of a pure inference."""
        return 1000.0 / self._pure_rate(CANARY, CANARY_ROUNDS, 1)

    def _in_its_words(self, inputs: str, rates: Sequence[float]) -> Measurement:
        rounds_ms = [1000.0 * self._options.batch / rate for rate in rates]
        return self._measured(inputs, rounds_ms, statistics.median(rates), "median")

    def _interface_rate(self, samples: Sequence[Path], chunk: Chunk) -> float:
        with tempfile.TemporaryDirectory(prefix="timed-", dir=chunk.folder) as folder:
            log = self._listed(samples, Path(folder))
            pattern = f"result/perf_*_batchsize_{self._options.batch}_device_{self._device}.txt"
            files = list(Path(folder).glob(pattern))
            if len(files) != 1:
                raise self._failure("one file of rates", f"{len(files)}", log)
            rate = benchmark_text.parse_perf_file(read_text(files[0])).interface_rate
        return self._positive(rate, log)

    def _pure_rate(self, model: str, rounds: int, batch: int) -> float:
        with tempfile.TemporaryDirectory(prefix="pure-", dir=self.folder) as folder:
            more = [f"-round={min(rounds, MOST_ROUNDS)}"]
            log = self._invoke(self._arguments(model, Path(folder), batch, more), cwd=Path(folder))
        found = benchmark_text.parse_pure(self._said(log))
        if len(found) != 1:
            raise self._failure("the summary of one pure inference", f"{len(found)}", log)
        return self._positive(found[0].rate, log)

    def _positive(self, rate: float, log: Path) -> float:
        if not rate > 0:
            raise self._failure("a rate above zero", f"{rate:g}", log)
        return rate

    def _listed(self, samples: Sequence[Path], folder: Path) -> Path:
        """Run the samples in a folder where the tool finds their list and leaves its results."""
        width, height = picture_size(self._artifact.inputs[0])
        lines = [f"{number} {os.path.relpath(path, folder)} {width} {height}\n" for number, path in enumerate(samples)]
        (folder / "samples.info").write_text("".join(lines), encoding="utf-8")
        more = ["-model_type=vision", "-input_text_path=samples.info", "-useDvpp=False"]
        more += [f"-input_width={width}", f"-input_height={height}", f"-output_binary={self._outfmt == 'BIN'}"]
        log = self._invoke(self._arguments(MODEL, folder, self._options.batch, more), cwd=folder)
        self._said(log)
        return log

    def _arguments(self, model: str, folder: Path, batch: int, more: Sequence[str]) -> list[str]:
        om = os.path.relpath(self.folder / model, folder)
        return [f"-om_path={om}", f"-device_id={self._device}", f"-batch_size={batch}", *more]


class Benchmark(OmFiles):
    """The runtime `benchmark`."""

    tool = BenchmarkTool


def picture_size(spec: TensorSpec) -> tuple[int, int]:
    """Return width and height for the list of samples; the tool only passes them on."""
    sizes = spec.at(1)
    if len(sizes) != IMAGE_DIMENSIONS:
        return 1, 1
    height, width = sizes[1:3] if spec.layout == "NHWC" else sizes[2:]
    return width, height


def _output_file(folder: Path, suffix: str, name: str, index: int) -> Path:
    return folder / f"{name}_{index + 1}.{suffix}"
