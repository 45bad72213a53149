"""How much is allowed: the defaults, what a card may override, and where the value used came from."""

from collections.abc import Iterable
from typing import NamedTuple

from harness.cards import Baseline, ModelCard
from harness.results import Case
from harness.units import SHARE, difference, written

ACCURACY = 0.005  # half a point: what the model zoo's own acceptance allows between chips
SCORE = (
    0.01  # of the promised number, where that is no share: the zoo's READMEs call 1 % of loss acceptable ("不超过1%")
)
SPEED_NPU = 0.05
SPEED_CPU = 0.30  # only a collapse: machines differ, and so do their libraries
RATIO = 0.02
AGREEMENT = 1e-4  # share of a label map's pixels: ties that another batch size's kernels break the other way
CANARY_MOVED = 0.15
PARITY_FP32 = (0.999999, 1e-4)
PARITY_TENSORFLOW = (0.999999, 3e-4)  # its fused kernels round differently from ONNX Runtime's
PARITY_HALF = (0.999, 5e-2)
HALF_RUNTIMES = ("aclruntime", "ais_bench", "msame", "benchmark", "ort-cann")


class Allowed(NamedTuple):
    """A tolerance and where it comes from."""

    value: float
    origin: str


def accuracy(baseline: Baseline) -> Allowed:
    """Return the tolerance of an accuracy in its own unit: stated or a default, never below half a printed unit.

    The default is half a point of a share, and 1 % of any other number.
    """
    stated = baseline.allowed
    default = ACCURACY if baseline.is_share else SCORE * abs(baseline.target)
    chosen = Allowed(default, "default") if stated is None else Allowed(stated, "card")
    # A value without printed decimals (written by hand as 1) says nothing of its resolution.
    half_unit = 0.0 if baseline.decimals is None else baseline.half_unit
    return Allowed(half_unit, "half a printed unit") if half_unit > chosen.value else chosen


def paired(baselines: Iterable[Baseline]) -> Allowed:
    """Return the margin of the loss against the reference backend: the tightest stated tolerance, or half a point."""
    stated = [row.allowed for row in baselines if row.allowed is not None and row.is_share]
    return Allowed(min(stated), "card") if stated else Allowed(ACCURACY, "default")


def speed(baseline: Baseline, case: Case) -> Allowed:
    """Return the share of a speed that may be missing: stated, 5 % on an NPU or GPU, 30 % on a CPU."""
    if baseline.allowed is not None:
        return Allowed(baseline.allowed, "card")
    return Allowed(SPEED_CPU, "default for cpu") if case.chip == "cpu" else Allowed(SPEED_NPU, "default")


def ratio(stated: float | None) -> Allowed:
    """Return the share of a ratio that may be missing: stated or 2 %."""
    return Allowed(RATIO, "default") if stated is None else Allowed(stated, "card")


def parity(card: ModelCard, case: Case) -> tuple[float, float, str]:
    """Return the least cosine, the largest max|a−b| / max|b|, and which rule gave them."""
    if case.precision != "fp32" or case.emulated or case.runtime in HALF_RUNTIMES:
        return (*PARITY_HALF, "default for OM and half precision")
    if card.source.framework == "tensorflow":
        return (*PARITY_TENSORFLOW, "default for TensorFlow float32")
    itself = ", self-reference" if card.source.framework == "onnx" else ""
    return (*PARITY_FP32, f"default for float32{itself}")


def in_unit(allowed: Allowed, unit: str, target: float = 0.0) -> str:
    """Return an absolute tolerance and its origin as text; a default that is a part of the target as that part."""
    relative = allowed.origin == "default" and unit != SHARE
    size = f"{100 * SCORE:g} % of {written(abs(target), unit)}" if relative else difference(allowed.value, unit)
    return f"{size} ({allowed.origin})"


def in_percent(allowed: Allowed) -> str:
    """Return a relative tolerance and its origin as text."""
    return f"{100 * allowed.value:g} % ({allowed.origin})"
