"""The parent's side of `harness/worker.py`: starting a worker, asking it, and what its death means."""

import contextlib
import mmap
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from harness import worker
from harness.cards import TensorSpec
from harness.errors import MissingNeedError, RunError
from harness.measure import Step
from harness.process import Guard, kill_group, tail
from harness.runtimes.protocol import SessionOptions
from harness.samples import Array

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux keeps its files in memory; the arena's name is a random one
SECONDS_TO_END = 5.0
LONGEST_MESSAGE = 1 << 24  # bytes; arrays do not travel here


class Child:
    """A worker process; every failure of it is a RunError with the tail of its log.

    `where` names the model in errors; `env` is the environment, without that of the options, or this process's own.
    The process and all it started end with `close`.
    """

    def __init__(
        self, command: Sequence[str], where: str, options: SessionOptions, env: Mapping[str, str] = os.environ
    ) -> None:
        self._where, self._timeout_s = where, options.timeout_s
        handle, log = tempfile.mkstemp(".log", "worker-", options.workdir)
        self.log = Path(log)
        with os.fdopen(handle, "wb") as stderr:
            self._process = _start(command, {**env, **options.env}, stderr.fileno())
        self._guard, self._killed = Guard(self._process.pid), False
        # Never None, as pipes were asked for.
        self._input, self._output = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the reply; raises RunError if it says so, comes too late, or never comes."""
        stage = str(request["op"])
        self._send(worker.encode(request), stage)
        reply = self._receive(time.monotonic() + self._timeout_s, stage)
        if error := reply.get("error"):
            what = f"expected the worker to {stage} it"
            raise RunError(self._where, what, error["message"], kind=error["kind"], stage=stage, log=str(self.log))
        return reply

    def close(self) -> None:
        """End the process: asked, then by closing its input, then by a signal; never raises."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._input.write(worker.encode({"op": "close"}))
        with contextlib.suppress(OSError):
            self._input.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_END)
        self._kill()
        self._output.close()

    def _kill(self) -> None:
        """End what is left of the process and of all it started, once: later its id may be another's."""
        if not self._killed:
            self._killed = True
            kill_group(self._process)
            self._guard.dismiss()

    def _send(self, message: bytes, stage: str) -> None:
        if self._input.closed:
            raise self._failure("a closed worker", stage)
        try:
            self._input.write(message)
        except BrokenPipeError as error:
            raise self._death(stage) from error

    def _receive(self, deadline: float, stage: str) -> dict[str, Any]:
        (length,) = worker.LENGTH.unpack(self._read(worker.LENGTH.size, deadline, stage))
        if length > LONGEST_MESSAGE:
            raise self._failure(f"a message of {length} bytes: something else writes to its pipe", stage)
        try:
            return worker.decode(self._read(length, deadline, stage))
        except ValueError as error:
            raise self._failure(f"no message: {error}", stage) from error

    def _read(self, size: int, deadline: float, stage: str) -> bytes:
        """Read exactly `size` bytes before the deadline."""
        data = b""
        while len(data) < size:
            if not select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self._kill()
                raise self._failure(f"none within {self._timeout_s:g} s; it was killed", stage, "timeout")
            chunk = os.read(self._output.fileno(), size - len(data))
            if not chunk:
                raise self._death(stage)
            data += chunk
        return data

    def _death(self, stage: str) -> RunError:
        """Return the error for a worker whose pipe ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_END)
        self._kill()
        return self._failure(_ending(self._process.wait()), stage)

    def _failure(self, got: str, stage: str, kind: str = "tool-failed") -> RunError:
        what = f"expected the worker's answer to {stage!r}"
        hint = f"the whole log is {self.log}, its last lines are:\n{tail(self.log)}"
        return RunError(self._where, what, got, hint, kind=kind, stage=stage, log=str(self.log))


class Arena:
    """Memory shared with a worker: a file that both map, holding the inputs and outputs of one batch.

    `path` leads the worker to it. On Linux that is a handle of this process and the file has no name from the start, so
    that nothing is left behind however both end; loading an OM takes seconds in which much can happen.
    """

    def __init__(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], options: SessionOptions) -> None:
        self.tensors = {"inputs": _tensors(inputs, options.batch), "outputs": _tensors(outputs, options.batch)}
        _, start = worker.layout(self.tensors["inputs"])
        _, size = worker.layout(self.tensors["outputs"], start)
        self._handle, self._file = _reserve(size, [SHARED_MEMORY, options.workdir])
        self.path = _by_handle(self._handle) or self._file
        if self.path != self._file:
            self._file.unlink()
        memory = mmap.mmap(self._handle, size)
        self.inputs: list[Array] = worker.views(memory, self.tensors["inputs"])
        self.outputs: list[Array] = worker.views(memory, self.tensors["outputs"], start)

    def let_go(self) -> None:
        """Take the path away once the worker has opened the file, which both have mapped."""
        os.close(self._handle)
        self._file.unlink(missing_ok=True)


class ChildEngine:
    """An Engine over a model that a worker has opened; `facts` is what the library there says of it.

    `model` holds the worker's `engine`, the `model` and its `settings`.
    """

    def __init__(self, child: Child, arena: Arena, model: Mapping[str, Any]) -> None:
        self._child, self._arena = child, arena
        try:
            self.facts = child.ask(op="open", arena=str(arena.path), **arena.tensors, **model)
        finally:
            arena.let_go()
        self.runs_on = str(self.facts["runs_on"])
        self._handle = self.facts["handle"]

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return copies of the outputs of one batch; raises RunError."""
        self._fill(arrays)
        self._child.ask(op="run", handle=self._handle)
        return [output.copy() for output in self._arena.outputs]

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a round of one call of the library, under the wall clock of the worker."""
        self._fill(arrays)
        return lambda: float(self._child.ask(op="time", handle=self._handle)["round_ms"])

    def close(self) -> None:
        """End the worker; never raises."""
        self._child.close()

    def _fill(self, arrays: Sequence[Array]) -> None:
        for place, array in zip(self._arena.inputs, arrays, strict=True):
            np.copyto(place, array)


def _reserve(size: int, folders: Sequence[Path]) -> tuple[int, Path]:
    """Make a file of that size in the first folder with room; raises RunError (kind `infra`)."""
    reasons = []
    for folder in folders:
        try:
            handle, name = tempfile.mkstemp(".arena", "omgate-", folder)
        except OSError as error:
            reasons.append(str(error))
            continue
        try:
            # Reserved, not only sized: a container's /dev/shm is often 64 MB, and writing past it would be a SIGBUS.
            _allocate(handle, size)
        except OSError as error:
            os.close(handle)
            Path(name).unlink()
            reasons.append(f"{folder}: {error}")
        else:
            return handle, Path(name)
    hint = "free memory or disk space, or use a smaller batch"
    raise RunError(
        "worker", f"expected room for {size} shared bytes", "; ".join(reasons), hint, kind="infra", stage="open"
    )


def _by_handle(handle: int) -> Path | None:
    """Return a path by which other processes of this user can open a file that is open here, None where there is none.

    A container may show the host's /proc, where this process has another number: so it has to be the same file.
    """
    path = Path(f"/proc/{os.getpid()}/fd/{handle}")
    with contextlib.suppress(OSError):
        if os.path.samestat(path.stat(), os.fstat(handle)):
            return path
    return None


def _allocate(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.ftruncate(handle, size)


def _tensors(specs: Sequence[TensorSpec], batch: int) -> list[dict[str, Any]]:
    return [{"name": spec.name, "dtype": spec.dtype, "shape": list(spec.at(batch))} for spec in specs]


def _start(command: Sequence[str], env: Mapping[str, str], stderr: int) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            list(command), bufsize=0, stdin=pipe, stdout=pipe, stderr=stderr, env=dict(env), start_new_session=True
        )
    except (FileNotFoundError, PermissionError) as error:
        hint = "check the path of the Python that runs the worker"
        raise MissingNeedError(command[0], "expected a Python that can be run", str(error), hint) from error


def _ending(code: int) -> str:
    if code >= 0:
        return f"its end with exit code {code}"
    known = {number.value: number.name for number in signal.Signals}
    return f"its end by signal {known.get(-code, str(-code))}"
