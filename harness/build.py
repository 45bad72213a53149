"""From a card to what a runtime opens or a data set reader reads: built once, kept in the store.

A key is made of contents (weights, the network's code, arguments, versions), so a changed input is another entry, and
an entry that is already there is opened without importing the framework.
"""

import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import convert, datasets, frozen_graphs, needs, networks, om_build, tf_checkpoints
from harness.artifacts import Artifact, Recipe, Store, file_sha256
from harness.cards import ModelCard
from harness.convert.atc import Order
from harness.digests import code_version, text_sha256
from harness.errors import CardError, MissingNeedError, RunError
from harness.toolchain import Toolchain

HERE = Path(__file__).parent
CONVERTERS = Path(convert.__file__).parent
SPECIALISED_BY = [CONVERTERS / f"{name}.py" for name in ("specialise", "rebatch", "simplify", "onnx_graph")]
GENERATORS = Path(datasets.__file__).parent


class Builder:
    """Builds artifacts and generated data sets through a store; `weights_dir` is where the user keeps checkpoints.

    OMs need a `toolchain`; `om` is one that the user brings instead. The logs of failed conversions go to `log_dir`,
    by default `logs` beside the store.
    """

    def __init__(
        self,
        store: Store,
        weights_dir: Path | None = None,
        toolchain: Toolchain | None = None,
        om: Path | None = None,
        log_dir: Path | None = None,
    ) -> None:
        self.store = store
        self.weights_dir = weights_dir
        self._own_om = om
        self.om_means = om_build.Means(store, toolchain, log_dir or store.root.parent / "logs")

    def onnx(self, card: ModelCard, batch: int, weights: str = "card") -> Artifact:
        """Return the gated ONNX file at a fixed batch; `weights` is `card`, `seeded` or the path of a checkpoint.

        A file that the card brings is taken as it is, but for one of batch 1, which is set to others. Raises
        MissingNeedError, WeightsError, CardError, RunError and StoreError.
        """
        if weights == "card" and needs.brought_file(card, ".onnx") is not None:
            return brought(card, batch) if batch == 1 else self._brought_at(card, batch)
        if card.source.framework == "tensorflow":
            return self._onnx_of_frozen(card, batch, weights)
        export = self._export_recipe(card, weights)
        recipe = Recipe(
            kind="onnx",
            producer="harness.convert.specialise",
            version=code_version(*SPECIALISED_BY),
            inputs={"export": export.key},
            arguments={"batch": batch, "simplify": card.export.simplify, "keep": _specs(card)},
            toolchain=_versions("onnx", "onnxslim"),
        )

        def build(path: Path) -> Mapping[str, object]:
            from harness.convert.specialise import specialise

            exported = self.store.get_or_build(export, "model.onnx", lambda target: self._export(card, weights, target))
            return {"inventory": specialise(exported.path, card, batch, path).as_json()}

        entry = self.store.get_or_build(recipe, "model.onnx", build)
        described = {**entry.recipe, **entry.facts, "weights": self._weights_digest(card, weights)}
        return Artifact(entry.path, "onnx", entry.digest, described, card.input, card.kept_outputs, batch)

    def torch(self, card: ModelCard, weights: str = "card") -> Artifact:
        """Return the network's state as a safetensors file.

        The recipe says how to build the network: `network_file`, `network` (its arguments), and `output_indices`, the
        kept outputs. The digest covers the network's code as well. Raises as `onnx` does.
        """
        recipe = self._state_recipe(card, weights)
        entry = self.store.get_or_build(
            recipe, "state.safetensors", lambda path: self._write_state(card, weights, path)
        )
        described = {
            **entry.recipe,
            **entry.facts,
            "weights": self._weights_digest(card, weights),
            "network_file": str(networks.network_file(card)),
            "network": dict(card.network),
            "output_indices": [output.index for output in card.kept_outputs],
            "family": card.family,
        }
        digest = text_sha256(json.dumps([entry.digest, recipe.key]))
        return Artifact(entry.path, "torch", digest, described, card.input, card.kept_outputs, 1)

    def frozen(self, card: ModelCard, batch: int, weights: str = "card") -> Artifact:
        """Return a TensorFlow card's frozen graph at a fixed batch; raises as `onnx` does.

        A file that the card brings is taken as it is.
        """
        prebuilt = needs.brought_file(card, ".pb")
        if weights == "card" and prebuilt is not None and (prebuilt.is_file() or card.weights is None):
            path, digest = _identified(card, ".pb")
            return Artifact(path, "pb", digest, {"weights": digest}, card.input, card.kept_outputs, batch)
        digest = self._weights_digest(card, weights)
        recipe = frozen_graphs.recipe(card, batch, digest)
        order = frozen_graphs.Order(weights, self.weights_dir, batch)

        def build(path: Path) -> Mapping[str, object]:
            return {**frozen_graphs.write(card, order, path)}

        entry = self.store.get_or_build(recipe, "model.pb", build)
        described = {**entry.recipe, **entry.facts, "weights": digest}
        return Artifact(entry.path, "pb", entry.digest, described, card.input, card.kept_outputs, batch)

    def om(self, card: ModelCard, batch: int, chip: str, weights: str = "card") -> Artifact:
        """Return a card's OM for a chip at a fixed batch; one that the user or the card brings is taken as it is.

        Raises as `onnx` does, RunError with ATC's code too, MissingNeedError without a toolchain, and UsageError for a
        chip that is not Ascend's or a brought OM of another chip or batch.
        """
        path = self._own_om or (om_build.of_card(card, batch, chip) if weights == "card" else None)
        if path is not None:
            digest = file_sha256(om_build.existing(path)) if self._own_om else _identified(card, ".om")[1]
            return om_build.brought(card, batch, chip, path, digest)
        return om_build.build(self.om_order(card, batch, chip, weights), self.om_means)

    def brings_om(self, card: ModelCard, batch: int, chip: str) -> bool:
        """Tell whether the user or the card brings the OM for a chip and batch."""
        return self._own_om is not None or om_build.of_card(card, batch, chip) is not None

    def om_order(self, card: ModelCard, batch: int, chip: str, weights: str = "card") -> Order:
        """Return what ATC is asked for, its source built: the frozen graph of a TensorFlow card, else the ONNX file."""
        build = self.frozen if card.source.framework == "tensorflow" else self.onnx
        return Order(card, batch, chip, build(card, batch, weights))

    def canary_om(self, chip: str) -> Artifact:
        """Return the small OM that is timed beside a case on an NPU; raises as `om` does."""
        return om_build.canary(chip, self.om_means)

    def dataset(self, card: ModelCard) -> Path:
        """Return the read-only root of a card's generated data set; raises CardError if it has no generator."""
        if not card.dataset.generator:
            raise CardError(f"{card.path}: dataset.generator", "expected a generator to make the data with", "none")
        recipe = Recipe(
            kind="dataset",
            producer="harness.datasets.digits",
            version=code_version(*GENERATORS.glob("digit*")),
            arguments={"generator": card.dataset.generator, "params": card.dataset.generator_params},
            toolchain=_versions("numpy", "pillow"),
        )

        def build(path: Path) -> None:
            from harness.datasets import digits

            path.mkdir()
            digits.generate(card.dataset.generator, card.dataset.generator_params, path)

        return self.store.get_or_build(recipe, card.dataset.kind, build).path

    def _brought_at(self, card: ModelCard, batch: int) -> Artifact:
        """Return the ONNX file that the card brings at a larger batch; raises as `brought` does."""
        from harness.convert import onnx_graph, rebatch

        path, digest = _identified(card, ".onnx")
        model = onnx_graph.read(path)
        if onnx_graph.fixed_batch(model) != 1:
            return brought(card, batch)
        recipe = Recipe(
            kind="onnx",
            producer="harness.convert.rebatch",
            version=code_version(CONVERTERS / "rebatch.py", CONVERTERS / "onnx_graph.py"),
            inputs={"file": digest},
            arguments={"batch": batch},
            toolchain=_versions("onnx"),
        )

        def build(target: Path) -> Mapping[str, object]:
            onnx_graph.check_specs(model, card, 1)
            larger = rebatch.set_batch(model, batch)
            target.write_bytes(larger.SerializeToString())
            return {"inventory": onnx_graph.inventory(larger).as_json()}

        entry = self.store.get_or_build(recipe, "model.onnx", build)
        described = {**entry.recipe, **entry.facts, "weights": digest}
        return Artifact(entry.path, "onnx", entry.digest, described, card.input, card.kept_outputs, batch)

    def _onnx_of_frozen(self, card: ModelCard, batch: int, weights: str) -> Artifact:
        graph = self.frozen(card, batch, weights)
        recipe = frozen_graphs.onnx_recipe(card, batch, graph.digest)
        entry = self.store.get_or_build(
            recipe, "model.onnx", lambda path: frozen_graphs.write_onnx(graph.path, card, batch, path)
        )
        described = {**entry.recipe, **entry.facts, "weights": graph.recipe["weights"]}
        return Artifact(entry.path, "onnx", entry.digest, described, card.input, card.kept_outputs, batch)

    def _export_recipe(self, card: ModelCard, weights: str) -> Recipe:
        """Return the recipe of the export at batch 1, which all batches and choices of outputs share."""
        names = {"inputs": [spec.model_dump() for spec in card.input], "outputs": _output_names(card)}
        return Recipe(
            kind="onnx-export",
            producer="harness.convert.torch_onnx",
            version=code_version(CONVERTERS / "torch_onnx.py", CONVERTERS / "onnx_graph.py"),
            inputs={"state": self._state_recipe(card, weights).key},
            arguments={"opset": card.export.opset, **names},
            toolchain=_versions("torch", "onnx"),
        )

    def _state_recipe(self, card: ModelCard, weights: str) -> Recipe:
        network = networks.network_file(card)
        if not network.is_file():
            raise CardError(str(network), "expected the network's code beside its card", "no such file")
        return Recipe(
            kind="torch-state",
            producer="harness.networks",
            version=code_version(HERE / "networks.py", HERE / "weights.py"),
            inputs={"network": file_sha256(network), "weights": self._weights_digest(card, weights)},
            arguments={"network": card.network},
            toolchain=_versions("torch", "safetensors"),
        )

    def _weights_digest(self, card: ModelCard, weights: str) -> str:
        """Return the sha256 of the checkpoint, or `seeded`; raises MissingNeedError if it is missing."""
        missing = needs.weights(card, weights, needs.Places(weights_dir=self.weights_dir))
        if missing is not None:
            raise missing
        if weights == "seeded":
            return weights
        path = networks.weights_file(card, self.weights_dir) if weights == "card" else Path(weights)
        return file_sha256(tf_checkpoints.identity_file(path))

    def _write_state(self, card: ModelCard, weights: str, path: Path) -> Mapping[str, object]:
        """Write exactly the tensors that the network has; return what was tolerated in the checkpoint."""
        from safetensors.torch import save_file

        network = networks.build_network(card)
        notes = networks.load_state(network, networks.state(card, weights, self.weights_dir))
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
        return {"notes": list(notes)}

    def _export(self, card: ModelCard, weights: str, path: Path) -> Mapping[str, object]:
        from harness.convert.torch_onnx import export
        from harness.weights import read_checkpoint

        network = networks.build_network(card)
        networks.load_state(network, read_checkpoint(self.torch(card, weights).path))
        return {"inventory": export(network, card, path).as_json()}


