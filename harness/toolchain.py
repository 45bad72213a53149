"""The Ascend toolchain as one value: where its programs are, the environment they run in, and its versions.

A real host and an emulated one are told apart by nothing but `emulated`. A real host is told by configuration before it
is searched; its tools see CANN's own environment and nothing of the virtual environment that omgate runs in.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.ascend.version_files import cann_version, driver_version, toolkit_info
from harness.errors import MissingNeedError, UsageError

TOOLS = ("atc", "ais_bench", "msame", "benchmark", "npu-smi", "python")
"""The programs by the names used here; `python` is the interpreter that has aclruntime."""

SETTINGS = {
    "atc": "OMGATE_ATC",
    "ais_bench": "OMGATE_AIS_BENCH",
    "msame": "OMGATE_MSAME",
    "benchmark": "OMGATE_BENCHMARK",
    "npu-smi": "OMGATE_NPU_SMI",
    "python": "OMGATE_ASCEND_PYTHON",
}
"""The environment variable that says how a tool is started."""

REMEDIES = {
    "atc": "install the CANN toolkit, or set OMGATE_TOOLKIT_ROOT to its folder or OMGATE_ATC to its atc",
    "ais_bench": "install ais_bench beside aclruntime, or set OMGATE_AIS_BENCH, as in 'python3.9 -m ais_bench'",
    "msame": "build msame, and put it on PATH or set OMGATE_MSAME to it",
    "benchmark": "put the benchmark tool on PATH, or set OMGATE_BENCHMARK to it",
    "npu-smi": "install the NPU driver, or set OMGATE_NPU_SMI to its npu-smi",
    "python": "pass --ascend-python, or set OMGATE_ASCEND_PYTHON, with a Python that has aclruntime",
}

INSTALLED = Path("/usr/local/Ascend")
"""Where CANN and the driver install themselves for all users; $HOME/Ascend is where CANN does for one."""

# The folders of set_env.sh, and of env.sh before CANN 5.0.3 (those below atc and acllib); only those that exist count.
PROGRAM_FOLDERS = (
    *("bin", "compiler/bin", "{machine}-linux/bin", "compiler/ccec_compiler/bin", "tools/ccec_compiler/bin"),
    *("atc/ccec_compiler/bin", "atc/bin"),
)
LIBRARY_FOLDERS = (
    *("lib64", "lib64/plugin/opskernel", "lib64/plugin/nnengine"),
    "opp/built-in/op_impl/ai_core/tbe/op_tiling/lib/linux/{machine}",
    *("atc/lib64", "acllib/lib64"),
)
PYTHON_FOLDERS = (
    *("python/site-packages", "opp/built-in/op_impl/ai_core/tbe"),
    *("atc/python/site-packages", "toolkit/python/site-packages", "opp/op_impl/built-in/ai_core/tbe"),
)
PASSED_ON = ("HOME", "LANG", "ASCEND_RT_VISIBLE_DEVICES")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHONS = ("python3", "python3.7", "python3.8", "python3.9", "python3.10", "python3.11")
"""The interpreters that aclruntime was published for, asked in this order."""
PROBE_S = 20.0


@dataclass(frozen=True)
class Toolchain:
    """How each tool is started (`tools`: its name to the first words of its command), and in which environment.

    `env` is the whole environment of a tool. `cann` and `driver` are versions, empty where they cannot be told.
    `remedies` says, per absent tool, what to do.
    """

    tools: Mapping[str, tuple[str, ...]]
    env: Mapping[str, str]
    cann: str = ""
    driver: str = ""
    emulated: bool = False
    remedies: Mapping[str, str] = field(default_factory=dict)

    def has(self, tool: str) -> bool:
        """Tell whether a tool is there."""
        return tool in self.tools

    def command(self, tool: str) -> tuple[str, ...]:
        """Return the first words of a tool's command; raises MissingNeedError with the remedy if it is absent."""
        if tool not in self.tools:
            raise MissingNeedError(
                tool, "expected this tool of the Ascend toolchain", "nothing", self.remedies.get(tool, "")
            )
        return self.tools[tool]

    def describe(self) -> dict[str, Any]:
        """Return what a recipe and a result say of it: name, version, driver, emulated or not."""
        return {"name": "CANN", "version": self.cann, "driver": self.driver, "emulated": self.emulated}


