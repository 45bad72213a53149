"""Text on file descriptor 1, as the tools' C++ writes it: past Python's buffers, so nothing can reorder it."""

import os

DEBUG, INFO, WARN, ERROR = 1, 2, 3, 4
"""Levels of a log line, numbered as the tools' `log_level` is."""
_TAGS = {DEBUG: "DEBUG", INFO: "INFO", WARN: "WARN", ERROR: "ERROR"}


def write(text: str, descriptor: int = 1) -> None:
    """Write all of a text in UTF-8."""
    left = memoryview(text.encode("utf-8", errors="surrogateescape"))
    while left:
        left = left[os.write(descriptor, left) :]


def line(text: str = "") -> None:
    """Write a text and a line feed."""
    write(f"{text}\n")


def complain(text: str) -> None:
    """Write a line to the error stream."""
    write(f"{text}\n", descriptor=2)


class Log:
    """Lines `[INFO] …` of one tool, of a level and above."""

    def __init__(self, level: int = INFO) -> None:
        self.level = level

    def debug(self, text: str) -> None:
        """Write a line that only `--debug` shows."""
        self._write(DEBUG, text)

    def info(self, text: str) -> None:
        """Write what went well."""
        self._write(INFO, text)

    def warn(self, text: str) -> None:
        """Write what may be wrong."""
        self._write(WARN, text)

    def fail(self, text: str) -> None:
        """Write what failed."""
        self._write(ERROR, text)

    def _write(self, level: int, text: str) -> None:
        if level >= self.level:
            line(f"[{_TAGS[level]}] {text}")
