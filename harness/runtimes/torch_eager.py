"""PyTorch as it is, on the CPU: the reference that the other runtimes are compared with."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import measure
from harness.artifacts import Artifact
from harness.errors import MissingNeedError, RunError, StoreError, UsageError
from harness.measure import Step
from harness.runtimes.engine import EngineSession, check_options
from harness.runtimes.ort import cpu_canary
from harness.runtimes.protocol import Session, SessionOptions
from harness.samples import Array

if TYPE_CHECKING:
    import torch

REMEDY = "install the torch extra: pip install 'omgate[torch]'"


class TorchCpu:
    """Eager PyTorch in float32.

    The artifact is a safetensors state; its recipe says how to build the network: `network_file` (a path to a module
    with `build(**kwargs)`), `network` (the keyword arguments) and `output_indices` (which returned tensors are kept, in
    the order of the artifact's outputs).
    """

    name = "torch-cpu"
    formats: tuple[str, ...] = ("torch",)

    def missing(self) -> str | None:
        """Return why torch cannot be used here and what to do, or None."""
        if find_spec("torch") is None:
            return f"torch is not installed; {REMEDY}"
        return None

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Build the network and load its state strictly.

        Raises WeightsError for a state that is not the network's, CardError for code that does not build it, StoreError
        for a recipe that does not tell how, and MissingNeedError without torch.
        """
        if reason := self.missing():
            raise MissingNeedError(self.name, "expected PyTorch", do=reason)
        if device != "cpu":
            raise UsageError("device", f"{self.name} expects 'cpu'", repr(device))
        check_options(artifact, self.formats, options)
        engine = TorchEngine(_network(artifact), _indices(artifact), options.threads)
        return EngineSession(engine, artifact, options, lambda: cpu_canary(options.threads))


class TorchEngine:
    """An Engine over a torch module in evaluation mode, with its own number of threads."""

    def __init__(self, network: "torch.nn.Module", kept: Sequence[int], threads: int) -> None:
        self._network, self._kept, self._threads = network.eval(), tuple(kept), threads
        parameter = next(network.parameters(), None)
        self.runs_on = "cpu" if parameter is None else str(parameter.device)

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return the kept outputs of one batch; raises RunError (kinds `oom`, `tool-failed`)."""
        import torch

        # The number of threads belongs to the process, and another session may have set its own.
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        where = type(self._network).__name__
        try:
            with torch.inference_mode():
                returned = self._network(*(torch.from_numpy(array) for array in arrays))
        except RuntimeError as error:
            kind = "oom" if "allocate memory" in str(error) else "tool-failed"
            raise RunError(where, "expected PyTorch to run it", str(error), kind=kind, stage="run") from error
        outputs = returned if isinstance(returned, (tuple, list)) else (returned,)
        if len(outputs) <= max(self._kept):
            raise RunError(
                where, f"expected an output of index {max(self._kept)}", f"{len(outputs)} outputs", stage="run"
            )
        return [outputs[index].numpy() for index in self._kept]

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a round of one forward pass, under this process's wall clock."""
        return measure.clocked(lambda: self.run(arrays))

    def close(self) -> None:
        """Let go of the network."""
        self._network = None  # type: ignore[assignment]  # closed: nothing runs any more


def _network(artifact: Artifact) -> "torch.nn.Module":
    """Build the network that the recipe names and put the state in, every tensor in its place."""
    from harness import networks, weights

    file, arguments = artifact.recipe.get("network_file"), artifact.recipe.get("network", {})
    if not isinstance(file, (str, Path)) or not isinstance(arguments, Mapping):
        what = "expected network_file and network in its recipe"
        raise StoreError(artifact.path.name, what, repr(dict(artifact.recipe)), "build the artifact again")
    network = networks.build_at(Path(file), arguments)
    networks.load_state(network, weights.read_checkpoint(artifact.path))
    return network


def _indices(artifact: Artifact) -> list[int]:
    indices: Any = artifact.recipe.get("output_indices")
    if not isinstance(indices, Sequence) or len(indices) != len(artifact.outputs):
        what = f"expected output_indices in its recipe, one for each of {len(artifact.outputs)} outputs"
        raise StoreError(artifact.path.name, what, repr(indices), "build the artifact again")
    return [int(index) for index in indices]
