"""The facts about one model: the card, and finding and loading cards.

A card is a TOML file in a model's folder: `card.toml`, or any other `*.toml` beside it (`tiny.toml`). Unknown keys are
refused. Percentages are normalised to fractions in `Baseline.target` and nowhere else.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from harness.card_errors import explain
from harness.card_promises import CHECKS, Baseline, Check, Expect, Loosened, Ratio, RatioSide, Waiver
from harness.card_scripts import Script
from harness.card_tables import (
    Artifact,
    Atc,
    Chip,
    Count,
    Dataset,
    Export,
    ImpossibleError,
    Metric,
    OutputSpec,
    Place,
    Source,
    Step,
    Table,
    TensorSpec,
    Text,
    Tool,
    Weights,
    canonical_chip,
)
from harness.errors import CardError, UsageError, closest

__all__ = [
    "CHECKS", "MODELS_ROOT", "Artifact", "Atc", "Baseline", "Check", "Dataset", "Expect", "Export",
    "Loosened", "Metric", "ModelCard", "OutputSpec", "Place", "Ratio", "RatioSide", "Script", "Source", "Step",
    "Table", "TensorSpec", "Waiver", "Weights", "canonical_chip", "files", "get", "load", "load_all", "names",
]  # fmt: skip

MODELS_ROOT = Path(__file__).parent / "models"


class ModelCard(Table):
    """Everything omgate knows about one model before it runs it; `path` is the file it was read from."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    family: Text
    classes: Count | tuple[Text, ...]
    nightly: bool = False
    owner: str = ""
    tools: tuple[Tool, ...] = ()
    chips: tuple[Chip, ...] = ()
    batches: tuple[Count, ...] = Field(default=(1,), min_length=1)
    source: Source
    weights: Weights | None = None
    artifact: Artifact | None = None
    network: dict[str, Any] = Field(default_factory=dict)
    input: tuple[TensorSpec, ...] = Field(min_length=1)
    output: tuple[OutputSpec, ...] = Field(min_length=1)
    dataset: Dataset
    preprocess: tuple[Step, ...] = ()
    metric: Metric
    atc: Atc | None = None
    export: Export = Export()
    script: Script | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    baseline: tuple[Baseline, ...] = ()
    expect: tuple[Expect, ...] = ()
    ratio: tuple[Ratio, ...] = ()
    waiver: tuple[Waiver, ...] = ()
    loosened: tuple[Loosened, ...] = ()
    path: Path = Path()

    @property
    def class_count(self) -> int:
        """The number of classes the network tells apart."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)

    @property
    def om_input(self) -> tuple[TensorSpec, ...]:
        """What the card's OM takes: the network's inputs, unless AIPP changes them."""
        return self.atc.input if self.atc and self.atc.input else self.input

    @property
    def fed_to_om(self) -> "ModelCard":
        """The card with the inputs and the preprocessing of its OM: the network's own, unless AIPP does part of it."""
        if self.atc is None or not self.atc.input:
            return self
        return self.model_copy(update={"input": self.atc.input, "preprocess": self.atc.preprocess})

    @property
    def scored_output(self) -> OutputSpec:
        """The output that the metric reads."""
        return next(output for output in self.output if output.scored)

    @property
    def kept_outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs that the OM, and so the gated ONNX, keeps, in graph order."""
        return tuple(sorted((output for output in self.output if output.om), key=lambda output: output.index))

    @model_validator(mode="after")
    def _tables_agree(self) -> "ModelCard":
        scored = [output for output in self.output if output.scored]
        if len(scored) != 1:
            raise ImpossibleError("output", "expected exactly one output with scored = true", str(len(scored)))
        if not scored[0].om:
            raise ImpossibleError("output", "expected the scored output to be kept in the OM", "om = false")
        if self.class_count < 1:
            raise ImpossibleError("classes", "expected at least one class", "none")
        return self

    @model_validator(mode="after")
    def _data_can_be_scored(self) -> "ModelCard":
        if self.metric.name == "none" and self.dataset.kind != "none":
            raise ImpossibleError("metric.name", f"expected a metric for {self.dataset.kind} data", "'none'")
        return self

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ModelCard":
        _distinct("output", "indices", [output.index for output in self.output])
        _distinct("output", "names", [tensor.name for tensor in (*self.input, *self.output)])
        _distinct("batches", "sizes", self.batches)
        _distinct("classes", "names", () if isinstance(self.classes, int) else self.classes)
        first: dict[tuple[object, ...], int] = {}
        for i, baseline in enumerate(self.baseline):
            if baseline.role == "promise" and first.setdefault(baseline.identity, i) != i:
                got = f"another in baseline[{first[baseline.identity]}]"
                raise ImpossibleError(f"baseline[{i}]", "expected one promise", got)
        return self

    @model_validator(mode="after")
    def _layers_nest(self) -> "ModelCard":
        """Refuse two conditions of which neither is within the other, though a host may be in both."""
        layers = [(i, row, row.versions) for i, row in enumerate(self.baseline) if row.versions is not None]
        for (_, row, one), (j, other, two) in combinations(layers, 2):
            layers_of_one = row.layered_identity == other.layered_identity
            if layers_of_one and one.meets(two) and not (one.within(two) or two.within(one)):
                what = f"expected a condition within that of {row.when!r} or apart from it"
                raise ImpossibleError(f"baseline[{j}].when", what, repr(other.when))
        return self


class _Printed(float):
    """A TOML float that remembers how many decimals were printed."""

    decimals: int

    def __new__(cls, text: str) -> "_Printed":
        number = super().__new__(cls, text.replace("_", ""))
        mantissa, _, exponent = text.replace("_", "").lower().partition("e")
        number.decimals = max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))
        return number


def load(path: Path) -> ModelCard:
    """Read one card; raises CardError with one line naming file, field, what was expected and what was found."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=_Printed)
        values = _frozen(document)
    except (OSError, ValueError, RecursionError) as error:  # TOML and Unicode errors are ValueErrors
        raise CardError(str(path), "expected a readable TOML file", " ".join(str(error).split())) from error
    if "path" in document:
        raise CardError(f"{path}: path", "unknown key")
    _keep_what_was_printed(document, values)
    try:
        return ModelCard.model_validate({**values, "path": path})
    except ValidationError as error:
        raise explain(path, error, document, ModelCard) from error


