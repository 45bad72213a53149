"""A run as data: the published JSON, and what every page, table and summary is made from.

`docs/report.schema.json` is the JSON schema of `RunReport`. Each number stands there twice: as it was measured, and as
every text prints it (`…_text`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from harness.cards import Check
from harness.results import Code, Outcome

SCHEMA: Literal[2] = 2
Number = Annotated[float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})]
"""A float; JSON has no number for NaN and the infinities."""
State = Literal["red", "undecided", "waived", "not-run", "unpromised", "green"]
STATES: tuple[State, ...] = ("red", "undecided", "waived", "not-run", "unpromised", "green")
"""What a reader has to do with a case, the most urgent first."""


class Part(BaseModel):
    """A frozen JSON object that knows all its keys; NaN and infinities are strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings", populate_by_name=True)


class JudgementPart(Part):
    """One comparison: what was asked, what was seen, and how much was allowed."""

    name: str
    outcome: Outcome
    target: Number | None
    target_text: str
    observed: Number | None
    observed_text: str
    interval: tuple[Number, Number] | None
    interval_text: str
    tolerance: Number | None
    tolerance_text: str
    unit: str
    p: Number | None
    origin: str
    note: str


class MeasurePart(Part):
    """One value of one metric under one protocol, over `n` samples."""

    name: str
    protocol: str
    value: Number
    value_text: str
    interval: tuple[Number, Number] | None
    interval_text: str
    unit: str
    n: int


class TimingPart(Part):
    """A timed run: every round in milliseconds, by which definition, and what else was on the device."""

    definition: str
    statistic: str
    inputs: str
    threads: int
    rounds_ms: tuple[Number, ...]
    tool_value: Number | None
    canary_before_ms: Number | None
    canary_after_ms: Number | None
    occupants: tuple[str, ...]


class FailurePart(Part):
    """Why a case broke, and the end of its log."""

    kind: str
    stage: str
    tool: str
    code: str
    message: str
    log: str
    log_tail: str


class PointPart(Part):
    """One result of a series: its value is None where the case broke, and says little where it was not `quiet`.

    `own` marks the result of the run that the report is of.
    """

    at: str
    commit: str
    toolchain: str
    run: str
    outcome: str
    code: str
    value: Number | None
    value_text: str
    interval: tuple[Number, Number] | None
    interval_text: str
    quiet: bool
    own: bool


class AnchorPart(Part):
    """What a release froze, the median of `n` results, and the worst value that is still allowed against it."""

    release: str
    frozen_at: str
    n: int
    value: Number
    value_text: str
    allowed: Number
    allowed_text: str


class ChangePart(Part):
    """A step of a series: the places of the results before and after it, and how likely chance alone makes it (`p`)."""

    before: int
    after: int
    commits: str
    mean_before: Number
    mean_before_text: str
    mean_after: Number
    mean_after_text: str
    p: Number
    note: str


class HistoryPart(Part):
    """A case on its machine over time, oldest first, and what that says; `lack` is what is not there, and why."""

    name: str = ""
    protocol: str = ""
    unit: str = ""
    points: tuple[PointPart, ...] = ()
    anchor: AnchorPart | None = None
    changes: tuple[ChangePart, ...] = ()
    said: tuple[str, ...] = ()
    lack: str = ""


class DifferencePart(Part):
    """A fact that is not as it was; a dash for what was, or is, not there."""

    name: str
    before: str
    after: str


class SincePart(Part):
    """What a case is compared with, and what differs from it; `lack` says why there is nothing to compare with."""

    what: str = ""
    differences: tuple[DifferencePart, ...] = ()
    lack: str = ""


class SharedDifference(DifferencePart):
    """A difference that so many cases of the run have."""

    cases: int


class PastPart(Part):
    """What was before the run as a whole: what differs for how many of the compared cases; `note` is what to know."""

    note: str
    compared: int
    differences: tuple[SharedDifference, ...]


class CasePart(Part):
    """One case with its verdict, once.

    `history` and `since` are what was before it: its results over time, and what differs around it from an earlier one.
    """

    key: str
    id: str
    test: str
    model: str
    runtime: str
    chip: str
    batch: int
    check: Check
    weights: str
    precision: str
    condition: str
    emulated: bool
    seeded: bool
    state: State
    outcome: Outcome
    code: Code
    reason: str
    waived_by: str
    measured_text: str
    promised_text: str
    judgements: tuple[JudgementPart, ...]
    measures: tuple[MeasurePart, ...]
    timing: TimingPart | None
    worst: tuple[str, ...]
    samples_text: str
    outcomes_file: str
    outcomes_kind: str
    failure: FailurePart | None
    missing: str
    facts: dict[str, str]
    reproduce: str
    started_at: str
    seconds: Number
    history: HistoryPart | None
    since: SincePart | None


class RunReport(Part):
    """A whole run: what was asked, on what, and every case in the order of models, runtimes, chips, checks and batches.

    `readme` has for each model the rows of the READMEs' table: chip, batch size, data set, accuracy, performance;
    `lacks` what kept a card or a runtime from running here, by its name.
    """

    schema_: Literal[2] = Field(default=SCHEMA, alias="schema")
    run: str
    started_at: str
    command: str
    environment: dict[str, str]
    counts: dict[State, int]
    outcomes: dict[Outcome, int]
    planned: int
    lacks: dict[str, str]
    past: PastPart
    readme: dict[str, tuple[tuple[str, ...], ...]]
    cases: tuple[CasePart, ...]


def schema() -> dict[str, Any]:
    """Return the JSON schema of the published document."""
    found = RunReport.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
