"""A case's whole result, and the line of a run folder that it makes with its verdict."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from harness.results.cases import Case
from harness.results.measurements import Agreement, Measure, Measurement, OutputParity, Paired, Repeat, Samples, Side
from harness.results.records import SCHEMA, Record
from harness.results.verdicts import Verdict

ErrorKind = Literal[
    "oom",
    "unsupported",
    "compile-error",
    "corrupt-artifact",
    "tool-failed",
    "timeout",
    "device-lost",
    "data",
    "nan",
    "infra",
]


class Failure(Record):
    """Why a case broke."""

    kind: ErrorKind
    stage: str = ""
    tool: str = ""
    rc: int | None = None
    code: str = ""
    message: str
    log: str = ""


class Outcomes(Record):
    """The sidecar of per-sample outcomes: path below the run folder, digest, and kind (`top-k`, `miou`, `coco`)."""

    path: str
    sha256: str
    kind: str


class Result(Record):
    """What one case measured, with every raw sample, digests and environment.

    `spent` says how much of `seconds` went into building for the store (`build_s`, and `build_bytes` were added) and
    into waiting for the device (`waiting_s`).
    `unpaired` is why an accuracy could not be compared with the reference backend here.
    """

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    case: Case
    status: Literal["measured", "error", "not_run"]
    measures: tuple[Measure, ...] = ()
    measurement: Measurement | None = None
    confirmation: Measurement | None = None
    paired: Paired | None = None
    unpaired: str = ""
    parity: tuple[OutputParity, ...] = ()
    agreement: Agreement | None = None
    repeat: Repeat | None = None
    sides: tuple[Side, ...] = ()
    worst: tuple[str, ...] = ()
    samples: Samples | None = None
    outcomes: Outcomes | None = None
    error: Failure | None = None
    missing: str = ""
    missing_need: str = ""
    artifact: dict[str, Any] = Field(default_factory=dict)
    digests: dict[str, str] = Field(default_factory=dict)
    toolchain: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, Any] = Field(default_factory=dict)
    flags: tuple[str, ...] = ()
    started_at: str = ""
    seconds: float = 0.0
    spent: dict[str, float] = Field(default_factory=dict)


class Entry(Record):
    """One line of `results.jsonl`: a result and its verdict."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    result: Result
    verdict: Verdict
