"""Warm-up, the timed loop, and the canary that tells whether the machine was quiet."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter_ns
from typing import Literal

import numpy as np

from harness.cards import TensorSpec
from harness.errors import UsageError
from harness.samples import Array

Step = Callable[[], float]
"""One timed round: runs it and returns how many milliseconds it took."""

CANARY_INPUT = TensorSpec(name="canary_input", dtype="float32", shape=(1, 32, 64, 64))
CANARY_OUTPUT = TensorSpec(name="canary_output", dtype="float32", shape=(1, 256))
CANARY_FILE = Path(__file__).parent / "canary.onnx"
CANARY_SEED = 20240229
CANARY_WARMUP = 2
CANARY_ROUNDS = 25  # of 1–2 ms on one core of 2024: long enough to meet a busy neighbour, under 0.15 s when 3 × slower


@dataclass(frozen=True)
class TimePlan:
    """How long to time: warm-up rounds, least and most rounds, and the seconds to stop after once past the least.

    `inputs` is what is fed: `real` samples, `random` or `zero` bytes. A baseline is compared with its own kind only.
    While a verdict is open a run goes on, to `open_rounds` rounds and `open_s` seconds at the most.
    """

    warmup: int = 3
    min_rounds: int = 10
    max_rounds: int = 200
    budget_s: float = 2.0
    inputs: Literal["real", "random", "zero"] = "real"
    open_rounds: int = 800
    open_s: float = 20.0

    def __post_init__(self) -> None:
        if self.warmup < 0 or not 1 <= self.min_rounds <= self.max_rounds:
            raise UsageError("time plan", "expected warmup ≥ 0 and 1 ≤ min_rounds ≤ max_rounds", repr(self))

    def more(self, rounds: int) -> "TimePlan":
        """Return the plan of so many more rounds, whatever they take; a new process warms up as before."""
        return replace(self, min_rounds=rounds, max_rounds=rounds, budget_s=0.0)


@dataclass(frozen=True)
class Rounds:
    """Every round of a timed run in milliseconds, in order, the warm-up kept apart."""

    warmup_ms: tuple[float, ...]
    rounds_ms: tuple[float, ...]


def clocked(call: Callable[[], object]) -> Step:
    """Return a step that runs `call` in this process under the wall clock."""

    def step() -> float:
        start = perf_counter_ns()
        call()
        return (perf_counter_ns() - start) / 1e6

    return step


def timed_rounds(step: Step, plan: TimePlan) -> Rounds:
    """Run the warm-up and then the rounds; stop when their sum passes the budget, but never before `min_rounds`."""
    warmup = tuple(step() for _ in range(plan.warmup))
    budget_ms, spent_ms = plan.budget_s * 1e3, 0.0
    rounds: list[float] = []
    while len(rounds) < plan.max_rounds and (len(rounds) < plan.min_rounds or spent_ms < budget_ms):
        rounds.append(step())
        spent_ms += rounds[-1]
    return Rounds(warmup, tuple(rounds))


@dataclass(frozen=True)
class Canary:
    """A fixed small network, run beside what is timed; only a machine that changed makes it slower or faster.

    `step` runs it once, with the same thread count and in the same process as the run it watches.
    """

    step: Step

    def read(self) -> float:
        """Return the median milliseconds of 25 rounds after two for warming up."""
        plan = TimePlan(CANARY_WARMUP, CANARY_ROUNDS, CANARY_ROUNDS, 0.0)
        return statistics.median(timed_rounds(self.step, plan).rounds_ms)


def moved(before_ms: float, after_ms: float, limit: float) -> bool:
    """Tell whether two canary readings differ by more than `limit`, a fraction of the faster one.

    A reading that is not a positive number counts as moved.

    >>> moved(10.0, 12.0, 0.25), moved(12.6, 10.0, 0.25), moved(10.0, float("nan"), 0.25)
    (False, True, True)
    """
    if not all(math.isfinite(reading) and reading > 0 for reading in (before_ms, after_ms)):
        return True
    return max(before_ms, after_ms) > min(before_ms, after_ms) * (1 + limit)


def canary_input() -> Array:
    """Return the canary's input: float32, 1 × 32 × 64 × 64, the same on every machine."""
    return _random(*CANARY_INPUT.at(1))


def canary_model() -> bytes:
    """Return the canary as an ONNX model (opset 11, IR 6, which every supported ONNX Runtime reads).

    A 32-channel 3×3 convolution, a 512-wide matrix product, and a chain of 300 operators on 256 numbers: the first two
    see a slower clock or a busy neighbour's memory traffic, the chain sees the cost of dispatch. It is a shipped file,
    so that a host without the onnx package has it too.
    """
    return CANARY_FILE.read_bytes()


def _random(*shape: int) -> Array:
    return np.random.default_rng(CANARY_SEED).standard_normal(shape, dtype=np.float32)
