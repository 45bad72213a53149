"""TensorFlow as it is, on the CPU: frozen graphs run by a version 1 session, the reference for TensorFlow's models."""

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from harness import measure, needs, tf_networks
from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.errors import MissingNeedError, RunError, UsageError
from harness.measure import Step
from harness.runtimes.engine import EngineSession, check_options, check_tensors
from harness.runtimes.ort import cpu_canary
from harness.runtimes.protocol import Session, SessionOptions
from harness.samples import Array


class TfCpu:
    """A frozen graph (`.pb`) in float32; the artifact's tensors are named as its nodes, output 0 of each."""

    name = "tf-cpu"
    formats: tuple[str, ...] = ("pb",)

    def missing(self) -> str | None:
        """Return why TensorFlow cannot be used here and what to do, or None."""
        return None if find_spec("tensorflow") else f"tensorflow is not installed; {needs.TENSORFLOW_REMEDY}"

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Open a frozen graph.

        Raises RunError for a damaged graph or one with other tensors than the artifact's, and MissingNeedError without
        TensorFlow.
        """
        if reason := self.missing():
            raise MissingNeedError(self.name, "expected TensorFlow", do=reason)
        if device != "cpu":
            raise UsageError("device", f"{self.name} expects 'cpu'", repr(device))
        check_options(artifact, self.formats, options)
        engine = TfEngine(artifact, options)
        return EngineSession(engine, artifact, options, lambda: cpu_canary(options.threads))


class TfEngine:
    """An Engine over a session that owns its graph and its threads."""

    def __init__(self, artifact: Artifact, options: SessionOptions) -> None:
        self._where = artifact.path.name
        self._tf = tf_networks.tensorflow()
        graph = self._imported(artifact)
        self._inputs = self._tensors(graph, artifact.inputs)
        self._outputs = self._tensors(graph, artifact.outputs)
        check_tensors(self._where, artifact.inputs, [_described(tensor) for tensor in self._inputs], options.batch)
        check_tensors(self._where, artifact.outputs, [_described(tensor) for tensor in self._outputs], options.batch)
        settings = self._tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=options.threads,
            inter_op_parallelism_threads=1,
            device_count={"GPU": 0},
        )
        self._session = self._tf.compat.v1.Session(graph=graph, config=settings)
        devices = {device.device_type for device in self._session.list_devices()}
        self.runs_on = "cpu" if devices == {"CPU"} else ", ".join(sorted(devices))

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return the outputs of one batch; raises RunError (kinds `oom`, `tool-failed`)."""
        tf = self._tf
        try:
            found: list[Array] = self._session.run(self._outputs, dict(zip(self._inputs, arrays, strict=True)))
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            kind = "oom" if isinstance(error, tf.errors.ResourceExhaustedError) else "tool-failed"
            raise RunError(
                self._where, "expected TensorFlow to run it", _said(error), kind=kind, stage="run"
            ) from error
        return found

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a round of one call of the session, under this process's wall clock."""
        return measure.clocked(lambda: self.run(arrays))

    def close(self) -> None:
        """Close the session and let go of the graph."""
        self._session.close()

    def _imported(self, artifact: Artifact) -> Any:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

        tf = self._tf
        try:
            definition = tf.compat.v1.GraphDef.FromString(artifact.path.read_bytes())
            with tf.Graph().as_default() as graph:
                tf.import_graph_def(definition, name="")
        except (OSError, DecodeError, ValueError, tf.errors.OpError) as error:
            first = str(error).strip().partition("\n")[0]
            what = "expected a frozen graph"
            raise RunError(self._where, what, first, kind="corrupt-artifact", stage="open") from error
        return graph

    def _tensors(self, graph: Any, specs: Sequence[TensorSpec]) -> list[Any]:
        try:
            return [graph.get_tensor_by_name(f"{spec.name}:0") for spec in specs]
        except (KeyError, ValueError) as error:
            first = str(error).strip().strip("\"'").partition("\n")[0]
            what, hint = "expected the card's tensors in the graph", "compare the card's [[input]] and [[output]]"
            raise RunError(self._where, what, first, hint, kind="corrupt-artifact", stage="open") from error


def _said(error: Exception) -> str:
    """Return the line of an error that tells what broke: the one above the node's, which follows a Python stack."""
    lines = str(error).strip().splitlines()
    return next((above.strip() for above, line in pairwise(lines) if "[[{{node" in line), lines[0])


def _described(tensor: Any) -> dict[str, Any]:
    shape = [] if tensor.shape.rank is None else tensor.shape.as_list()
    return {"name": tensor.op.name, "dtype": tensor.dtype.name, "shape": shape}
