"""What a README says beside its numbers and its ATC command: source, versions, tools, data sets, scripts."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.drafts import tool_runs
from harness.drafts.tool_runs import ToolRun
from harness.readme.redact import redact

# The model zoo's READMEs give their source as `url=…` and `commit_id=…` lines, and again as git commands.
_URL = re.compile(r"^\W{0,8}url\s{0,8}[=:：]\s{0,8}(https?://[^\s`)]{4,400})", re.IGNORECASE)
_CLONE = re.compile(r"\bgit\s{1,4}clone\s[^#\n]{0,120}?(https?://[^\s`)]{4,400})")
_COMMIT = re.compile(r"^\W{0,8}commit[_ ]?id\s{0,8}[=:：]\s{0,8}([0-9a-f]{7,40})\b", re.IGNORECASE)
_RESET = re.compile(r"\bgit\s{1,4}(?:reset\s{1,4}--hard|checkout)\s{1,4}([0-9a-f]{7,40})\b")
_TITLE = re.compile(r"^\s{0,3}#\s{0,4}([^#\s].{0,200})$")
_SCRIPT = re.compile(r"^[\s$#>`]{0,12}(python[0-9.]{0,6}\s{1,4}\S{1,200}\.py\b.{0,2000})$")
_ENDS = re.compile(r"(?:&&?|\|\|?|;)$|\d?>")
_VERSION_NUMBER = re.compile(r"^v?\d[\w.+-]{0,30}$", re.IGNORECASE)
VERSIONS = {
    "cann": ("cann",),
    "driver": ("固件与驱动", "驱动", "driver", "npu driver"),
    "python": ("python",),
    "pytorch": ("pytorch", "torch"),
    "tensorflow": ("tensorflow",),
    "torchvision": ("torchvision",),
    "onnx": ("onnx",),
    "pillow": ("pillow",),
}
"""The key of `[environment]` for each name in a README's table of versions, in lower case."""
TOOLS = {
    "ais_bench": re.compile(r"ais[_-](?:bench|infer)", re.IGNORECASE),
    "msame": re.compile(r"\bmsame\b"),
    "benchmark": re.compile(r"\bbenchmark(?:\.x86_64|\.aarch64|\.\$\{arch\}|\s{1,4}-model_type)"),
}
DATA_SETS = {
    "imagenet": re.compile(r"imagenet|ILSVRC", re.IGNORECASE),
    "cityscapes": re.compile(r"cityscapes", re.IGNORECASE),
    "coco": re.compile(r"\bcoco(?:[_ -]?20\d\d)?\b", re.IGNORECASE),
}
STEPS = {
    "postprocess": ("postprocess", "post_process", "acc_eval", "eval_acc", "_eval", "evaluate", "verify", "map_calc"),
    "preprocess": ("preprocess", "pre_process", "prepare_data", "to_bin", "2bin", "build_input"),
    "export": ("2onnx", "to_onnx", "export", "2pb"),
}
"""The words in a script's name that tell which step it is; the first that fits counts."""


@dataclass(frozen=True)
class Said:
    """A fact and the line that it stands on, from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class Surroundings:
    """What was found; `scripts` maps the name of a step to its words, the first of each in the README.

    `run` is the first command that runs the model over files.
    """

    title: str = ""
    url: Said | None = None
    commit: Said | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    data: Said | None = None
    scripts: Mapping[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    run: ToolRun | None = None


def read(lines: Sequence[str]) -> Surroundings:
    """Return what the lines of a README say; the first statement of each fact counts."""
    return Surroundings(
        title=next((redact(found[1]).strip() for line in lines if (found := _TITLE.match(line.lstrip("\ufeff")))), ""),
        url=_first(lines, _URL) or _first(lines, _CLONE),
        commit=_first(lines, _COMMIT) or _first(lines, _RESET),
        versions=dict(_versions(lines)),
        tools=_tools(lines),
        data=_data(lines),
        scripts=_scripts(lines),
        run=_run(lines),
    )


def _first(lines: Sequence[str], pattern: re.Pattern[str]) -> Said | None:
    for number, line in enumerate(lines, 1):
        if found := pattern.search(line):
            return Said(redact(found[1].rstrip("`.,;)")), number)
    return None


def _versions(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the versions of a table, the last rows first, so that in a dictionary the first ones count."""
    for line in reversed(lines):
        cells = [cell.strip() for cell in line[:1000].strip().strip("|").split("|")]
        if len(cells) < 2 or "|" not in line:
            continue
        name, version = cells[0].lower(), cells[1]
        for key, names in VERSIONS.items():
            if name in names and _VERSION_NUMBER.match(version):
                yield key, version


def _tools(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the tools that are named, in the order of their first mention."""
    first = {
        name: number
        for number, line in reversed(list(enumerate(lines)))
        for name, word in TOOLS.items()
        if word.search(line)
    }
    return tuple(sorted(first, key=lambda name: first[name]))


def _data(lines: Sequence[str]) -> Said | None:
    for number, line in enumerate(lines, 1):
        for name, word in DATA_SETS.items():
            if word.search(line):
                return Said(name, number)
    return None


def _scripts(lines: Sequence[str]) -> dict[str, tuple[tuple[str, ...], int]]:
    found: dict[str, tuple[tuple[str, ...], int]] = {}
    for number, line in enumerate(lines, 1):
        match = _SCRIPT.match(line)
        if match is None:
            continue
        words = _words(_joined(lines, number - 1, match[1]))
        script = next((word for word in words if word.endswith(".py")), "").rpartition("/")[2].lower()
        step = next((name for name, marks in STEPS.items() if any(mark in script for mark in marks)), "")
        if step:
            found.setdefault(step, (words, number))
    return found


def _run(lines: Sequence[str]) -> ToolRun | None:
    for number, line in enumerate(lines):
        tool = tool_runs.starts(line[:2000])
        made = tool_runs.read(tool, _words(_joined(lines, number, line[:2000]))) if tool else None
        if made is not None:
            return made
    return None


def _joined(lines: Sequence[str], start: int, first: str) -> str:
    """Return a command in one line: behind a backslash it goes on in the next, twenty times at most."""
    pieces, row = [first], start
    while pieces[-1].rstrip().endswith("\\") and row + 1 < min(len(lines), start + 20):
        row += 1
        pieces.append(lines[row][:2000])
    return " ".join(piece.rstrip().rstrip("\\") for piece in pieces)


def _words(command: str) -> tuple[str, ...]:
    text = redact(command).rstrip("` ")
    try:
        words = shlex.split(text, comments=True)
    except ValueError:  # a quote that never ends
        words = text.split()
    end = next((i for i, word in enumerate(words) if _ENDS.match(word)), len(words))
    return tuple(words[:end])
