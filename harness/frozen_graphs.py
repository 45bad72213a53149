"""TensorFlow cards' frozen graphs and the ONNX files made of them: what decides them, and how they are written."""

from collections.abc import Mapping
from pathlib import Path

from harness import convert, networks, tf_checkpoints, tf_networks
from harness.artifacts import Recipe, file_sha256
from harness.cards import ModelCard
from harness.digests import code_version
from harness.environment import versions
from harness.errors import CardError

HERE = Path(__file__).parent
CONVERTERS = Path(convert.__file__).parent
FROZEN_BY = (
    *(HERE / f"{name}.py" for name in ("tf_networks", "tf_checkpoints", "networks", "weights")),
    *(CONVERTERS / name for name in ("tf_frozen.py", "tf_1_15_ops.json")),
)
CONVERTED_BY = tuple(CONVERTERS / f"{name}.py" for name in ("tf_onnx", "onnx_graph", "simplify", "specialise"))
Choice = tuple[str, Path | None]
"""`card`, `seeded` or the path of a checkpoint, and the folder where the user keeps checkpoints."""


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


def write(card: ModelCard, batch: int, choice: Choice, path: Path) -> Mapping[str, object]:
    """Write a card's frozen graph; return its operators and what was tolerated in the checkpoint."""
    from harness.convert import tf_frozen

    weights, weights_dir = choice
    network = tf_networks.build(card)
    notes: tuple[str, ...] = ()
    if weights == "seeded":
        state = tf_networks.seeded(card)
    else:
        file = networks.weights_file(card, weights_dir) if weights == "card" else Path(weights)
        wanted = tf_networks.shapes(network, card.input)
        state, notes = tf_checkpoints.fitted(tf_checkpoints.open_checkpoint(file), wanted)
    graph = tf_frozen.freeze(network, card, state, batch)
    path.write_bytes(graph.SerializeToString(deterministic=True))
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


def _tensors(card: ModelCard) -> dict[str, object]:
    """Return what a graph takes from the card's tensors."""
    inputs = [spec.model_dump(include={"name", "dtype", "shape"}) for spec in card.input]
    return {"inputs": inputs, "keep": [spec.model_dump(include={"name", "index"}) for spec in card.kept_outputs]}
