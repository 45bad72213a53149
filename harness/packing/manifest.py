"""`manifest.json`, which a packed folder carries: what was packed, for which tool, and which sample lies where."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from harness.cards import ModelCard, TensorSpec
from harness.errors import UsageError
from harness.results import Record

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
"""What run.py writes beside the outputs."""
Timed = Literal["real", "random", "zero"]
"""What a model is timed on."""
KIND = "omgate-pack"
RUN_KIND = "omgate-outputs"
FOLDERS_ABOVE = 3
"""How far above the outputs their pack may lie: `outputs/msame/<time stamp>/`."""


class Tensor(Record):
    """An input or output as one file holds it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Model(Record):
    """The model file: `om`, or what ATC makes one of there (`onnx`, `pb`)."""

    file: str
    format: Literal["om", "onnx", "pb"]
    sha256: str
    toolchain: dict[str, Any] = Field(default_factory=dict)


class File(Record):
    """One prepared file per input, called `<name>.bin`, and the samples in it; what fills it up is not named."""

    name: str
    ids: tuple[str, ...]


class Manifest(Record):
    """Everything that a score needs to know of a pack; keys that this version does not know are kept."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    kind: Literal["omgate-pack"] = "omgate-pack"
    omgate: str
    card: str
    card_sha256: str
    chip: str
    batch: int = Field(gt=0)
    rows: int = Field(gt=0)
    tool: str
    weights: str
    precision: str
    model: Model
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    files: tuple[File, ...]
    subset: bool
    timed: Timed
    data_sha256: str
    preprocess_sha256: str
    commands: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The samples, in the order in which they were packed."""
        return tuple(sample_id for file in self.files for sample_id in file.ids)

    @property
    def emulated(self) -> bool:
        """Tell whether the model was made by the emulated toolchain."""
        return bool(self.model.toolchain.get("emulated", False))


def tensors(specs: Sequence[TensorSpec], rows: int) -> tuple[Tensor, ...]:
    """Return what a file of that many samples holds of each tensor."""
    return tuple(Tensor(name=spec.name, dtype=spec.dtype, shape=spec.at(rows)) for spec in specs)


def read(path: Path) -> Manifest:
    """Return a manifest; raises UsageError for a file that is none."""
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        got = " ".join(str(error).split())[:200]
        raise UsageError(str(path), "expected the manifest of a pack", got, "give a folder that came back") from error


def above(folder: Path) -> tuple[Manifest, Path] | None:
    """Return the manifest in a folder or above it and where it lies, or None: others of that name are not ours."""
    here = folder.absolute()
    for place in (here, *list(here.parents)[:FOLDERS_ABOVE]):
        path = place / MANIFEST
        if path.is_file() and _kind(path) == KIND:
            return read(path), place
    return None


def require_card(manifest: Manifest, card: ModelCard) -> None:
    """Raise UsageError where a pack is of another card, or of tensors that the card no longer has."""
    if manifest.card != card.name:
        raise UsageError("CARD", f"expected {manifest.card!r}, whose pack this is", repr(card.name))
    for ours, theirs in ((card.om_input, manifest.inputs), (card.kept_outputs, manifest.outputs)):
        expected = [tensor.model_dump() for tensor in tensors(ours, manifest.rows)]
        found = [tensor.model_dump() for tensor in theirs]
        if expected != found:
            what = f"expected the tensors of the card {card.name}: {_written(expected)}"
            raise UsageError(MANIFEST, what, _written(found), "the card has changed: pack and run it again")


def _kind(path: Path) -> object:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document.get("kind") if isinstance(document, dict) else None


def _written(found: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{one['name']} {one['dtype']} {tuple(one['shape'])}" for one in found)
