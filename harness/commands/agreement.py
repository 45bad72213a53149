"""What the schema cannot tell of a card: whether its tables agree with each other and with the files beside it."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.card_promises import NO_ACCURACIES
from harness.cards import Atc, Baseline, ModelCard
from harness.errors import CardError, MissingNeedError, OmgateError, closest
from harness.readme import atc_commands
from harness.readme.atc_commands import AtcCommand
from harness.readme.shell_words import UNCLOSED
from harness.units import compared_in

DATA_OF = {"top1": ("imagenet",), "miou": ("cityscapes", "tfrecord", "prepared"), "map": ("coco", "prepared")}
SCORES_OF = {
    "top1": ("top1", "top5"),
    "miou": ("miou", "pixacc", "meanacc", "fwiou", "iou"),
    "map": ("map", "ap50", "ap75", "aps", "apm", "apl", "ar1", "ar10", "ar100", "ars", "arm", "arl"),
}
PROTOCOLS_OF = {"miou": ("dataset", "running-mean"), "map": ("all-rows", "standard")}
STANDARD_OF = {"top1": "standard", "miou": "dataset", "map": "standard"}
# A shell variable for the batch, also as READMEs write it without `$` or with full-width braces.
VARIABLE = re.compile(r"\$?[{｛]\w{1,40}[}｝]")
FRAMEWORK_CODE = {"torch": 5, "onnx": 5, "tensorflow": 3}


def findings(card: ModelCard, weights_dir: Path | None = None) -> tuple[OmgateError, ...]:
    """Return everything that contradicts itself in a card; absent weights are no finding, other ones are."""
    found: list[OmgateError] = [error for check in CHECKS for error in check(card)]
    return (*found, *_weights(card, weights_dir))


def _preprocess(card: ModelCard) -> Iterator[CardError]:
    from harness.preprocess import check_steps

    if card.dataset.kind in ("none", "prepared") and not card.preprocess:
        return
    try:
        check_steps(card.preprocess, card.input[0], f"{card.path}: preprocess")
    except CardError as error:
        yield error


def _generator(card: ModelCard) -> Iterator[CardError]:
    from pydantic import ValidationError

    from harness.card_errors import explain
    from harness.datasets.digits import PARAMS

    name, params = card.dataset.generator, card.dataset.generator_params
    if name and name not in PARAMS:
        yield _error(card, "dataset.generator", "unknown generator", repr(name), closest(name, list(PARAMS)))
    elif name:
        try:
            PARAMS[name].model_validate(params)
        except ValidationError as error:
            reason = explain(card.path, error, params, PARAMS[name])
            where = reason.where.removeprefix(f"{card.path}: ")
            yield _error(card, f"dataset.generator_params.{where}", reason.what, reason.got, reason.do)


def _outputs(card: ModelCard) -> Iterator[CardError]:
    indices = sorted(output.index for output in card.output)
    if indices != list(range(len(indices))):
        yield _error(card, "output", f"expected the indices 0 to {len(indices) - 1}", str(indices))
    shape = card.scored_output.shape
    axes = {"top1": 2, "miou": 4}.get(card.metric.name)
    if axes is not None and len(shape) != axes:
        yield _error(card, "output", f"expected {axes} axes of the output that {card.metric.name} scores", str(shape))
    elif axes is not None and card.class_count not in shape[1:]:
        yield _error(card, "output", f"expected an axis of {card.class_count} classes", str(list(shape)))


def _metric(card: ModelCard) -> Iterator[CardError]:
    kinds = (*DATA_OF.get(card.metric.name, ()), "none")
    if card.dataset.kind not in kinds:
        yield _error(card, "dataset.kind", f"expected {' or '.join(kinds)} for {card.metric.name}", card.dataset.kind)
    protocols = PROTOCOLS_OF.get(card.metric.name, ())
    if protocols and card.metric.protocol not in protocols:
        hint = closest(card.metric.protocol, protocols)
        yield _error(card, "metric.protocol", f"expected {' or '.join(protocols)}", repr(card.metric.protocol), hint)


def _atc(card: ModelCard) -> Iterator[CardError]:
    if card.atc is None:
        return
    code = FRAMEWORK_CODE[card.source.framework]
    if card.atc.framework != code:
        yield _error(card, "atc.framework", f"expected {code} for {card.source.framework}", str(card.atc.framework))
    layouts = {tensor.layout for tensor in card.input if len(tensor.shape) == 4 and tensor.layout}
    if card.atc.input_format in ("NCHW", "NHWC") and layouts - {card.atc.input_format}:
        expected = f"expected the layout {', '.join(sorted(layouts))} of the inputs"
        yield _error(card, "atc.input_format", expected, repr(card.atc.input_format))
    if card.atc.source is not None:
        yield from _printed_command(card, card.atc, card.atc.source.text)


def _printed_command(card: ModelCard, atc: Atc, text: str) -> Iterator[CardError]:
    commands = atc_commands.parse(text)
    if len(commands) != 1:
        yield _error(card, "atc.source.text", "expected one ATC command", str(len(commands)))
        return
    command = commands[0]
    unclosed = next((note for note in command.notes if note.startswith(UNCLOSED)), "")
    if unclosed:
        yield _error(card, "atc.source.text", "expected a command line", unclosed)
        return
    printed = {
        "framework": "" if command.framework is None else str(command.framework),
        "input_format": command.input_format or "",
        "out_nodes": ";".join(command.out_nodes or ()),
        "precision_mode": command.precision_mode or "",
    }
    for name, value in printed.items():
        if str(getattr(atc, name)) != value:
            yield _error(card, f"atc.{name}", f"expected {value!r} as in the printed command", repr(getattr(atc, name)))
    if command.flags != atc.flags:
        yield _error(card, "atc.flags", f"expected {command.flags} as in the printed command", str(atc.flags))
    yield from _input_shape(card, command)


def _input_shape(card: ModelCard, command: AtcCommand) -> Iterator[CardError]:
    """Compare `name:1,3,224,224;other:…` with the inputs; a variable, -1 or a number of the card's batches is "N"."""
    names, expected = list(command.inputs), [tensor.name for tensor in card.input]
    if command.input_shape and names != expected:
        yield _error(card, "input", f"expected the names {names} of the printed --input_shape", str(expected))
        return
    batches = {"-1", *map(str, card.batches)} | {size for sizes in command.inputs.values() for size in sizes[:1]
                                                 if VARIABLE.fullmatch(size)}  # fmt: skip
    for i, (tensor, given) in enumerate(zip(card.input, command.inputs.values(), strict=False)):
        wanted = tuple(given[axis] if size == "N" and given[axis] in batches else str(size)
                       for axis, size in enumerate(tensor.shape) if axis < len(given))  # fmt: skip
        if wanted != given or len(given) != len(tensor.shape):
            yield _error(
                card, f"input[{i}].shape", f"expected {','.join(given)} as in --input_shape", str(list(tensor.shape))
            )


