"""What a card needs that this machine lacks, told before any work, with the remedy."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from harness import cards
from harness.cards import ModelCard
from harness.errors import MissingNeedError

SCORED: tuple[cards.Check, ...] = ("accuracy", "batch-consistency")
ONNX_REMEDY = "install the onnx extra: pip install 'omgate[onnx]'"
ALONE: tuple[cards.Check, ...] = ("accuracy", "throughput", "latency")
"""The checks that an OM alone can answer."""
TORCH_REMEDY = "install the torch extra: pip install 'omgate[torch]'"
TENSORFLOW_REMEDY = "install the tf extra: pip install 'omgate[tf]'"
DATA_LAYOUTS = {
    "imagenet": "val/ with the pictures and val_label.txt beside it",
    "cityscapes": "leftImg8bit/val/ and gtFine/val/",
    "coco": "annotations/instances_<split>.json and <split>/ with the pictures",
    "tfrecord": "*<split>*.tfrecord* files",
    "prepared": "data/<number>.bin, and label/<number>.npy or names.txt with annotations/instances_*.json",
}


@dataclass(frozen=True)
class Places:
    """Where the user keeps what is not shipped: checkpoints, data sets, and the repositories of a zoo."""

    weights_dir: Path | None = None
    data_dir: Path | None = None
    zoo_dir: Path | None = None


def weights(card: ModelCard, choice: str, places: Places) -> MissingNeedError | None:
    """Return what is missing to have this card's weights, or None.

    Seeded weights are always there, and those of a frozen graph that the card brings are in it.
    """
    if choice == "seeded" or (card.artifact is not None and card.weights is None):
        return None
    if choice != "card":
        return None if Path(choice).is_file() else _missing_weights("--weights", choice, "give a checkpoint file")
    graph = brought_file(card, ".pb")
    return None if graph is not None and graph.is_file() else checkpoint(card, places)


def checkpoint(card: ModelCard, places: Places) -> MissingNeedError | None:
    """Return what is missing to have this card's own checkpoint, or None."""
    if card.weights is None:
        return _missing_weights(card.name, "a [weights] table in the card", "add it, or run with --weights seeded")
    candidates = [card.path.parent / card.weights.file]
    candidates += [places.weights_dir / card.weights.file] if places.weights_dir else []
    if any(path.is_file() for path in candidates):
        return None
    source = f" (from {card.weights.url})" if card.weights.url else ""
    place = f"put it into {places.weights_dir}" if places.weights_dir else "put it into a folder and pass --weights-dir"
    return _missing_weights(card.name, f"weights {card.weights.file}", f"{place}{source}, or run with --weights seeded")


def brought_file(card: ModelCard, suffix: str) -> Path | None:
    """Return where the card's own ONNX file, frozen graph or OM should be, or None if it brings none.

    `suffix` is `.onnx`, `.pb` or `.om`; the path in the card is relative to the card.
    """
    if card.artifact is None:
        return None
    own = {".onnx": card.artifact.onnx, ".pb": card.artifact.pb, ".om": card.artifact.om}
    named = own[suffix] or card.artifact.path
    return card.path.parent / named if named.endswith(suffix) else None


def data(card: ModelCard, places: Places) -> MissingNeedError | None:
    """Return what is missing to have this card's data set, or None; generated data is always there."""
    if card.dataset.generator:
        return None
    layout = DATA_LAYOUTS.get(card.dataset.kind)
    if layout is None:
        do = "name one in the card's [dataset]"
        do += "" if card.script else ", or the README's own scripts in a [script] table, for --run-scripts"
        return MissingNeedError(card.name, "a data set", "kind none", do, need="data")
    root = data_root(card, places)
    if root is not None and root.is_dir():
        return None
    place = f"put it at {root}" if root else f"pass --data-dir with a folder {card.dataset.kind}/"
    return MissingNeedError(card.name, f"data set {card.dataset.kind}", "nothing", f"{place}: {layout}", need="data")


def data_root(card: ModelCard, places: Places) -> Path | None:
    """Return the folder in which this card's data set is looked for."""
    return places.data_dir / card.dataset.kind if places.data_dir else None


def framework(card: ModelCard) -> MissingNeedError | None:
    """Return the framework that this card's artifacts are made and checked with, if it is missing, or None."""
    if not has_onnx():
        return MissingNeedError(
            card.name, "onnx and onnxruntime, which artifacts are made with", "not both", ONNX_REMEDY
        )
    if brought_file(card, ".onnx") is not None:
        return None
    if card.source.framework == "torch" and not has_torch():
        return MissingNeedError(card.name, "torch, which its network is written in", "nothing", TORCH_REMEDY)
    if card.source.framework == "tensorflow" and not has_tensorflow():
        what = "TensorFlow and tf2onnx, which its graph is made and converted with"
        return MissingNeedError(card.name, what, "not both", TENSORFLOW_REMEDY)
    return None


@cache
def has_onnx() -> bool:
    """Tell whether onnx and ONNX Runtime are installed, without importing them; looked up once, for all cards."""
    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None


@cache
def has_torch() -> bool:
    """Tell whether PyTorch is installed, without importing it; looked up once, for all cards."""
    return find_spec("torch") is not None


@cache
def has_tensorflow() -> bool:
    """Tell whether TensorFlow and tf2onnx are installed, without importing them; looked up once, for all cards."""
    return find_spec("tensorflow") is not None and find_spec("tf2onnx") is not None


def needs_data(card: ModelCard, check: cards.Check) -> bool:
    """Tell whether a check needs the data set; without one, batch sizes are compared on noise."""
    return check in SCORED and not (check == "batch-consistency" and card.dataset.kind == "none")


def named(card: ModelCard, check: cards.Check, choice: str) -> str:
    """Return what a check of a card needs, whether it is here or not."""
    brought = card.artifact is not None and card.weights is None
    file = card.weights.file if card.weights else "that nobody names"
    made = ", made here" if card.dataset.generator else ""
    parts = ["the artifact that the card brings" if brought else _weights_named(choice, file)]
    parts += [f"{card.dataset.kind} data{made}"] if needs_data(card, check) else []
    parts += [card.source.framework] if brought_file(card, ".onnx") is None else []
    parts += ["the device alone"] if check in ("throughput", "latency") else []
    return "; ".join(parts)


def _weights_named(choice: str, file: str) -> str:
    if choice == "seeded":
        return "seeded weights"
    return f"weights {file if choice == 'card' else choice}"


def for_check(
    card: ModelCard, check: cards.Check, choice: str, places: Places, brings_om: bool = False
) -> MissingNeedError | None:
    """Return the first thing missing for a check of a card, or None; only scoring needs the data set.

    An OM that is brought (`brings_om`) is scored and timed without weights and framework.
    """
    alone = brings_om and check in ALONE
    missing = None if alone else weights(card, choice, places) or framework(card)
    if missing is None and needs_data(card, check):
        missing = data(card, places)
    return missing


def _missing_weights(where: str, what: str, do: str) -> MissingNeedError:
    return MissingNeedError(where, what, "nothing", do, need="weights")
