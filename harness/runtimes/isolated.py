"""ONNX Runtime in a disposable child process: a crash or a hang costs one case, not the run."""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness import measure, worker
from harness.artifacts import Artifact
from harness.errors import UsageError
from harness.measure import Canary
from harness.runtimes.child import Arena, Child, ChildEngine
from harness.runtimes.engine import EngineSession
from harness.runtimes.ort import OnnxRuntime, OrtCpu
from harness.runtimes.ort_files import OrtFiles
from harness.runtimes.protocol import Runtime, Session, SessionOptions

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
            engine = ChildEngine(child, arena, _model(artifact.path.resolve(), settings))
            runtime.check_opened(artifact, options, engine.facts)
            return EngineSession(engine, artifact, options, cache(lambda: child_canary(child, options)))
        except BaseException:
            child.close()
            raise


def child_canary(child: Child, options: SessionOptions) -> Canary:
    """Return the canary of a worker, on the CPU with the session's number of threads."""
    path = options.workdir.resolve() / "canary.onnx"
    path.write_bytes(measure.canary_model())
    arena = Arena([measure.CANARY_INPUT], [measure.CANARY_OUTPUT], options)
    settings = OrtCpu().settings("cpu", options)
    engine = ChildEngine(child, arena, _model(path, settings))
    return Canary(engine.step([measure.canary_input()]))


def _model(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"engine": "ort", "model": str(path), "settings": settings}
