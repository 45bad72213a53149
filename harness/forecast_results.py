"""What a forecast says of a model's precision modes: plain data that travels to JSON and back."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from harness.results import SCHEMA, Measure, OutputParity, Paired, Record, Samples

FLOOR = (
    "A rounding floor, not an NPU's number: what ATC would store in float16 is rounded to float16, and operators "
    "compute in float32. An NPU's own order of accumulation, approximations and float16 arithmetic come on top."
)
"""What every forecast is; see `harness.emulator.precision`."""
CALIBRATION = "Memory is an estimate, calibrated on batch sizes that READMEs state to fit or not to fit; not a reading."
"""What the estimate of a chip's memory is; see `harness.emulator.memory`."""
SHARE = (
    "A share is the squared error with that operator alone in float16, of the squared error of the whole mode: "
    "roundings that know nothing of each other add up in squares, others need not sum to 100 %."
)


class OutputError(OutputParity):
    """How far one output is from the framework's; `mean_rel` is the mean of |a−b| over the mean of |b|."""

    mean_rel: float


class DeviceMemory(Record):
    """Device memory in bytes that an OM needs, by ATC's estimate: weights, inputs and outputs, and work space."""

    weights: int
    io: int
    workspace: int

    @property
    def total(self) -> int:
        """Bytes taken while it runs."""
        return self.weights + self.io + self.workspace


class ModeForecast(Record):
    """One precision mode: what it scores, how far its outputs are off, what it needs, and what broke (`failures`).

    `paired` compares with the float32 mode on the same samples; `parity` with the framework. `own` marks the card's.
    """

    mode: str
    own: bool = False
    memory: DeviceMemory | None = None
    fits: bool | None = None
    measure: Measure | None = None
    paired: Paired | None = None
    parity: tuple[OutputError, ...] = ()
    failures: tuple[str, ...] = ()


class OperatorError(Record):
    """The error of the final outputs with one operator, or all of a type, in float16 and everything else in float32.

    `error` is the root mean square, over the outputs, of ‖a−b‖ / ‖b‖; 1e300 where a number is not finite. `share` is of
    the whole mode's squared error, None where either is not finite.
    """

    name: str
    type: str
    tensor: str
    error: float
    share: float | None


class Contributions(Record):
    """The operators that contribute most to a mode's error, worst first, and by which `method` they were found.

    `error` is the whole mode's; `skipped` is the reason where nothing was measured.
    """

    mode: str
    method: str = ""
    error: float = 0.0
    considered: int = 0
    rows: tuple[OperatorError, ...] = ()
    skipped: str = ""


class Forecast(Record):
    """Precision modes of one model side by side, on an emulated chip.

    Chip memory is in MiB, of which `chip_idle_mib` is taken when nothing runs. `unscored` is the reason where there is
    no accuracy.
    """

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    kind: Literal["rounding-floor"] = "rounding-floor"
    emulated: Literal[True] = True
    model: str
    chip: str
    batch: int
    weights: str
    toolchain: dict[str, Any] = Field(default_factory=dict)
    chip_mib: int = 0
    chip_idle_mib: int = 0
    samples: Samples | None = None
    unscored: str = ""
    parity_inputs: int = 0
    parity_reference: str = ""
    modes: tuple[ModeForecast, ...] = ()
    contributions: Contributions | None = None
    notes: tuple[str, ...] = (FLOOR, CALIBRATION)
