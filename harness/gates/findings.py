"""One comparison with its code, and how several make a verdict."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.cards import Baseline
from harness.results import Code, Judgement, Outcome, Verdict

# The worst first; NO_BASELINE is last, since a number that nobody promised takes nothing from one that was met.
SEVERITY: tuple[Outcome, ...] = ("FAIL", "INCONCLUSIVE", "NOT_RUN", "PASS", "NO_BASELINE")
# Differences below this are rounding of the arithmetic, not of the model.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Finding:
    """A judgement, the code it gives to the verdict, and what it proposes to change."""

    judgement: Judgement
    code: Code
    suggestion: dict[str, str] = field(default_factory=dict)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict of these findings, at least one: the worst is the headline and the first judgement."""
    ranked = sorted(findings, key=lambda finding: SEVERITY.index(finding.judgement.outcome))
    head = ranked[0]
    return Verdict(
        outcome=head.judgement.outcome,
        code=head.code,
        judgements=tuple(finding.judgement for finding in ranked),
        suggestion=next((finding.suggestion for finding in ranked if finding.suggestion), {}),
        reason=head.judgement.note,
    )


def plain(name: str, outcome: Outcome, code: Code, note: str) -> Finding:
    """Return a finding without numbers."""
    return Finding(Judgement(name=name, outcome=outcome, note=note), code)


def not_finite(name: str, value: float) -> Finding | None:
    """Return a failure for NaN or infinity, None for a number."""
    if math.isfinite(value):
        return None
    note = f"{name} is {'NaN' if math.isnan(value) else 'infinite'}"
    return plain(name, "FAIL", "nan", note)


def at_least(value: float, floor: float) -> bool:
    """Tell whether a value reaches a floor, rounding of the arithmetic aside; NaN never does."""
    return value >= floor - ROUNDING * max(1.0, abs(floor))


def printed_at(baseline: Baseline) -> str:
    """Return who promises a number and where: `promised for Ascend310P3, readme.md:242`."""
    place = baseline.source
    line = f":{place.line}" if place.line else ""
    said = "promised" if baseline.role == "promise" else "measured before"
    layer = f" when {baseline.when}" if baseline.when else ""
    return f"{said} for {baseline.chip}{layer}, {place.file.rpartition('/')[2]}{line}"
