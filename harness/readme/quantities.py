"""Units as READMEs print them, and what a figure in them is: a rate, a duration, a share."""

import re
from dataclasses import dataclass

from harness.readme.rows import Kind

MS_PER = {"ms": 1.0, "msec": 1.0, "毫秒": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "微秒": 1e-3}
_SECONDS = r"s|secs?|seconds?|秒"
_THING = (
    r"batch|iter(?:ation)?s?|steps?|it|张|imgs?|images?|pictures?|pics?|frames?|samples?|条|次|句|sentences?|clips?"
    r"|视频|videos?"
)
_PER_SECOND = r"\s?/\s?(?:s|sec|秒)(?![a-z])"
_RATES = (
    (
        "images/s",
        rf"fps|(?:frames?|imgs?|images?|pics?|pictures?|张|帧|幅|f|it|items?|个){_PER_SECOND}|images? per second",
    ),
    ("samples/s", rf"(?:samples?|seqs?|sentences?|sequences?|utts?|clips?|条|句|videos?){_PER_SECOND}|qps"),
    ("tasks/s", rf"tasks?{_PER_SECOND}"),
    ("tokens/s", rf"(?:tokens?|words?|字){_PER_SECOND}"),
)
_AROUND_SECONDS = ("()", "[]", "/", "/)", "//")
_DURATION = rf"(?:m|mili|milli)?(?:{_SECONDS})(?![a-z])|msec|毫秒|[uµμ]s(?![a-z])|微秒"
# The first signs of all units: to see that none begins here is quicker than to try each of them.
FIRST = "cfimpqstuvwxµμ%×个倍句字帧幅张微条毫秒"
UNIT = re.compile(
    rf"(?=[{FIRST}])(?:"
    + "|".join(f"(?P<r{i}>{pattern})" for i, (_, pattern) in enumerate(_RATES))
    + rf"|(?P<duration>(?:{_DURATION}))(?:\s?(?:/|per)\s?(?P<per>{_THING})(?![a-z]))?"
    + r"|(?P<percent>%)|(?P<times>倍|×(?!\s?\d)|x(?![a-z0-9])))",
    re.IGNORECASE,
)
# In a header a bare `s` is a unit only in brackets or after a bar.
LABEL_UNIT = re.compile(rf"(?<![a-z])(?:{UNIT.pattern})", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """A unit: its canonical name, the kind of figure, what a number in it is multiplied with, and per what."""

    name: str
    kind: Kind
    factor: float = 1.0
    per: str = ""


def unit_of(match: re.Match[str]) -> Unit:
    """Return the unit of a match of UNIT; durations become ms."""
    if match["percent"]:
        return Unit("%", "accuracy")
    if match["times"]:
        return Unit("x", "ratio")
    if match["duration"]:
        return Unit("ms", "latency", _milliseconds(match["duration"].lower()), _per(match["per"] or ""))
    index = next(i for i in range(len(_RATES)) if match[f"r{i}"])
    return Unit(_RATES[index][0], "throughput")


def label_unit(text: str) -> Unit | None:
    """Return the unit that a folded label names: `(ms)`, `FPS`, `[%]`; a bare `s` counts only in brackets."""
    for match in LABEL_UNIT.finditer(text):
        unit = unit_of(match)
        around = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        bare = len(match.group()) == 1 and match["duration"] and around not in _AROUND_SECONDS
        if unit.kind != "ratio" and not bare:
            return unit
    return None


def _milliseconds(text: str) -> float:
    if text in MS_PER:
        return MS_PER[text]
    return 1.0 if text.startswith("m") else 1000.0


def _per(text: str) -> str:
    word = text.lower()
    if word == "batch":
        return "per batch"
    if word.startswith(("iter", "step")) or word == "it":
        return "per step"
    return "per image" if word else ""
