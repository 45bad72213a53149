"""The tables of a draft: each function writes what is known of one, and asks for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.cards import Baseline, Expect, Place, Ratio, RatioSide
from harness.convert.atc import SIDE_FILES
from harness.drafts.model_file import PLACEHOLDER, ModelFile, Tensor
from harness.drafts.page import Number, Page, Question
from harness.drafts.promises import Promises, Stated
from harness.drafts.surroundings import Surroundings
from harness.readme.atc_commands import AtcCommand
from harness.units import PLAIN, more_is_better

# omgate converts for fixed batches: these flags are for others, and contradict a fixed --input_shape.
DYNAMIC = ("dynamic_batch_size", "dynamic_dims", "dynamic_image_size", "input_shape_range")
MOST_LEFT = 40
SCORES = {"top1": ("top1", "top5"), "miou": ("miou", "pixacc", "meanacc", "fwiou", "iou")}
"""The metrics that a README says enough of, with what each gives; detections also need the outputs' roles."""
AXES = {"top1": 2, "miou": 4}
COMPUTED = (*SCORES["top1"], *SCORES["miou"], "map")
PROTOCOL = {"top1": "by-name", "miou": "dataset", "none": "as-printed"}


@dataclass(frozen=True)
class Known:
    """Everything that was found, for the sections of one card."""

    name: str
    readme: str
    address: str
    around: Surroundings
    promises: Promises
    chips: tuple[str, ...] = ()
    command: AtcCommand | None = None
    commands: int = 0
    model: ModelFile | None = None
    artifact: str = ""

    @property
    def framework(self) -> str:
        """The framework of the card: `onnx` with a file, else that of the ATC command."""
        frozen = self.model is None and self.command is not None and self.command.framework == 3
        return "tensorflow" if frozen else "onnx"


def head(page: Page, known: Known, outputs: Sequence[Tensor]) -> None:
    """Write the top level."""
    metric = metric_of(known, outputs)
    page.note(
        f"A draft, made from {known.readme}. Lines that start with `# ?` are questions: answer them, then remove them."
    )
    page.field("name", known.name)
    page.field("family", known.name)
    classes = outputs[0].shape[1] if metric != "none" else 1
    page.field("classes", classes, note="" if metric != "none" else "not read: no metric of omgate's is named below")
    if known.around.tools:
        page.field("tools", known.around.tools)
    ask = "" if known.chips else "the README names no chip: for which one is it?"
    page.field("chips", known.chips or ("Ascend310P3",), ask)
    problem = known.model.batch_problem if known.model else ""
    page.field("batches", known.promises.batches, problem)


def source(page: Page, known: Known) -> None:
    """Write where the model comes from, and the file that is judged."""
    url, commit = known.around.url, known.around.commit
    page.table("source")
    where = "the README may say it where it says how to get the source"
    page.field("url", url.text if url else "unknown", "" if url else f"where does the model come from? {where}")
    page.field(
        "commit", commit.text if commit else "", "" if commit else f"which commit do the weights belong to? {where}"
    )
    note = "the network's own code is not here, so the file is compared with itself as it is written"
    page.field("framework", known.framework, note=note if known.framework == "onnx" else "")
    page.field("readme", known.address)
    page.table("artifact")
    if known.model:
        page.field("onnx", known.artifact)
        page.field("sha256", known.model.sha256)
        return
    printed = (known.command.model or "") if known.command else ""
    suffix, key = (".pb", "pb") if known.framework == "tensorflow" else (".onnx", "onnx")
    file = printed.rpartition("/")[2]
    named = file if file.endswith(suffix) and "$" not in file else f"{known.name}{suffix}"
    how = "put it beside this card"
    how += ", or draft again with --model FILE.onnx, which reads its tensors" if key == "onnx" else ""
    page.field(key, named, Question(key, f"where is the file that ATC converts? {how}", needed=True))