def find(environ: Mapping[str, str], ascend_python: str = "") -> Toolchain:
    """Return this host's toolchain: what `environ` and `ascend_python` configure, else what is installed or on PATH.

    An absent tool is left out and has a remedy. Raises UsageError for a setting that points nowhere.
    """
    search = _without_venvs(environ, "PATH") or SYSTEM_PATH
    configured = {
        tool: _configured(name, environ[name], search) for tool, name in SETTINGS.items() if environ.get(name)
    }
    if ascend_python:
        configured["python"] = _configured("--ascend-python", ascend_python, search)
    root = _root(environ, configured.get("atc", ()), search)
    env = _environment(environ, root, search)
    tools = {**_on_path(env["PATH"]), **configured}
    if root is not None or {"python", "ais_bench"} & set(tools):  # elsewhere no Python has aclruntime
        tools |= _with_modules(tools, env)
    absent = {tool: text for tool, text in REMEDIES.items() if tool not in tools}
    return Toolchain(tools, env, _cann(root), _driver(), remedies=absent)


def _configured(name: str, text: str, search: str) -> tuple[str, ...]:
    """Return the words of a configured command, its program by its full path."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(name, f"expected a command ({error})", repr(text)) from error
    program = shutil.which(str(Path(words[0]).expanduser()), path=search) if words else None
    if program is None:
        raise UsageError(name, "expected a program that can be run", repr(text), "correct it, or leave it out")
    return (str(Path(program).absolute()), *words[1:])


def _on_path(search: str) -> dict[str, tuple[str, ...]]:
    programs = {"atc": "atc", "msame": "msame", "benchmark": f"benchmark.{platform.machine()}", "npu-smi": "npu-smi"}
    found = {tool: shutil.which(program, path=search) for tool, program in programs.items()}
    return {tool: (str(Path(path).absolute()),) for tool, path in found.items() if path}


def _with_modules(tools: Mapping[str, tuple[str, ...]], env: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the interpreter that has aclruntime and the command of its ais_bench, as far as not configured."""
    if "python" in tools:
        candidates = [tools["python"][0]]
    else:  # the interpreter of a configured `python3.9 -m ais_bench` has aclruntime as well
        named = [path for name in PYTHONS if (path := shutil.which(name, path=env["PATH"]))]
        bench = tools.get("ais_bench", ())
        candidates = [bench[0]] if bench[1:2] == ("-m",) else list(dict.fromkeys(named))
    for python in candidates:
        modules = _modules(python, env)
        if "aclruntime" in modules:
            front = {"ais_bench": (python, "-m", "ais_bench")} if "ais_bench" in modules else {}
            return {"python": (python,), **front, **{name: tools[name] for name in front if name in tools}}
    return {}


