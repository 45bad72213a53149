"""The model that runs between the scripts: what the export step writes or omgate makes, and on an NPU its OM."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import memory, om_build
from harness.artifacts import Artifact, file_sha256
from harness.card_scripts import ExportStep, Script
from harness.cards import ModelCard
from harness.convert import onnx_graph
from harness.convert.atc import Order
from harness.errors import CardError, RunError
from harness.results import Case
from harness.runtimes import OM_RUNTIMES
from harness.scripts.steps import run_step
from harness.scripts.workspace import Workspace
from harness.workbench import Workbench


@dataclass(frozen=True)
class Model:
    """What is run, and what it was made of: an ONNX file or frozen graph, or the OM itself where one is brought."""

    artifact: Artifact
    source: Artifact


def made(case: Case, bench: Workbench, place: Workspace) -> Model:
    """Return the model of a case, the export step having run if there is one and no OM is brought.

    An OM is built by ATC from what the step wrote, checked against the card, or from what omgate makes of the card.
    Raises what the step, the card's tensors and ATC raise, and MissingNeedError for what this host is too small for.
    """
    card = bench.card(case)
    export = script_of(card).export
    on_npu = case.runtime in OM_RUNTIMES
    if on_npu and bench.builder.brings_om(card, case.batch, case.chip):
        artifact = bench.artifact(case)
        return Model(artifact, artifact)
    if export is not None:
        source = _exported(export, case, bench, place)
    elif on_npu:
        source = bench.builder.om_order(card, case.batch, case.chip, bench.weights).source
    else:
        source = bench.artifact(case)
    _require_memory(case, bench, source)
    order = Order(card, case.batch, case.chip, source)
    return Model(om_build.build(order, bench.builder.om_means) if on_npu else source, source)


def script_of(card: ModelCard) -> Script:
    """Return the card's scripts; raises CardError without any."""
    if card.script is None:
        raise CardError(f"{card.path}: script", "expected this table", "nothing", "add it: see docs/cards.md")
    return card.script


def _exported(export: ExportStep, case: Case, bench: Workbench, place: Workspace) -> Artifact:
    """Run the export step and return the ONNX file that it wrote."""
    card, path = bench.card(case), place.path(export.model)
    run_step("export", export, place.naming("model", path), card.path.parent, [export.model])
    model = onnx_graph.read(path)
    fixed = onnx_graph.fixed_batch(model)
    if fixed not in (None, case.batch) and _has_batch(card):
        what, do = f"expected an ONNX file of a free batch size, or of {case.batch}", "name {batch} in argv or env"
        where = "script.export"
        raise RunError(where, what, f"one of {fixed}", do, kind="data", stage=where)
    onnx_graph.check_specs(model, card, case.batch)
    weights = Path(place.values["weights"]) if "weights" in export.names else None
    recipe: dict[str, Any] = {
        "kind": "script-export",
        "argv": list(export.argv),
        "weights": file_sha256(weights) if weights else "",
        "inventory": onnx_graph.inventory(model).as_json(),
    }
    return Artifact(path, "onnx", file_sha256(path), recipe, card.input, card.kept_outputs, case.batch)


def _has_batch(card: ModelCard) -> bool:
    return all(spec.shape[:1] == ("N",) for spec in card.input)


def _require_memory(case: Case, bench: Workbench, source: Artifact) -> None:
    """Raise MissingNeedError where this host, which runs the network itself or emulates an NPU, has too little."""
    if case.runtime in OM_RUNTIMES and not case.emulated:
        return
    card = bench.card(case)
    graph = source if source.format == "onnx" else bench.builder.onnx(card, case.batch, bench.weights)
    if graph.format == "onnx":
        shapes = {spec.name: spec.at(case.batch) for spec in graph.inputs}
        memory.require(memory.onnx_mib(graph.path, shapes), case.id)
