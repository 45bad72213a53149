"""The folder of an emulated Ascend toolchain, and the `Toolchain` value that leads to it.

    make(root, ("Ascend310P3",), environ) -> Toolchain

makes, or completes, `root`: `bin/` with a launcher per tool, `python/` with `aclruntime`, its dist-info and
`ais_bench`, `toolkit/` and `driver/` with their version files, `state/` (see `devices`), `home/`. Launchers run this
very Python with this very package. The tools' whole environment is `Toolchain.env`; `os.environ` is neither read nor
written.

`environ` may hold OMGATE_EMULATE_CHIPS (`310P3,310P3,24:310P3*2`; see `inventory`), OMGATE_EMULATE_CANN (a version,
such as 8.0.RC3; what ATC accepts and how it words errors depends on it). OMGATE_EMULATE_FAULT, and the generations of
aclruntime (OMGATE_EMULATE_ACLRUNTIME) and ais_bench (OMGATE_EMULATE_AIS_BENCH), are handed on to the tools.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import harness
from harness.emulator import inventory
from harness.emulator.devices import Devices, write_text
from harness.errors import UsageError
from harness.toolchain import Toolchain

PACKAGE_ROOT = Path(harness.__file__).resolve().parents[1]
CANN = "6.0.RC1"
"""The version that most of the zoo's READMEs name."""
# Driver versions that hosts with a CANN of that age have; the first part of the version decides.
DRIVERS = {5: "22.0.2", 6: "22.0.4", 7: "23.0.0", 8: "24.1.rc3", 9: "25.5.2"}
VERSION = re.compile(r"(\d+)\.\d+(\.\w+)*")
# A launcher's first line holds the interpreter's path, which ends at a blank and may be this long (from Linux 5.1 on).
LONGEST_INTERPRETER = 250
LAUNCHERS = {
    "atc": "atc",
    "msame": "msame",
    "benchmark.x86_64": "benchmark",
    "npu-smi": "smi",
}
"""Each program of `bin/`, and the module of this package whose `main` it calls."""
LAUNCHER = """#!{python}
import os
import sys

sys.path.insert(0, {packages!r})
os.environ.setdefault("OMGATE_EMULATE_ROOT", {root!r})

from harness.emulator.{module} import main

sys.exit(main())
"""
AIS_BENCH = """import sys

sys.path.append({packages!r})

from harness.emulator.ais_bench import main

sys.exit(main())
"""
ACLRUNTIME = """import sys

sys.path.append({packages!r})

from harness.emulator.aclruntime import *
"""
# ais_bench asks pkg_resources for this version and gives up tensors for files if it is lower.
METADATA = "Metadata-Version: 2.1\nName: aclruntime\nVersion: 0.0.2\n"
HANDED_ON = ("OMGATE_EMULATE_FAULT", "OMGATE_EMULATE_ACLRUNTIME", "OMGATE_EMULATE_AIS_BENCH")
COMPONENTS = ("runtime", "compiler", "opp", "toolkit", "aoe", "ncs")


def make(root: Path, chips: Sequence[str], environ: Mapping[str, str]) -> Toolchain:
    """Return the emulated toolchain at `root` with one NPU per chip, or those of OMGATE_EMULATE_CHIPS.

    Files that are there already are written again only where they differ, each in one step: several processes may make
    the same prefix at once. Raises UsageError for chips or a CANN version that cannot be emulated.
    """
    root = root.absolute()
    words = [word for word in environ.get(inventory.OPTION, "").split(",") if word.strip()] or list(chips)
    inventoried = inventory.chips(words)
    cann = environ.get("OMGATE_EMULATE_CANN") or CANN
    driver = _driver(cann)
    _require_interpreter()
    for path, (text, mode) in _files(root, cann, driver).items():
        write_text(root / path, text, mode)
    Devices(root).write(inventoried)
    (root / "home").mkdir(exist_ok=True)
    tools: dict[str, tuple[str, ...]] = {
        program.partition(".")[0]: (str(root / "bin" / program),) for program in LAUNCHERS
    }
    tools |= {"python": (sys.executable,), "ais_bench": (sys.executable, "-m", "ais_bench")}
    return Toolchain(tools, _environment(root, cann, environ), cann, driver, emulated=True)


def _environment(root: Path, cann: str, environ: Mapping[str, str]) -> dict[str, str]:
    env = {
        "PATH": f"{root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(root / "python"),
        "HOME": str(root / "home"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OMGATE_EMULATE_ROOT": str(root),
        "OMGATE_EMULATE_CANN": cann,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return env | {name: environ[name] for name in HANDED_ON if environ.get(name)}


def _files(root: Path, cann: str, driver: str) -> dict[str, tuple[str, int]]:
    """Return the text and mode of each file below the prefix."""
    fills = {"packages": str(PACKAGE_ROOT), "root": str(root), "python": sys.executable}
    files = {
        f"bin/{program}": (LAUNCHER.format(module=module, **fills), 0o755) for program, module in LAUNCHERS.items()
    }
    texts = {
        "python/ais_bench/__init__.py": "",
        "python/ais_bench/__main__.py": AIS_BENCH.format(**fills),
        "python/aclruntime/__init__.py": ACLRUNTIME.format(**fills),
        "python/aclruntime-0.0.2.dist-info/METADATA": METADATA,
        "toolkit/version.cfg": _version_cfg(cann),
        "toolkit/ascend_toolkit_install.info": _install_info(root, cann),
        "driver/version.info": f"Version={driver}\nascendhal_version=4.13.2\npackage_version={driver}\n",
    }
    return files | {path: (text, 0o644) for path, text in texts.items()}


def _version_cfg(cann: str) -> str:
    lines = ["# version: 1.0"]
    for state in ("running", "upgrade", "installed"):
        lines += [f"{component}_{state}_version=[1.0.0.0.0:{cann}]" for component in COMPONENTS]
    return "\n".join(lines) + "\n"


def _install_info(root: Path, cann: str) -> str:
    rows = {
        "package_name": "Ascend-cann-toolkit",
        "version": cann,
        "innerversion": "emulated",
        "arch": "x86_64",
        "os": "linux",
        "path": root / "toolkit",
    }
    return "".join(f"{key}={value}\n" for key, value in rows.items())


def _driver(cann: str) -> str:
    match = VERSION.fullmatch(cann)
    if match is None or int(match[1]) not in DRIVERS:
        what = f"expected a CANN version from {min(DRIVERS)} to {max(DRIVERS)}, such as {CANN}"
        raise UsageError("OMGATE_EMULATE_CANN", what, cann)
    return DRIVERS[int(match[1])]


def _require_interpreter() -> None:
    if any(mark.isspace() for mark in sys.executable) or len(sys.executable) > LONGEST_INTERPRETER:
        what = f"expected a path without blanks and of at most {LONGEST_INTERPRETER} characters"
        do = "put the virtual environment where its path has none: a launcher names it in its first line"
        raise UsageError("python", what, sys.executable, do)
