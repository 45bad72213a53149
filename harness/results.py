"""What is run, what was measured, and what was decided: plain data that travels to JSON and back.

Every document carries `schema = 1`; keys that this version does not know are kept when read.
"""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.cards import Check

SCHEMA = 1
SCRIPTS = "scripts"
"""The condition of a case that is run through a repository's own scripts."""
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
Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "NO_BASELINE", "NOT_RUN"]
Code = Literal[
    "met", "missed", "nan", "parity", "expected", "now-fits", "wrong-error", "margin", "not-quiet", "budget",
    "no-promise", "missing-weights", "missing-data", "missing-tool", "missing-memory", "device-drained",
    "emulated", "seeded",
    "ratio-side-missing", "infra", "waiver-expired",
]  # fmt: skip


class Record(BaseModel):
    """A frozen JSON object that keeps the keys it does not know."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def to_json(self) -> str:
        """Return one line of JSON with sorted keys; NaN and infinities are written as strings."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)


class Case(Record):
    """One promise to check: a model on a runtime and chip, at a batch size."""

    model: str
    runtime: str
    chip: str
    batch: int
    check: Check
    weights: str = "card"
    precision: str = "fp32"
    condition: str = ""
    threads: int = 1
    emulated: bool = False

    @property
    def id(self) -> str:
        """The name in a pytest node: `icnet-tiny-ort-cpu-bs4`, `icnet-msame-Ascend310P3-bs1-seeded-emulated`."""
        chip = [] if self.chip in ("cpu", "any") or self.runtime.startswith(("ort-", "tf-", "torch-")) else [self.chip]
        marks = [SCRIPTS] if self.condition == SCRIPTS else []
        marks += ([] if self.weights == "card" else [self.weights[:8]]) + (["emulated"] if self.emulated else [])
        return "-".join([self.model, self.runtime, *chip, f"bs{self.batch}", *marks])

    @property
    def test_name(self) -> str:
        """The test's name in the suite: `test_parity[icnet-tiny-ort-cpu-bs4]`."""
        return f"test_{self.check.replace('-', '_')}[{self.id}]"

    @property
    def key(self) -> str:
        """The history key: 16 hex digits of the sha256 of the canonical JSON of the declared fields."""
        known = {name: getattr(self, name) for name in type(self).model_fields}
        canonical = json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


class Measurement(Record):
    """A timed run: every round in milliseconds, and what the clock around it saw.

    `occupants` are the processes that came onto the device while it was timed. Of `rounds_ms` the first `warming` were
    slower than the steady rounds after them: kept, and left out of every reading. `looks` are the numbers of rounds
    after which a run that went on had looked, `noise` the standard deviation of this case's readings from run to run,
    as a share, where a history knows it.
    """

    definition: str
    statistic: str
    batch: int
    rounds_ms: tuple[float, ...] = ()
    warmup_ms: tuple[float, ...] = ()
    tool_value: float | None = None
    inputs: str = "real"
    threads: int = 1
    canary_before_ms: float | None = None
    canary_after_ms: float | None = None
    occupants: tuple[str, ...] = ()
    warming: int = 0
    looks: tuple[int, ...] = ()
    noise: float | None = None


class Measure(Record):
    """One value of one metric under one protocol; `unit` is `fraction` for accuracies.

    `interval` is the 95 % interval over images; `order_range` how far the order of the images moves the value.
    """

    name: str
    protocol: str
    value: float
    unit: str = "fraction"
    n: int
    interval: tuple[float, float] | None = None
    order_range: tuple[float, float] | None = None


class Look(Record):
    """What a comparison had found after `n` images: for top-1, how many only one of the two got right."""

    n: int
    lost: int | None = None
    gained: int | None = None


class Paired(Record):
    """The candidate against the reference backend on the same images.

    `loss` = reference value − candidate value, `interval` its 95 % interval over images. For top-1, `lost` and
    `gained` count images that only one of the two got right; for other metrics `differing` counts those whose outcome
    is not the same. `looks` are what a run that looked several times had found, the last being this.
    """

    reference: str
    metric: str
    protocol: str
    value: float
    reference_value: float
    loss: float
    n: int
    lost: int | None = None
    gained: int | None = None
    differing: int | None = None
    interval: tuple[float, float] | None = None
    looks: tuple[Look, ...] = ()


class OutputParity(Record):
    """How far one output is from the reference: cosine over all values, max|a−b| / max|b|."""

    output: str
    cosine: float
    max_rel: float
    finite: bool = True


class Agreement(Record):
    """Predictions at one batch size against those at another: `equal` of `n` samples are the same.

    `differing_share` is the largest share of a sample's predictions (the pixels of a label map) that differ.
    """

    reference_batch: int
    n: int
    equal: int
    differing: tuple[str, ...] = ()
    differing_share: float | None = None


class Repeat(Record):
    """A second run on the same inputs: `equal` of `n` samples gave the very same outputs."""

    n: int
    equal: int
    differing: tuple[str, ...] = ()


class Side(Record):
    """One side of a ratio: the case and the run its value comes from, or in `missing` why there is none.

    The value is a measure named as the ratio, its protocol the side.
    """

    ratio: str
    side: Literal["numerator", "denominator"]
    case: str = ""
    run: str = ""
    definition: str = ""
    inputs: str = ""
    quiet: bool = True
    missing: str = ""


class Samples(Record):
    """How many samples were asked for, used and declared by the card, and a digest of the ids used.

    `looks` are the numbers of samples after which a sequential run (`--samples auto`) looked, the last being `used`;
    `cases` how many cases of this check the run had, among which it shares its error.
    """

    asked: int | None = None
    used: int
    declared: int
    ids_digest: str
    looks: tuple[int, ...] = ()
    cases: int = 1

    @property
    def whole(self) -> bool:
        """Tell whether the whole declared set was used."""
        return self.used == self.declared


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


class Entry(Record):
    """One line of `results.jsonl`: a result and its verdict."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    result: Result
    verdict: Verdict
