"""What the file-based runtimes of OMs share: the tool in a folder of its own, and what it says of itself."""

import contextlib
import math
import os
import re
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import ClassVar

from harness.artifacts import Artifact
from harness.ascend import console
from harness.errors import RunError, UsageError
from harness.measure import TimePlan
from harness.process import run_tool
from harness.results import Measurement
from harness.runtimes.engine import check_options
from harness.runtimes.files import FOLDER_MODE, Chunk, FileSession, Written
from harness.runtimes.om_failures import om_failure, read_text
from harness.runtimes.output_files import FORMATS
from harness.runtimes.protocol import Gauge, NoGauge, Session, SessionOptions
from harness.toolchain import Toolchain
from harness.units import counted

MODEL, CANARY = "model.om", "canary.om"
INVOCATIONS = 5  # of a tool that tells one number per invocation; the speed gate makes no interval of fewer
DISAGREEMENT = 1e-3  # between a printed rate and the one recomputed from the printed times; they round to 4 digits
_OPENED = re.compile(r"open device (\d+) success")


class OmTool(ABC):
    """A vendor's runner with an OM: a FileTool but for `run`, `time` and `canary_ms`, which each tool has its own of.

    It works in a folder below the session's, where its paths are relative, short and of letters that the strict front
    ends accept. Every invocation leaves its log there.
    """

    name: ClassVar[str]
    joins: ClassVar[bool] = False
    """Whether the tool puts files of fewer samples together to a batch, beside those that it takes anyway."""
    takes: ClassVar[tuple[str, ...]] = (".bin",)
    """The suffixes of the files that the tool reads for what they are."""

    def __init__(
        self, toolchain: Toolchain, artifact: Artifact, device: int, outfmt: str, options: SessionOptions
    ) -> None:
        self._command, self._env = toolchain.command(self.name), {**toolchain.env, **options.env}
        self._artifact, self._device, self._options = artifact, device, options
        self.runs_on, self.rows = f"npu:{device}", options.batch
        self._outfmt, self.outputs = outfmt, FORMATS[outfmt]
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=options.workdir.resolve()))
        self._invocations = count()
        self._adopt(artifact.path, MODEL)

    @abstractmethod
    def answer(self, chunk: Chunk) -> Written:
        """Run every file of the chunk, in batches that are the tool's own business; the outputs' folder is told."""

    def run(self, chunk: Chunk) -> Written:
        """Run every file of the chunk."""
        return self.answer(chunk)

    @abstractmethod
    def time(self, plan: TimePlan, chunk: Chunk) -> Measurement:
        """Time the one batch of the chunk, or the tool's own inputs if the plan asks for those."""

    @abstractmethod
    def canary_ms(self) -> float:
        """Return the milliseconds of one run of the canary OM, on inputs of the tool's own."""

    def gauge(self) -> Gauge:
        """Return the canary of the session's options, timed by this very tool."""
        if self._options.canary is None:
            return NoGauge()
        self._adopt(self._options.canary, CANARY)
        return OmGauge(self.canary_ms)

    def close(self) -> None:
        """Let go of the OMs; the logs stay."""
        for name in (MODEL, CANARY):
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()

    def _invoke(self, arguments: Sequence[str], cwd: Path | None = None) -> Path:
        """Run the tool, in its folder or below it, and return the log; raises RunError."""
        log = self.folder / f"{next(self._invocations):04d}.log"
        argv, timeout_s = [*self._command, *arguments], self._options.timeout_s
        try:
            return run_tool(argv, cwd=cwd or self.folder, env=self._env, timeout_s=timeout_s, log=log).log
        except RunError as error:
            if error.kind != "tool-failed":
                raise
            raise om_failure(error.where, (error.what, error.got), log) from error

    def _said(self, log: Path) -> str:
        """Return what the tool printed; errors in it, or another device, are raised whatever the exit code was."""
        text = read_text(log)
        if errors := console.errors(text):
            raise self._failure(f"{self.name} to print no error", errors[0], log)
        if strange := sorted({int(number) for number in _OPENED.findall(text)} - {self._device}):
            raise self._failure(f"{self.name} to open device {self._device}", f"device {strange[0]}", log)
        return text

    def _failure(self, expected: str, got: str, log: Path) -> RunError:
        return om_failure(self._artifact.path.name, (f"expected {expected}", got), log)

    def _relative(self, path: Path) -> str:
        """Return a path as the tool is told it: from the folder that it starts in."""
        return os.path.relpath(path, self.folder)

    def _inputs(self, paths: Sequence[Path]) -> list[str]:
        """Return the arguments for a file or folder per input, as ais_bench and msame take them."""
        return ["--input", ",".join(self._relative(path) for path in paths)]

    def _measured(
        self, inputs: str, rounds_ms: Sequence[float], tool_value: float | None, statistic: str = "mean"
    ) -> Measurement:
        """Return a measurement in the tool's own definition, which bears its name."""
        return Measurement(
            definition=self.name,
            statistic=statistic,
            batch=self._options.batch,
            rounds_ms=tuple(rounds_ms),
            tool_value=tool_value,
            inputs=inputs,
            threads=self._options.threads,
        )

    def _adopt(self, om: Path, name: str) -> None:
        """Put an OM into the folder under a plain name: linked where we alone may write to it, else copied.

        The strict front ends refuse symbolic links, and files that others own or may write to.
        """
        place = self.folder / name
        place.unlink(missing_ok=True)
        try:
            status = om.stat()
            ours = status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if ours and _linked(om.resolve(), place):
                return
            shutil.copyfile(om, place)
            place.chmod(0o400)
        except OSError as error:
            raise RunError(
                str(om), "expected an OM that can be read", str(error), kind="infra", stage="open"
            ) from error


