"""What ATC prints: its verdict, its coded messages, and one line that says why it failed."""

import re
from dataclasses import dataclass
from typing import Literal

from harness.ascend.codes import Message, meaning, messages
from harness.ascend.console import errors, lines, log_errors

# Not one literal: a sentence may stand inside the failure, warnings follow the success, `> ` may quote it.
_VERDICT = re.compile(r"^\W*ATC run (failed|success)\b")
# The words of gflags and of getopt, which read the command line before ATC has a verdict.
_REFUSED_FLAG = re.compile(
    r"unknown command line flag '([\w-]+)'|un(?:recognized|known) option\W+([\w-]+)"
    r"|flag '-*([\w-]+)' is missing its argument|illegal value '[^'\n]*' specified for \w+ flag '([\w-]+)'"
)


@dataclass(frozen=True)
class AtcReport:
    """What ATC said of a run.

    `verdict` is empty where it printed none (a loader error, a killed worker), which is no success. `errors` and
    `warnings` are its coded messages; `summary` says in one line why it failed and is empty after a success.
    """

    verdict: Literal["success", "failed", ""]
    errors: tuple[Message, ...]
    warnings: tuple[Message, ...]
    summary: str


def parse(text: str) -> AtcReport:
    """Return ATC's report of a run from all of its console text; the last verdict counts."""
    verdict: Literal["success", "failed", ""] = ""
    for line in lines(text):
        hit = _VERDICT.match(line)
        if hit:
            verdict = "success" if hit.group(1) == "success" else "failed"
    found = messages(text)
    failures = tuple(message for message in found if message.code.startswith("E"))
    warnings = tuple(message for message in found if message.code.startswith("W"))
    return AtcReport(verdict, failures, warnings, "" if verdict == "success" else _summary(failures, text))


def refused_flag(text: str) -> str:
    """Return the flag, without dashes, that ATC refused before it came to a verdict, or an empty string."""
    hit = _REFUSED_FLAG.search(text)
    return next(filter(None, hit.groups()), "") if hit else ""


def _summary(failures: tuple[Message, ...], text: str) -> str:
    """Return the first coded error with its meaning, else the last thing that reads as an error, else nothing."""
    if failures:
        first = failures[0]
        known = meaning(first.code)
        return f"{first.code} ({known}): {first.text}" if known else f"{first.code}: {first.text}"
    refused = next((line.strip() for line in lines(text) if _REFUSED_FLAG.search(line)), "")
    said = errors(text) or log_errors(text)
    return refused or (said[-1] if said else "")
