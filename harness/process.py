"""Running a command-line tool: arguments as a list, an environment of its own, a time limit, and a log."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import MissingNeedError, RunError

TAIL_LINES = 20
TAIL_BYTES = 64 * 1024


@dataclass(frozen=True)
class ToolRun:
    """A tool that ended well: its arguments, how long it took, and where its output is."""

    argv: tuple[str, ...]
    seconds: float
    log: Path


def run_tool(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float, log: Path) -> ToolRun:
    """Run a tool to its end, with `env` as its whole environment and both output streams going to `log`.

    Raises MissingNeedError if there is no such program, and RunError (kinds `timeout`, `tool-failed`) with the
    command, how it ended and the last lines of the log. After a time-out, or an interrupt, the tool and the
    processes it started are killed.
    """
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = _start(argv, cwd, env, output.fileno())
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise _failure(argv, f"an end within {timeout_s:g} s", "none", log, kind="timeout") from error
        finally:
            _kill_group(process)
    if code != 0:
        raise _failure(argv, "exit code 0", _describe(code), log, kind="tool-failed")
    return ToolRun(tuple(argv), time.monotonic() - started, log)


def tail(log: Path) -> str:
    """Return the last 20 lines of a log; bytes that are no UTF-8 are replaced."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
        text = stream.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: int) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        hint = "install it, or put its folder on the PATH of the toolchain"
        raise MissingNeedError(argv[0], "expected a program that can be run", str(error), hint, need="tool") from error


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a tool that still runs with all it started: it leads a session, so its process id names the group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failure(argv: Sequence[str], expected: str, got: str, log: Path, *, kind: str) -> RunError:
    command, tool = shlex.join(argv), Path(argv[0]).name
    hint = f"the whole log is {log}, its last lines are:\n{tail(log)}"
    return RunError(command, f"expected {expected}", got, hint, kind=kind, stage=tool, log=str(log))


def _describe(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"the end by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"the end by signal {-code}"
