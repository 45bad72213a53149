"""Stage 3: what executes an artifact. The table names every runtime and its class; nothing is imported early."""

import os
from typing import TYPE_CHECKING

from harness.errors import UsageError, closest

if TYPE_CHECKING:
    from harness.runtimes.protocol import Runtime
    from harness.toolchain import Toolchain

RUNTIMES = {
    "ort-cpu": "harness.runtimes.ort:OrtCpu",
    "ort-cuda": "harness.runtimes.ort:OrtCuda",
    "ort-cann": "harness.runtimes.ort:OrtCann",
    "ort-files": "harness.runtimes.ort_files:OrtFiles",
    "ort-plain": "harness.runtimes.ort:OrtPlain",
    "tf-cpu": "harness.runtimes.tf:TfCpu",
    "torch-cpu": "harness.runtimes.torch_eager:TorchCpu",
    "aclruntime": "harness.runtimes.aclruntime:AclRuntime",
    "ais_bench": "harness.runtimes.ais_bench:AisBench",
    "benchmark": "harness.runtimes.benchmark_tool:Benchmark",
    "msame": "harness.runtimes.msame:Msame",
}
OM_RUNTIMES = ("aclruntime", "ais_bench", "msame", "benchmark")
"""The runtimes that open an OM; they are made from an Ascend toolchain."""


def get(name: str, toolchain: "Toolchain | None" = None) -> "Runtime":
    """Return the runtime of that name; an unknown one is a UsageError with the nearest known name.

    `toolchain` is the Ascend toolchain for the runtimes of OMs; None is the one that this host has.
    """
    if name not in RUNTIMES:
        raise UsageError(
            "--runtime", "unknown runtime", repr(name), closest(name, list(RUNTIMES)) or f"known: {', '.join(RUNTIMES)}"
        )
    from importlib import import_module

    from harness.toolchain import find

    module, _, attribute = RUNTIMES[name].partition(":")
    arguments = (toolchain or find(os.environ),) if name in OM_RUNTIMES else ()
    runtime: Runtime = getattr(import_module(module), attribute)(*arguments)
    return runtime
