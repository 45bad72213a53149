"""ONNX Runtime behind a command line: a file-based runtime that every machine has."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import harness
from harness import worker
from harness.artifacts import Artifact
from harness.errors import RunError
from harness.measure import TimePlan
from harness.process import run_tool
from harness.results import Measurement
from harness.runtimes.bin_runner import SUMMARY
from harness.runtimes.files import Chunk, FileSession, Written
from harness.runtimes.ort import OrtCpu, cpu_canary
from harness.runtimes.output_files import FORMATS
from harness.runtimes.protocol import Session, SessionOptions

PACKAGE_ROOT = Path(harness.__file__).resolve().parent.parent


class OrtFiles:
    """The CPU execution provider, driven through `bin_runner` and `.bin` files."""

    name = "ort-files"
    formats: tuple[str, ...] = ("onnx",)

    def missing(self) -> str | None:
        """Return what the CPU provider in this process says: the tool is this very Python."""
        return OrtCpu().missing()

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Load the model once in the tool and check what it says of it; raises as `OrtCpu.open` does."""
        runtime = OrtCpu()
        runtime.check(artifact, options)
        runtime.settings(device, options)
        tool = BinRunner(artifact.path.resolve(), options)
        runtime.check_opened(artifact, options, tool.facts)
        return FileSession(tool, artifact, options, lambda: cpu_canary(options.threads))


class BinRunner:
    """A FileTool over `python -m harness.runtimes.bin_runner`; every invocation has a log of its own."""

    outputs = FORMATS["BIN"]

    def __init__(self, model: Path, options: SessionOptions) -> None:
        self._model, self._options, self.rows = model, options, options.batch
        self._workdir = Path(tempfile.mkdtemp(prefix="bin_runner-", dir=options.workdir.resolve()))
        self._invocations = count()
        self._invoke(["--output", str(self._workdir), "--describe"], "corrupt-artifact")
        self.facts = _summary(self._workdir)
        self.runs_on = str(self.facts["runs_on"])

    def run(self, chunk: Chunk) -> Written:
        """Run every file; output i is `<name>_<i>.bin` in the output folder."""
        return Written(self._invoke(_folders(chunk), "tool-failed"), partial(_output_file, chunk.output))

    def close(self) -> None:
        """Do nothing: the tool ended."""

    def time(self, plan: TimePlan, chunk: Chunk) -> Measurement:
        """Time calls of the library inside the tool: wall milliseconds."""
        rounds = [str(plan.warmup), str(plan.min_rounds), str(plan.max_rounds), str(plan.budget_s)]
        self._invoke([*_folders(chunk), "--rounds", *rounds], "tool-failed")
        summary = _summary(chunk.output)
        return Measurement(
            definition="wall",
            statistic="median",
            batch=self._options.batch,
            rounds_ms=tuple(summary["rounds_ms"]),
            warmup_ms=tuple(summary["warmup_ms"]),
            inputs=plan.inputs,
            threads=self._options.threads,
        )

    def _invoke(self, arguments: Sequence[str], otherwise: str) -> Path:
        """Run the tool; a failure gets the kind that its log tells, or `otherwise`."""
        options, log = self._options, self._workdir / f"{next(self._invocations):04d}.log"
        argv = [sys.executable, "-m", "harness.runtimes.bin_runner", "--model", str(self._model)]
        argv += ["--batch", str(options.batch), "--threads", str(options.threads), *arguments]
        env = _environment(options)
        try:
            return run_tool(argv, cwd=self._workdir, env=env, timeout_s=options.timeout_s, log=log).log
        except RunError as error:
            kind = worker.kind_of(error, otherwise) if error.kind == "tool-failed" else error.kind
            details = {"kind": kind, "stage": error.stage, "log": error.log}
            raise RunError(error.where, error.what, error.got, error.do, **details) from error


def _environment(options: SessionOptions) -> dict[str, str]:
    """Return this process's environment with the harness importable, as it need not be installed."""
    paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **options.env}


def _folders(chunk: Chunk) -> list[str]:
    return ["--input", *(str(path.resolve()) for path in chunk.inputs), "--output", str(chunk.output.resolve())]


def _output_file(folder: Path, name: str, index: int) -> Path:
    return folder / f"{name}_{index}.bin"


def _summary(folder: Path) -> Mapping[str, Any]:
    path = folder / SUMMARY
    try:
        summary: Mapping[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise RunError("bin_runner", f"expected {SUMMARY} in its output folder", str(error), stage="run") from error
    return summary
