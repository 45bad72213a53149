"""The command line of benchmark.x86_64: flags behind one dash or two, and the info file that lists the samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.emulator.console import Log

KINDS = ("vision", "nlp", "bert", "widedeep")
FLAGS = {
    "model_type": "vision", "om_path": "", "device_id": "0", "batch_size": "1", "input_text_path": "",
    "input_width": "0", "input_height": "0", "output_binary": "False", "useDvpp": "False", "round": "0",
}  # fmt: skip
"""Every flag with its default; that text is written unless --output_binary says else is not verified."""
LARGEST_ROUND = 1024


class Refused(Exception):  # noqa: N818 - the tool ends, with the reason printed
    """The tool does not start, or stops; its exit code is 1, which is not verified."""


@dataclass(frozen=True)
class Arguments:
    """What was asked for: `rounds` above 0 is pure inference."""

    kind: str
    model: str
    device: int
    batch: int
    info: str
    binary: bool
    rounds: int


@dataclass(frozen=True)
class Sample:
    """A line of the info file: its files, one for each input of the model."""

    files: tuple[Path, ...]

    @property
    def stem(self) -> str:
        """What the output files are called after."""
        return self.files[0].stem


def parse(argv: Sequence[str], log: Log) -> Arguments:
    """Return the arguments; raises Refused where they cannot be used."""
    given = {**FLAGS, **_flags(argv, log)}
    numbers = {name: _number(name, given[name], log) for name in ("device_id", "batch_size", "round")}
    if given["model_type"] not in KINDS:
        raise refused(log, f"model_type {given['model_type']} is invalid")
    if _truth(given["useDvpp"]):
        raise refused(log, "useDvpp needs pictures, which this tool does not decode")
    if not given["om_path"]:
        raise refused(log, "om_path is empty")
    if not 0 <= numbers["round"] <= LARGEST_ROUND or numbers["batch_size"] < 1:
        raise refused(log, f"round must in 1 to {LARGEST_ROUND}, batch_size at least 1")
    if not numbers["round"] and not Path(given["input_text_path"]).is_file():
        raise refused(log, f"input_text_path {given['input_text_path']} is not a file")
    return Arguments(
        kind=given["model_type"],
        model=given["om_path"],
        device=numbers["device_id"],
        batch=numbers["batch_size"],
        info=given["input_text_path"],
        binary=_truth(given["output_binary"]),
        rounds=numbers["round"],
    )


def samples(args: Arguments, log: Log) -> list[Sample]:
    """Return the samples of the info file: `index path width height` for vision, `index path path …` else."""
    found = []
    for line in Path(args.info).read_text().splitlines():
        words = line.split()
        files = tuple(Path(word) for word in (words[1:2] if args.kind == "vision" else words[1:]))
        if not files or not all(file.is_file() for file in files):
            raise refused(log, f"read {args.info} failed: {line}")
        found.append(Sample(files))
    if not found:
        raise refused(log, f"{args.info} lists nothing")
    return found


def refused(log: Log, text: str) -> Refused:
    """Print why the tool stops and return what to raise."""
    log.fail(text)
    return Refused(text)


def _flags(argv: Sequence[str], log: Log) -> dict[str, str]:
    found, words = {}, list(argv)
    while words:
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        if name not in FLAGS:
            raise refused(log, f"unknown command line flag '{name}'")
        if not equals and not words:
            raise refused(log, f"flag '{name}' is missing its argument")
        found[name] = value if equals else words.pop(0)
    return found


def _number(name: str, word: str, log: Log) -> int:
    if not (word.isascii() and word.isdigit()):
        raise refused(log, f"illegal value '{word}' specified for flag '{name}'")
    return int(word)


def _truth(word: str) -> bool:
    return word.lower() in ("true", "1", "t", "yes", "y")
