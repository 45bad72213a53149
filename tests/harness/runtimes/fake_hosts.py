"""Toolchains of fake tools, and OMs that these tools run."""

import json
import os
import sys
from pathlib import Path

import numpy as np

from harness.artifacts import Artifact
from harness.runtimes.aclruntime import AclRuntime
from harness.runtimes.ais_bench import AisBench
from harness.runtimes.benchmark_tool import Benchmark
from harness.runtimes.msame import Msame
from harness.samples import Sample
from harness.toolchain import Toolchain
from tests.harness.runtimes.small_models import INPUTS, OUTPUTS, spec

TOOLS = Path(__file__).parent / "fake_ascend"
FILE_RUNTIMES = {
    "ais_bench 0": ("ais_bench", "0", AisBench),
    "ais_bench 1": ("ais_bench", "1", AisBench),
    "ais_bench 2": ("ais_bench", "2", AisBench),
    "msame old": ("msame", "old", Msame),
    "msame new": ("msame", "new", Msame),
    "benchmark": ("benchmark", "", Benchmark),
}
RUNTIMES = {
    **FILE_RUNTIMES,
    "aclruntime old": ("python", "old", AclRuntime),
    "aclruntime new": ("python", "new", AclRuntime),
}
PICTURE = ("N", 1, 4, 6)  # 24 numbers, twice as wide as they are high would be wrong to guess


def host(tool, generation, **env):
    """Return a toolchain with one tool; `env` is what the fakes are told."""
    known = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    if tool == "python":
        known |= {"PYTHONPATH": str(TOOLS), "FAKE_GENERATION": generation}
        return Toolchain({"python": (sys.executable,)}, {**known, **env})
    words = [generation] if generation else []
    return Toolchain({tool: (sys.executable, str(TOOLS / f"fake_{tool}.py"), *words)}, {**known, **env})


def runtime(name, **env):
    """Return a runtime of RUNTIMES on a host of its own."""
    tool, generation, made = RUNTIMES[name]
    return made(host(tool, generation, **env))


def sums_om(folder, batch):
    """Return the network of small_models.py: two inputs, two outputs."""
    return _om(folder / "sums.om", (INPUTS, OUTPUTS), "sums", batch)


def double_om(folder, batch, shape=PICTURE, dtype="float32"):
    """Return a network whose output is twice its only input."""
    specs = (spec("x", *shape, dtype=dtype),), (spec("y", *shape, dtype=dtype),)
    return _om(folder / "double.om", specs, "double", batch)


def picture(number, shape=PICTURE, dtype="float32"):
    """Return sample `number`: counts up from it in thousandths."""
    size = int(np.prod(shape[1:]))
    return Sample(
        f"picture {number}/ä", ((number + np.arange(size, dtype=dtype) / 1000).reshape(shape[1:]).astype(dtype),)
    )


def _om(path, specs, network, batch):
    described = [[{"name": one.name, "dtype": one.dtype, "shape": one.at(batch)} for one in side] for side in specs]
    path.write_text(json.dumps({"inputs": described[0], "outputs": described[1], "network": network}))
    return Artifact(path, "om", "0" * 64, {}, *specs, batch)
