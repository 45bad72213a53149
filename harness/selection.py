"""What a user asks for, and the plan that answers it: cases, what nobody promises, and what is missing."""

from dataclasses import dataclass, field
from pathlib import Path

from harness import needs
from harness.ascend_host import AscendHost
from harness.cards import Check, ModelCard
from harness.errors import MissingNeedError
from harness.results import Case


@dataclass(frozen=True)
class Selection:
    """What the user asked for; an empty tuple asks for nothing in particular."""

    models: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    chips: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    checks: tuple[Check, ...] = ()
    weights: str = "card"
    threads: int = 1
    unpromised: bool = False
    run_scripts: bool = False
    samples: int | None = None
    sequential: bool = False
    npu_device: str = ""
    card_folders: tuple[Path, ...] = ()
    places: needs.Places = field(default_factory=needs.Places)
    host: AscendHost | None = None
    om: Path | None = None

    @property
    def emulates(self) -> bool:
        """Tell whether the NPUs of this run are emulated."""
        return self.host is not None and self.host.toolchain.emulated

    @property
    def asks(self) -> bool:
        """Tell whether a model, runtime, chip, batch size, check, device or number of samples is asked for."""
        named = (self.models, self.runtimes, self.chips, self.batches, self.checks, self.npu_device, self.samples)
        return any(named) or self.sequential or self.weights != "card" or self.emulates


@dataclass(frozen=True)
class Lack:
    """A card or runtime that cannot run here, with the cases it keeps from running; reported once."""

    name: str
    reason: MissingNeedError
    cases: tuple[Case, ...] = ()
    nightly: bool = False
    platform: str = "onnx"


@dataclass(frozen=True)
class Plan:
    """The cases to run, those that no card promises, what is missing, and what runs on request only."""

    cards: dict[str, ModelCard]
    cases: tuple[Case, ...]
    unpromised: tuple[Case, ...]
    lacks: tuple[Lack, ...]
    on_request: tuple[Case, ...] = ()
