"""From a card to ATC's arguments: the batch filled in, outputs named by their nodes, the card's flags as written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.artifacts import Artifact
from harness.cards import Atc, ModelCard, canonical_chip
from harness.convert import onnx_graph
from harness.errors import CardError, UsageError

FRAMEWORKS = {"onnx": 5, "pb": 3}
"""ATC's number for the format of a source."""
OWN_FLAGS = (
    "framework",
    "model",
    "output",
    "input_format",
    "input_shape",
    "out_nodes",
    "precision_mode",
    "soc_version",
)
"""Flags that are filled in here; a card's `atc.flags` holds the others."""
SIDE_FILES = (
    *("insert_op_conf", "fusion_switch_file", "op_precision_mode", "modify_mixlist", "keep_dtype"),
    *("customize_dtypes", "compress_weight_conf", "compression_optimize_conf"),
)
"""Flags whose value is a file that ATC reads."""
LOG_LEVEL = "error"
"""READMEs of old print debug and info logs, which are slow and hide the verdict."""
FLAG_NAME = re.compile(r"[A-Za-z]\w*")

Flags = dict[str, str | Path]
"""Flags by name without dashes; a Path is a file that ATC reads."""


@dataclass(frozen=True)
class Order:
    """What is to be converted: a card at a fixed batch for a chip, from its gated ONNX file or its frozen graph."""

    card: ModelCard
    batch: int
    chip: str
    source: Artifact


@dataclass(frozen=True)
class Job:
    """A conversion: `name` is that of its files, `flags` all flags in the order of the command line."""

    name: str
    flags: Mapping[str, str | Path]

    @property
    def soc_version(self) -> str:
        """The chip that the OM is for."""
        return str(self.flags["soc_version"])


def job(order: Order) -> Job:
    """Return the conversion of a card; reads the source's graph to name the outputs.

    Raises CardError for flags that contradict the card, UsageError for a chip that is no Ascend chip.
    """
    name = f"{order.card.name}_bs{order.batch}"
    flags = settings(order)
    places: Flags = {"framework": flags.pop("framework"), "model": order.source.path, "output": name}
    shapes: Flags = {key: flags.pop(key) for key in ("input_format", "input_shape") if key in flags}
    nodes = out_nodes(order)
    return Job(name, {**places, **shapes, **({"out_nodes": nodes} if nodes else {}), **flags})


def settings(order: Order) -> Flags:
    """Return the flags that need no look at the graph: all but --model, --output and --out_nodes; raises as `job`."""
    card, atc = order.card, order.card.atc
    framework = FRAMEWORKS[order.source.format]
    if atc is not None and atc.framework != framework:
        raise CardError(
            f"{card.path}: atc.framework", f"expected {framework} for {order.source.format}", str(atc.framework)
        )
    shapes = (f"{spec.name}:{','.join(map(str, spec.at(order.batch)))}" for spec in card.input)
    flags: Flags = {"framework": str(framework)}
    flags["input_format"] = atc.input_format if atc is not None else _layout(card)
    flags["input_shape"] = ";".join(shapes)
    flags["precision_mode"] = atc.precision_mode if atc is not None else ""
    flags |= _card_flags(card, atc) if atc is not None else {}
    flags |= {"log": LOG_LEVEL, "soc_version": soc_version(order.chip)}
    return {name: value for name, value in flags.items() if value}


def keeps_by_name(order: Order) -> bool:
    """Tell whether --out_nodes is given.

    It is for ONNX where the card's command does, or keeps fewer outputs than the network has; else the order of the
    graph holds. A frozen graph has no outputs of its own, so they are named there.
    """
    card = order.card
    restricts = len(card.kept_outputs) < len(card.output) or bool(card.atc and card.atc.out_nodes)
    return order.source.format == "pb" or restricts


def out_nodes(order: Order) -> str:
    """Return the kept outputs as `node:index;…` in their order, by the names that the graph has today.

    Empty where they need no naming, and for an ONNX file whose nodes have no names: its outputs are the kept ones.
    """
    outputs = order.card.kept_outputs
    if not keeps_by_name(order):
        return ""
    if order.source.format == "pb":
        return ";".join(f"{output.name}:0" for output in outputs)
    graph = onnx_graph.read(order.source.path).graph
    makers = {name: (node.name, index) for node in graph.node for index, name in enumerate(node.output)}
    found = [makers.get(output.name, ("", 0)) for output in outputs]
    if any(not name or set(name) & set(":;") for name, _ in found):
        return ""
    return ";".join(f"{name}:{index}" for name, index in found)


def soc_version(chip: str) -> str:
    """Return a chip as --soc_version names it, with one `Ascend` in front; raises UsageError for another machine.

    >>> soc_version("310P"), soc_version("AscendAscend310P3"), soc_version("910B3")
    ('Ascend310P3', 'Ascend310P3', 'Ascend910B3')
    """
    match = re.fullmatch(r"(?:ascend)*(\d{3}\w*)", chip.strip(), re.IGNORECASE)
    if match is None:
        raise UsageError("--chip", "expected an Ascend chip", repr(chip), "for example Ascend310P3")
    return canonical_chip(f"Ascend{match[1]}")


def argv(program: Sequence[str], job: Job, places: Mapping[Path, str] | None = None) -> list[str]:
    """Return the command line; `places` says where ATC finds the files, by default where they are."""
    named = {path: str(path) for path in job.flags.values() if isinstance(path, Path)} | dict(places or {})
    words = {flag: named[value] if isinstance(value, Path) else value for flag, value in job.flags.items()}
    return [*program, *(f"--{flag}={word}" for flag, word in words.items())]


def _layout(card: ModelCard) -> str:
    layouts = {spec.layout for spec in card.input if len(spec.shape) == 4}
    return layouts.pop() if len(layouts) == 1 and layouts <= {"NCHW", "NHWC"} else ""


def _card_flags(card: ModelCard, atc: Atc) -> Flags:
    flags: Flags = {}
    for name, value in atc.flags.items():
        where = f"{card.path}: atc.flags.{name}"
        if name in OWN_FLAGS:
            raise CardError(where, "expected no flag that omgate fills in", repr(value), "remove it")
        if FLAG_NAME.fullmatch(name) is None:
            raise CardError(where, "expected the name of a flag without dashes", repr(name))
        flags[name] = _side_file(card, where, value) if name in SIDE_FILES else value
    return flags


def _side_file(card: ModelCard, where: str, value: str) -> Path:
    path = (card.path.parent / value).resolve()
    if not path.is_file():
        raise CardError(where, "expected a file, its path relative to the card", repr(value), f"put it at {path}")
    return path
