"""Writing a folder to run on a host without omgate: model, prepared inputs, manifest, commands, and run.py."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from math import prod
from pathlib import Path

import numpy as np

import harness
from harness import ascend_host, plan, worker
from harness.artifacts import Artifact
from harness.build import Builder
from harness.cards import ModelCard
from harness.checks.speed import timed_inputs
from harness.convert import atc
from harness.digests import file_sha256
from harness.errors import MissingNeedError, StoreError, UsageError
from harness.packing import commands
from harness.packing.manifest import MANIFEST, File, Manifest, Model, Timed, tensors
from harness.preprocess import digest as steps_digest
from harness.results import Case
from harness.runtimes.batching import Batch, Batcher
from harness.samples import Array
from harness.stream import Feed

FOLDER_MODE, FILE_MODE = 0o755, 0o644  # newer front ends refuse what others may write to, which a umask of 002 allows
RUN = Path(__file__).with_name("run.py")
README = """{card} at batch {batch} for {chip}: {samples} samples, prepared for {tool}.

This folder was packed by omgate {version}. It needs an Ascend NPU and the CANN toolkit; of omgate, nothing.

1. Copy the folder to the host with the NPU, and start CANN's set_env.sh there.
2. Run the commands of commands.txt in this folder, in their order: sh commands.txt
   Or, with a Python from 3.7 on that has numpy and aclruntime: python3 run.py --device 0{model}
3. Copy the whole folder back, and have it judged: omgate score {card} FOLDER

