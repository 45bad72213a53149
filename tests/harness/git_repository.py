"""git in a folder of a test, with an author of its own."""

import subprocess
from pathlib import Path

WHO = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str, stdin: str = "") -> None:
    """Run git to its end; CalledProcessError where it fails."""
    argv = ["git", *WHO, *arguments]
    subprocess.run(argv, cwd=folder, input=stdin.encode(), check=True, capture_output=True)
