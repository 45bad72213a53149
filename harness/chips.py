"""Which chip a runtime runs on here, as promises and results name it."""

import subprocess
from functools import lru_cache

HOST = "cpu"
QUERY = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


@lru_cache(maxsize=8)
def chip_of(runtime: str) -> str:
    """Return `cpu`, or the first GPU's name for a runtime on CUDA, or `npu` for ONNX Runtime's CANN provider."""
    if runtime == "ort-cuda":
        return _gpu_name()
    return "npu" if runtime == "ort-cann" else HOST


def _gpu_name() -> str:
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return "gpu"
    names = done.stdout.splitlines()
    return names[0].strip() if done.returncode == 0 and names else "gpu"
