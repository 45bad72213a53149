"""The README's own scripts as the steps of a card, proposed in comments: running them is somebody's decision."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.card_scripts import placeholders
from harness.drafts.page import Page, toml
from harness.drafts.surroundings import Surroundings
from harness.drafts.tool_runs import ToolRun

WARNING = (
    "The README's own scripts could score the accuracy: running them is running their code with your rights, so read "
    "them before you uncomment this and pass --run-scripts."
)
HOW = (
    "Put {dataset} where a data folder stands, {inputs} where the prepared .bin files go, {results} where the model's "
    "outputs are read."
)
WEIGHTS = (".pth", ".pt", ".pth.tar", ".ckpt", ".pkl", ".pdparams")
METRIC = '{{ {name}pattern = "the printed number, as a regular expression with one group: ([0-9.]+)", unit = {unit} }}'
NO_PREPROCESS = 'argv = ["python3", "the script that writes the inputs", "{dataset}", "{inputs}"]'
NO_PROMISE = (
    "# this card promises no accuracy: add a [[baseline]] of what the script prints, or nothing is judged by it"
)
ORDER = ("export", "preprocess", "postprocess")
_BATCH = re.compile(r"\$\{(?:bs|batch_?size|batch)\}|\$(?:bs|batch_?size)\b", re.IGNORECASE)
_RELATIVE = re.compile(r"(?!/)(?:[\w.-]+/){0,20}[\w.-]+/?")


@dataclass(frozen=True)
class Place:
    """What a proposal stands in: the README's name, the scripts' folder relative to the card, and what is promised.

    `metrics` are the units of the promised accuracies by name, `own` is the card's metric.
    """

    file: str
    repository: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    own: str = "none"


def propose(page: Page, around: Surroundings, place: Place) -> None:
    """Write the steps as comments; nothing where the README has no script to score with."""
    if "postprocess" not in around.scripts:
        return
    page.remarks()
    page.note(WARNING)
    page.note(HOW)
    folder = place.repository or "the folder with these scripts, below that of --zoo or relative to this card"
    page.outline(["[script]", f"repository = {toml(folder)}"])
    for step in ORDER:
        if step in around.scripts:
            _step(page, step, around, place)
        elif step == "preprocess":
            page.outline(["", "[script.preprocess]  # needed, and the README names no script for it", NO_PREPROCESS])


def _step(page: Page, step: str, around: Surroundings, place: Place) -> None:
    words, line = around.scripts[step]
    argv = [_placed(word, step, around.run) for word in words]
    page.outline(["", f"[script.{step}]  # {place.file}:{line}", f"argv = {toml(argv)}"])
    unknown = [name for word in argv for name in placeholders(word) if f"${{{name}}}" in word]
    if unknown:
        page.outline([f"# the shell variables {', '.join(dict.fromkeys(unknown))} have no value here: replace them"])
    named = {name for word in argv for name in placeholders(word)}
    if step == "preprocess" and around.run:
        page.outline(_folders(around.run, within="inputs" in named))
    if step == "postprocess":
        page.outline(_reads(around.run, within="results" in named) if around.run else [])
        page.outline(_metrics(place))


def _folders(run: ToolRun, *, within: bool) -> list[str]:
    """Return where the tool takes its inputs from, where that is not `{inputs}` alone."""
    if within:
        return [f"folders = {toml(run.folders)}"] if run.folders != ("{inputs}",) else []
    inside = bool(run.inputs) and all(map(_below_the_copy, run.inputs))
    return [f"folders = {toml(run.inputs)}"] if inside else []


def _reads(run: ToolRun, *, within: bool) -> list[str]:
    """Return what the tool calls its outputs, and where the script looks for them if that is a folder of its own."""
    own = [] if within or run.dated or not _below_the_copy(run.output) else [f"results = {toml(run.output)}"]
    return [*own, f"files = {toml(run.files)}"]


def _below_the_copy(path: str) -> bool:
    return _RELATIVE.fullmatch(path) is not None and ".." not in path.split("/")


def _metrics(place: Place) -> list[str]:
    """Return how each promised accuracy is to be read; the card's own metric needs no name."""
    if not place.metrics:
        return [f"metric = {_metric('', '%')}", NO_PROMISE]
    if len(place.metrics) == 1:
        return [f"metric = {_metric('' if name == place.own else name, unit)}" for name, unit in place.metrics.items()]
    return ["metric = [", *(f"  {_metric(name, unit)}," for name, unit in place.metrics.items()), "]"]


def _metric(name: str, unit: str) -> str:
    return METRIC.format(name=f"name = {toml(name)}, " if name else "", unit=toml(unit))


def _placed(word: str, step: str, run: ToolRun | None) -> str:
    """Return a word with placeholders for what they stand for: told by suffixes, and by what the tool reads and writes.

    The checkpoint and the ONNX file are those of an export; a variable for the batch size is one everywhere.
    """
    flag, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
    found = ""
    if step == "export":
        found = "{weights}" if value.endswith(WEIGHTS) else "{model}" if value.endswith(".onnx") else ""
    elif run is not None and value and not value.startswith("-"):
        found = run.reads(value) or (run.writes(value) if step == "postprocess" else "")
    return _BATCH.sub("{batch}", f"{flag}{equals}{found or value}")
