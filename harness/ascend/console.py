"""The console text of a tool as lines, and the lines of it that report a failure.

Progress bars end in a carriage return and C++ lines are glued behind them, so text is split on both and searched within
a line. With `ASCEND_SLOG_PRINT_TO_STDOUT=1` the log of CANN floods the console even of a good run; those lines are told
apart from what the tool itself says.
"""

import re

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|nan|inf)"
"""A number as `printf` writes it, with `nan` and `inf`."""

# A code may follow other text without a break (`...informationE10001:`), or, since CANN 8.3, stand in brackets behind
# its name: `Memory_Allocation_Failure(EL0004): ...`.
CODE = re.compile(r"(?<![A-Z0-9])(?<!0x)([EW](?:[A-Z]\d{4}|\d{5}))\)?:(?:\s|$)")
"""The start of a coded message."""

_BREAK = re.compile(r"\r{0,8}\n|\r")
# Colours and cursor moves, titles of a terminal's window, the mark that editors of Windows begin a file with, and what
# a file has that grew while its beginning was cut off.
_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]|\x1b\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\)|[\ufeff\0]")
_NUMBERED = re.compile(r"^\s{0,8}\d+\t|^ {4,8}\d+ {2}")
_LOG = re.compile(r"\[(?:ERROR|WARNING|EVENT|INFO|DEBUG)\] [A-Z_]+\(\d+,[^)]{1,80}\):")
_TAGGED = re.compile(r"\[ERROR\].*")
_EXCEPTION = re.compile(r"(?<![\w.])(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?:\s*:.*|\s*$)")
_FATAL = re.compile(
    r"error while loading shared libraries:|command not found|terminate called|Segmentation fault|core dumped", re.I
)


def lines(text: str) -> list[str]:
    """Return the lines of a tool's text, split at carriage returns too, without colours, marks and trailing blanks."""
    return [line.rstrip() for line in _BREAK.split(_ESCAPE.sub("", text))]


def unnumbered(line: str) -> str:
    """Return a line without the number that `cat -n` puts before it."""
    return _NUMBERED.sub("", line, count=1)


def is_log(line: str) -> bool:
    """Tell whether a line is one of CANN's log (`[ERROR] GE(4906,atc.bin):...`) rather than the tool's own word."""
    return _LOG.search(line) is not None


def errors(text: str) -> tuple[str, ...]:
    """Return what the tool itself reports as failed, in order: `[ERROR]` lines, exceptions, coded messages, crashes.

    A part that stands behind a progress bar is cut out of its line. Lines of CANN's log are left out: a run that
    succeeds may print them.
    """
    found = (_error_in(line) for line in lines(text))
    return tuple(part for part in found if part)


def log_errors(text: str) -> tuple[str, ...]:
    """Return the `[ERROR]` lines of CANN's log, whole."""
    return tuple(line.strip() for line in lines(text) if "[ERROR]" in line and is_log(line))


def _error_in(line: str) -> str:
    if is_log(line):
        return ""
    tagged = _TAGGED.search(line) or _EXCEPTION.search(line)
    if tagged:
        return tagged.group().strip()
    coded = CODE.search(line)
    if coded and coded.group(1).startswith("E"):
        return line[coded.start() :].strip()
    return line.strip() if _FATAL.search(line) else ""
