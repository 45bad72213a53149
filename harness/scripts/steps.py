"""Running one step: in the private copy, with a log of its own, and what it declares checked before and after."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.card_scripts import ScriptStep
from harness.errors import RunError
from harness.process import run_tool, tail
from harness.scripts.workspace import Workspace

# What a script may know of the user's environment; everything else is the card's to say.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
KEPT_PREFIXES = ("ASCEND_",)
_PYTHON = re.compile(r"python(?:\d(?:\.\d+){0,2})?")
Stamp = tuple[tuple[str, int, int, int], ...]


def run_step(name: str, step: ScriptStep, place: Workspace, card_folder: Path, writes: Sequence[str] = ()) -> Path:
    """Run a step to its end and return its log, `<logs>/<name>.log`.

    `writes` are further paths that it must write. Raises RunError: kind `tool-failed` for an exit code, a missing
    input, and an output that is missing or older than the step; `timeout`. Raises MissingNeedError without its program.
    """
    _require_inputs(name, step, place)
    outputs = {declared: place.path(declared) for declared in dict.fromkeys((*step.outputs, *writes))}
    before = {declared: _stamp(path) for declared, path in outputs.items()}
    argv = [place.fill(word) for word in step.argv]
    log = place.logs / f"{name}.log"
    cwd = place.path(step.workdir)
    if not cwd.is_dir():
        raise _broken(name, f"expected the folder {step.workdir} in the repository", "nothing", "correct workdir")
    env = environment(os.environ, {key: place.fill(value) for key, value in step.env.items()})
    try:
        run_tool(with_interpreter(argv, step, card_folder), cwd=cwd, env=env, timeout_s=step.timeout_s, log=log)
    except RunError as error:
        raise RunError(
            f"script.{name}: {error.where}",
            error.what,
            error.got,
            error.do,
            kind=error.kind,
            stage=f"script.{name}",
            log=error.log,
        ) from error
    except OSError as error:  # a script without its first line, or an argument list that is too long
        raise _broken(
            name, f"expected to start {argv[0]}", str(error), "correct argv, or name an interpreter"
        ) from error
    for declared, path in outputs.items():
        _require_written(name, declared, (before[declared], _stamp(path)), log)
    return log


def with_interpreter(argv: Sequence[str], step: ScriptStep, card_folder: Path) -> list[str]:
    """Return the command with its Python: `python3.7 run.py` and `run.py` are run by the step's, else by this one."""
    is_python, is_script = _PYTHON.fullmatch(argv[0]), argv[0].endswith(".py")
    if not is_python and not is_script:
        return list(argv)
    return [_interpreter(step.interpreter, card_folder), *(argv[1:] if is_python else argv)]


def environment(given: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return a step's whole environment: a few variables of the user's, and what the card sets."""
    kept = {name: value for name, value in given.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return {**kept, **own}


def _interpreter(named: str, card_folder: Path) -> str:
    """Return the Python of a step: a program on the PATH, a file, or the one in a virtual environment's folder."""
    if not named:
        return sys.executable
    if "/" not in named:
        return named
    path = card_folder / Path(named).expanduser()
    return str(path / "bin" / "python" if path.is_dir() else path)


def _require_inputs(name: str, step: ScriptStep, place: Workspace) -> None:
    for declared in step.inputs:
        if not place.path(declared).exists():
            what = f"expected {declared}, which it reads"
            raise _broken(name, what, "nothing", "correct inputs in the card, or the step before it")


def _require_written(name: str, declared: str, stamps: tuple[Stamp, Stamp], log: Path) -> None:
    before, after = stamps
    if after and after != before:
        return
    got = "nothing" if not after else "an older one, which it did not write"
    hint = f"correct outputs in the card; the whole log is {log}, its last lines are:\n{tail(log)}"
    raise _broken(name, f"expected it to write {declared}", got, hint, log)


def _stamp(path: Path) -> Stamp:
    """Return what tells one state of a file, or of all files below a folder, from the next; nothing where none is."""
    found = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    stats = [(str(file), file.stat()) for file in found if file.is_file()]
    return tuple((file, stat.st_mtime_ns, stat.st_size, stat.st_ino) for file, stat in stats)


def _broken(name: str, what: str, got: str, do: str, log: Path | None = None) -> RunError:
    return RunError(f"script.{name}", what, got, do, kind="tool-failed", stage=f"script.{name}", log=str(log or ""))
