"""What was decided of a result: judgements, and the verdict that they make."""

from typing import Literal

from pydantic import Field

from harness.results.records import Record

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "NO_BASELINE", "NOT_RUN"]
Code = Literal[
    "met", "missed", "nan", "parity", "expected", "now-fits", "wrong-error", "margin", "not-quiet", "budget",
    "no-promise", "missing-weights", "missing-data", "missing-tool", "missing-memory", "device-drained",
    "emulated", "seeded",
    "ratio-side-missing", "infra", "waiver-expired",
]  # fmt: skip


class Judgement(Record):
    """One comparison: what was asked, what was seen, and how much was allowed.

    `p` is the probability of what was seen if nothing is wrong, `level` what it had to fall to for a failure.
    """

    name: str
    target: float | None = None
    observed: float | None = None
    unit: str = ""
    interval: tuple[float, float] | None = None
    tolerance: float | None = None
    origin: str = ""
    p: float | None = None
    level: float | None = None
    outcome: Outcome
    note: str = ""


class Verdict(Record):
    """What was decided about a result, once; the worst judgement is the headline."""

    outcome: Outcome
    code: Code
    judgements: tuple[Judgement, ...] = ()
    waived_by: str = ""
    suggestion: dict[str, str] = Field(default_factory=dict)
    reason: str = ""
