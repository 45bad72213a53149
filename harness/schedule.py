"""The order of a night, and its share of a host: what goes first when time is short, and who runs what."""

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from harness.costs import Past
from harness.digests import text_sha256
from harness.errors import UsageError

Risk = Literal["changed", "red", "old", "rest"]
RISKS: tuple[Risk, ...] = ("changed", "red", "old", "rest")
OLD_NIGHTS = 7
"""A case that was not judged in the last so many nights of the history is old; one that never was is, too."""
WORTH_BUILDING_TWICE = 1.1
"""Cases of one artifact stay on one host unless that makes the longest host's night longer by more than this."""
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[hms])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([hms])")
_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Task(NamedTuple):
    """One case to place: its name, its predicted seconds without and for building, what it opens, how risky it is.

    What the tasks of one artifact build is built once on each host that has one of them. Tasks of one `bond` must run
    on one host, as a ratio and its sides; `last` is when the case was judged last.
    """

    name: str
    run_s: float
    build_s: float = 0.0
    artifact: str = ""
    bond: str = ""
    risk: Risk = "rest"
    last: str = ""


@dataclass(frozen=True)
class Shard:
    """The share of one of `count` hosts; `index` counts from 1."""

    index: int
    count: int


@dataclass(frozen=True)
class Cut:
    """What fits a budget, in the order to run, and what does not."""

    kept: tuple[Task, ...]
    left_out: tuple[Task, ...]


def duration_s(text: str) -> float:
    """Return a duration such as `6h`, `90m`, `1h30m` or `3600s` in seconds; raises UsageError for another text.

    >>> duration_s("6h"), duration_s("1h30m"), duration_s("3600s")
    (21600.0, 5400.0, 3600.0)
    """
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in _PART.findall(text))
    if not _DURATION.fullmatch(text) or not 0 < seconds < float("inf"):
        raise UsageError("--budget", "expected a duration such as 6h, 90m or 3600s", repr(text))
    return seconds


def shard(text: str) -> Shard:
    """Return which share of how many a text such as `2/8` names; raises UsageError for another text."""
    found = _SHARD.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError("--shard", "expected i/n with i from 1 to n, such as 2/8", repr(text))
    return Shard(int(found[1]), int(found[2]))


def risk_of(pasts: Sequence[Past], nights: Sequence[str], *, changed: bool) -> Risk:
    """Return how risky a case is, by its own past nights and by the days of all nights in the history, oldest first.

    What it is made from has changed; it was red or undecided; it was not judged for long, or never; or none of these.
    """
    if changed:
        return "changed"
    if pasts and pasts[-1].outcome in ("FAIL", "INCONCLUSIVE"):
        return "red"
    recent = nights[-OLD_NIGHTS:]
    return "old" if not pasts or (recent and pasts[-1].at[:10] < recent[0]) else "rest"


def nights_of(pasts: Mapping[str, Sequence[Past]]) -> tuple[str, ...]:
    """Return the days on which anything was judged, oldest first."""
    return tuple(sorted({one.at[:10] for series in pasts.values() for one in series}))


def by_risk(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks in the order of their risk: changed, red, old, the rest; in each, judged longest ago first."""
    return sorted(tasks, key=lambda task: (RISKS.index(task.risk), task.last, task.name))


def within(budget_s: float, tasks: Iterable[Task]) -> Cut:
    """Return what fits a budget, the riskiest first; what does not fit gives way to what is less risky and does.

    Of the kept tasks that share an artifact, the first in this order is counted as its builder.
    """
    left_s = budget_s
    kept: list[Task] = []
    left_out: list[Task] = []
    ordered = by_risk(tasks)
    building = _building(ordered)
    for task in ordered:
        need_s = task.run_s + building.get(task.artifact, 0.0)
        if need_s > left_s:
            left_out.append(task)
            continue
        left_s -= need_s
        building.pop(task.artifact, None)
        kept.append(task)
    return Cut(tuple(kept), tuple(left_out))


def partition(tasks: Sequence[Task], count: int) -> tuple[tuple[Task, ...], ...]:
    """Return the tasks of each of `count` hosts: all of them, each once, the hosts about equally long.

    Longest processing time first (Graham 1969). The same tasks, in whatever order, are always placed the same way.
    """
    ordered = sorted(tasks, key=lambda task: task.name)
    building = _building(ordered)
    together, apart = (_placed(_units(ordered, shared=shared), count, building) for shared in (True, False))
    best = together if together.longest_s <= WORTH_BUILDING_TWICE * apart.longest_s else apart
    return tuple(tuple(host) for host in best.hosts)


def digest(hosts: Sequence[Sequence[Task]]) -> str:
    """Return a digest of who runs what: hosts that print the same one miss nothing and do nothing twice."""
    return text_sha256("\n".join(" ".join(sorted(task.name for task in host)) for host in hosts))[:12]


def _building(tasks: Iterable[Task]) -> dict[str, float]:
    """Return what each artifact still takes to build: the sum over its tasks, each of which may build a part."""
    found: dict[str, float] = {}
    for task in tasks:
        if task.build_s:
            found[task.artifact] = found.get(task.artifact, 0.0) + task.build_s
    return found


def _units(tasks: Sequence[Task], *, shared: bool) -> list[list[Task]]:
    """Return what is placed as one: tasks of a bond, and if `shared` those of an artifact too."""
    units: dict[str, list[Task]] = {}
    for task in tasks:
        alone = f"artifact {task.artifact}" if shared and task.artifact else f"task {task.name}"
        units.setdefault(f"bond {task.bond}" if task.bond else alone, []).append(task)
    return list(units.values())


class _Placed(NamedTuple):
    hosts: list[list[Task]]
    longest_s: float


def _placed(units: Sequence[list[Task]], count: int, building: Mapping[str, float]) -> _Placed:
    """Give each unit, the longest first, to the host that is free first; each host builds what its tasks open."""
    hosts: list[list[Task]] = [[] for _ in range(count)]
    opened: list[set[str]] = [set() for _ in range(count)]
    free = [(0.0, index) for index in range(count)]
    for unit in sorted(units, key=lambda unit: (-_seconds(unit, building, set()), unit[0].name)):
        busy_s, index = heapq.heappop(free)
        hosts[index].extend(unit)
        heapq.heappush(free, (busy_s + _seconds(unit, building, opened[index]), index))
        opened[index] |= {task.artifact for task in unit}
    return _Placed(hosts, max(busy_s for busy_s, _ in free))


def _seconds(unit: Sequence[Task], building: Mapping[str, float], opened: set[str]) -> float:
    """Return how long tasks take one after another on a host that has opened some artifacts already."""
    new = {task.artifact for task in unit} - opened
    return sum(task.run_s for task in unit) + sum(building.get(artifact, 0.0) for artifact in sorted(new))
