"""The failure of a tool that runs OMs, told by what it printed."""

from pathlib import Path

from harness.ascend import codes
from harness.errors import RunError
from harness.process import tail

LOAD_FAILED = ("load model from file failed", "load model failed")
"""What msame, aclruntime and the front ends over it print when an OM does not load."""


def om_failure(where: str, expected: tuple[str, str], log: Path, since: int = 0, stage: str = "") -> RunError:
    """Return the error for `expected`: what was expected, and what came instead.

    Kind and code are told by the log from byte `since` on and by what came; where they tell nothing the kind is
    `tool-failed`, as a damaged OM and a lack of memory can read the same. The stage, if not given, is `load` or `run`.
    """
    what, got = expected
    text = f"{read_text(log, since)}\n{got}"
    stage = stage or ("load" if any(sign in text for sign in LOAD_FAILED) else "run")
    code = codes.first_code(text)
    number = int(code) if code.lstrip("-").isdecimal() else None
    meaning = codes.meaning(code) if number is None else codes.acl_meaning(number)
    told = f"{code} is {meaning}; " if code and meaning else ""
    hint = f"{told}the whole log is {log}, its last lines are:\n{tail(log)}"
    kind = codes.error_kind(text, "tool-failed")
    return RunError(where, what, got, hint, kind=kind, stage=stage, log=str(log), code=code)


def read_text(log: Path, since: int = 0) -> str:
    """Return the text of a log from a byte on; bytes that are no UTF-8 are replaced."""
    with log.open("rb") as stream:
        stream.seek(since)
        return stream.read().decode("utf-8", errors="replace")
