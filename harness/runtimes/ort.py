"""ONNX Runtime in this process: one code path for the CPU, CUDA and CANN execution providers."""

import ctypes
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from harness import measure, worker
from harness.artifacts import Artifact
from harness.errors import MissingNeedError, RunError, UsageError
from harness.measure import Canary, Step
from harness.runtimes.engine import EngineSession, check_options, check_tensors
from harness.runtimes.protocol import Session, SessionOptions
from harness.samples import Array


class OnnxRuntime:
    """ONNX Runtime on one execution provider; the subclasses are the table of providers.

    `device` is the kind of device it takes (`cuda:1` for kind `cuda`), `libraries` are what the provider loads.
    """

    name: str
    provider: str
    device: str
    remedy: str
    formats: tuple[str, ...] = ("onnx",)
    provider_options: ClassVar[Mapping[str, str]] = {}
    libraries: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Return why the provider cannot run here and what to do, or None.

        A provider is listed as soon as the wheel holds it, also where the driver's libraries are absent; so those are
        asked for first, which also keeps planning on a host without them free of importing onnxruntime.
        """
        if find_spec("onnxruntime") is None:
            return f"onnxruntime is not installed; {self.remedy}"
        if absent := [library for library in self.libraries if not _loads(library)]:
            return f"{self.provider} cannot load {', '.join(absent)}; {self.remedy}"
        return self._unlisted() if self.libraries else None

    def _unlisted(self) -> str | None:
        try:
            import onnxruntime
        except ImportError as error:
            return f"onnxruntime cannot be imported ({error}); {self.remedy}"
        if self.provider in onnxruntime.get_available_providers():
            return None
        return f"onnxruntime {onnxruntime.__version__} here has no {self.provider}; {self.remedy}"

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Open an ONNX file; raises RunError, MissingNeedError, or UsageError for a device of another kind."""
        self.check(artifact, options)
        engine = InProcess(artifact.path.name, str(artifact.path), self.settings(device, options))
        self.check_opened(artifact, options, engine.facts)
        return EngineSession(engine, artifact, options, lambda: cpu_canary(options.threads))

    def check(self, artifact: Artifact, options: SessionOptions) -> None:
        """Raise before anything is loaded if the provider is missing or the request is impossible."""
        if reason := self.missing():
            raise MissingNeedError(self.name, "expected a provider that works here", do=reason)
        check_options(artifact, self.formats, options)

    def check_opened(self, artifact: Artifact, options: SessionOptions, facts: Mapping[str, Any]) -> None:
        """Check what the library says of the opened file: where it runs (`runs_on`), its inputs and outputs."""
        # ONNX Runtime falls back to the CPU with no more than a line on stderr, even when only one provider was asked.
        if facts["runs_on"] != self.provider:
            got, what = f"a session on {facts['runs_on']}", f"expected a session on {self.provider}"
            raise MissingNeedError(self.name, what, got, self.remedy)
        check_tensors(artifact.path.name, artifact.inputs, facts["inputs"], options.batch)
        check_tensors(artifact.path.name, artifact.outputs, facts["outputs"], options.batch)

    def settings(self, device: str, options: SessionOptions) -> dict[str, Any]:
        """Return the settings of `worker.OrtEngine` for a device: `cpu`, `cuda`, `cuda:1`, `npu:0`."""
        kind, _, number = device.partition(":")
        if kind != self.device or not (number or "0").isdecimal() or (kind == "cpu" and number):
            raise UsageError("device", f"{self.name} expects {self.device!r}" + self._numbered(), repr(device))
        chosen = {} if kind == "cpu" else {"device_id": number or "0"}
        provider_options = {**self.provider_options, **chosen}
        return {"provider": self.provider, "provider_options": provider_options, "threads": options.threads}

    def _numbered(self) -> str:
        return "" if self.device == "cpu" else f" or '{self.device}:<number>'"


class OrtCpu(OnnxRuntime):
    """The CPU, with as many threads as asked."""

    name, provider, device = "ort-cpu", "CPUExecutionProvider", "cpu"
    remedy = "install onnxruntime"


class OrtPlain(OrtCpu):
    """The CPU without graph optimisation: the reference of models that exist as an ONNX file only."""

    name = "ort-plain"

    def settings(self, device: str, options: SessionOptions) -> dict[str, Any]:
        """Return the CPU's settings with graph optimisation off."""
        return {**super().settings(device, options), "plain": True}


class OrtCuda(OnnxRuntime):
    """An NVIDIA GPU, in full float32."""

    name, provider, device = "ort-cuda", "CUDAExecutionProvider", "cuda"
    # TF32 is on by default and keeps 10 bits of mantissa: float32 parity at 1e-4 would fail by the card's doing.
    provider_options: ClassVar[Mapping[str, str]] = {"use_tf32": "0"}
    libraries = ("libcuda.so.1",)
    remedy = (
        "install onnxruntime-gpu instead of onnxruntime, in an environment of its own, on a host with an NVIDIA driver"
    )


class OrtCann(OnnxRuntime):
    """An Ascend NPU through the CANN execution provider."""

    name, provider, device = "ort-cann", "CANNExecutionProvider", "npu"
    libraries = ("libascendcl.so", "libacl_op_compiler.so", "libfmk_onnx_parser.so")
    remedy = (
        "install onnxruntime-cann instead of onnxruntime, with numpy 1.26, in an environment of its own, "
        "and source the CANN toolkit's set_env.sh"
    )


class InProcess:
    """An Engine over `worker.OrtEngine` in this process; `facts` is what the library says of the opened model."""

    def __init__(self, where: str, model: str | bytes, settings: Mapping[str, Any]) -> None:
        self._where = where
        try:
            self._engine = worker.OrtEngine(model, dict(settings))
        except worker.EngineError as error:
            raise self._failure(error, "open") from error
        self.runs_on = self._engine.runs_on
        self.facts = {"runs_on": self.runs_on, "inputs": self._engine.inputs, "outputs": self._engine.outputs}

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return the outputs of one batch; raises RunError."""
        try:
            return self._engine.run(list(arrays))
        except worker.EngineError as error:
            raise self._failure(error, "run") from error

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a round of one call of the library, under this process's wall clock."""
        return measure.clocked(lambda: self.run(arrays))

    def close(self) -> None:
        """Let go of the session."""
        self._engine.close()

    def _failure(self, error: worker.EngineError, stage: str) -> RunError:
        return RunError(
            self._where, "expected ONNX Runtime to " + stage + " it", str(error), kind=error.kind, stage=stage
        )


def cpu_canary(threads: int) -> Canary:
    """Return the canary of this process, on ONNX Runtime's CPU provider with that many threads."""
    settings = {"provider": OrtCpu.provider, "provider_options": {}, "threads": threads}
    engine = InProcess("canary", measure.canary_model(), settings)
    return Canary(engine.step([measure.canary_input()]))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
