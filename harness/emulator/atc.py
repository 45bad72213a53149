"""The face of `atc`: its flags, words and exit codes, from a model file to an emulated `.om`.

    main(argv) -> exit code

Refuses what the real one refuses, with its codes: see `atc_flags` (the command line), `atc_shapes` (shapes and
profiles), `atc_onnx` and `atc_frozen` (the model), `atc_operators` (what that CANN can parse and run), `atc_aipp`;
`atc_errors` holds the words. What is accepted becomes an OM (`om`) in a precision (`precision`) with the memory it
needs (`memory`). `--mode=1` and `--mode=6` show one.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.emulator import atc_compile, atc_flags, faults, om
from harness.emulator.atc_compile import Release
from harness.emulator.atc_errors import (
    FAILED,
    START,
    VERDICT_FAILED,
    VERDICT_SUCCESS,
    AtcError,
    FlagError,
    block,
    version,
)
from harness.errors import RunError, UsageError

DOTS = "..."
CONVERT, TO_JSON, CHECK, DISPLAY = "0", "1", "3", "6"
REFUSED_BY_FLAGS = 1
VERSION_FILE = Path("toolkit/version.cfg")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ATC on a command line, the process's own unless given; return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        active = faults.active("atc")
    except (UsageError, RunError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    _say(START)
    active.start()
    active.hang()
    if "killed" in active:
        os.kill(os.getpid(), signal.SIGKILL)
    code = _run(words, leave="no-om" not in active)
    return 0 if "exit-0" in active else code


def _run(words: Sequence[str], leave: bool) -> int:
    release = _release()
    try:
        flags = atc_flags.parse(words)
        if "true" in (flags["help"], flags["h"]):
            _say(f"usage: atc <args>\n{' '.join(f'--{name}' for name in sorted(atc_flags.DEFAULTS))}")
            return 0
        lines = _mode(flags)(flags, release, leave)
    except FlagError as error:
        sys.stderr.write(f"{error.what}\n")
        return REFUSED_BY_FLAGS
    except AtcError as error:
        _say(DOTS)
        _say(f"{VERDICT_FAILED}\n{block(error, release.version)}", end="")
        return FAILED
    _say(DOTS)
    _say("\n".join((VERDICT_SUCCESS, *lines)))
    return 0


def _mode(flags: Mapping[str, str]) -> Callable[[Mapping[str, str], Release, bool], Sequence[str]]:
    modes = {CONVERT: _convert, CHECK: _check_only, TO_JSON: _to_json, DISPLAY: _display}
    if flags["mode"] not in atc_flags.CHOICES["mode"]:
        raise AtcError("E10001", flags["mode"], "--mode", "The value must be 0, 1, 3, 5, 6 or 30.")
    if flags["mode"] not in modes:
        raise AtcError("E10055", f"--mode={flags['mode']} is not emulated")
    return modes[flags["mode"]]


def _convert(flags: Mapping[str, str], release: Release, leave: bool) -> Sequence[str]:
    atc_flags.check(flags, release.version)
    target = _target(flags["output"])
    compiled, warnings = atc_compile.compile_model(flags, release)
    if leave:
        try:
            om.write(target, compiled)
        except OSError as error:
            raise AtcError("E13004", target, error.strerror) from error
    # A side product that no one waits for; a working folder that cannot be written does not fail the real one.
    with contextlib.suppress(OSError):
        Path("fusion_result.json").write_text(json.dumps([{"graph_fusion": {}, "ub_fusion": {}}]), encoding="utf-8")
    return warnings


def _check_only(flags: Mapping[str, str], release: Release, _leave: bool) -> Sequence[str]:
    atc_flags.check(flags, release.version)
    return atc_compile.compile_model(flags, release)[1]


def _to_json(flags: Mapping[str, str], _release: Release, _leave: bool) -> Sequence[str]:
    for name in ("om", "json"):
        if not flags[name]:
            raise AtcError("E10054", f"--{name}")
    try:
        Path(flags["json"]).write_text(json.dumps(_described(flags["om"]), indent=1), encoding="utf-8")
    except OSError as error:
        raise AtcError("E13004", flags["json"], error.strerror) from error
    return ()


def _display(flags: Mapping[str, str], _release: Release, _leave: bool) -> Sequence[str]:
    if not flags["om"]:
        raise AtcError("E10054", "--om")
    described = _described(flags["om"])
    _say("============ Display Model Info start ============")
    for name, value in described.items():
        _say(f"{name}: {json.dumps(value)}")
    _say("============ Display Model Info end   ============")
    return ()


def _described(path: str) -> dict[str, object]:
    """Return what an OM's header says; raises AtcError E10041 for what is no OM."""
    try:
        header = om.read_header(Path(path))
    except RunError as error:
        raise AtcError("E10041", path, trace=[error.what]) from error
    return {
        "name": header.name,
        "soc_version": header.soc_version,
        "atc_version": header.toolchain,
        "precision_mode": header.precision,
        "input": [{"name": one.name, "dtype": one.dtype, "shape": one.shape} for one in header.inputs],
        "output": [{"name": one.name, "dtype": one.dtype, "shape": one.shape} for one in header.outputs],
        "memory": {"weights": header.memory.weights, "io": header.memory.io, "workspace": header.memory.workspace},
        "op": header.operators,
    }


def _target(output: str) -> Path:
    """Return the OM's path, its folder made: `.om` is appended whatever the name ends with.

    Raises AtcError E10022 for a path without a file's name and E13004 for a folder that cannot be made.
    """
    if output.endswith("/") or Path(output).name in ("", ".", ".."):
        raise AtcError("E10022", output, "output")
    target = Path(f"{output}.om")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AtcError("E13004", target, error.strerror) from error
    return target


def _release() -> Release:
    """Return the CANN that this prefix stands for, read where the real one has it."""
    path = Path(os.environ.get("OMGATE_EMULATE_ROOT", ".")) / VERSION_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = next((line for line in text.splitlines() if line.startswith("toolkit_running_version=")), "")
    release = found.rpartition(":")[2].rstrip("]")
    return Release(release, version(release))


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()
