"""Which cases a card's script steps make, and what they need."""

from pathlib import Path

from harness import gates, needs
from harness.cards import ModelCard
from harness.errors import MissingNeedError
from harness.gates.promises import REFERENCE_RUNTIMES
from harness.needs import Places
from harness.results import SCRIPTS, Case
from harness.runtimes import OM_RUNTIMES


def script_case(card: ModelCard, case: Case) -> Case | None:
    """Return the case that runs an accuracy through the card's scripts; None where it has none or promises nothing.

    What a script prints is compared with the printed promise alone: there is no paired judgement to stand on.
    """
    if card.script is None or case.check != "accuracy" or case.weights == "seeded":
        return None
    if case.runtime in (*REFERENCE_RUNTIMES, *OM_RUNTIMES) or not gates.promises_for(card, case).baselines:
        return None
    return case.model_copy(update={"condition": SCRIPTS})


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


def missing(card: ModelCard, choice: str, places: Places) -> MissingNeedError | None:
    """Return the first thing that the script steps lack here, or None; `choice` is that of `--weights`."""
    script = card.script
    if script is None:
        return MissingNeedError(card.name, "a [script] table in the card", "none", "add it: see docs/cards.md")
    if repository(card, places) is None:
        what = f"the repository {script.repository or 'with its scripts'}"
        return MissingNeedError(card.name, what, "nothing", "pass --zoo with the folder that it is in")
    lack = needs.weights(card, choice, places) if script.export is None or "weights" in script.names else None
    lack = lack or (needs.framework(card) if script.export is None else None)
    return lack or (_missing_data(card, places) if "dataset" in script.names else None)


def needed(card: ModelCard) -> str:
    """Return what the script steps need, whether it is here or not."""
    script = card.script
    if script is None:
        return ""
    file = card.weights.file if card.weights else "that nobody names"
    weights = [f"weights {file}"] if script.export is None or "weights" in script.names else []
    data = [f"{script.dataset or card.dataset.kind} data"] if "dataset" in script.names else []
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
