"""What a result was measured on: versions, processor, memory, commit; never a host or user name."""

import os
import platform
import re
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.errors import UsageError

SYSTEMS = ("Linux", "Darwin")
PACKAGES = (
    *("numpy", "onnx", "onnxruntime", "onnxslim", "pillow", "scipy"),
    *("tensorflow", "tensorflow-cpu", "tf2onnx", "torch"),
)


def require_system() -> None:
    """Raise UsageError on an operating system that the gates do not run on."""
    if platform.system() not in SYSTEMS:
        do = "use Linux, WSL, or macOS for the gates on ONNX Runtime"
        raise UsageError("omgate", "expected Linux or macOS", platform.system() or "an unknown system", do)


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """Return the environment of this process, ready for JSON."""
    return {
        "omgate": versions(("omgate",)).get("omgate", "source"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mib": _memory_mib(),
        "packages": versions(PACKAGES),
        "commit": _commit(),
    }


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of those packages, leaving out the absent ones, without importing them."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _commit() -> str:
    """Return the commit of the clone that omgate runs from, or an empty string outside one."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - git is looked up on PATH on purpose
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def command_line() -> list[str]:
    """Return the command this process was started with, its program by name alone, and of URLs only their kind."""
    return [Path(sys.argv[0]).name, *(re.sub(r"://.*", "://…", word) for word in sys.argv[1:])]