def _promises(card: ModelCard) -> Iterator[CardError]:
    for i, row in enumerate(card.baseline):
        if row.role != "reference":
            yield from _promise(card, f"baseline[{i}]", row)
    for i, one in enumerate(card.expect):
        if one.batch not in card.batches:
            yield _error(card, f"expect[{i}].batch", f"expected one of batches {list(card.batches)}", str(one.batch))
        if one.chip not in card.chips:
            yield _unknown_chip(card, f"expect[{i}].chip", one.chip)


def _promise(card: ModelCard, where: str, row: Baseline) -> Iterator[CardError]:
    scored = card.metric.name in SCORES_OF
    known = (*SCORES_OF.get(card.metric.name, ()), *NO_ACCURACIES)
    if scored and row.metric not in known:
        yield _error(
            card, f"{where}.metric", f"expected one of {', '.join(known)}", repr(row.metric), closest(row.metric, known)
        )
    if isinstance(row.batch, int) and row.batch not in card.batches:
        yield _error(card, f"{where}.batch", f"expected one of batches {list(card.batches)}", str(row.batch))
    if row.chip not in ("any", "cpu", *card.chips):
        yield _unknown_chip(card, f"{where}.chip", row.chip)
    protocols = ("", card.metric.protocol, STANDARD_OF.get(card.metric.name, ""))
    if scored and row.is_accuracy and row.protocol not in protocols:
        hint = closest(row.protocol, protocols)
        yield _error(card, f"{where}.protocol", "expected a protocol that is measured", repr(row.protocol), hint)
    if row.class_ and isinstance(card.classes, tuple) and row.class_ not in card.classes:
        hint = closest(row.class_, card.classes)
        yield _error(card, f"{where}.class", "expected one of the card's classes", repr(row.class_), hint)


