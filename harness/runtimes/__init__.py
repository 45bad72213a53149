"""Stage 3: what executes an artifact. The table names every runtime and its class; nothing is imported early."""

from typing import TYPE_CHECKING

from harness.errors import UsageError, closest

if TYPE_CHECKING:
    from harness.runtimes.protocol import Runtime

RUNTIMES = {
    "ort-cpu": "harness.runtimes.ort:OrtCpu",
    "ort-cuda": "harness.runtimes.ort:OrtCuda",
    "ort-cann": "harness.runtimes.ort:OrtCann",
    "ort-files": "harness.runtimes.ort_files:OrtFiles",
    "ort-plain": "harness.runtimes.ort:OrtPlain",
    "torch-cpu": "harness.runtimes.torch_eager:TorchCpu",
}


def get(name: str) -> "Runtime":
    """Return the runtime of that name; an unknown one is a UsageError with the nearest known name."""
    if name not in RUNTIMES:
        raise UsageError(
            "--runtime", "unknown runtime", repr(name), closest(name, list(RUNTIMES)) or f"known: {', '.join(RUNTIMES)}"
        )
    from importlib import import_module

    module, _, attribute = RUNTIMES[name].partition(":")
    runtime: Runtime = getattr(import_module(module), attribute)()
    return runtime
