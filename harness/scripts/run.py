"""One accuracy case through a repository's scripts: export, preprocess, the model over files, postprocess."""

import hashlib
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from harness import networks
from harness.cards import ModelCard
from harness.digests import content_sha256, stat_sha256
from harness.errors import CardError, MissingNeedError, RunError
from harness.results import Case, Measure, Samples
from harness.runtimes import OM_RUNTIMES
from harness.runtimes.ascend_files import OmFiles, OmSession
from harness.runtimes.protocol import SessionOptions
from harness.scripts import cases, models
from harness.scripts.file_inference import run_over_files
from harness.scripts.models import Model, script_of
from harness.scripts.prepared import SUFFIXES, Prepared, look
from harness.scripts.printed import read_metric
from harness.scripts.steps import run_step
from harness.scripts.tool_inference import FILES, run_by_tool
from harness.scripts.workspace import Workspace
from harness.units import compared_in
from harness.workbench import Workbench

Facts = dict[str, Any]
Check = Callable[[Case, Workbench], Facts]
Hold = Callable[[Check], Facts]
"""Runs something of a case while its device is held, and returns what that gave."""
STDOUT = "stdout"
MODEL_LOG = "model.log"


def measure(case: Case, bench: Workbench, hold: Hold) -> Facts:
    """Run the card's steps in a private copy of its repository; return the printed measures, samples, digests, logs.

    Of it all only the model is run through `hold`. Raises RunError, MissingNeedError, CardError and DataError; a
    repository or data set that its scripts changed is a RunError.
    """
    source = _require(case, bench)
    values = _values(case, bench)
    guarded = [source, *([Path(values["dataset"])] if "dataset" in values else [])]
    logs = bench.run_dir / "logs" / case.id
    place = Workspace.make(source, bench.run_dir / "work" / case.key / "scripts", logs, values)
    try:
        version = content_sha256(place.repository)
        with _untouched(guarded):
            facts = _steps(case, bench, place, hold)
    finally:
        place.remove()
    facts["digests"] = {"weights": str(facts["artifact"]["recipe"].get("weights", "")), "repository": version}
    names = (*script_of(bench.card(case)).steps, Path(MODEL_LOG).stem)
    facts["logs"] = {name: str(logs / f"{name}.log") for name in names if (logs / f"{name}.log").is_file()}
    return facts


def _steps(case: Case, bench: Workbench, place: Workspace, hold: Hold) -> Facts:
    """Run every step and the model between them; return the artifact, the measures and the samples."""
    card = bench.card(case)
    model = models.made(case, bench, place)
    place = place.naming("model", model.source.path)
    prepared = _prepared(place, card, model)
    ids = prepared.without_filling(card.dataset.count)
    if card.dataset.count not in (0, len(ids)):
        what = f"expected {card.dataset.count} samples, as dataset.count says"
        hint = "correct dataset.count, or give the scripts the whole data set"
        raise RunError("script.preprocess", what, str(len(ids)), hint, kind="data", stage="script.preprocess")
    hold(lambda case, bench: _inferred(case, bench, place, (model, prepared)))
    return {
        "artifact": {"digest": model.artifact.digest, "recipe": dict(model.artifact.recipe)},
        "measures": _printed(place, card, len(ids)),
        "samples": _samples(card, ids, bench.samples),
    }


def _require(case: Case, bench: Workbench) -> Path:
    """Return the repository; raises MissingNeedError for the first thing that the steps lack, CardError as well."""
    card = bench.card(case)
    lack = cases.missing(card, bench.weights, bench.places, _brings_om(case, bench))
    source = cases.repository(card, bench.places)
    if lack is not None:
        raise lack
    if source is None:
        raise MissingNeedError(card.name, "the repository with its scripts", "nothing", "pass --zoo")
    tool, wanted = _readmes_tool(case, bench), _outfmt(card)
    if tool and wanted not in tool.outfmts:
        what = f"expected files that {tool.name} can write, {' or '.join(tool.outfmts)}"
        raise CardError(f"{card.path}: {FILES}", what, wanted, "correct it, or the card's tools")
    return source


