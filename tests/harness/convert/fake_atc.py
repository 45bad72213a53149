"""A stand-in for ATC: a script that gets ATC's flags as `flags` and does what a test wrote for it."""

import sys
from pathlib import Path

from harness.toolchain import Toolchain

START = "ATC start working now, please wait for a moment."
SUCCESS = "ATC run success, welcome to the next use."
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
WORKS = "say(START, '...', SUCCESS)\nwrite()"
PRELUDE = f"""#!{sys.executable} -SE
import os, signal, sys, time

START = {START!r}
SUCCESS = {SUCCESS!r}
FAILED = {FAILED!r}
flags = dict(word[2:].split("=", 1) for word in sys.argv[1:])


def say(*lines):
    print(*lines, sep="\\n", flush=True)


def write(content=b"an OM"):
    with open(flags["output"] + ".om", "wb") as stream:
        stream.write(content)


"""


def script(path: Path, body: str = WORKS) -> Path:
    """Write the stand-in as an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PRELUDE + body + "\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def toolchain(folder: Path, body: str = WORKS, **env: str) -> Toolchain:
    """Return a toolchain of which nothing is there but the stand-in."""
    path = script(folder / "bin" / "atc", body)
    return Toolchain({"atc": (str(path),)}, {"PATH": "/usr/bin:/bin", **env}, cann="6.0.RC1", driver="22.0.2")
