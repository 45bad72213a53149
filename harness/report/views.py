"""What the page shows of a run: its headline, the matrix of verdicts, and each model's cases with their charts."""

import base64
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.report import charts, nights
from harness.report.confusions import Confusion, confusion
from harness.report.document import STATES, CasePart, RunReport, State
from harness.report.promised import Promised
from harness.units import written

SYMBOLS: dict[State, str] = {
    "red": "✖", "undecided": "?", "waived": "⚑", "not-run": "–", "unpromised": "○", "green": "✔",
}  # fmt: skip
"""A verdict is told by sign and word; colour only repeats it."""
LABELS: dict[State, str] = {
    "red": "red", "undecided": "undecided", "waived": "waived", "not-run": "not run", "unpromised": "no promise",
    "green": "green",
}  # fmt: skip
IOU = "iou:"
"""How the measures of classes are named."""
MOST_TOLD = 25
"""How many cases of one kind the headline lists; the table has all."""


class Key(NamedTuple):
    """What a colour of a picture, as `#rrggbb`, stands for."""

    name: str
    colour: str


@dataclass(frozen=True)
class Panel:
    """One of the things side by side: an image (PNG or JPEG), with what is on it in words, or a text alone."""

    name: str
    image: bytes = b""
    text: str = ""

    @property
    def source(self) -> str:
        """The image as a data URI."""
        kind = "png" if self.image.startswith(b"\x89PNG") else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(self.image).decode()}"


@dataclass(frozen=True)
class Picture:
    """One of the worst samples: what the network saw, what was right, and what it said."""

    sample: str
    panels: tuple[Panel, ...]
    note: str = ""
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row of the matrix: one model on one chip by one runtime, its cases by batch size."""

    model: str
    chip: str
    runtime: str
    kind: str
    worst: int
    cells: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True)
class SpeedChart:
    """A chart of speeds over batch size, with the names of its curves in the order of their colours."""

    title: str
    kind: str
    names: tuple[str, ...]
    svg: str


@dataclass(frozen=True)
class ClassScore:
    """A class's IoU as a share of the bar's whole width and as text, and the README's, which may be there or not."""

    name: str
    percent: float
    text: str
    printed_percent: float | None = None
    printed_text: str = ""


@dataclass(frozen=True)
class CaseView:
    """One case with everything that is drawn for it."""

    case: CasePart
    distribution: str = ""
    quantiles: tuple[tuple[str, str], ...] = ()
    class_scores: tuple[ClassScore, ...] = ()
    confusion: Confusion | None = None
    pictures: tuple[Picture, ...] = ()
    nights: str = ""


@dataclass(frozen=True)
class Headline:
    """What comes first: the cases to look at, what did not run by its reason, and what is not real, by state too."""

    told: Mapping[State, tuple[CasePart, ...]]
    more: Mapping[State, int]
    not_run: tuple[tuple[str, int], ...]
    unrecorded: int
    emulated: int
    seeded: int
    unreal: Mapping[State, str]


@dataclass(frozen=True)
class Material:
    """What the cases are drawn from, beside themselves: the run's folder, the cards' numbers, and, by key, pictures."""

    folder: Path
    promised: Mapping[str, Promised] = field(default_factory=dict)
    pictures: Mapping[str, tuple[Picture, ...]] = field(default_factory=dict)


def kind_of(case: CasePart) -> str:
    """Return what a case is not: `emulated`, `seeded`, both, or an empty string for a real one."""
    return " ".join([*(["emulated"] if case.emulated else []), *(["seeded"] if case.seeded else [])])


def headline(report: RunReport) -> Headline:
    """Return what a reader is told first."""
    by_state = {state: [case for case in report.cases if case.state == state] for state in STATES}
    told: tuple[State, ...] = ("red", "undecided", "waived")
    reasons = Counter(case.missing or case.reason for case in by_state["not-run"])
    return Headline(
        told={state: tuple(by_state[state][:MOST_TOLD]) for state in told if by_state[state]},
        more={state: max(0, len(by_state[state]) - MOST_TOLD) for state in told},
        not_run=tuple(reasons.most_common(MOST_TOLD)),
        unrecorded=max(0, report.planned - len(report.cases)),
        emulated=sum(case.emulated for case in report.cases),
        seeded=sum(case.seeded for case in report.cases),
        unreal={state: _unreal(cases) for state, cases in by_state.items()},
    )


