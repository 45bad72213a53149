"""The README's own scripts as the steps of a card, proposed in comments: running them is somebody's decision."""

from collections.abc import Mapping

from harness.card_scripts import placeholders
from harness.drafts.page import Page, toml

WARNING = (
    "The README's own scripts could score the accuracy: running them is running their code with your rights, so read "
    "them before you uncomment this and pass --run-scripts."
)
HOW = (
    "Put {dataset} where a data folder stands, {inputs} where the prepared .bin files go, {results} where the model's "
    "outputs are read."
)
WEIGHTS = (".pth", ".pt", ".pth.tar", ".ckpt", ".pkl", ".pdparams")
METRIC = '{ pattern = "the printed number, as a regular expression with one group: ([0-9.]+)", unit = "%" }'
ORDER = ("export", "preprocess", "postprocess")


def propose(page: Page, scripts: Mapping[str, tuple[tuple[str, ...], int]], file: str) -> None:
    """Write the steps as comments; nothing where the README has no script to score with."""
    if "postprocess" not in scripts:
        return
    page.remarks()
    page.note(WARNING)
    page.note(HOW)
    page.outline(
        ["[script]", 'repository = "the folder with these scripts, below that of --zoo or relative to this card"']
    )
    for step in ORDER:
        if step not in scripts:
            continue
        words, line = scripts[step]
        argv = [_placed(word, step) for word in words]
        page.outline(["", f"[script.{step}]  # {file}:{line}", f"argv = {toml(argv)}"])
        unknown = [name for word in argv for name in placeholders(word) if f"${{{name}}}" in word]
        if unknown:
            page.outline(
                [f"# the shell variables {', '.join(dict.fromkeys(unknown))} have no value here: replace them"]
            )
        if step == "postprocess":
            page.outline([f"metric = {METRIC}"])


def _placed(word: str, step: str) -> str:
    """Return a word of an export with the checkpoint and the ONNX file as placeholders: their suffixes tell them."""
    flag, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
    if step == "export" and value.endswith(WEIGHTS):
        return f"{flag}{equals}{{weights}}"
    if step == "export" and value.endswith(".onnx"):
        return f"{flag}{equals}{{model}}"
    return word
