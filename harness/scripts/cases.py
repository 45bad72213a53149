"""Which cases a card's script steps make, and what they need."""

from pathlib import Path

from harness import gates, needs
from harness.card_scripts import Script
from harness.cards import ModelCard
from harness.errors import MissingNeedError
from harness.gates.promises import REFERENCE_RUNTIMES
from harness.needs import Places
from harness.results import SCRIPTS, Case
from harness.runtimes import OM_RUNTIMES


def script_case(card: ModelCard, case: Case) -> Case | None:
    """Return the case that runs an accuracy through the card's scripts; None where it has none or promises nothing.

    What a script prints is compared with the printed promise alone: there is no paired judgement to stand on. On an
    emulated NPU the promise of its chip is rehearsed, too.
    """
    if card.script is None or case.weights == "seeded" or case.runtime in REFERENCE_RUNTIMES:
        return None
    if not gates.promises_for(card, case.model_copy(update={"emulated": False})).baselines:
        return None
    return case.model_copy(update={"condition": SCRIPTS})


def batches(card: ModelCard, runtime: str, chip: str, otherwise: int) -> tuple[int, ...]:
    """Return the batch sizes at which an accuracy runs through the scripts: on an NPU all that its chip promises.

    Elsewhere, and where no size is promised, it is the one that accuracy runs at anyway.
    """
    rows = [row for row in card.baseline if row.is_accuracy and row.role != "reference"]
    printed = [row.batch for row in rows if row.chip in (chip, "any") and isinstance(row.batch, int)]
    return tuple(dict.fromkeys(printed)) if printed and runtime in OM_RUNTIMES else (otherwise,)


def replaced(card: ModelCard, case: Case) -> bool:
    """Tell whether only the scripts can do what a case is for.

    That is to score a data set that omgate has no reader for, or to check a model that only the export script makes.
    """
    if card.script is None:
        return False
    unmade = card.script.export is not None and card.source.framework == "onnx"
    if unmade and needs.brought_file(card, ".onnx") is None:
        return True
    return card.dataset.kind == "none" and needs.needs_data(card, case.check)


def missing(card: ModelCard, choice: str, places: Places, brings_om: bool = False) -> MissingNeedError | None:
    """Return the first thing that the script steps lack here, or None; `choice` is that of `--weights`."""
    script = card.script
    if script is None:
        return MissingNeedError(card.name, "a [script] table in the card", "none", "add it: see docs/cards.md")
    if repository(card, places) is None:
        what = f"the repository {script.repository or 'with its scripts'}"
        return MissingNeedError(card.name, what, "nothing", "pass --zoo with the folder that it is in")
    names, made_here = used(script, brings_om), script.export is None and not brings_om
    lack = needs.weights(card, choice, places) if made_here or "weights" in names else None
    lack = lack or (needs.framework(card) if made_here else None if brings_om else _missing_onnx(card))
    return lack or (_missing_data(card, places) if "dataset" in names else None)


def used(script: Script, brings_om: bool = False) -> frozenset[str]:
    """Return the placeholders of the steps that run: with an OM that is brought nothing is exported."""
    return frozenset().union(*(step.names for name, step in script.steps.items() if name != "export" or not brings_om))


def _missing_onnx(card: ModelCard) -> MissingNeedError | None:
    if needs.has_onnx():
        return None
    what = "onnx and onnxruntime, which the exported file is read and run with"
    return MissingNeedError(card.name, what, "not both", needs.ONNX_REMEDY)


def needed(card: ModelCard) -> str:
    """Return what the script steps need, whether it is here or not."""
    script = card.script
    if script is None:
        return ""
    file = card.weights.file if card.weights else "that nobody names"
    names = used(script)
    weights = [f"weights {file}"] if script.export is None or "weights" in names else []
    data = [f"{script.dataset or card.dataset.kind} data"] if "dataset" in names else []
    return "; ".join([f"the scripts of {script.repository or 'the repository'}", *weights, *data])


def repository(card: ModelCard, places: Places) -> Path | None:
    """Return the folder with the card's scripts: below that of `--zoo`, else relative to the card; None if absent."""
    named = card.script.repository if card.script else ""
    candidates = [places.zoo_dir / named] if places.zoo_dir else []
    candidates += [card.path.parent / named] if named else []
    return next((folder.resolve() for folder in candidates if folder.is_dir()), None)


def dataset(card: ModelCard, places: Places) -> Path | None:
    """Return where the data set of the scripts is looked for; None without a data folder."""
    named = card.script.dataset if card.script else ""
    if named:
        return places.data_dir / named if places.data_dir else None
    return needs.data_root(card, places)


def _missing_data(card: ModelCard, places: Places) -> MissingNeedError | None:
    if card.script is None or not card.script.dataset:
        return needs.data(card, places)
    root = dataset(card, places)
    if root is not None and root.is_dir():
        return None
    do = f"put it at {root}" if root else f"pass --data-dir with a folder {card.script.dataset}/"
    return MissingNeedError(card.name, f"data set {card.script.dataset}", "nothing", do, need="data")