def brought(card: ModelCard, batch: int) -> Artifact:
    """Return the ONNX file that the card brings, checked against the card's digest and tensors at that batch.

    Raises MissingNeedError without the file, RunError (`corrupt-artifact`) for another one, and CardError where it
    contradicts the card.
    """
    from harness.convert import onnx_graph

    path, digest = _identified(card, ".onnx")
    model = onnx_graph.read(path)
    onnx_graph.check_specs(model, card, batch)
    described = {"kind": "brought", "weights": digest, "inventory": onnx_graph.inventory(model).as_json()}
    return Artifact(path, "onnx", digest, described, card.input, card.kept_outputs, batch)


def _identified(card: ModelCard, suffix: str) -> tuple[Path, str]:
    """Return the file that the card brings and its sha256; raises as `brought` does."""
    path = needs.brought_file(card, suffix)
    if path is None or card.artifact is None:
        raise CardError(f"{card.path}: artifact", f"expected a {suffix} file", "none")
    if not path.is_file():
        raise MissingNeedError(
            card.name, f"artifact {path}", "nothing", card.artifact.note or "put it there", "weights"
        )
    digest = file_sha256(path)
    if card.artifact.sha256 not in ("", digest):
        what, hint = f"expected sha256 {card.artifact.sha256}", "get the file again, or correct artifact.sha256"
        raise RunError(str(path), what, digest, hint, kind="corrupt-artifact", stage="build")
    return path, digest


def _specs(card: ModelCard) -> list[dict[str, Any]]:
    return [spec.model_dump(include={"name", "index", "dtype", "shape"}) for spec in card.kept_outputs]


def _output_names(card: ModelCard) -> list[str]:
    return [output.name for output in sorted(card.output, key=lambda output: output.index)]


def _versions(*distributions: str) -> dict[str, str]:
    """Return the installed versions, read without importing anything; empty for what is not installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found
