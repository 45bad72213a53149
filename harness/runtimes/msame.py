"""msame, which feeds files to an OM as they are and exits 0 after many failures."""

import math
import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from harness.ascend import msame_text
from harness.measure import CANARY_ROUNDS, TimePlan
from harness.results import Measurement
from harness.runtimes.ascend_files import CANARY, MODEL, OmFiles, OmTool, noted, rounds_within
from harness.runtimes.files import Chunk, Written

MOST_LOOPS = 100  # msame refuses more, with exit code 0


class MsameTool(OmTool):
    """The driver of msame: a folder of files per input for `run`, one file or none for `time`."""

    name = "msame"

    def answer(self, chunk: Chunk) -> Written:
        """Run every file of the chunk; output i is `<name>_output_<i>` in a folder named after the time."""
        log = self._invoke(self._arguments(MODEL, chunk.output, self._inputs(chunk.inputs)))
        report = self._report(log)
        folder = self._results(report, chunk.output, log)
        expected, found = len(chunk.names) * len(self._artifact.outputs), len(list(folder.iterdir()))
        if found != expected:
            raise self._failure(f"{expected} output files", f"{found}", log)
        return Written(log, partial(_output_file, folder, self.outputs.suffix), folder)

    def time(self, plan: TimePlan, chunk: Chunk) -> Measurement:
        """Time executions on the device; the first is kept, as the definition leaves it out.

        `tool_value` is the printed average without the first, in ms.
        """
        files = [folder / f"{chunk.names[0]}.bin" for folder in chunk.inputs]
        inputs = [] if plan.inputs == "zero" else self._inputs(files)
        report = self._timed(MODEL, chunk.output, plan.min_rounds, inputs)
        wanted = min(rounds_within(plan, statistics.mean(report.rounds_ms)), MOST_LOOPS - 1)
        if wanted > plan.min_rounds:
            report = self._timed(MODEL, chunk.output, wanted, inputs)
        printed = report.average_without_first_ms
        measurement = self._measured(plan.inputs, report.rounds_ms, printed)
        return noted(measurement, printed, statistics.mean(report.rounds_ms[1:]))

    def canary_ms(self) -> float:
        """Return the median device time of the canary OM, the first execution left out."""
        with tempfile.TemporaryDirectory(prefix="canary-", dir=self.folder) as output:
            rounds_ms = self._timed(CANARY, Path(output), CANARY_ROUNDS, []).rounds_ms
        return statistics.median(rounds_ms[1:])

    def _timed(self, model: str, output: Path, rounds: int, inputs: Sequence[str]) -> msame_text.Report:
        """Execute one time more than `rounds`, as the first does not count."""
        loops = min(rounds + 1, MOST_LOOPS)
        log = self._invoke(self._arguments(model, output, [*inputs, "--loop", str(loops)]))
        report = self._report(log)
        if len(report.rounds_ms) != loops or not all(math.isfinite(each) for each in report.rounds_ms):
            raise self._failure(f"{loops} inference times", f"{len(report.rounds_ms)}", log)
        return report

    def _report(self, log: Path) -> msame_text.Report:
        """Return the one run that the log tells of; without the line of success it failed, whatever the exit code."""
        reports = msame_text.parse(self._said(log))
        if len(reports) != 1 or not reports[0].finished or reports[0].errors:
            got = "; ".join(error for report in reports for error in report.errors) or "no such line"
            raise self._failure("'Execute sample success'", got, log)
        return reports[0]

    def _results(self, report: msame_text.Report, output: Path, log: Path) -> Path:
        """Return the folder that this run made, which it prints, below an output folder that was empty."""
        folders = [path for path in output.iterdir() if path.is_dir()]
        printed = (self.folder / report.output_dir).resolve() if report.output_dir else None
        found = [path for path in folders if path.resolve() == printed] or folders
        if len(found) != 1:
            raise self._failure("one folder of outputs", f"{len(found)}", log)
        return found[0]

    def _arguments(self, model: str, output: Path, more: Sequence[str]) -> list[str]:
        arguments = ["--model", model, "--output", self._relative(output), "--outfmt", self._outfmt]
        return [*arguments, "--device", str(self._device), *more]


class Msame(OmFiles):
    """The runtime `msame`; its TXT holds six digits of each number."""

    tool = MsameTool


def _output_file(folder: Path, suffix: str, name: str, index: int) -> Path:
    return folder / f"{name}_output_{index}.{suffix}"
