"""The command line of msame, with the ends that it comes to: most mistakes end it with exit code 0."""

import getopt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.emulator import console

LONG = (
    "model", "input", "output", "outfmt", "dump", "profiler", "loop", "dymBatch", "dymDims", "dymHW", "dymShape",
    "device", "outputSize", "debug",
)  # fmt: skip
LARGEST_LOOP, LARGEST_DEVICE, LARGEST_BATCH = 100, 255, 2048
DYNAMIC = ("dymBatch", "dymDims", "dymHW", "dymShape")
HELP = """usage:
./msame --model <om> [--input <files or folders>] [--output <folder>] [--outfmt BIN|TXT] [--loop 1..100]
        [--dymBatch n] [--dymHW h,w] [--dymDims name:n,c,h,w] [--dymShape name:n,c,h,w] [--outputSize n]
        [--device 0..255] [--debug true] [--profiler true] [--dump true] [--help]
"""


class Ended(Exception):  # noqa: N818 - an end, not always an error
    """The tool ended before it did anything; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Arguments:
    """What was asked for; `others` holds the dynamic parameters by name."""

    model: str = ""
    inputs: tuple[str, ...] = ()
    output: str = ""
    text: bool = False
    loop: int = 1
    device: int = 0
    others: dict[str, str] = field(default_factory=dict)

    @property
    def from_folders(self) -> bool:
        """Tell whether the inputs are folders: they are unless the first one's path has `.bin` in it."""
        return bool(self.inputs) and ".bin" not in self.inputs[0]

    @property
    def stem(self) -> str:
        """The OM's name without its suffix."""
        return Path(self.model).name.rpartition(".")[0]


def parse(argv: Sequence[str]) -> Arguments:
    """Return the arguments; raises Ended for --help, for what the tool refuses, and for nothing at all."""
    log = console.Log()
    try:
        pairs, _ = getopt.gnu_getopt(list(argv), "", [*(f"{name}=" for name in LONG), "help"])
    except getopt.GetoptError as error:
        console.complain(f"msame: {error}")
        raise _refused(log, "unknown paramenter\n", "Execute sample failed\n") from None
    given = {name.removeprefix("--"): value for name, value in pairs}
    _check(given, log)
    if not given:
        _refused(log, "Invalid params\n", "Execute sample failed\n")
        raise Ended(1)
    return Arguments(
        model=given.get("model", ""),
        inputs=tuple(part for part in given.get("input", "").split(",") if part),
        output=given.get("output", ""),
        text=given.get("outfmt") == "TXT",
        loop=_number(given.get("loop", "1")),
        device=_number(given.get("device", "0")),
        others={name: given[name] for name in DYNAMIC if name in given},
    )


def _check(given: dict[str, str], log: console.Log) -> None:
    if "help" in given:
        console.write(HELP)
        raise Ended(0)
    if "model" in given and ".om" not in given["model"]:
        raise _ended(log, "input model file type is not .om , please check your model type!\n")
    for name, lowest, highest, text in (
        ("loop", 1, LARGEST_LOOP, "loop must in 1 to 100\n"),
        ("dymBatch", 1, LARGEST_BATCH, "dymBatch must in 1 to 2048\n"),
        ("device", 0, LARGEST_DEVICE, "device id must in 0 to 255\n"),
    ):
        if name in given and not lowest <= _number(given[name]) <= highest:
            raise _ended(log, text)
    if given.get("dump") == given.get("profiler") == "true":
        log.fail("dump and profiler can not both be true")
        raise Ended(1)
    for name in ("dump", "profiler"):
        if given.get(name) == "true":
            log.fail(f"{name} is not emulated")
            raise Ended(1)
    if sum(name in given for name in DYNAMIC) > 1:
        log.fail("dymBatch dymDims dymHW dymShape cannot be set at the same time")
        raise Ended(1)


def _ended(log: console.Log, text: str) -> Ended:
    log.fail(text)
    return Ended(0)


def _refused(log: console.Log, *texts: str) -> Ended:
    for text in texts:
        log.fail(text)
    console.write(HELP)
    return Ended(0)


def _number(word: str) -> int:
    """Return the number at a word's beginning as C's `atoi` does, 0 where there is none."""
    digits = word.strip()
    end = next((i for i, mark in enumerate(digits) if not (mark.isdecimal() or (i == 0 and mark in "+-"))), len(digits))
    return int(digits[:end]) if digits[:end].strip("+-") else 0
