"""Conditions on a version, as cards state them: `CANN >= 8`, `CANN >= 7, < 8.0.RC2`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAMES = ("CANN", "driver", "onnxruntime", "tensorflow", "torch")
"""What a result knows the version of: the first two are its toolchain's, the others packages of its environment."""

# CANN counts RC1, RC2, … before a version's final one, and alpha and beta before those (`8.0.RC1`, `7.0.0.alpha003`).
STAGES = {"alpha": 0, "beta": 1, "rc": 2}
NUMBER = 3
# Up to 2021 CANN was numbered by year; 20.1 and 20.2 are also called 3.1 and 3.2, and 21.0.x is 5.0.x.
BY_YEAR = {20: 3, 21: 5}
COMPONENTS = 6  # more than any version here has; what is not printed counts as 0

Part = tuple[int, int]
Version = tuple[Part, ...]
AFTER: Part = (NUMBER + 1, 0)
"""Sorts after every component: a version followed by it is the end of all that begin with that version."""

_CLAUSE = re.compile(r"(>=|<=|==|>|<)\s*([0-9][\w.]*)")
_ONE = r"(?:>=|<=|==|>|<)\s*[0-9][\w.]*"
_CONDITION = re.compile(rf"\s*([A-Za-z][\w-]*)\s*({_ONE}(?:\s*,\s*{_ONE})*)\s*")


@dataclass(frozen=True)
class VersionRange:
    """The versions of `name` from `low` up to, and without, `high`.

    A bound is compared as far as it is written: 8.0.RC1 is at least 8, and at least 8.0, but not at least 8.0.0.
    """

    name: str
    low: Version
    high: Version

    def holds(self, version: str) -> bool:
        """Tell whether a version is in the range; raises ValueError for a text that is none."""
        parts = parsed(version, self.name)
        padded = parts + ((NUMBER, 0),) * (COMPONENTS - len(parts))
        return self.low <= padded < self.high

    def within(self, other: "VersionRange") -> bool:
        """Tell whether every version of this range is in the other one too."""
        return self.name == other.name and other.low <= self.low and self.high <= other.high

    def meets(self, other: "VersionRange") -> bool:
        """Tell whether a host could be in both; two different tools' versions are independent."""
        return self.name != other.name or (self.low < other.high and other.low < self.high)


def parse(text: str) -> VersionRange:
    """Return the range of a condition; raises ValueError with what is expected.

    >>> [parse("CANN >= 8").holds(version) for version in ("7.0.1", "8.0.RC1", "8.1")]
    [False, True, True]
    >>> parse("CANN < 5").holds("20.2")  # of the years before the present numbers, also called 3.2
    True
    """
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError("expected a condition such as 'CANN >= 8' or 'CANN >= 7, < 8'")
    name = next((one for one in NAMES if one.lower() == found.group(1).lower()), "")
    if not name:
        raise ValueError(f"expected the version of one of {', '.join(NAMES)}")
    low: Version = ()
    high: Version = (AFTER,)
    for operator, version in _CLAUSE.findall(found.group(2)):
        begin = parsed(version, name)
        end = (*begin, AFTER)
        if operator in (">=", "==", ">"):
            low = max(low, end if operator == ">" else begin)
        if operator in ("<=", "==", "<"):
            high = min(high, begin if operator == "<" else end)
    if low >= high:
        raise ValueError("expected a range that some version is in")
    return VersionRange(name, low, high)


def parsed(version: str, name: str = "") -> Version:
    """Return a version's components, in an order that compares; raises ValueError for a text that is no version."""
    words = version.strip().partition("+")[0].removeprefix("V").split(".")
    parts = tuple(_part(word) for word in words)
    if not words[0].isdigit():
        raise ValueError(f"expected a version such as 8.0.RC1, got {version!r}")
    year = BY_YEAR.get(parts[0][1]) if name == "CANN" else None
    return parts if year is None else ((NUMBER, year), *parts[1:])


def known_version(name: str, toolchain: Mapping[str, Any], packages: Mapping[str, Any]) -> str:
    """Return the version of one of `NAMES` that a result knows, or an empty string.

    `toolchain` and `packages` are a result's `toolchain` and its environment's `packages`.
    """
    if name == "driver":
        found = toolchain.get("driver", "")
    elif name == "CANN":
        found = toolchain.get("version", "") if toolchain.get("name") == "CANN" else ""
    else:
        found = packages.get(name) or packages.get(f"{name}-cpu", "")
    try:
        parsed(str(found), name)
    except ValueError:
        return ""
    return str(found)


def _part(word: str) -> Part:
    found = re.fullmatch(r"(?:(alpha|beta|rc)\.?)?(\d+)", word.lower())
    if not found:
        raise ValueError(f"expected a number, or alpha, beta or RC and a number, got {word!r}")
    return STAGES.get(found.group(1), NUMBER) if found.group(1) else NUMBER, int(found.group(2))
