"""The tables of a card that describe the model: source, weights, tensors, data, metric, conversion.

`harness.cards` puts them together with the promises, reads the files, and exports everything.
"""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Tool = Literal["aclruntime", "ais_bench", "benchmark", "msame"]
CHIP_ALIASES = {"310": "Ascend310", "310P": "Ascend310P3", "310P3": "Ascend310P3"}


class ImpossibleError(ValueError):
    """A value that has the right type and cannot be: `field` in its table, `what` is expected, `got`, what to `do`."""

    def __init__(self, field: str, what: str, got: str, do: str = "") -> None:
        self.field, self.what, self.got, self.do = field, what, got, do
        super().__init__(f"{field}: {what}, got {got}")


def canonical_chip(name: str) -> str:
    """Return the chip's full name: `310P` and `Ascend310P` are the Ascend310P3.

    >>> canonical_chip("310P"), canonical_chip("Ascend310P"), canonical_chip("cpu")
    ('Ascend310P3', 'Ascend310P3', 'cpu')
    """
    return CHIP_ALIASES.get(name.strip().upper().removeprefix("ASCEND"), name.strip())


def _plain_relative(file: str) -> str:
    parts = PurePosixPath(file).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise ImpossibleError("", "expected a file name or a relative path below the folder", repr(file))
    return file


def _unit(text: str) -> str:
    if text.strip().lower() in PER_CENT_IN_WORDS:
        raise ImpossibleError("", "expected '%' for per cent", repr(text), 'write unit = "%"')
    return text


PER_CENT_IN_WORDS = ("percent", "per cent", "pct", "pct.", "％", "points", "percentage")
Text = Annotated[str, Field(min_length=1)]
Unit = Annotated[str, AfterValidator(_unit)]
Chip = Annotated[str, Field(pattern=r"^\s*\w[\w .:+-]*$"), AfterValidator(canonical_chip)]
Count = Annotated[int, Field(gt=0, le=2**31 - 1)]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Table(BaseModel):
    """A TOML table of a card: frozen, finite numbers, no keys but the declared ones, no silent type conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Source(Table):
    """Where the model comes from: repository, commit, framework, licence, and the README that makes the promises."""

    url: Text
    commit: str = ""
    framework: Literal["torch", "tensorflow", "onnx"]
    license: str = ""
    readme: str = ""


class Weights(Table):
    """The checkpoint: `file` is looked for beside the card, then in the weights folder; `prefix` starts its sha256."""

    file: Annotated[str, AfterValidator(_plain_relative)]
    sha256: Sha256 = ""
    prefix: str = Field(default="", pattern=r"^[0-9a-f]{0,64}$")
    url: str = ""
    bytes: int | None = Field(default=None, gt=0)
    note: str = ""

    @model_validator(mode="after")
    def _prefix_agrees(self) -> "Weights":
        if self.sha256 and not self.sha256.startswith(self.prefix):
            raise ImpossibleError("prefix", "expected the first digits of sha256", repr(self.prefix))
        return self


class Artifact(Table):
    """A built file that the user brings instead of one built here."""

    om: str = ""
    onnx: str = ""
    pb: str = ""
    path: str = ""
    sha256: Sha256 = ""
    note: str = ""


class TensorSpec(Table):
    """Name, dtype, shape and layout of a tensor; the string "N" in the shape is the batch."""

    name: Text
    dtype: Literal["float32", "float16", "int64", "int32", "uint8"]
    shape: tuple[Count | Literal["N"], ...]
    layout: str = ""

    def at(self, batch: int) -> tuple[int, ...]:
        """Return the shape with the batch filled in.

        >>> TensorSpec(name="x", dtype="float32", shape=("N", 3)).at(4)
        (4, 3)
        """
        return tuple(batch if size == "N" else size for size in self.shape)


class OutputSpec(TensorSpec):
    """An output of the network: `index` in its return order, `scored` by the metric or not, kept in the OM or not."""

    index: int = Field(ge=0)
    scored: bool = False
    om: bool = True


class Dataset(Table):
    """The data a card is judged on; with `generator` it is made here instead of looked for in the data folder."""

    kind: Literal["imagenet", "cityscapes", "coco", "tfrecord", "prepared", "none"]
    split: str = "val"
    count: int = Field(ge=0)
    labels: str = ""
    generator: str = ""
    generator_params: dict[str, Any] = Field(default_factory=dict)


class Step(Table):
    """One named preprocessing step and its parameters."""

    step: Text
    params: dict[str, Any] = Field(default_factory=dict)


class Metric(Table):
    """What is scored, and by which protocol the README scores it (`running-mean`, `dataset`, `top-k`, ...).

    `none` is a number that omgate cannot compute: its promises wait for the repository's own scripts.
    """

    name: Literal["top1", "miou", "map", "none"]
    protocol: Text
    params: dict[str, Any] = Field(default_factory=dict)


class Place(Table):
    """Where a fact is printed: file, line, column header, and the text itself."""

    file: Text
    line: int = Field(default=0, ge=0)
    column: str = ""
    text: Text


class Atc(Table):
    """The README's ATC conversion: framework code, kept outputs, precision mode, every other flag as written.

    `source` is the command as printed; `omgate validate` compares it with these fields and with the inputs. Where AIPP
    (`insert_op_conf`) moves preprocessing into the OM, `input` and `preprocess` are what the OM is fed with instead.
    """

    framework: Literal[3, 5]
    input_format: str = ""
    out_nodes: str = ""
    precision_mode: str = ""
    flags: dict[str, str] = Field(default_factory=dict)
    note: str = ""
    source: Place | None = None
    input: tuple[TensorSpec, ...] = ()
    preprocess: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _fed_alike(self) -> "Atc":
        if self.preprocess and not self.input:
            raise ImpossibleError(
                "input", "expected what the OM takes, where [[atc.preprocess]] says how it is made", "none"
            )
        return self


class Export(Table):
    """How the framework's network becomes ONNX."""

    opset: int = Field(default=11, ge=9, le=25)
    simplify: bool = True