def _unreal(cases: Sequence[CasePart]) -> str:
    """Return how many cases are of which kind but real, `all emulated` or `2 seeded`; empty for none."""
    kinds = Counter(filter(None, map(kind_of, cases)))
    return ", ".join(f"{'all' if count == len(cases) else count} {kind}" for kind, count in kinds.items())


def matrix(cases: Sequence[CasePart]) -> tuple[tuple[int, ...], tuple[Line, ...]]:
    """Return the batch sizes, in order, and a line for each model, chip and runtime; cells hold places in `cases`."""
    found: dict[tuple[str, str, str, str], dict[int, list[int]]] = {}
    for at, case in enumerate(cases):
        key = (case.model, case.chip, case.runtime, kind_of(case))
        found.setdefault(key, {}).setdefault(case.batch, []).append(at)
    lines = [
        Line(*key, min(STATES.index(cases[at].state) for places in cells.values() for at in places),
             {batch: tuple(places) for batch, places in cells.items()})
        for key, cells in found.items()
    ]  # fmt: skip
    return tuple(sorted({case.batch for case in cases})), tuple(lines)


def speed_charts(cases: Iterable[CasePart], promised: Promised) -> tuple[SpeedChart, ...]:
    """Return one chart for each runtime, chip, check and unit whose speeds were measured."""
    groups: dict[tuple[str, ...], list[CasePart]] = {}
    for case in cases:
        if case.check in ("throughput", "latency") and case.judgements and case.judgements[0].observed is not None:
            key = (case.check, case.runtime, case.chip, kind_of(case), case.condition, case.judgements[0].unit)
            groups.setdefault(key, []).append(case)
    return tuple(_speed_chart(group, promised) for group in groups.values())


def _speed_chart(group: Sequence[CasePart], promised: Promised) -> SpeedChart:
    first = group[0]
    unit = first.judgements[0].unit
    measured = {case.batch: case.judgements[0].observed for case in group}
    rates = promised.rates_for(first, unit)
    batches = sorted({*measured, *rates})
    named = {"promise": "README", "measured": "measured before", "reference": "reference"}
    curves = [charts.Curve(_measured_name(first), tuple(measured.get(batch) for batch in batches))]
    for role, name in named.items():
        values = tuple(rates[one].target if one in rates and rates[one].role == role else None for one in batches)
        if any(value is not None for value in values):
            curves.append(charts.Curve(name, values))
    title = f"{first.check} in {unit}, {first.runtime} on {first.chip}"
    svg = charts.speed_curves(batches, curves, unit)
    return SpeedChart(title, kind_of(first), tuple(curve.name for curve in curves), svg)


def _measured_name(case: CasePart) -> str:
    return " ".join(filter(None, ["measured", f"({kind_of(case)})" if kind_of(case) else ""]))


def case_view(case: CasePart, material: Material) -> CaseView:
    """Return a case with its charts."""
    promised = material.promised.get(case.model, Promised())
    rounds = case.timing.rounds_ms if case.timing else ()
    return CaseView(
        case=case,
        distribution=charts.distribution(rounds) if rounds else "",
        quantiles=_quantiles(rounds),
        class_scores=_class_scores(case, promised.scores_for(case)),
        confusion=confusion(material.folder, case, promised.classes),
        pictures=material.pictures.get(case.key, ()),
        nights=nights.chart(case.history) if case.history else "",
    )


def _class_scores(case: CasePart, printed: Mapping[str, float]) -> tuple[ClassScore, ...]:
    """Return the IoU of each class, the lowest first, those without one last."""
    measured = {one.name.removeprefix(IOU): one for one in case.measures if one.name.startswith(IOU)}
    ordered = sorted(measured.items(), key=lambda one: (math.isnan(one[1].value), one[1].value))
    return tuple(
        ClassScore(
            name=name,
            percent=0.0 if math.isnan(one.value) else 100 * one.value,
            text=one.value_text,
            printed_percent=100 * printed[name] if name in printed else None,
            printed_text=written(printed[name], "fraction") if name in printed else "",
        )
        for name, one in ordered
    )


def _quantiles(rounds_ms: Sequence[float]) -> tuple[tuple[str, str], ...]:
    if not rounds_ms:
        return ()
    import numpy as np

    shares = {"fastest": 0.0, "median": 0.5, "95th percentile": 0.95, "99th percentile": 0.99, "slowest": 1.0}
    found = np.quantile(np.array(rounds_ms), list(shares.values()))
    return tuple((name, written(float(value), "ms")) for name, value in zip(shares, found, strict=True))
