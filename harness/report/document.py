"""A run as data: the published JSON, and what every page, table and summary is made from.

`docs/report.schema.json` is the JSON schema of `RunReport`. Each number stands there twice: as it was measured, and as
every text prints it (`…_text`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from harness.cards import Check
from harness.results import Code, Outcome

SCHEMA: Literal[1] = 1
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


class CasePart(Part):
    """One case with its verdict, once."""

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


class RunReport(Part):
    """A whole run: what was asked, on what, and every case in the order of models, runtimes, chips, checks and batches.

    `readme` has for each model the rows of the READMEs' table: chip, batch size, data set, accuracy, performance.
    """

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    run: str
    started_at: str
    command: str
    environment: dict[str, str]
    counts: dict[State, int]
    outcomes: dict[Outcome, int]
    planned: int
    readme: dict[str, tuple[tuple[str, ...], ...]]
    cases: tuple[CasePart, ...]


def schema() -> dict[str, Any]:
    """Return the JSON schema of the published document."""
    found = RunReport.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