def _brings_om(case: Case, bench: Workbench) -> bool:
    return case.runtime in OM_RUNTIMES and bench.builder.brings_om(bench.card(case), case.batch, case.chip)


def _readmes_tool(case: Case, bench: Workbench) -> OmFiles | None:
    """Return the command-line tool that runs the case if it is one of the README's, else None."""
    runtime = bench.runtime(case.runtime)
    return runtime if isinstance(runtime, OmFiles) and case.runtime in bench.card(case).tools else None


def _outfmt(card: ModelCard) -> str:
    """Return the format of the outputs as the tools call it: the suffix of the files that the card names."""
    return Path(script_of(card).postprocess.files).suffix[1:].upper()


def _values(case: Case, bench: Workbench) -> Mapping[str, str]:
    """Return what the placeholders outside the workspace stand for, as far as the steps use them."""
    card = bench.card(case)
    script = script_of(card)
    values = {"batch": str(case.batch)}
    names = cases.used(script, _brings_om(case, bench))
    if "dataset" in names:
        here = not script.dataset and bool(card.dataset.generator)
        values["dataset"] = str(bench.builder.dataset(card) if here else cases.dataset(card, bench.places))
    if "weights" in names:
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


def _prepared(place: Workspace, card: ModelCard, model: Model) -> Prepared:
    """Run preprocess; return the files with the model's inputs."""
    step = script_of(card).preprocess
    folders = [place.path(folder) for folder in step.folders]
    for folder in folders:  # what the repository ships there is no input of this run
        for file in [file for suffix in SUFFIXES for file in folder.glob(f"*{suffix}")]:
            file.unlink()
    run_step("preprocess", step, place, card.path.parent, step.folders)
    return look(folders, model.artifact.inputs)


def _inferred(case: Case, bench: Workbench, place: Workspace, given: tuple[Model, Prepared]) -> Facts:
    """Run the model over its inputs into the folder that postprocess reads.

    The README's own tool takes and writes files in its own way. Any other runtime writes as the card says.
    """
    card, (model, prepared) = bench.card(case), given
    step = script_of(card).postprocess
    results = place.path(step.results)
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    own = _readmes_tool(case, bench)
    outfmt, calls = (_outfmt(card), _calls(model, prepared)) if own else ("", 1)
    with bench.open(case, model.artifact, outfmt, calls) as session:
        if own and isinstance(session, OmSession):
            log = run_by_tool(session, prepared, place, step)
            shutil.copyfile(log, place.logs / MODEL_LOG)
        else:
            run_over_files(session, prepared, results, step.files)
    return {}


def _calls(model: Model, prepared: Prepared) -> int:
    """Return how many ordinary calls of a tool the one over all files stands for."""
    specs = (*model.artifact.inputs, *model.artifact.outputs)
    each = sum(math.prod(spec.at(1)) * np.dtype(spec.dtype).itemsize for spec in specs)
    return math.ceil(len(prepared.ids) * each / SessionOptions.chunk_bytes)


def _printed(place: Workspace, card: ModelCard, count: int) -> tuple[Measure, ...]:
    """Run postprocess and return what it printed, under the names and protocols of the card's promises."""
    step = script_of(card).postprocess
    files = [metric.source for metric in step.metric if metric.source != STDOUT]
    log = run_step("postprocess", step, place, card.path.parent, files)
    return tuple(
        Measure(
            name=metric.name or card.metric.name,
            protocol=metric.protocol or card.metric.protocol,
            value=read_metric(metric, log if metric.source == STDOUT else place.path(metric.source)),
            unit=compared_in(metric.name or card.metric.name, metric.unit),
            n=count,
        )
        for metric in step.metric
    )


def _samples(card: ModelCard, ids: tuple[str, ...], asked: int | None) -> Samples:
    """Return how many samples were used: a script takes the whole data set, however many were asked for."""
    ids_digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    return Samples(asked=asked, used=len(ids), declared=card.dataset.count or len(ids), ids_digest=ids_digest)
