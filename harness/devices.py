"""Leases: the right to use a device among all processes of a host, shared for accuracy and builds, alone for speed.

A lease is a lock that the kernel holds for a process, so it ends with the process, also after `kill -9`.
"""

import fcntl
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import RunError

# Not tempfile.gettempdir(): TMPDIR differs between users and batch jobs, and a lease has to be one for all of them.
LEASES = Path("/tmp/omgate-leases")  # noqa: S108 - only empty lock files live there, opened without following links
POLL_S = 0.02


@contextmanager
def lease(
    device: str, exclusive: bool, root: Path | None = None, timeout_s: float = 3600.0, case: str = ""
) -> Iterator[None]:
    """Hold a device (`cpu`, `npu:0`) while the block runs, alone if `exclusive`; not re-entrant.

    Everyone passes a turnstile first, and whoever waits for the device waits inside it: so an exclusive lease comes
    as soon as the present holders are done, however many others arrive. `case` is shown to those who wait.
    Raises RunError of kind `infra` after `timeout_s` seconds, naming the holders.
    """
    folder = LEASES if root is None else root
    name = file_name(device)
    make_shared(folder)
    turnstile, lock = _open(folder / f"{name}.turnstile"), _open(folder / f"{name}.lock")
    try:
        deadline = time.monotonic() + timeout_s
        got = _lock(turnstile, fcntl.LOCK_EX, deadline)
        got = got and _lock(lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, deadline)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        if not got:
            raise _timed_out(folder, name, timeout_s)
        if exclusive:
            _forget_the_killed(folder, name)
        with _announced(folder / f"{name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.holder", case, exclusive):
            yield
    finally:
        os.close(lock)
        os.close(turnstile)


def holders(device: str, root: Path | None = None) -> tuple[str, ...]:
    """Return who holds a device, one line each: process id, the kind of lease, and the case."""
    return _holders(LEASES if root is None else root, file_name(device))


def file_name(device: str) -> str:
    """Return the name under which a device's files are in the leases folder."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", device)


def make_shared(folder: Path) -> None:
    """Make the leases folder as /tmp is: everyone may add files, only their owner may remove them; raises RunError."""
    try:
        folder.mkdir(parents=True)
        folder.chmod(0o1777)
    except FileExistsError:
        pass
    except OSError as error:
        raise _unusable(folder, error) from error


def _open(path: Path) -> int:
    """Open a lock file, making it for all users if need be.

    Read-only is enough for flock, and O_CREAT is left out when the file exists: the kernel refuses it in a sticky
    folder for another user's file (sysctl fs.protected_regular).
    """
    while True:
        try:
            with suppress(FileNotFoundError):
                return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with suppress(FileExistsError):
                descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o666)
                os.fchmod(descriptor, 0o666)
                return descriptor
        except OSError as error:
            raise _unusable(path, error) from error


def _lock(descriptor: int, kind: int, deadline: float) -> bool:
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)


@contextmanager
def _announced(path: Path, case: str, exclusive: bool) -> Iterator[None]:
    """Keep a note for those who wait; a lease without its note is as good."""
    note = {"pid": os.getpid(), "kind": "exclusive" if exclusive else "shared", "case": case}
    with suppress(OSError):
        path.write_text(json.dumps(note), encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def _forget_the_killed(folder: Path, name: str) -> None:
    """Remove the notes of others, which can only be of killed processes while the device is ours alone."""
    for path in folder.glob(f"{name}.*.holder"):
        with suppress(OSError):
            path.unlink()


def _holders(folder: Path, name: str) -> tuple[str, ...]:
    lines = []
    for path in sorted(folder.glob(f"{name}.*.holder")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # being written, removed, or left by a killed process
            holder = json.loads(path.read_text(encoding="utf-8"))
            if _is_alive(int(holder["pid"])):
                lines.append(f"process {holder['pid']} ({holder['kind']}) {holder['case']}".rstrip())
    return tuple(lines)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _timed_out(folder: Path, name: str, timeout_s: float) -> RunError:
    found = "; ".join(_holders(folder, name)) or "a process that waits before this one"
    what, hint = f"expected a lease within {timeout_s:g} s", "wait for it, or end it"
    return RunError(name, what, f"held by {found}", hint, kind="infra", stage="lease")


def _unusable(path: Path, error: OSError) -> RunError:
    hint = "make the folder writable for everyone (mode 1777)"
    return RunError(str(path), "expected a usable lock file", str(error.strerror), hint, kind="infra", stage="lease")
