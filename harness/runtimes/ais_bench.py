"""ais_bench, the command line over aclruntime, of every generation: ais_infer, and the old and the new ais_bench.

Which flags there are is read from its help: nothing else tells the generations apart.
"""

import re
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.artifacts import Artifact
from harness.ascend import ais_bench_text
from harness.ascend.ais_bench_summary import parse_summary
from harness.measure import CANARY_ROUNDS, TimePlan
from harness.results import Measurement
from harness.runtimes.ascend_files import CANARY, INVOCATIONS, MODEL, OmFiles, OmTool, noted, rounds_within
from harness.runtimes.files import Chunk, Written
from harness.runtimes.om_failures import read_text
from harness.runtimes.protocol import SessionOptions
from harness.toolchain import Toolchain

RESULTS = "results"
_FLAG = re.compile(r"--[a-z][\w-]*")


@dataclass(frozen=True)
class Timed:
    """One timed invocation: device-execute milliseconds per round (none from ais_infer), their mean, images/s."""

    rounds_ms: tuple[float, ...]
    mean_ms: float
    throughput: float


class AisBenchTool(OmTool):
    """The driver of ais_bench; a file holds a full batch, so that the tool never batches or pads."""

    name = "ais_bench"
    joins = True
    takes = (".bin", ".npy")

    def __init__(
        self, toolchain: Toolchain, artifact: Artifact, device: int, outfmt: str, options: SessionOptions
    ) -> None:
        super().__init__(toolchain, artifact, device, outfmt, options)
        self._flags = frozenset(_FLAG.findall(read_text(self._invoke(["--help"]))))

    def run(self, chunk: Chunk) -> Written:
        """Run every file of the chunk, each of which is a batch."""
        written = self.answer(chunk)
        report = self._report(written.log)
        if report.files_per_run not in (None, 1):
            got = f"{report.files_per_run} files: the OM has another batch"
            raise self._failure("one file per run", got, written.log)
        return written

    def answer(self, chunk: Chunk) -> Written:
        """Run every file of the chunk; output i is `<name>_<i>`, or `sample_id_<k>_output_<i>` of the oldest.

        `<name>` is the input's up to its first dot.
        """
        log = self._invoke(
            self._arguments(MODEL, chunk.output, [*self._inputs(chunk.inputs), "--outfmt", self._outfmt])
        )
        self._report(log)
        folders = [path for path in chunk.output.iterdir() if path.is_dir()]
        if len(folders) != 1:
            raise self._failure("one folder of outputs", f"{len(folders)}", log)
        numbers = {name: number for number, name in enumerate(chunk.names)}
        return Written(log, partial(_output_file, folders[0], self.outputs.suffix, numbers), folders[0])

    def time(self, plan: TimePlan, chunk: Chunk) -> Measurement:
        """Time rounds on the device, the copies left out; ais_infer lists no rounds: the mean of each invocation."""
        inputs = self._timed_inputs(plan, chunk)
        timed = [self._timed(chunk.output, plan.min_rounds, plan.warmup, inputs)]
        if not timed[0].rounds_ms:
            more = range(INVOCATIONS - 1)
            timed += [self._timed(chunk.output, plan.min_rounds, plan.warmup, inputs) for _ in more]
            return self._in_its_words(plan.inputs, [one.mean_ms for one in timed], timed)
        wanted = rounds_within(plan, timed[0].mean_ms)
        if wanted > plan.min_rounds:
            timed = [self._timed(chunk.output, wanted, plan.warmup, inputs)]
        return self._in_its_words(plan.inputs, timed[0].rounds_ms, timed)

    def canary_ms(self) -> float:
        """Return the median device time of the canary OM."""
        with tempfile.TemporaryDirectory(prefix="canary-", dir=self.folder) as output:
            timed = self._once(CANARY, Path(output), 1, ["--loop", str(CANARY_ROUNDS)])
        return statistics.median(timed.rounds_ms or [timed.mean_ms])

    def _in_its_words(self, inputs: str, rounds_ms: Sequence[float], timed: Sequence[Timed]) -> Measurement:
        printed = statistics.mean(one.throughput for one in timed)
        recomputed = 1000.0 * self._options.batch / statistics.mean(rounds_ms)
        return noted(self._measured(inputs, rounds_ms, printed), printed, recomputed)

    def _timed_inputs(self, plan: TimePlan, chunk: Chunk) -> list[str]:
        """Return the arguments for what is fed; without any the tool feeds zeros."""
        if plan.inputs == "zero":
            return []
        if plan.inputs == "random" and "--pure_data_type" in self._flags:
            return ["--pure_data_type", "random"]
        return self._inputs(chunk.inputs)

    def _timed(self, output: Path, loops: int, warmup: int, inputs: Sequence[str]) -> Timed:
        rounds = ["--loop", str(loops)]
        if "--warmup_count" in self._flags:
            rounds += ["--warmup_count", str(warmup)]
        with tempfile.TemporaryDirectory(dir=output) as place:
            return self._once(MODEL, Path(place), self._options.batch, [*rounds, *inputs])

    def _once(self, model: str, output: Path, batch: int, more: Sequence[str]) -> Timed:
        log = self._invoke(self._arguments(model, output, more, batch))
        report = self._report(log)
        # Beside the folder of outputs in every generation but the first, whose file is spelt so.
        summaries = [*output.glob("*_summary.json"), *output.glob("*/sumary.json")]
        if len(summaries) != 1 or report.throughput is None:
            raise self._failure("one summary file", f"{len(summaries)}", log)
        summary = parse_summary(summaries[0].read_text(encoding="utf-8"))
        return Timed(summary.rounds_ms, summary.mean_ms, report.throughput)

    def _arguments(self, model: str, output: Path, more: Sequence[str], batch: int = 0) -> list[str]:
        """Return the arguments of an invocation that writes below `output`."""
        size = str(batch or self._options.batch)
        arguments = ["--model", model, "--device", str(self._device), "--batchsize", size]
        arguments += ["--output", self._relative(output)]
        arguments += ["--output_dirname", RESULTS] if "--output_dirname" in self._flags else []
        return [*arguments, *more]

    def _report(self, log: Path) -> ais_bench_text.Report:
        """Return what the tool printed; without its closing rate it did not come to its end, whatever it returned."""
        report = ais_bench_text.parse(self._said(log))
        if report.throughput is None:
            raise self._failure("the throughput that ais_bench prints at its end", "none", log)
        return report


class AisBench(OmFiles):
    """The runtime `ais_bench`."""

    tool = AisBenchTool
    outfmts = ("BIN", "NPY", "TXT")


def _output_file(folder: Path, suffix: str, numbers: dict[str, int], name: str, index: int) -> Path:
    path = folder / f"{name.split('.')[0]}_{index}.{suffix}"
    oldest = folder / f"sample_id_{numbers[name]}_output_{index}.{suffix}"
    return oldest if not path.is_file() and oldest.is_file() else path