class OmSession(FileSession):
    """A FileSession that also runs folders which somebody else filled, as a user of the tool would."""

    def __init__(self, tool: OmTool, artifact: Artifact, options: SessionOptions) -> None:
        super().__init__(tool, artifact, replace(options, workdir=tool.folder), tool.gauge)
        self._om_tool, self._batch = tool, options.batch

    def refusal(self, rows: int, suffix: str) -> str:
        """Return what files the tool takes where it takes none of so many samples and that suffix, else nothing."""
        tool = self._om_tool
        if suffix not in tool.takes:
            return f"{tool.name} takes {' and '.join(tool.takes)} files"
        if rows == tool.rows or (tool.joins and self._batch % rows == 0):
            return ""
        return f"{tool.name} takes files of {counted(tool.rows, 'sample')} here"

    def run_folders(self, inputs: Sequence[Path], folder: Path) -> Written:
        """Run the tool once on a folder of files per input, which it batches and pads in its own way; raises RunError.

        `folder`, which is made, takes what it writes. Of that nothing is looked at but what it says of itself.
        """
        output = folder / "output"
        output.mkdir(FOLDER_MODE, parents=True)
        return self._om_tool.answer(Chunk(folder, tuple(inputs), output))


@dataclass(frozen=True)
class OmGauge:
    """A Gauge over a tool that times the canary OM."""

    canary_ms: Callable[[], float]

    def read(self) -> float:
        """Return the milliseconds of the canary now."""
        return self.canary_ms()


class OmFiles:
    """A runtime over a command-line tool; `tool` is its driver, `outfmt` the format of outputs: BIN, NPY or TXT."""

    tool: ClassVar[type[OmTool]]
    outfmts: ClassVar[tuple[str, ...]] = ("BIN", "TXT")
    formats: tuple[str, ...] = ("om",)

    def __init__(self, toolchain: Toolchain, outfmt: str = "BIN") -> None:
        self.name = self.tool.name
        self._toolchain, self._outfmt = toolchain, self._known(outfmt)

    def missing(self) -> str | None:
        """Return why the tool cannot run here and what to do, or None."""
        return absent(self._toolchain, self.tool.name)

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Open an OM on an NPU; raises MissingNeedError without the tool, UsageError for another kind of device."""
        number = npu_number(self.name, device)
        check_options(artifact, self.formats, options)
        outfmt = self._known(options.outfmt or self._outfmt)
        return OmSession(self.tool(self._toolchain, artifact, number, outfmt, options), artifact, options)

    def _known(self, outfmt: str) -> str:
        if outfmt not in self.outfmts:
            raise UsageError(self.name, f"expected the format {' or '.join(self.outfmts)}", repr(outfmt))
        return outfmt


def absent(toolchain: Toolchain, tool: str) -> str | None:
    """Return that a tool is not there and the toolchain's remedy, or None."""
    if toolchain.has(tool):
        return None
    return f"{tool} is not there; {toolchain.remedies.get(tool) or 'install it, or rehearse with --emulate'}"


def npu_number(name: str, device: str) -> int:
    """Return the number of an NPU (`npu:1`); raises UsageError for another kind of device."""
    kind, _, number = device.partition(":")
    if kind != "npu" or not (number or "0").isdecimal():
        raise UsageError("device", f"{name} expects 'npu' or 'npu:<number>'", repr(device))
    return int(number or "0")


def rounds_within(plan: TimePlan, typical_ms: float) -> int:
    """Return how many rounds of that length a plan asks for.

    >>> rounds_within(TimePlan(1, 10, 200, 2.0), 50.0), rounds_within(TimePlan(1, 10, 200, 2.0), 1e3)
    (40, 10)
    """
    wanted = plan.budget_s * 1e3 / typical_ms if typical_ms > 0 else math.inf
    return int(min(max(wanted, plan.min_rounds), plan.max_rounds))


def noted(measurement: Measurement, printed: float | None, recomputed: float) -> Measurement:
    """Return the measurement, with a note if what the tool printed is not what its own times give."""
    if printed is None or math.isclose(printed, recomputed, rel_tol=DISAGREEMENT):
        return measurement
    note = f"{measurement.definition} printed {printed:g}, its times give {recomputed:g}"
    return measurement.model_copy(update={"note": note})


def _linked(om: Path, place: Path) -> bool:
    """Tell whether a hard link could be made: not across file systems, nor always for another's file."""
    try:
        place.hardlink_to(om)
    except OSError:
        return False
    return True
