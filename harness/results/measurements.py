"""What was measured of a case: rounds, scores, comparisons, and the samples they are of."""

from typing import Literal

from harness.results.records import Record


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
