"""The forecast: a model's precision modes side by side, by the emulated toolchain, before any NPU is asked.

It is a floor of what rounding costs, never a verdict; `harness.forecast_results` says in full what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from harness import ascend_host, memory, needs
from harness.cards import ModelCard
from harness.checks import accuracy, parity
from harness.devices import lease
from harness.errors import CardError, UsageError
from harness.forecast import modes, operators
from harness.forecast.modes import FLOAT32, MODES, Desk
from harness.forecast_results import CALIBRATION, FLOOR, Contributions, Forecast, ModeForecast
from harness.workbench import Workbench

DEFAULT_MODES = (FLOAT32, "force_fp16", "allow_fp32_to_fp16")
RUNTIME = "aclruntime"
"""The fastest of the emulated runtimes: one worker, nothing on disk."""
AIPP_FLAG = "insert_op_conf"
WITHOUT_AIPP = "Without AIPP: the network is fed with what its own preprocessing makes, not with pictures."
OPERATORS = 10
BUDGET_S = 240.0
"""Seconds for the search among operators."""


@dataclass(frozen=True)
class Request:
    """What to forecast: a card on a chip at a batch size in some modes; how many operators to name, in what time."""

    card: ModelCard
    chip: str
    batch: int
    modes: tuple[str, ...] = DEFAULT_MODES
    operators: int = OPERATORS
    budget_s: float = BUDGET_S


def forecast(request: Request, bench: Workbench, say: Callable[[str], None] = lambda line: None) -> Forecast:
    """Return the forecast; `bench` has an emulated host, `say` gets a line per step.

    What breaks in one mode is in its row. Raises UsageError for an unknown mode, CardError for an OM without a source,
    MissingNeedError for what is not here, also memory, and what float32 breaks with other than the chip's memory.
    """
    desk = _desk(request, bench)
    chosen = _ordered(request, desk.card)
    source = desk.bench.builder.onnx(desk.card, request.batch, bench.weights)
    memory.require(memory.onnx_mib(source.path), request.card.name)
    rows, outcomes = [], None
    for mode in chosen:
        say(f"{mode}: building, running and comparing")
        with lease("cpu", exclusive=False, case=f"forecast {request.card.name}"):
            row, found = modes.measured(desk.at(mode), outcomes)
        rows.append(row)
        outcomes = found if mode == FLOAT32 else outcomes
    return _assembled(request, desk, tuple(rows), _contributions(request, desk, chosen, say))


def _desk(request: Request, bench: Workbench) -> Desk:
    """Return the desk at float32, after checking the host, an emulated one with the chip, and what the card needs."""
    host = bench.host
    if host is None or not host.toolchain.emulated:
        raise UsageError("forecast", "expected an emulated toolchain", "none", "on an NPU, run the gates themselves")
    npu = next((npu for npu in host.npus if npu.chip == request.chip), None)
    if npu is None:
        raise UsageError(f"--chip {request.chip}", "expected a chip of the emulated host", ", ".join(host.chips))
    card = _without_aipp(_buildable(request.card))
    lacking = needs.weights(card, bench.weights, bench.places) or needs.framework(card)
    if lacking is not None:
        raise lacking
    unscored = "seeded weights score nothing" if bench.weights == "seeded" else ""
    missing = needs.data(card, bench.places)
    return Desk(card, FLOAT32, request.chip, request.batch, bench, npu, unscored or str(missing or ""))


def _buildable(card: ModelCard) -> ModelCard:
    """Return a card that brings no OM: one that is built already has its precision; raises CardError if that is all."""
    if needs.brought_file(card, ".om") is None or card.artifact is None:
        return card
    if card.weights is None and not any(needs.brought_file(card, suffix) for suffix in (".onnx", ".pb")):
        what = "expected weights, an ONNX file or a frozen graph to build every mode from"
        raise CardError(f"{card.path}: artifact", what, "an OM alone")
    path = "" if card.artifact.path.endswith(".om") else card.artifact.path
    return card.model_copy(update={"artifact": card.artifact.model_copy(update={"om": "", "path": path})})


def _without_aipp(card: ModelCard) -> ModelCard:
    """Return a card whose OM takes what the network takes: AIPP only moves preprocessing, and rounds to float16 too."""
    if card.atc is None or not card.atc.input:
        return card
    flags = {name: value for name, value in card.atc.flags.items() if name != AIPP_FLAG}
    plain = card.atc.model_copy(update={"flags": flags, "input": (), "preprocess": ()})
    return card.model_copy(update={"atc": plain})


def _ordered(request: Request, card: ModelCard) -> tuple[str, ...]:
    """Return the modes asked for with float32 before them, and without --mode the card's own besides."""
    strange = next((mode for mode in request.modes if mode not in MODES), None)
    if strange is not None:
        raise UsageError("--mode", "unknown precision mode", repr(strange), f"known: {', '.join(MODES)}")
    own = (modes.own(card),) if request.modes == DEFAULT_MODES else ()
    return tuple(dict.fromkeys((FLOAT32, *request.modes, *own)))


def _contributions(
    request: Request, desk: Desk, chosen: tuple[str, ...], say: Callable[[str], None]
) -> Contributions | None:
    """Return the operators behind the error of the card's own mode, or of the first one that rounds."""
    rounding = [mode for mode in chosen if ascend_host.PRECISIONS.get(mode) != "fp32"]
    if not request.operators or not rounding:
        return None
    mode = modes.own(desk.card) if modes.own(desk.card) in rounding else rounding[0]
    say(f"{mode}: looking for the operators that contribute most")
    with lease("cpu", exclusive=False, case=f"forecast {request.card.name}"):
        return operators.contributions(desk.at(mode), request.operators, request.budget_s)


def _assembled(
    request: Request, desk: Desk, rows: tuple[ModeForecast, ...], contributions: Contributions | None
) -> Forecast:
    bench = desk.bench
    feed = None if desk.unscored else bench.feed(desk.card)
    return Forecast(
        model=request.card.name,
        chip=request.chip,
        batch=request.batch,
        weights=bench.weights,
        toolchain=desk.toolchain.describe(),
        chip_mib=desk.npu.memory_total_mib,
        chip_idle_mib=desk.npu.memory_used_mib,
        samples=accuracy.used(desk.card, feed, bench.samples) if feed else None,
        unscored=desk.unscored,
        parity_inputs=len(parity.fixed_inputs(desk.card, bench)),
        parity_reference=bench.reference(desk.case("parity")).runtime,
        modes=rows,
        contributions=contributions,
        notes=(FLOOR, CALIBRATION, *([WITHOUT_AIPP] if _without_aipp(request.card) is not request.card else [])),
    )
