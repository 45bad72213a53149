"""Files as they were at a git revision."""

import subprocess
from pathlib import Path, PurePosixPath

from harness.errors import UsageError

TIMEOUT_S = 60.0


def top_of(folder: Path) -> Path | None:
    """Return the top of the git working tree that a folder is in, None outside of one."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    return Path(found.stdout.decode().rstrip("\n")) if found.returncode == 0 else None


def files_at(revision: str, folder: Path) -> dict[PurePosixPath, bytes]:
    """Return the contents of every file below a folder of a git working tree at a revision, by its path below it.

    Raises UsageError where there is no such revision, or no git repository.
    """
    top = top_of(folder)
    if top is None:
        raise UsageError(str(folder), "expected a folder in a git working tree", "none", "leave --base out")
    commit = _commit(revision, folder)
    below = folder.resolve().relative_to(top.resolve()).as_posix()
    listed = _said(folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", below)
    names = [name for name in listed.decode().split("\0") if name]
    return {
        PurePosixPath(name).relative_to(below): _said(folder, "cat-file", "blob", f"{commit}:{name}") for name in names
    }


def _commit(revision: str, folder: Path) -> str:
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode != 0:
        raise UsageError("--base", "expected a revision of this git repository", repr(revision), "see git log")
    return found.stdout.decode().strip()


def _said(folder: Path, *arguments: str) -> bytes:
    found = _git(folder, *arguments)
    if found.returncode != 0:
        got = found.stderr.decode(errors="replace").strip()
        raise UsageError("git", f"expected `git {arguments[0]}` to work in {folder}", got, "look at the repository")
    return found.stdout


def _git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["git", *arguments],  # noqa: S607 - git is looked up on PATH on purpose
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError("git", f"expected git to answer in {folder}", str(error), "install git") from error