def tensors(page: Page, known: Known, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
    """Write the inputs and outputs; the first output is the one that is scored."""
    layout = (known.command.input_format or "") if known.command else ""
    for tensor in inputs:
        page.table("[input]")
        _tensor(page, tensor, layout if len(tensor.shape) == 4 and layout in ("NCHW", "NHWC") else "")
    for index, tensor in enumerate(outputs):
        page.table("[output]")
        page.field("index", index)
        _tensor(page, tensor, "")
        if index == 0:
            several = len(outputs) > 1
            page.field("scored", True, "is this the output that the metric reads? one of them is" if several else "")


def _tensor(page: Page, tensor: Tensor, layout: str) -> None:
    page.field("name", tensor.name)
    page.field("dtype", tensor.dtype)
    page.field("shape", tensor.shape, Question("shape", tensor.question, needed=tensor.needed))
    if layout:
        page.field("layout", layout)


def unknown_inputs() -> tuple[Tensor, ...]:
    """Return an input that stands for all."""
    what = "what does the model take? name, dtype and shape, from the ONNX file"
    return (Tensor("input", "float32", ("N", PLACEHOLDER), what, needed=True),)


def unknown_outputs(command: AtcCommand | None) -> tuple[Tensor, ...]:
    """Return the outputs as far as a command names them: no README says all of their shapes."""
    nodes = list(dict.fromkeys(node.removesuffix(":0") for node in command.out_nodes or ())) if command else []
    file = "frozen graph" if command and command.framework == 3 else "ONNX file"
    what = f"what does the model give? name, dtype and shape, from the {file}"
    return tuple(Tensor(name, "float32", ("N", PLACEHOLDER), what, needed=True) for name in nodes or ["output"])


def promised_scores(known: Known) -> dict[str, str]:
    """Return the units of the promised accuracies by name, as scripts print them: with its class where one has a class.

    A script may print any share in per cent.
    """
    rows = [one.row for one in known.promises.stated if isinstance(one.row, Baseline)]
    scores = [row for row in rows if row.is_accuracy and row.role == "promise"]
    return {
        f"{row.metric}:{row.class_}" if row.class_ else row.metric: "%" if row.is_share else row.unit or PLAIN
        for row in scores
    }


def metric_of(known: Known, outputs: Sequence[Tensor]) -> str:
    """Return the metric of omgate's that gives every promised accuracy, or `none`."""
    printed = {name.partition(":")[0] for name in promised_scores(known)}
    for name, gives in SCORES.items():
        shape = outputs[0].shape
        if printed and printed <= set(gives) and len(shape) == AXES[name] and isinstance(shape[1], int):
            return name
    return "none"


def data(page: Page, known: Known, outputs: Sequence[Tensor]) -> None:
    """Write the data set and the metric: none, so that the first gate needs no data."""
    found, name = known.around.data, metric_of(known, outputs)
    by_scripts = _by_scripts(known) if name == "none" else ""
    page.table("dataset")
    where = f'line {found.line} names "{found.text}"' if found else "the README names none that omgate reads"
    ask = f"with a data set the accuracy is judged too; {where}. It also needs [[preprocess]] steps"
    page.field("kind", "none", "" if by_scripts else ask)
    page.field("count", 0)
    page.table("metric")
    page.field("name", name, by_scripts)
    page.field("protocol", PROTOCOL[name], "how does the README score it?" if name == "miou" else "")


def _by_scripts(known: Known) -> str:
    """Return what a person has to know of promised accuracies that no metric of omgate's is filled in for."""
    printed = promised_scores(known)
    own = [score for score in printed if score.partition(":")[0] in COMPUTED]
    if not printed:
        return ""
    proposed = "postprocess" in known.around.scripts
    how = "see [script] at the end" if proposed else "name them in a [script] table (docs/cards.md)"
    judged = f"only the README's own scripts can judge them, with --run-scripts: {how}"
    if len(own) < len(printed):
        return f"omgate computes no {', '.join(score for score in printed if score not in own)}: {judged}"
    way = 'set name = "map" with the parameter outputs' if "map" in own else "see [metric] in docs/cards.md"
    return f"omgate computes {', '.join(own)}, but not from these outputs as they stand: {way}; else {judged}"


def atc(page: Page, known: Known) -> None:
    """Write the conversion command, its flags as printed but for those that cannot hold here."""
    command = known.command
    if command is None:
        return
    converts = 3 if known.framework == "tensorflow" else 5
    page.table("atc")
    if known.commands > 1:
        page.ask(Question("source", f"the README has {known.commands} ATC commands: is this the one for this file?"))
    for difference in known.model.differences if known.model else ():
        page.ask(Question("source", f"{difference}: which is right?"))
    page.field("framework", converts)
    for key, value in {"input_format": command.input_format, "precision_mode": command.precision_mode}.items():
        if value:
            page.field(key, value)
    if command.out_nodes and command.framework == converts:
        page.field("out_nodes", ";".join(command.out_nodes))
    _flags(page, command.flags)
    other = _other_conversion(command, converts)
    if other:
        page.field("note", f"{known.readme}:{command.line} {other}")
    else:
        page.field("source", {"file": known.readme, "line": command.line, "text": command.text})


def _other_conversion(command: AtcCommand, converts: int) -> str:
    """Return why the command is for another conversion than omgate's, or an empty string."""
    if command.framework not in (None, converts):
        return f"converts with --framework={command.framework}; an ONNX file needs {converts}"
    gears = [name for name in DYNAMIC if name in command.flags]
    ranges = [name for name, sizes in command.inputs.items() if any("~" in size or size == "-1" for size in sizes[1:])]
    retyped = [f"--{name}" for name, value in command.flags.items() if _retypes(name, value)]
    if retyped:
        return f"gives the OM other data types than its source has ({', '.join(retyped)})"
    if gears or ranges:
        return f"converts for several shapes ({', '.join((*gears, *ranges))}); omgate for the one of [[input]]"
    return ""


def _retypes(name: str, value: str) -> bool:
    """Tell whether a flag gives the OM's inputs or outputs another data type than float32."""
    return name == "input_fp16_nodes" or (name == "output_type" and "FP16" in value.upper())


def _flags(page: Page, flags: Mapping[str, str]) -> None:
    kept = {}
    for name, value in flags.items():
        if name in DYNAMIC:
            page.note(f"--{name}={value} is left out: OMs are built for one batch and one shape each")
        elif _retypes(name, value):
            page.note(f"--{name}={value} is left out: the OM is fed and read in the data types of the ONNX file")
        elif name in SIDE_FILES:
            page.ask(
                Question(f"flags.{name}", f'add {name} = "{value}" to flags, and the file it names beside this card')
            )
        elif "$" in value or "{" in value:
            page.ask(Question(f"flags.{name}", f"the README prints --{name}={value}: add it with its value"))
        else:
            kept[name] = value
    if kept:
        page.field("flags", kept)


def rows(page: Page, known: Known) -> None:
    """Write the promises, references, expectations and ratios, and list what is left out."""
    for one in known.promises.stated:
        _row(page, one)
    left = known.promises.left
    if left:
        page.remarks()
        page.ask(Question("baseline", f"{len(left)} printed numbers are not in this card; add those that are meant:"))
        for line in left[:MOST_LEFT]:
            page.note(line)
        if len(left) > MOST_LEFT:
            page.note(f"and {len(left) - MOST_LEFT} more: see omgate baselines {known.readme}")


def _row(page: Page, one: Stated) -> None:
    row = one.row
    kind = {Baseline: "baseline", Expect: "expect", Ratio: "ratio"}[type(row)]
    page.table(f"[{kind}]")
    values = row.model_dump(by_alias=True, exclude_defaults=True, exclude={"source", "decimals"})
    if isinstance(row, Baseline):
        values["value"] = Number(row.value, row.decimals) if row.decimals is not None else row.value
        values = {key: value for key, value in values.items() if key != "printed" or value != row.chip}
    values = {key: _side(value) for key, value in values.items()}
    asks = {next(iter(values)): Question("chip", one.note)} if one.asks else {}
    if isinstance(row, Baseline) and _may_be_an_error(row):
        values["higher_is_better"] = row.higher_is_better
        asks["higher_is_better"] = Question("higher_is_better", f"is more of {row.metric} better, or less (false)?")
    for key, value in values.items():
        is_first = key == next(iter(values))
        page.field(key, value, asks.get(key, ""), "" if one.asks or not is_first else one.note)
    page.field("source", _place(row.source))


def _may_be_an_error(row: Baseline) -> bool:
    """Tell whether a number is no share, and its name does not tell whether more of it is better."""
    return row.is_accuracy and not row.is_share and more_is_better(row.metric) is None


def _side(value: object) -> object:
    return value.model_dump(exclude_defaults=True) if isinstance(value, RatioSide) else value


def _place(place: Place) -> dict[str, object]:
    return place.model_dump(exclude_defaults=True)
