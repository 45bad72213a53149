"""The tables of a card that name a repository's own scripts as steps: export, preprocess, postprocess."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.card_tables import ImpossibleError, Table, Text, Unit
from harness.errors import closest
from harness.units import PLAIN

PLACEHOLDERS = {
    "repository": "the private copy of the repository",
    "dataset": "the data set's folder, only to be read",
    "weights": "the checkpoint",
    "model": "the ONNX file: where the export writes it, and what is run",
    "inputs": "an empty folder for the .bin files that the model is run on",
    "results": "an empty folder for the files that the model's outputs are written to",
    "output": "an empty folder for everything else, the same for all steps",
    "batch": "the batch size of the case",
}
"""What a step's words may name, in braces."""
FOLDERS = ("repository", "inputs", "results", "output")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_OF_A_FILE = ("name", "index", "number")


def placeholders(text: str) -> tuple[str, ...]:
    """Return the names in braces; other braces, such as those of JSON, are text.

    >>> placeholders('--out={results}/a {"b": 1}')
    ('results',)
    """
    return tuple(_PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text in which the placeholders that have a value are replaced by it.

    >>> filled("--out={results}/{name}", {"results": "/r"})
    '--out=/r/{name}'
    """
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _known_word(word: str) -> str:
    if "\0" in word:
        raise ImpossibleError("", "expected a word of a command line", repr(word))
    for name in placeholders(word):
        if name not in PLACEHOLDERS:
            hint = closest(name, list(PLACEHOLDERS)) or f"known: {', '.join(PLACEHOLDERS)}"
            raise ImpossibleError("", f"unknown placeholder {{{name}}}; {hint}", repr(word))
    return word


def _below_the_copy(path: str) -> str:
    """Return a path that stays below the private copy, or below one of the run's own folders that it starts with."""
    parts = PurePosixPath(path).parts or (".",)
    named = [name for part in parts for name in placeholders(part)]
    first = parts[0]
    own = first in {f"{{{name}}}" for name in FOLDERS}
    if not path or "\0" in path or first == "/" or ".." in parts or len(named) != int(own):
        what = f"expected a path below the repository, or below one of {', '.join(f'{{{name}}}' for name in FOLDERS)}"
        raise ImpossibleError("", what, repr(path))
    return path


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ImpossibleError("", f"expected a regular expression ({error})", repr(text)) from error
    if text and groups != 1:
        raise ImpossibleError("", "expected one group, the number", f"{groups} groups in {text!r}")
    return text


def _file_name(text: str) -> str:
    names = placeholders(text)
    unknown = [name for name in names if name not in _OF_A_FILE]
    numbered = bool({"index", "number"} & set(names))
    if unknown or "name" not in names or not numbered or "/" in text or PurePosixPath(text).suffix not in SUFFIXES:
        what = "expected a file name with {name} and {index} or {number} that ends in .bin, .npy or .txt"
        raise ImpossibleError("", what, repr(text))
    return text


def _stated(unit: str) -> str:
    if not unit:
        what = f'expected a unit: "%" or "fraction" of a share, or "{PLAIN}" for a number without one'
        raise ImpossibleError("", what, repr(unit))
    return unit


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, dict) else value


SUFFIXES = (".bin", ".npy", ".txt")
Word = Annotated[Text, AfterValidator(_known_word)]
Below = Annotated[str, AfterValidator(_below_the_copy)]


class ScriptStep(Table):
    """One script of the repository: its words, where and with which Python it runs, what it reads and writes."""

    argv: tuple[Word, ...] = Field(min_length=1)
    workdir: Below = "."
    interpreter: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    timeout_s: float = Field(default=3600.0, gt=0)
    inputs: tuple[Below, ...] = ()
    outputs: tuple[Below, ...] = ()
    allowed: ClassVar[tuple[str, ...]] = ("repository", "dataset", "inputs", "output", "batch")

    @property
    def names(self) -> frozenset[str]:
        """The placeholders that the step uses anywhere."""
        words = (*self.argv, *self.env.values(), self.workdir, *self.inputs, *self.outputs)
        return frozenset(name for word in words for name in placeholders(word))

    @model_validator(mode="after")
    def _knows_what_it_names(self) -> "ScriptStep":
        for name, value in self.env.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\0" in value:
                raise ImpossibleError("env", "expected names and values of environment variables", repr(name))
            _known_word(value)
        for name in sorted(self.names - set(self.allowed)):
            words = ", ".join(f"{{{one}}}" for one in self.allowed)
            raise ImpossibleError("", f"expected no placeholders but {words} in this step", f"{{{name}}}")
        return self


class ExportStep(ScriptStep):
    """The script that writes the ONNX file; `model` is where, in the copy, and what `{model}` stands for."""

    model: Below = "model.onnx"
    allowed: ClassVar[tuple[str, ...]] = ("repository", "weights", "model", "output", "batch")


class PreprocessStep(ScriptStep):
    """The script that writes the model's inputs; `folders` are where, one per input, `.bin` files of equal names."""

    folders: tuple[Below, ...] = Field(default=("{inputs}",), min_length=1)


class PrintedMetric(Table):
    """How a number is read from what the last script printed or wrote: by `pattern`, or by `json`, a path of keys.

    `from` is `stdout` or a file; `name` and `protocol` are the card's own metric where nothing is said. `unit` is `%`
    or `fraction` for a share, else that of the promise, `1` for a plain number.
    """

    name: str = ""
    protocol: str = ""
    pattern: Annotated[str, AfterValidator(_pattern)] = ""
    json_path: str = Field(default="", alias="json")
    source: Below = Field(default="stdout", alias="from")
    unit: Annotated[Unit, AfterValidator(_stated)]

    @model_validator(mode="after")
    def _reads_one_way(self) -> "PrintedMetric":
        if bool(self.pattern) == bool(self.json_path):
            raise ImpossibleError("pattern", "expected either pattern or json", "both" if self.pattern else "neither")
        return self


class PostprocessStep(ScriptStep):
    """The script that prints the metric from the outputs in `results`, whose files are named by `files`."""

    results: Below = "{results}"
    files: Annotated[str, AfterValidator(_file_name)] = "{name}_{index}.bin"
    metric: Annotated[tuple[PrintedMetric, ...], BeforeValidator(_several)] = Field(min_length=1)
    allowed: ClassVar[tuple[str, ...]] = tuple(PLACEHOLDERS)


class Script(Table):
    """The scripts that the README prescribes: `export` where the ONNX file is not omgate's own, then the other two.

    `repository` is their folder, below the folder of `--zoo` or beside the card.
    """

    repository: str = ""
    dataset: str = ""
    export: ExportStep | None = None
    preprocess: PreprocessStep
    postprocess: PostprocessStep

    @property
    def steps(self) -> dict[str, ScriptStep]:
        """The steps that there are, by name, in the order in which they run."""
        return {
            **({"export": self.export} if self.export else {}),
            "preprocess": self.preprocess,
            "postprocess": self.postprocess,
        }
