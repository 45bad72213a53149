"""What Ascend hardware this run has: the toolchain, its NPUs, and which runtime drives a card on which chip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import npus, runtimes
from harness.cards import ModelCard
from harness.errors import MissingNeedError, RunError
from harness.npus import Npu
from harness.runtimes import OM_RUNTIMES
from harness.toolchain import Toolchain

PRECISIONS = {
    "": "fp16",
    "force_fp16": "fp16",
    "force_fp32": "fp32",
    "must_keep_origin_dtype": "fp32",
}
MIXED = "mixed"


@dataclass(frozen=True)
class AscendHost:
    """The toolchain, the NPUs that it sees, and the runtimes installed; `lack` says why no gate can run on an NPU."""

    toolchain: Toolchain
    npus: tuple[Npu, ...] = ()
    runtimes: tuple[str, ...] = ()
    lack: MissingNeedError | None = None

    @property
    def chips(self) -> tuple[str, ...]:
        """The chips that are here, in the order of the NPUs."""
        return tuple(dict.fromkeys(npu.chip for npu in self.npus))


def present(toolchain: Toolchain) -> AscendHost:
    """Return the host as `npu-smi` shows it; what keeps its NPUs from being used is in `lack`, never raised."""
    try:
        found = npus.listing(toolchain)
    except MissingNeedError as error:
        do = f"{error.do}, or rehearse with --emulate"
        what = f"expected {error.where}, which lists the NPUs of this host"
        return AscendHost(toolchain, lack=MissingNeedError("npu", what, error.got, do, need="device"))
    except RunError as error:
        return AscendHost(toolchain, lack=MissingNeedError("npu", error.what, error.got, error.do, need="device"))
    if not found:
        do = "check the driver with npu-smi info, or rehearse with --emulate"
        return AscendHost(toolchain, lack=MissingNeedError("npu", "expected an Ascend NPU", "none", do, need="device"))
    reasons = {name: runtimes.get(name, toolchain).missing() for name in OM_RUNTIMES}
    installed = tuple(name for name, reason in reasons.items() if reason is None)
    if not installed:
        what, got = f"expected one of {', '.join(OM_RUNTIMES)}", "none that can run"
        return AscendHost(toolchain, found, lack=MissingNeedError("npu", what, got, str(reasons["ais_bench"])))
    return AscendHost(toolchain, found, installed)


def pairs(card: ModelCard, host: AscendHost, asked: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (runtime, chip) for each chip here that the card is for: the asked runtimes, else the card's first choice.

    The card's choices are in its README's order; one that is not installed gives way to the next. A card that names
    no chip runs on any.
    """
    wanted = tuple(name for name in asked if name in OM_RUNTIMES) if asked else preferred(card, host)
    for chip in host.chips:
        if not card.chips or chip in card.chips:
            yield from ((runtime, chip) for runtime in wanted)


def preferred(card: ModelCard, host: AscendHost) -> tuple[str, ...]:
    """Return the first installed runtime of the card's preferences as a tuple of one, or an empty one."""
    choices = (*card.tools, *(name for name in OM_RUNTIMES if name not in card.tools))
    return tuple(name for name in choices if name in host.runtimes)[:1]


def precision_of(card: ModelCard) -> str:
    """Return the precision of the card's OM: `fp16` unless its ATC command says otherwise, `fp32` or `mixed`."""
    return PRECISIONS.get(card.atc.precision_mode if card.atc else "", MIXED)