def _script(card: ModelCard) -> Iterator[CardError]:
    """Compare the promised accuracies with what the last script prints: one that is not measured is missed."""
    if card.script is None:
        return
    printed = {
        (name := metric.name or card.metric.name, metric.protocol or card.metric.protocol): compared_in(
            name, metric.unit
        )
        for metric in card.script.postprocess.metric
    }
    for i, row in enumerate(card.baseline):
        name = f"{row.metric}:{row.class_}" if row.class_ else row.metric
        wanted = (name, row.protocol or card.metric.protocol)
        if row.role != "reference" and row.is_accuracy and wanted not in printed:
            what = f"expected a metric that reads {name} ({wanted[1]}), which baseline[{i}] promises"
            yield _error(card, "script.postprocess.metric", what, ", ".join(sorted(name for name, _ in printed)))
        elif row.role != "reference" and row.is_accuracy and printed[wanted] != row.compared_in:
            what = f"expected the unit of {name} as baseline[{i}] has it, {row.compared_in or 'none'}"
            hint = 'correct one of them; a number without a unit has unit = "1"'
            yield _error(card, "script.postprocess.metric", what, printed[wanted] or "none", hint)


def _network(card: ModelCard) -> Iterator[CardError]:
    """Compare the keys of `[network]` with the arguments of `build`, read from the source without running it."""
    path = card.path.parent / "network.py"
    if card.artifact is not None or card.source.framework != "torch":
        return
    if not path.is_file():
        yield _error(card, "source.framework", "expected network.py beside a torch card", "none", f"write {path}")
        return
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError) as error:
        yield CardError(str(path), "expected Python source", str(error))
        return
    builds = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "build"]
    if not builds:
        yield CardError(str(path), "expected a function build(**arguments)", "none")
        return
    names = [one.arg for one in (*builds[0].args.args, *builds[0].args.kwonlyargs)]
    for key in card.network:
        if key not in names and builds[0].args.kwarg is None:
            yield _error(card, f"network.{key}", f"unknown argument of build in {path.name}", "", closest(key, names))


def _weights(card: ModelCard, weights_dir: Path | None) -> Iterator[OmgateError]:
    from harness.networks import weights_file

    if card.weights is None:
        return
    try:
        weights_file(card, weights_dir)
    except MissingNeedError:
        return  # doctor says what is missing; validate says what is wrong
    except OmgateError as error:
        yield error


def _unknown_chip(card: ModelCard, where: str, chip: str) -> CardError:
    hint = closest(chip, card.chips) or "add it to chips"
    return _error(card, where, f"expected one of chips {list(card.chips)}", repr(chip), hint)


def _error(card: ModelCard, *parts: str) -> CardError:
    where, *rest = parts
    return CardError(f"{card.path}: {where}", *rest)


CHECKS: tuple[Callable[[ModelCard], Iterator[CardError]], ...] = (
    _preprocess,
    _generator,
    _outputs,
    _metric,
    _atc,
    _promises,
    _script,
    _network,
)
