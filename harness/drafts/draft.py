"""From a README, and an ONNX file where there is one, to a card in a new folder."""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import cards, readme
from harness.cards import ModelCard
from harness.drafts import model_file, promises, sections, steps, surroundings
from harness.drafts.model_file import ModelFile, Tensor
from harness.drafts.page import Page, Question
from harness.drafts.promises import Around
from harness.drafts.sections import Known
from harness.drafts.surroundings import Surroundings
from harness.errors import CardError, UsageError
from harness.readme import atc_commands, document
from harness.readme.atc_commands import AtcCommand

CARD = "card.toml"
_UNNAMED = re.compile(r"[^a-z0-9_.-]+")
# What titles of READMEs have before and after the model's name: `# ShiftViT 模型-推理指导`.
_OF_TITLE = re.compile(
    r"模型|推理|指导|onnx|离线|端到端|\bfor\b|pytorch|tensorflow|\binference\b|\bmodel\b|readme", re.IGNORECASE
)
_FIXED = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class Request:
    """What to draft: a README, an ONNX file if there is one, the folder of cards, and a name instead of the title's."""

    readme: Path
    output: Path
    model: Path | None = None
    name: str = ""


@dataclass(frozen=True)
class Draft:
    """A card's text, the folder it belongs in, its questions, and what was found.

    `frozen` tells that it is judged by a frozen graph, which the user puts beside it.
    """

    name: str
    folder: Path
    text: str
    questions: tuple[Question, ...]
    promised: int
    stated: int
    has_command: bool
    chips: tuple[str, ...]
    frozen: bool = False


def draft(request: Request) -> Draft:
    """Return the draft of a card; nothing is written.

    Raises UsageError for a README or model that is not there and for a folder that is taken, RunError for a file that
    is no ONNX file or does not run.
    """
    data = _content(request.readme)
    parsed = readme.parse(data)
    text = document.decode(data)
    commands = atc_commands.parse(text)
    around = surroundings.read(text.split("\n"))
    name = _name(request, around.title)
    folder = request.output / name
    _require_new(folder)
    promised = _promises(request, parsed.rows, commands, None)
    model = model_file.read(request.model, commands, promised.batches) if request.model else None
    command = _command(commands, model)
    known = Known(
        name=name,
        readme=request.readme.name,
        address=_address(request.readme),
        around=around,
        promises=_promises(request, parsed.rows, commands, command),
        chips=promises.chips(parsed.rows, [one.soc_version for one in commands]),
        command=command,
        commands=len(commands),
        model=model,
        artifact=os.path.relpath(model.path.resolve(), folder.resolve()) if model else "",
    )
    page = _page(known, _repository(request, folder, around))
    count = sum(row.role == "promise" for row in parsed.rows)
    stated = sum(getattr(one.row, "role", "promise") == "promise" for one in known.promises.stated)
    questions, frozen = tuple(page.questions), known.framework == "tensorflow"
    return Draft(name, folder, page.text, questions, count, stated, command is not None, known.chips, frozen)


def write(made: Draft) -> ModelCard:
    """Write a draft into its new folder, whole or not at all, and return the card.

    Raises UsageError for a folder that is there by now or cannot be made, CardError for a draft that is no card.
    """
    parent = made.folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{made.name}-", dir=parent))
    except OSError as error:
        raise UsageError(
            f"--output {parent}", "expected a folder to write into", error.strerror or str(error)
        ) from error
    try:
        (temporary / CARD).write_text(made.text, encoding="utf-8")
        cards.load(temporary / CARD)
        temporary.chmod(0o755)
        _require_new(made.folder)
        temporary.rename(made.folder)
    except CardError as error:
        where = error.where.replace(str(temporary), str(made.folder))
        raise CardError(where, error.what, error.got, "nothing was written; please report this README") from error
    except OSError as error:
        raise UsageError(
            str(made.folder), "expected a folder that can be written", error.strerror or str(error)
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return cards.load(made.folder / CARD)


def _promises(
    request: Request, rows: Sequence[readme.Row], commands: Sequence[AtcCommand], command: AtcCommand | None
) -> promises.Promises:
    chosen = [command] if command else list(commands)
    sizes = [sizes[0] for one in chosen for sizes in list(one.inputs.values())[:1] if sizes]
    batch = next((int(size) for size in sizes if _FIXED.fullmatch(size) and int(size) > 0), None)
    names = [str(request.model or ""), *(one.model or "" for one in chosen)]
    around = Around(promises.chips(rows, [one.soc_version for one in commands]), batch, promises.model_of(rows, names))
    return promises.gather(rows, request.readme.name, around)


def _address(file: Path) -> str:
    """Return where the README is: its path in its repository, at least with its folder, for `omgate zoo` to know it."""
    place = file.resolve()
    root = next((folder for folder in place.parents if (folder / ".git").exists()), None)
    path = place.relative_to(root) if root else Path(place.name)
    return (path if len(path.parts) > 1 else Path(place.parent.name) / path).as_posix()


def _repository(request: Request, folder: Path, around: Surroundings) -> str:
    """Return the README's folder, relative to the card's, where its scripts lie in it; else nothing."""
    home = request.readme.resolve().parent
    files = [word for words, _ in around.scripts.values() for word in words if word.endswith(".py")]
    here = any((home / file).is_file() for file in files if not file.startswith("/"))
    return os.path.relpath(home, folder.resolve()) if here else ""


def _page(known: Known, repository: str) -> Page:
    page = Page()
    model = known.model
    inputs, outputs = (model.inputs, model.outputs) if model else _unread(known.command)
    sections.head(page, known, outputs)
    sections.source(page, known)
    sections.tensors(page, known, inputs, outputs)
    sections.data(page, known, outputs)
    sections.atc(page, known)
    if known.around.versions:
        page.table("environment", "the versions that the README states")
        for key, value in sorted(known.around.versions.items()):
            page.field(key, value)
    sections.rows(page, known)
    own = sections.metric_of(known, outputs)
    place = steps.Place(known.readme, repository, sections.promised_scores(known), own)
    steps.propose(page, known.around, place)
    return page


def _unread(command: AtcCommand | None) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    inputs = model_file.of_command(command) if command and command.inputs else sections.unknown_inputs()
    return inputs, sections.unknown_outputs(command)


def _command(commands: Sequence[AtcCommand], model: ModelFile | None) -> AtcCommand | None:
    if model is None:
        return commands[0] if commands else None
    return model_file.choose(tuple(commands), tuple(one.name for one in model.inputs), model.path.name)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(str(path), "expected a README that can be read", error.strerror or str(error)) from error


def _name(request: Request, title: str) -> str:
    """Return the card's name: the given one, else from the title, else of the README's folder or file."""
    if request.name:
        if _UNNAMED.search(request.name) or not request.name[0].isalnum():
            what = "expected lower-case letters, digits, `.`, `_` and `-`"
            raise UsageError(f"--name {request.name}", what, repr(request.name))
        return request.name
    stem = "" if request.readme.stem.lower().startswith("readme") else request.readme.stem
    candidates = (_OF_TITLE.sub(" ", title), stem, request.readme.resolve().parent.name, "model")
    plain = (_UNNAMED.sub("-", one.lower()).strip("-._")[:40].strip("-._") for one in candidates)
    name = next(one for one in plain if one)
    return f"{name}-draft" if name in cards.names() else name


def _require_new(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise UsageError(str(folder), "expected no folder of this name", "one", "choose another --name or --output")
