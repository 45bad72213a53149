"""The ATC conversion commands of a README as typed rows, in file order: read, never run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from harness.readme.redact import redact
from harness.readme.shell_words import Argument, Flags, arguments, continues, plain, starts_with_flag, uncommented

# The flags that ATC declares and that READMEs use; one of them ends a value whose closing quote is missing.
FLAGS = Flags(
    names=(
        "auto_tune_mode", "buffer_optimize", "check_report", "compression_optimize_conf", "core_type",
        "customize_dtypes", "debug_dir", "deterministic", "disable_reuse_memory", "dynamic_batch_size",
        "dynamic_dims", "dynamic_image_size", "enable_compress_weight", "enable_scope_fusion_passes",
        "enable_small_channel", "external_weight", "framework", "fusion_switch_file", "head_stream", "input_format",
        "input_fp16_nodes", "input_shape", "input_shape_range", "insert_op_conf", "is_input_adjust_hw_layout",
        "is_output_adjust_hw_layout", "json", "keep_dtype", "log", "mode", "model", "modify_mixlist", "om",
        "op_compiler_cache_dir", "op_compiler_cache_mode", "op_debug_level", "op_precision_mode",
        "op_select_implmode", "optypelist_for_implmode", "out_nodes", "output", "output_type", "precision_mode",
        "precision_mode_v2", "save_original_model", "singleop", "soc_version", "weight",
    ),
    lists=(
        "dynamic_batch_size", "dynamic_dims", "dynamic_image_size", "input_fp16_nodes", "input_shape",
        "input_shape_range", "out_nodes", "optypelist_for_implmode", "output_type",
    ),
)  # fmt: skip
# Of these, a command has a field of its own; the rest is `flags`.
NAMED = ("framework", "model", "input_shape", "out_nodes", "soc_version", "input_format", "precision_mode", "output")
MOST_LINES = 200
MOST_CHARACTERS = 16_384
# `atc`, alone or at the end of a path, with a flag behind it or nothing more on its line.
_START = re.compile(
    r"(?<![A-Za-z0-9_.\-$={:])atc(?:\.bin)?"
    r"(?=[ \t\u3000\xa0`\\]{1,40}[-—–－−]{1,2}[A-Za-z_]|[\s`\\]{0,40}(?:#.{0,200})?$)",
    re.IGNORECASE,
)
_QUOTE_BLOCK = re.compile(r"^\s*(?:>\s*)+")
_NUMBER = re.compile(r"[0-9]{1,3}")
_WORD_OF_FLAG = re.compile(r"[-—–－−]([A-Za-z_][A-Za-z0-9_-]*)")
_FENCE = re.compile(r"\s*(?:```|~~~)")
# A flag with its value and nothing said of it: no Chinese words, no colon behind its name.
_GIVEN = re.compile(r"\s*--?[A-Za-z_]\w*(?:\s?=\s?|\s+)[^\s:：\u3400-\u9fff][^\u3400-\u9fff]*$")
MOST_BLANKS = 2
_BRACKETS = str.maketrans("，：；［］～", ",:;[]~")


@dataclass(frozen=True)
class AtcCommand:
    """One conversion command; None is an absent flag.

    `inputs` maps each name of `input_shape` to its sizes as printed (`1`, `-1`, `${bs}`, `1~32`); `flags` holds every
    flag without a field of its own; `line` counts from 1; `text` is the whole command in one line.
    """

    line: int
    text: str
    framework: int | None = None
    model: str | None = None
    input_shape: str | None = None
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    out_nodes: tuple[str, ...] | None = None
    soc_version: str | None = None
    input_format: str | None = None
    precision_mode: str | None = None
    output: str | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the command as JSON values, with the names of the inputs beside their shapes."""
        names = None if self.input_shape is None else list(self.inputs)
        return {**asdict(self), "input_names": names}


def parse(text: str) -> tuple[AtcCommand, ...]:
    """Return the commands of a README's text in file order; a text without any gives none."""
    lines = [_QUOTE_BLOCK.sub("", plain(line)) if ">" in line else plain(line) for line in text.split("\n")]
    found = (_command(lines, start) for start in _starts(lines))
    return tuple(command for command in found if command is not None)


