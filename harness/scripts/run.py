"""One accuracy case through a repository's scripts: export, preprocess, the model over files, postprocess."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import memory, networks
from harness.artifacts import Artifact, file_sha256
from harness.card_scripts import Script
from harness.cards import ModelCard
from harness.digests import content_sha256, stat_sha256
from harness.errors import CardError, MissingNeedError, RunError
from harness.results import Case, Measure, Samples
from harness.runtimes.protocol import Session
from harness.scripts import cases
from harness.scripts.file_inference import run_over_files
from harness.scripts.printed import read_metric
from harness.scripts.steps import run_step
from harness.scripts.workspace import Workspace
from harness.workbench import Workbench

OpenModel = Callable[[Case, Artifact], Session]
"""How the ONNX file, exported by a script or by omgate, becomes what runs between the scripts."""
STDOUT = "stdout"


def measure(case: Case, bench: Workbench, open_model: OpenModel | None = None) -> dict[str, Any]:
    """Run the card's steps in a private copy of its repository; return the printed measures, samples, digests, logs.

    `open_model` is the workbench's own where none is given. Raises RunError, MissingNeedError, CardError and DataError;
    a repository or data set that its scripts changed is a RunError.
    """
    card = bench.card(case)
    source = _require(card, bench)
    values = _values(case, bench)
    guarded = [source, *([Path(values["dataset"])] if "dataset" in values else [])]
    logs = bench.run_dir / "logs" / case.id
    place = Workspace.make(source, bench.run_dir / "work" / case.key / "scripts", logs, values)
    try:
        version = content_sha256(place.repository)
        with _untouched(guarded):
            facts = _steps(case, bench, place, open_model or bench.open)
    finally:
        place.remove()
    facts["digests"] = {"weights": str(facts["artifact"]["recipe"].get("weights", "")), "repository": version}
    facts["logs"] = {name: str(logs / f"{name}.log") for name in _script(card).steps}
    return facts


def _steps(case: Case, bench: Workbench, place: Workspace, open_model: OpenModel) -> dict[str, Any]:
    """Run every step and the model between them; return the artifact, the measures and the samples."""
    card = bench.card(case)
    artifact = _model(case, bench, place)
    place = place.naming("model", artifact.path)
    folders = _prepared(place, card)
    if artifact.format == "onnx":
        memory.require(memory.onnx_mib(artifact.path), case.id)
    with open_model(case, artifact) as session:
        ids = _inferred(session, folders, place, card)
    return {
        "artifact": {"digest": artifact.digest, "recipe": dict(artifact.recipe)},
        "measures": _printed(place, card, len(ids)),
        "samples": _samples(card, ids, bench.samples),
    }


def _script(card: ModelCard) -> Script:
    if card.script is None:
        raise CardError(f"{card.path}: script", "expected this table", "nothing", "add it: see docs/cards.md")
    return card.script


def _require(card: ModelCard, bench: Workbench) -> Path:
    """Return the repository; raises MissingNeedError for the first thing that the steps lack."""
    lack = cases.missing(card, bench.weights, bench.places)
    source = cases.repository(card, bench.places)
    if lack is not None:
        raise lack
    if source is None:
        raise MissingNeedError(card.name, "the repository with its scripts", "nothing", "pass --zoo")
    return source


def _values(case: Case, bench: Workbench) -> Mapping[str, str]:
    """Return what the placeholders outside the workspace stand for, as far as the steps use them."""
    card = bench.card(case)
    script = _script(card)
    values = {"batch": str(case.batch)}
    if "dataset" in script.names:
        here = not script.dataset and bool(card.dataset.generator)
        values["dataset"] = str(bench.builder.dataset(card) if here else cases.dataset(card, bench.places))
    if "weights" in script.names:
        own = bench.weights == "card"
        path = networks.weights_file(card, bench.places.weights_dir) if own else Path(bench.weights)
        values["weights"] = str(path.resolve())
    return values


@contextmanager
def _untouched(folders: list[Path]) -> Iterator[None]:
    """Hold a block to leaving folders as they are, by names, sizes and time stamps; raises RunError if it did not."""
    before = [stat_sha256(folder) for folder in folders]
    yield
    for folder, stamp in zip(folders, before, strict=True):
        if stat_sha256(folder) != stamp:
            hint = "restore it, and let the script write below {output} or in its own folder"
            what = "expected the scripts to leave it as it is"
            raise RunError(str(folder), what, "changed files", hint, kind="data", stage="scripts")


def _model(case: Case, bench: Workbench, place: Workspace) -> Artifact:
    """Return the model to run: what the export step writes, checked against the card, or omgate's own export."""
    card = bench.card(case)
    export = _script(card).export
    if export is None:
        return bench.artifact(case)
    from harness.convert import onnx_graph

    path = place.path(export.model)
    run_step("export", export, place.naming("model", path), card.path.parent, [export.model])
    model = onnx_graph.read(path)
    onnx_graph.check_specs(model, card, case.batch)
    weights = Path(place.values["weights"]) if "weights" in export.names else None
    recipe = {
        "kind": "script-export",
        "argv": list(export.argv),
        "weights": file_sha256(weights) if weights else "",
        "inventory": onnx_graph.inventory(model).as_json(),
    }
    return Artifact(path, "onnx", file_sha256(path), recipe, card.input, card.kept_outputs, case.batch)


def _prepared(place: Workspace, card: ModelCard) -> list[Path]:
    """Run preprocess; return the folders with the model's inputs."""
    step = _script(card).preprocess
    folders = [place.path(folder) for folder in step.folders]
    for folder in folders:  # what the repository ships there is no input of this run
        for file in folder.glob("*.bin"):
            file.unlink()
    run_step("preprocess", step, place, card.path.parent, step.folders)
    return folders


def _inferred(session: Session, folders: list[Path], place: Workspace, card: ModelCard) -> tuple[str, ...]:
    """Run the model over its inputs; return the samples' ids, as many as the card declares."""
    step = _script(card).postprocess
    results = place.path(step.results)
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    ids = run_over_files(session, folders, results, step.files)
    if card.dataset.count not in (0, len(ids)):
        what = f"expected {card.dataset.count} samples, as dataset.count says"
        hint = "correct dataset.count, or give the scripts the whole data set"
        raise RunError("script.preprocess", what, str(len(ids)), hint, kind="data", stage="script.preprocess")
    return ids


def _printed(place: Workspace, card: ModelCard, count: int) -> tuple[Measure, ...]:
    """Run postprocess and return what it printed, under the names and protocols of the card's promises."""
    step = _script(card).postprocess
    files = [metric.source for metric in step.metric if metric.source != STDOUT]
    log = run_step("postprocess", step, place, card.path.parent, files)
    return tuple(
        Measure(
            name=metric.name or card.metric.name,
            protocol=metric.protocol or card.metric.protocol,
            value=read_metric(metric, log if metric.source == STDOUT else place.path(metric.source)),
            n=count,
        )
        for metric in step.metric
    )


def _samples(card: ModelCard, ids: tuple[str, ...], asked: int | None) -> Samples:
    """Return how many samples were used: a script takes the whole data set, however many were asked for."""
    ids_digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    return Samples(asked=asked, used=len(ids), declared=card.dataset.count or len(ids), ids_digest=ids_digest)