def _modules(python: str, env: Mapping[str, str]) -> list[str]:
    """Return which of the modules an interpreter has, asked without importing them; none if it cannot tell."""
    code = "import importlib.util as u; print(*[n for n in ('aclruntime', 'ais_bench') if u.find_spec(n)])"
    command = [python, "-c", code]
    try:
        done = subprocess.run(
            command,
            env=dict(env),
            capture_output=True,
            text=True,
            timeout=PROBE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split() if done.returncode == 0 else []


def _root(environ: Mapping[str, str], atc: tuple[str, ...], search: str) -> Path | None:
    """Return the folder of the CANN that is configured, else of the one whose atc is used, else of an installed one."""
    given = environ.get("OMGATE_TOOLKIT_ROOT")
    if given:
        path = Path(given).expanduser().absolute()
        found = next((one for one in (path, path / "latest") if _is_cann(one)), None)
        if found is None:
            what, hint = "expected the folder of a CANN toolkit", "for example /usr/local/Ascend/ascend-toolkit/latest"
            raise UsageError("OMGATE_TOOLKIT_ROOT", what, repr(given), hint)
        return found
    on_path = shutil.which("atc", path=search)
    sourced = [environ[name] for name in ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH") if environ.get(name)]
    home = [Path(environ["HOME"]) / "Ascend"] if environ.get("HOME") else []
    candidates = [*_above(atc[0] if atc else None), *map(Path, sourced), *_above(on_path)]
    candidates += [path for base in (INSTALLED, *home) for path in _installed(base)]
    return next((path for path in candidates if _is_cann(path)), None)


def _above(program: str | None) -> list[Path]:
    return [*Path(program).parents[1:5], *Path(program).resolve().parents[1:5]] if program else []


def _installed(base: Path) -> list[Path]:
    """Return where CANN is below a folder for Ascend, newest first; `nnrt` is a runtime alone, so it comes last."""
    numbered = sorted(base.glob("cann-*"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)])
    return [
        base / "ascend-toolkit" / "latest",
        base / "cann",
        *numbered[::-1],
        base / "nnae" / "latest",
        base / "nnrt" / "latest",
    ]


def _is_cann(path: Path) -> bool:
    return any((path / mark).exists() for mark in ("version.cfg", "opp", "atc/bin/atc", "acllib/lib64"))


def _environment(environ: Mapping[str, str], root: Path | None, search: str) -> dict[str, str]:
    """Return what CANN's own set_env.sh sets, made from nothing; little is the caller's, and no virtual environment."""
    env = {name: environ[name] for name in PASSED_ON if environ.get(name)}
    env.setdefault("LANG", "C.UTF-8")
    libraries = _existing(INSTALLED / "driver", ("lib64", "lib64/common", "lib64/driver"))
    if root is not None:
        env |= {"ASCEND_TOOLKIT_HOME": str(root), "ASCEND_HOME_PATH": str(root), "ASCEND_AICPU_PATH": str(root)}
        env |= {"ASCEND_OPP_PATH": str(root / "opp"), "TOOLCHAIN_HOME": str(root / "toolkit")}
        env["PYTHONPATH"] = os.pathsep.join(_existing(root, PYTHON_FOLDERS))
        libraries = _existing(root, LIBRARY_FOLDERS) + libraries
    own = _without_venvs(environ, "LD_LIBRARY_PATH")  # hosts name the libpython that CANN's programs load here
    env["LD_LIBRARY_PATH"] = os.pathsep.join([*libraries, *([own] if own else [])])
    env["PATH"] = os.pathsep.join([*(_existing(root, PROGRAM_FOLDERS) if root else []), search])
    return {name: value for name, value in env.items() if value}


def _existing(root: Path, folders: Sequence[str]) -> list[str]:
    paths = [root / folder.format(machine=platform.machine()) for folder in folders]
    return [str(path) for path in paths if path.is_dir()]


def _without_venvs(environ: Mapping[str, str], name: str) -> str:
    """Return a search path without what belongs to a virtual environment: ATC must not find that one's Python."""
    active = environ.get("VIRTUAL_ENV")
    entries = [Path(entry) for entry in environ.get(name, "").split(os.pathsep) if entry]
    foreign = [any((parent / "pyvenv.cfg").is_file() for parent in path.parents) for path in entries]
    kept = [path for path, inside in zip(entries, foreign, strict=True) if not inside]
    return os.pathsep.join(str(path) for path in kept if not active or not path.is_relative_to(active))


def _cann(root: Path | None) -> str:
    if root is None:
        return ""
    named = cann_version(_text(root / "version.cfg"))
    infos = [*root.glob("ascend_*_install.info"), *root.glob("*-linux/ascend_*_install.info")]
    return named or next(filter(None, (toolkit_info(_text(path)).version for path in sorted(infos))), "")


def _driver() -> str:
    return driver_version(_text(INSTALLED / "driver" / "version.info"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