def files(extra: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the card files of the shipped models and of the folders in `extra`, sorted by folder.

    Raises UsageError for a folder in `extra` that is not there or holds no card.
    """
    found: list[Path] = []
    for root in (MODELS_ROOT, *extra):
        here = _toml_files(root.resolve())
        if not here and root is not MODELS_ROOT:
            state = "none" if root.is_dir() else "no such folder"
            raise UsageError(f"--cards {root}", "expected model folders with *.toml cards", state)
        found += here
    return tuple(dict.fromkeys(found))


def load_all(extra: Sequence[Path] = ()) -> tuple[ModelCard, ...]:
    """Load every card, in file order; two cards of one name are a CardError."""
    cards: dict[str, ModelCard] = {}
    for path in files(extra):
        card = load(path)
        if card.name in cards:
            got = f"{card.name!r}, also in {cards[card.name].path}"
            raise CardError(f"{path}: name", "expected a name of its own", got)
        cards[card.name] = card
    return tuple(cards.values())


def names(extra: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the names of all cards."""
    return tuple(card.name for card in load_all(extra))


def get(name: str, extra: Sequence[Path] = ()) -> ModelCard:
    """Return the card of that name; an unknown name is a UsageError with the nearest known one."""
    cards = {card.name: card for card in load_all(extra)}
    if name not in cards:
        hint = closest(name, list(cards)) or f"known: {', '.join(sorted(cards))}"
        raise UsageError("--model", "unknown model", repr(name), hint)
    return cards[name]


def _toml_files(root: Path) -> list[Path]:
    found = {*root.glob("*.toml"), *root.glob("*/*.toml")}
    return sorted(path for path in found if path.parent == root or not path.parent.name.startswith("."))


def _frozen(value: Any) -> Any:
    """Return `value` with lists as tuples, which strict validation asks for, and floats without their history."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return float(value) if isinstance(value, _Printed) else value


def _keep_what_was_printed(document: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Add to each baseline the decimals of its value and the chip's name, both as the file writes them."""
    if not isinstance(document.get("baseline"), list):
        return
    for row, value in zip(document["baseline"], values["baseline"], strict=True):
        if isinstance(row, dict):
            if isinstance(row.get("value"), _Printed):
                value.setdefault("decimals", row["value"].decimals)
            if isinstance(row.get("chip"), str):
                value.setdefault("printed", row["chip"])


def _distinct(field: str, noun: str, values: Iterable[object]) -> None:
    values = list(values)
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise ImpossibleError(field, f"expected distinct {noun}", f"{twice!r} twice")
