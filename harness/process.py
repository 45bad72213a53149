"""Running a command-line tool: arguments as a list, an environment of its own, a time limit, and a log."""

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
    command, how it ended and the last lines of the log. Nothing that the tool started outlives it; and all of it ends
    with this process, also after a `kill -9` of that.
    """
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = _start(argv, cwd, env, output.fileno())
        guard = Guard(process.pid)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise _failure(argv, f"an end within {timeout_s:g} s", "none", log, kind="timeout") from error
        finally:
            kill_group(process)
            guard.dismiss()
    if code != 0:
        raise _failure(argv, "exit code 0", _describe(code), log, kind="tool-failed")
    return ToolRun(tuple(argv), time.monotonic() - started, log)


class Guard:
    """Sees to it that a process and all it started end with this one; the process leads a session.

    A shell waits at the end of a pipe whose other end only this process holds, so the kernel closes it even after
    `kill -9`. Where no shell can be started there is no guard.
    """

    def __init__(self, leader: int) -> None:
        watched, self._held = os.pipe()
        self._shell: subprocess.Popen[bytes] | None = None
        script, silent = 'read -r _ || kill -s KILL -- "-$0"', subprocess.DEVNULL
        try:
            with suppress(OSError):
                self._shell = subprocess.Popen(
                    ["/bin/sh", "-c", script, str(leader)],
                    stdin=watched,
                    stdout=silent,
                    stderr=silent,
                    env={},
                    start_new_session=True,
                )
        finally:
            os.close(watched)

    def dismiss(self) -> None:
        """End the watch: the process has ended."""
        if self._shell is not None:
            with suppress(OSError):
                os.write(self._held, b"\n")
            self._shell.wait()
        os.close(self._held)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill what still runs of a process and of all it started: it leads a session, so its id names the group."""
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS's word for a group of none but zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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


@contextmanager
def tidily_terminated() -> Iterator[None]:
    """Let SIGTERM, which batch systems and CI send, be an interrupt while the block runs: what is open is tidied up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
