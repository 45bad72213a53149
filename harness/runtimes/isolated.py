"""ONNX Runtime in a disposable child process: a crash or a hang costs one case, not the run."""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from harness import measure, worker
from harness.artifacts import Artifact
from harness.errors import UsageError
from harness.measure import Canary, Step
from harness.runtimes.child import Arena, Child
from harness.runtimes.engine import EngineSession
from harness.runtimes.ort import OnnxRuntime, OrtCpu
from harness.runtimes.ort_files import OrtFiles
from harness.runtimes.protocol import Runtime, Session, SessionOptions
from harness.samples import Array

WORKER = (sys.executable, worker.__file__)


class Isolated:
    """A runtime whose sessions live in a worker process each; `command` starts `harness/worker.py`.

    A file-based runtime works in processes of its own already and is opened as it is.
    """

    def __init__(self, runtime: Runtime, command: Sequence[str] = WORKER) -> None:
        if not isinstance(runtime, (OnnxRuntime, OrtFiles)):
            raise UsageError("--isolate", "expected an ONNX Runtime", runtime.name, "leave it out for this runtime")
        self._runtime, self._command = runtime, tuple(command)
        self.name, self.formats = runtime.name, runtime.formats

    def missing(self) -> str | None:
        """Return what the runtime itself says."""
        return self._runtime.missing()

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Open an artifact in a new process; raises what the runtime raises, and RunError when the process fails."""
        runtime = self._runtime
        if not isinstance(runtime, OnnxRuntime):
            return runtime.open(artifact, device, options)
        runtime.check(artifact, options)
        settings = runtime.settings(device, options)
        child = Child(self._command, artifact.path.name, options)
        try:
            arena = Arena(artifact.inputs, artifact.outputs, options)
            engine = ChildEngine(child, arena, {"model": str(artifact.path.resolve()), "settings": settings})
            runtime.check_opened(artifact, options, engine.facts)
            return EngineSession(engine, artifact, options, cache(lambda: child_canary(child, options)))
        except BaseException:
            child.close()
            raise


class ChildEngine:
    """An Engine over a model that a worker has opened; `facts` is what the library there says of it."""

    def __init__(self, child: Child, arena: Arena, model: Mapping[str, Any]) -> None:
        self._child, self._arena = child, arena
        try:
            self.facts = child.ask(op="open", engine="ort", arena=str(arena.path), **arena.tensors, **model)
        finally:
            arena.unlink()
        self.runs_on = str(self.facts["runs_on"])
        self._handle = self.facts["handle"]

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return copies of the outputs of one batch; raises RunError."""
        self._fill(arrays)
        self._child.ask(op="run", handle=self._handle)
        return [output.copy() for output in self._arena.outputs]

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a round of one call of the library, under the wall clock of the worker."""
        self._fill(arrays)
        return lambda: float(self._child.ask(op="time", handle=self._handle)["round_ms"])

    def close(self) -> None:
        """End the worker; never raises."""
        self._child.close()

    def _fill(self, arrays: Sequence[Array]) -> None:
        for place, array in zip(self._arena.inputs, arrays, strict=True):
            np.copyto(place, array)


def child_canary(child: Child, options: SessionOptions) -> Canary:
    """Return the canary of a worker, on the CPU with the session's number of threads."""
    path = options.workdir.resolve() / "canary.onnx"
    path.write_bytes(measure.canary_model())
    arena = Arena([measure.CANARY_INPUT], [measure.CANARY_OUTPUT], options)
    settings = OrtCpu().settings("cpu", options)
    engine = ChildEngine(child, arena, {"model": str(path), "settings": settings})
    return Canary(engine.step([measure.canary_input()]))
