"""The command with which a README runs the model over files: where they lie, where outputs go, what those are called.

Those two folders join a README's scripts: what preprocess writes to, and what postprocess reads.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_RUN = re.compile(
    r"^[\s$#>`]{0,12}(?:python[0-9.]{0,6}\s{1,4}-m\s{1,4}(?P<module>ais_bench)"
    r"|(?:python[0-9.]{0,6}\s{1,4})?[^\s`]{0,200}?(?P<program>ais_infer\.py|\bmsame|\bbenchmark\.[\w$.{}]{1,20}))\s"
)
_NAMES = {"ais_bench": "{name}_{index}", "msame": "{name}_output_{index}", "benchmark": "{name}_{number}"}
"""How each tool calls output i of an input file, as `files` of a card's postprocess step."""


@dataclass(frozen=True)
class ToolRun:
    """The folders of inputs and of outputs as they are written; `dated` is a folder below that bears the time."""

    inputs: tuple[str, ...]
    output: str
    dated: bool
    files: str

    def reads(self, path: str) -> str:
        """Return what a path of a script stands for among the inputs: `{inputs}`, a folder below it, or nothing."""
        found = [posixpath.normpath(one) for one in self.inputs]
        plain = posixpath.normpath(path)
        if len(found) == 1:
            return "{inputs}" if plain == found[0] else ""
        below = _parent(found)
        if below and plain == below:
            return "{inputs}"
        return f"{{inputs}}/{posixpath.basename(plain)}" if below and plain in found else ""

    def writes(self, path: str) -> str:
        """Return `{results}` for the path of the outputs, or of the folder below it that bears the time."""
        output, plain = posixpath.normpath(self.output), posixpath.normpath(path)
        inside = self.dated and plain.startswith(f"{output}/") and plain.count("/") == output.count("/") + 1
        return "{results}" if plain == output or inside else ""

    @property
    def folders(self) -> tuple[str, ...]:
        """The input folders as `folders` of a card's preprocess step, where they all lie below `{inputs}`."""
        found = [posixpath.normpath(one) for one in self.inputs]
        named = (f"{{inputs}}/{posixpath.basename(one)}" for one in found)
        return ("{inputs}",) if len(found) < 2 or not _parent(found) else tuple(named)


def starts(line: str) -> str:
    """Return which tool a line runs, or nothing."""
    match = _RUN.match(line)
    if match is None:
        return ""
    program = match["module"] or match["program"]
    return "ais_bench" if program.startswith("ais") else program.partition(".")[0]


def read(tool: str, words: Sequence[str]) -> ToolRun | None:
    """Return what a command line says; None where the tool makes its own inputs or writes nothing."""
    said = dict(_options(words))
    inputs = tuple(filter(None, said.get("input", said.get("i", "")).split(",")))
    if tool == "benchmark":
        suffix = "bin" if said.get("output_binary", "").lower() == "true" else "txt"
        listed = "input_text_path" in said
        output = f"result/dumpOutput_device{said.get('device_id', '0')}"
        return ToolRun((), output, False, f"{_NAMES[tool]}.{suffix}") if listed else None
    output, name = said.get("output", said.get("o", "")), _dirname(said)
    if not inputs or not output:
        return None
    default = "txt" if tool == "msame" and "outfmt" not in said else "bin"
    suffix = said.get("outfmt", default).strip("'\" ").lower()
    known = suffix if suffix in ("bin", "npy", "txt") else "bin"
    return ToolRun(inputs, posixpath.join(output, name) if name else output, not name, f"{_NAMES[tool]}.{known}")


def _dirname(said: dict[str, str]) -> str:
    """Return the name of the folder of outputs, also where the option is cut short or misspelt."""
    return next((value for name, value in said.items() if name.startswith("output_dir")), "")


def _parent(paths: Sequence[str]) -> str:
    parents = {posixpath.dirname(path) for path in paths}
    return parents.pop() if len(parents) == 1 else ""


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield options and values: `--a b`, `--a=b`, `-a=b`."""
    for i, word in enumerate(words):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and equals:
            yield name.replace("-", "_"), value
        elif word.startswith("-") and i + 1 < len(words) and not words[i + 1].startswith("-"):
            yield name.replace("-", "_"), words[i + 1]