def shapes(text: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the inputs of an `--input_shape` with their sizes as printed, and what could not be read of it.

    >>> shapes("speech:[1~64,80];onnx::Reshape_0:${bs},3")
    ({'speech': ('1~64', '80'), 'onnx::Reshape_0': ('${bs}', '3')}, ())
    """
    inputs: dict[str, tuple[str, ...]] = {}
    notes = []
    for item in filter(None, "".join(text.split()).translate(_BRACKETS).split(";")):
        name, colon, sizes = item.rpartition(":")
        if not colon or not name:
            notes.append(f"input_shape: {item!r} has no name")
        elif name in inputs:
            notes.append(f"input_shape: {name!r} stands there twice")
        else:
            inputs[name] = tuple(size for size in sizes.strip("[]").split(",") if size)
    return inputs, tuple(notes)


@dataclass(frozen=True)
class _Start:
    """Where a command may start: its text up to the next one of the line, whether that is all, and what is before it.

    `is_code` tells that it stands between back-ticks.
    """

    row: int
    text: str
    is_last: bool
    before: str
    is_code: bool


def _starts(lines: list[str]) -> Iterator[_Start]:
    for row, line in enumerate(lines):
        if "atc" not in line and "ATC" not in line:
            continue
        columns = [start.start() for start in _START.finditer(line)]
        ticks, counted = 0, 0
        for column, until in pairwise([*columns, len(line)]):
            ticks += line.count("`", counted, column)
            counted = column
            text, is_last = line[column:until], until == len(line)
            if (
                uncommented(text).strip("` \t\\").lower() != "atc"
                or _flag_of(lines, row + 1)
                or _flag_of(lines, row + 2)
            ):
                yield _Start(row, text, is_last, line[max(0, column - 8) : column], ticks % 2 == 1)


def _flag_of(lines: list[str], row: int) -> str:
    """Return the flag that a line starts with, back-ticks aside, or an empty string."""
    return starts_with_flag(lines[row].strip().removeprefix("`").lstrip()) if row < len(lines) else ""


def _command(lines: list[str], start: _Start) -> AtcCommand | None:
    """Return the command that starts there, or None where it is prose: it names neither a model nor a framework."""
    joined = _joined(lines, start)
    text = joined[:MOST_CHARACTERS]
    if "model" not in text and "framework" not in text:
        return None
    given = list(arguments(text, FLAGS))
    # A named secret looks like an input called `token`, so shapes and nodes are left as they are.
    values = {one.name: one.value if one.name in FLAGS.lists else redact(one.value) for one in given}
    if not {"model", "framework"} & values.keys():
        return None
    inputs, unread = shapes(values.get("input_shape", ""))
    notes = [*_notes(given, start.before), *unread]
    notes += [f"only the first {MOST_CHARACTERS} characters were read"] if len(joined) > MOST_CHARACTERS else []
    nodes, shape, number = values.get("out_nodes"), values.get("input_shape"), values.get("framework", "").strip()
    return AtcCommand(
        line=start.row + 1,
        text=redact(" ".join(text.split())),
        framework=int(number) if _NUMBER.fullmatch(number) else None,
        input_shape=None if shape is None else "".join(shape.split()),
        inputs=inputs,
        out_nodes=None if nodes is None else tuple(filter(None, ("".join(node.split()) for node in nodes.split(";")))),
        **{name: values.get(name) for name in ("model", "soc_version", "input_format", "precision_mode", "output")},
        flags={name: value for name, value in values.items() if name not in NAMED},
        notes=tuple(notes),
    )


def _notes(given: list[Argument], before: str) -> Iterator[str]:
    """Yield what is odd about a command: quotes, repetition, prose, a framework that is no number."""
    seen: dict[str, str] = {}
    if before.strip() in ("#", "//"):
        yield "commented out, or a root prompt"
    for one in given:
        if one.fault:
            yield f"{one.fault} in --{one.name}"
        if one.rest.strip("\"'` "):
            yield f"no argument: {redact(one.rest)[:80]!r}"
        if seen.setdefault(one.name, one.value) != one.value:
            yield f"--{one.name} is given twice: {redact(seen[one.name])!r}, then {redact(one.value)!r}"
    if not _NUMBER.fullmatch(seen.get("framework", "0").strip()):
        yield f"framework is no number: {redact(seen['framework'])!r}"


def _joined(lines: list[str], start: _Start) -> str:
    """Return a command in one line: its own, and those that continue it."""
    first, more = _piece(start.text, is_code=start.is_code)
    pieces, length, row = [first], len(first), start.row
    seen = {flag.group(1).replace("-", "_") for flag in _WORD_OF_FLAG.finditer(first)}
    more = more and start.is_last
    while more and len(pieces) < MOST_LINES and length < MOST_CHARACTERS:
        row, following = _next(lines, row, pieces[-1], seen)
        code = following.lstrip()
        if not code:
            break
        piece, more = _piece(code.removeprefix("`"), is_code=code.startswith("`"))
        pieces.append(piece)
        length += len(piece)
        seen |= {flag.group(1).replace("-", "_") for flag in _WORD_OF_FLAG.finditer(piece)}
    return " ".join(piece.rstrip("\\ \t") if continues(piece) else piece for piece in pieces)


def _piece(text: str, *, is_code: bool) -> tuple[str, bool]:
    """Return a line's share of a command, and whether another line may follow: prose behind inline code ends it."""
    if not is_code:
        return uncommented(text.replace("`", " ")), True
    inside, _, behind = text.partition("`")
    return uncommented(inside), not behind.strip(" \t\r`\\。.；;")


def _next(lines: list[str], row: int, piece: str, seen: set[str]) -> tuple[int, str]:
    """Return the row and text of the line that continues a command; no text where the command ends.

    It does so behind a backslash, with a flag that the command has not `seen`, and inside open quotes.
    """
    at, backslash = row + 1, continues(piece)
    if backslash and at < len(lines) and not lines[at].strip() and _flag_of(lines, at + 1):
        at += 1  # a blank line behind a backslash ends a command in a shell, not in a README
    at = at if backslash or not seen else _behind_blanks(lines, at)
    if at >= len(lines) or _FENCE.match(lines[at]) or _START.search(lines[at]):
        return at, ""
    flag = "" if backslash else _flag_of(lines, at)
    if backslash or (flag and flag not in seen):
        return at, lines[at]
    return at, lines[at] if _is_open(piece) and '"' in lines[at] else ""


def _behind_blanks(lines: list[str], at: int) -> int:
    """Return the row of a flag with a value behind one or two blank lines, else `at`; an explained flag is none."""
    for row in range(at, min(at + MOST_BLANKS + 1, len(lines))):
        if lines[row].strip():
            return row if _GIVEN.match(lines[row]) else at
    return at


def _is_open(piece: str) -> bool:
    """Tell whether a line ends inside the quotes of its last flag's value."""
    return piece.rpartition("--")[2].count('"') % 2 == 1