inputs/input_0/, inputs/input_1/, ...: one folder per input of the model. A file holds {rows}; what fills up
the last one is a repetition, whose outputs count for nothing. manifest.json says which sample is in which file.
run.py writes outputs/aclruntime/ with a summary.json; stopped, it goes on where it was.
"""
MODEL_FIRST = "\n   (make model.om first, with the atc command of commands.txt)"


@dataclass(frozen=True)
class Order:
    """What is to be packed, for which tool; `weights` is `card`, `seeded` or the path of a checkpoint."""

    card: ModelCard
    chip: str
    batch: int
    tool: str
    weights: str = "card"

    @property
    def fed(self) -> ModelCard:
        """The card with what its OM takes, which is what has to be prepared."""
        return self.card.fed_to_om


def pack(order: Order, builder: Builder, feed: Feed, output: Path) -> Manifest:
    """Write the folder under a temporary name and rename it to `output`, which is empty or not there.

    `feed` is of the card's `fed_to_om`: the samples as the OM takes them.

    The model is an OM where one is brought or ATC is here, else what ATC makes one of, with its command. Raises what
    building and decoding raise, UsageError for a folder with something in it, StoreError where it cannot be written.
    """
    _require_empty(output)
    _require_tool(order)
    model = _model(order, builder)
    _require_room(order, feed, model, output)
    made = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent))
    try:
        manifest = _write(order, model, feed, made)
        made.chmod(FOLDER_MODE)
        os.replace(made, output)  # noqa: PTH105 - an empty folder may be replaced by another
    except OSError as error:
        do = "free some space, or choose another folder"
        raise StoreError(str(output), "expected to write the pack", str(error), do) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _write(order: Order, model: Artifact, feed: Feed, made: Path) -> Manifest:
    rows = commands.rows_of(order.tool, order.batch)
    files = _write_inputs(order, feed, rows, made)
    names = [file.name for file in files]
    timing = order.batch, _timed_inputs(order)
    told = (*_write_model(order, model, made), *commands.of_tool(order.tool, order.fed, timing, names))
    manifest = _manifest(order, model, feed, files, told)
    if order.tool == "benchmark":
        _text(made / commands.SAMPLES, commands.samples_info(order.fed.input[0], names))
    _text(made / MANIFEST, manifest.model_dump_json(by_alias=True, indent=1) + "\n")
    _text(made / "commands.txt", "\n".join(["set -e", *told]) + "\n")
    _text(made / "README.txt", _readme(order, model, len(feed.ids), rows))
    for source, name in ((RUN, "run.py"), (Path(worker.__file__), "worker.py")):
        _copy(source, made / name)
    return manifest


def _manifest(order: Order, model: Artifact, feed: Feed, files: tuple[File, ...], told: tuple[str, ...]) -> Manifest:
    card, rows = order.card, commands.rows_of(order.tool, order.batch)
    return Manifest(
        omgate=harness.__version__,
        card=card.name,
        card_sha256=file_sha256(card.path),
        chip=atc.soc_version(order.chip),
        batch=order.batch,
        rows=rows,
        tool=order.tool,
        weights=plan.weights_name(order.weights),
        precision=ascend_host.precision_of(card),
        model=_described(model),
        inputs=tensors(order.fed.input, rows),
        outputs=tensors(card.kept_outputs, rows),
        files=files,
        timed=_timed_inputs(order),
        subset=len(feed.ids) < len(feed.dataset.ids),
        data_sha256=feed.dataset.digest(),
        preprocess_sha256=steps_digest(order.fed.preprocess),
        commands=told,
    )


def _model(order: Order, builder: Builder) -> Artifact:
    """Return the OM, or without ATC what one is made of."""
    try:
        return builder.om(order.card, order.batch, order.chip, order.weights)
    except MissingNeedError as error:
        if error.need != "tool":
            raise
    return builder.om_order(order.card, order.batch, order.chip, order.weights).source


def _timed_inputs(order: Order) -> Timed:
    """Return what the promised throughput was timed on, `real` where it does not say."""
    card, chip = order.card, atc.soc_version(order.chip)
    case = Case(model=card.name, runtime=order.tool, chip=chip, batch=order.batch, check="throughput")
    return timed_inputs(card, case)


def _described(model: Artifact) -> Model:
    toolchain = model.recipe.get("toolchain", {}) if model.format == "om" else {}
    facts = {"file": f"{commands.MODEL}.{model.format}", "format": model.format, "sha256": model.digest}
    return Model.model_validate({**facts, "toolchain": toolchain})


def _write_model(order: Order, model: Artifact, made: Path) -> tuple[str, ...]:
    """Copy the model and what ATC reads beside it; return the ATC command, if one is needed."""
    if model.format == "om":
        _copy(model.path, made / f"{commands.MODEL}.om")
        return ()
    told, places = commands.of_atc(atc.Order(order.card, order.batch, order.chip, model))
    for path, name in places.items():
        _copy(path, made / name)
    return (told,)


def _write_inputs(order: Order, feed: Feed, rows: int, made: Path) -> tuple[File, ...]:
    """Write every sample, in whole batches; return which are in which file, none where a file only fills a batch."""
    folders = [made / "inputs" / f"input_{index}" for index in range(len(order.fed.input))]
    for folder in (made / "inputs", *folders):
        folder.mkdir(mode=FOLDER_MODE, parents=True)
    batcher = Batcher(order.card.name, order.fed.input, order.batch)
    numbers = count()
    files: list[File] = []
    for batch in batcher.batches(feed.sample(sample_id) for sample_id in feed.ids):
        for start in range(0, order.batch, rows):
            name = f"{next(numbers):08d}"
            _write_arrays([folder / f"{name}.bin" for folder in folders], _rows(batch, start, rows))
            files.append(File(name=name, ids=batch.ids[start : start + rows]))
    return tuple(files)


def _rows(batch: Batch, start: int, rows: int) -> list[Array]:
    return [array[start : start + rows] for array in batch.arrays]


def _write_arrays(paths: Sequence[Path], arrays: Iterable[Array]) -> None:
    for path, array in zip(paths, arrays, strict=True):
        array.tofile(path)
        path.chmod(FILE_MODE)


def _readme(order: Order, model: Artifact, samples: int, rows: int) -> str:
    return README.format(
        card=order.card.name,
        batch=order.batch,
        chip=atc.soc_version(order.chip),
        samples=samples,
        tool=order.tool,
        version=harness.__version__,
        model="" if model.format == "om" else MODEL_FIRST,
        rows="one sample" if rows == 1 else f"{rows} samples, a whole batch",
    )


def _require_empty(output: Path) -> None:
    """Refuse a folder that has something in it, and one that could not be made."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"--output {output}", "expected a new or empty folder", "something in it", "choose another")
    if not output.parent.is_dir():
        raise UsageError(f"--output {output}", "expected a place in a folder that exists", "none", "make it first")


def _require_tool(order: Order) -> None:
    if order.tool == "benchmark" and len(order.card.input) != 1:
        got, do = f"{len(order.card.input)} inputs", "use ais_bench, msame or aclruntime"
        raise UsageError("--tool benchmark", "expected a model of one input", got, do)


def _require_room(order: Order, feed: Feed, model: Artifact, output: Path) -> None:
    """Refuse to begin what the disk has no room for."""
    sample = sum(prod(spec.at(1)) * np.dtype(spec.dtype).itemsize for spec in order.fed.input)
    batches = -(-len(feed.ids) // order.batch)
    needed = batches * order.batch * sample + model.path.stat().st_size
    free = shutil.disk_usage(output.parent).free
    if needed > free:
        what, got = f"expected {needed / 2**20:.0f} MiB of free disk", f"{free / 2**20:.0f} MiB"
        raise UsageError(f"--output {output}", what, got, "choose another place, or fewer samples with --samples")


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(FILE_MODE)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(FILE_MODE)
