"""aclruntime: OMs run by CANN's Python binding, in a worker under the interpreter that has it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from harness import worker
from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.measure import Canary, Step
from harness.runtimes.ascend_files import absent, npu_number
from harness.runtimes.child import Arena, Child, ChildEngine
from harness.runtimes.engine import EngineSession, check_options
from harness.runtimes.om_failures import om_failure
from harness.runtimes.protocol import Gauge, NoGauge, Session, SessionOptions
from harness.samples import Array
from harness.toolchain import Toolchain

# A round is what the front end ais_bench reports of this library: milliseconds of the execution on the device alone.
DEFINITION = "ais_bench"


class AclRuntime:
    """The runtime `aclruntime`, of either generation of the module."""

    name = "aclruntime"
    formats: tuple[str, ...] = ("om",)

    def __init__(self, toolchain: Toolchain) -> None:
        self._toolchain = toolchain

    def missing(self) -> str | None:
        """Return that there is no Python with aclruntime and what to do, or None."""
        return absent(self._toolchain, "python")

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Load an OM in a new worker; raises MissingNeedError, UsageError for another device, and RunError."""
        number = npu_number(self.name, device)
        check_options(artifact, self.formats, options)
        command = (*self._toolchain.command("python"), worker.__file__)
        child = Child(command, artifact.path.name, options, self._toolchain.env)
        try:
            arena = Arena(artifact.inputs, artifact.outputs, options)
            engine = OmEngine(child, arena, _model(artifact.path, number))
            check_om(artifact, options.batch, engine.facts)
        except BaseException:
            child.close()
            raise
        return EngineSession(engine, artifact, options, lambda: _canary(child, options.canary, number), DEFINITION)


class OmEngine:
    """An Engine over an OM in a worker; the kind and code of a failure come from what the worker printed before it."""

    def __init__(self, child: Child, arena: Arena, model: Mapping[str, Any]) -> None:
        self._child = child
        with _told(child):
            self._engine = ChildEngine(child, arena, model)
        self.facts, self.runs_on = self._engine.facts, self._engine.runs_on

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return copies of the outputs of one batch; raises RunError."""
        with _told(self._child):
            return self._engine.run(arrays)

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a round: the milliseconds that the device took to execute one batch."""
        return _told_step(self._child, self._engine.step(arrays))

    def close(self) -> None:
        """End the worker; never raises."""
        self._engine.close()


def check_om(artifact: Artifact, batch: int, facts: Mapping[str, Any]) -> None:
    """Compare the artifact's tensors at a batch size with what aclruntime says of the OM.

    Inputs by order, dtype, shape and bytes; outputs by dtype and bytes, as an OM gives them names, and sometimes
    shapes, of its own. Raises RunError (kind `corrupt-artifact`).
    """
    for specs, found, shaped in ((artifact.inputs, facts["inputs"], True), (artifact.outputs, facts["outputs"], False)):
        expected = [_expected(spec, batch, shaped) for spec in specs]
        present = [_present(tensor, shaped) for tensor in found]
        names, others = [spec.name for spec in specs], [tensor["name"] for tensor in found]
        reordered = names != others and sorted(names) == sorted(others)
        if expected != present or reordered:
            what, got = f"expected the tensors {names} {expected}", f"{others} {present}"
            hint = f"build the OM again for batch {batch}, or correct the card's tensors"
            raise RunError(artifact.path.name, what, got, hint, kind="corrupt-artifact", stage="load")


def _expected(spec: TensorSpec, batch: int, shaped: bool) -> tuple[object, ...]:
    shape = spec.at(batch)
    size = prod(shape) * np.dtype(spec.dtype).itemsize
    return (spec.dtype, shape, size) if shaped else (spec.dtype, size)


def _present(tensor: Mapping[str, Any], shaped: bool) -> tuple[object, ...]:
    dtype, size = tensor["dtype"], tensor["bytes"]
    return (dtype, tuple(tensor["shape"]), size) if shaped else (dtype, size)


def _model(om: Path, device: int) -> dict[str, Any]:
    return {"engine": "acl", "model": str(om.resolve()), "settings": {"device": device}}


def _canary(child: Child, om: Path | None, device: int) -> Gauge:
    """Return the gauge of the worker: the canary OM beside the other, fed with zeros."""
    if om is None:
        return NoGauge()
    with _told(child):
        opened = child.ask(op="open", arena="", inputs=[], outputs=[], **_model(om, device))
    return Canary(_told_step(child, lambda: float(child.ask(op="time", handle=opened["handle"])["round_ms"])))


def _told_step(child: Child, step: Step) -> Step:
    def told() -> float:
        with _told(child):
            return step()

    return told


@contextmanager
def _told(child: Child) -> Iterator[None]:
    """Give a failure without a kind the one that the worker's log tells of since now."""
    since = child.log.stat().st_size
    try:
        yield
    except RunError as error:
        if error.kind != "tool-failed":
            raise
        stage = "load" if error.stage == "open" else "run"
        raise om_failure(error.where, (error.what, error.got), child.log, since, stage) from error
