"""Units as READMEs print them, and what a figure in them is: a rate, a duration, a share."""

import re
from dataclasses import dataclass

MS_PER = {"ms": 1.0, "msec": 1.0, "毫秒": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "微秒": 1e-3}
_SECONDS = r"s|secs?|seconds?|秒"
_THING = r"batch|iter(?:ation)?s?|steps?|it|张|imgs?|images?|pictures?|pics?|frames?|samples?|条|次|句|sentences?|clips?|视频|videos?"
_RATES = (
    ("images/s", r"fps|(?:frames?|imgs?|images?|pics?|pictures?|张|帧|幅|f|it|items?|个)\s?/\s?(?:s|sec|秒)(?![a-z])|images? per second"),
    ("samples/s", r"(?:samples?|seqs?|sentences?|sequences?|utts?|clips?|条|句|videos?)\s?/\s?(?:s|sec|秒)(?![a-z])|qps"),
    ("tasks/s", r"tasks?\s?/\s?(?:s|sec|秒)(?![a-z])"),
    ("tokens/s", r"(?:tokens?|words?|字)\s?/\s?(?:s|sec|秒)(?![a-z])"),
)
_DURATION = rf"(?:m|mili|milli)?(?:{_SECONDS})(?![a-z])|msec|毫秒|[uµμ]s(?![a-z])|微秒"
UNIT = re.compile(
    "|".join(f"(?P<r{i}>{pattern})" for i, (_, pattern) in enumerate(_RATES))
    + rf"|(?P<duration>(?:{_DURATION}))(?:\s?(?:/|per)\s?(?P<per>{_THING})(?![a-z]))?|(?P<percent>%)|(?P<times>倍|×(?!\s?\d)|x(?![a-z0-9]))",
    re.IGNORECASE,
)
# In a header a bare `s` is a unit only in brackets or after a bar.
LABEL_UNIT = re.compile(rf"(?<![a-z])(?:{UNIT.pattern})", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """A unit: its canonical name, the kind of figure, what a number in it is multiplied with, and per what."""

    name: str
    kind: str
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
        if unit.kind == "ratio" or (len(match.group()) == 1 and match["duration"] and around not in ("()", "[]", "/", "/)", "//")):
            continue
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
