"""TensorFlow cards' frozen graphs and the ONNX files made of them: what decides them, and how they are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from harness import convert, needs, networks, tf_checkpoints, tf_networks
from harness.artifacts import Recipe, file_sha256
from harness.cards import ModelCard
from harness.digests import code_version
from harness.environment import versions
from harness.errors import CardError, UsageError

HERE = Path(__file__).parent
CONVERTERS = Path(convert.__file__).parent
FROZEN_BY = (
    *(HERE / f"{name}.py" for name in ("tf_networks", "tf_checkpoints", "networks", "weights")),
    *(CONVERTERS / name for name in ("tf_frozen.py", "tf_1_15_ops.json")),
)
CONVERTED_BY = tuple(CONVERTERS / f"{name}.py" for name in ("tf_onnx", "onnx_graph", "simplify", "specialise"))


@dataclass(frozen=True)
class Order:
    """What is to be frozen: `card`, `seeded` or a file's path, where the user keeps checkpoints, and the batch size.

    With `own_graph` the checkpoint's own graph is frozen, at the batch size it has.
    """

    weights: str
    weights_dir: Path | None
    batch: int = 1
    own_graph: bool = False


class Facts(TypedDict):
    """How many nodes of each operator a graph has, and what was tolerated in the checkpoint."""

    operators: dict[str, int]
    notes: list[str]


def recipe(card: ModelCard, batch: int, weights: str) -> Recipe:
    """Return the recipe of a card's frozen graph; `weights` is the digest of its checkpoint, or `seeded`."""
    network = networks.network_file(card)
    if not network.is_file():
        raise CardError(str(network), "expected the network's code beside its card", "no such file")
    return Recipe(
        kind="frozen-graph",
        producer="harness.convert.tf_frozen",
        version=code_version(*FROZEN_BY),
        inputs={"network": file_sha256(network), "weights": weights},
        arguments={"network": card.network, "batch": batch, **_tensors(card)},
        toolchain=versions(("tensorflow", "tensorflow-cpu")),
    )


def write(card: ModelCard, order: Order, path: Path) -> Facts:
    """Write a card's frozen graph; one that exists already is copied as it is.

    Raises WeightsError, CardError, RunError and MissingNeedError; then nothing is written.
    """
    from harness.convert import tf_frozen

    file = _file(card, order)
    notes: tuple[str, ...] = ()
    if file is not None and file.suffix == ".pb":
        graph, content = tf_frozen.read(file), file.read_bytes()
        tf_frozen.require_names(graph, card)
    else:
        graph, notes = _own_graph(card, file) if order.own_graph else _of_network(card, file, order.batch)
        content = graph.SerializeToString(deterministic=True)
    path.write_bytes(content)
    return {"operators": tf_frozen.inventory(graph), "notes": list(notes)}


def onnx_recipe(card: ModelCard, batch: int, frozen: str) -> Recipe:
    """Return the recipe of the ONNX file made of a frozen graph, `frozen` its digest."""
    return Recipe(
        kind="onnx",
        producer="harness.convert.tf_onnx",
        version=code_version(*CONVERTED_BY),
        inputs={"frozen": frozen},
        arguments={
            "batch": batch,
            "opset": card.export.opset,
            "simplify": card.export.simplify,
            **_tensors(card),
        },
        toolchain=versions(("tensorflow", "tensorflow-cpu", "tf2onnx", "onnx", "onnxslim")),
    )


def write_onnx(frozen: Path, card: ModelCard, batch: int, path: Path) -> Mapping[str, object]:
    """Write the ONNX file of a frozen graph, simplified as the card says; return its inventory."""
    from harness.convert import tf_onnx
    from harness.convert.simplify import simplify
    from harness.convert.specialise import write_checked

    model = tf_onnx.convert(frozen, card, batch)
    checked = write_checked(simplify(model) if card.export.simplify else model, card, batch, path)
    tf_onnx.require_session(path, card)
    return {"inventory": checked.as_json()}


def _file(card: ModelCard, order: Order) -> Path | None:
    """Return the file that holds the weights, or None for seeded ones; a card's own graph comes before a checkpoint."""
    if order.weights == "seeded":
        return None
    graph = needs.brought_file(card, ".pb")
    if order.weights == "card" and not order.own_graph and graph is not None and graph.is_file():
        return graph
    return networks.weights_file(card, order.weights_dir) if order.weights == "card" else Path(order.weights)


def _own_graph(card: ModelCard, file: Path | None) -> tuple[Any, tuple[str, ...]]:
    from harness.convert import tf_frozen

    if file is None:
        raise UsageError("own graph", "expected a checkpoint", "seeded weights")
    graph, notes = tf_frozen.freeze_checkpoint(file, card)
    tf_frozen.require_names(graph, card)
    return graph, notes


def _of_network(card: ModelCard, file: Path | None, batch: int) -> tuple[Any, tuple[str, ...]]:
    from harness.convert import tf_frozen

    network = tf_networks.build(card)
    if file is None:
        return tf_frozen.freeze(network, card, tf_networks.seeded(card), batch), ()
    wanted = tf_networks.shapes(network, card.input)
    state, notes = tf_checkpoints.fitted(tf_checkpoints.open_checkpoint(file), wanted)
    return tf_frozen.freeze(network, card, state, batch), notes


def _tensors(card: ModelCard) -> dict[str, object]:
    """Return what a graph takes from the card's tensors."""
    inputs = [spec.model_dump(include={"name", "dtype", "shape"}) for spec in card.input]
    return {"inputs": inputs, "keep": [spec.model_dump(include={"name", "index"}) for spec in card.kept_outputs]}
