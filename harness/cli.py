"""The command `omgate`: finds the subcommand, imports only that, and turns errors into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from harness import __version__
from harness.errors import OmgateError, UsageError, closest
from harness.process import tidily_terminated

# Name, module, and the line of `omgate --help`.
COMMANDS = {
    "gate": ("harness.commands.gate", "run the gates: pytest on the suite, from a clone or an installed wheel"),
    "plan": ("harness.commands.plan", "the cases, what each needs, what is missing, what nobody promises"),
    "run-case": ("harness.commands.run_case", "run one case of a recorded run again"),
    "history": ("harness.commands.history", "what was measured over time: series, change points, anchors, exchange"),
    "merge": ("harness.commands.merge", "make one run of the runs of several hosts"),
    "adopt": ("harness.commands.adopt", "make baselines of what a run measured for the first time"),
    "report": ("harness.commands.report", "show a run: one HTML file, Markdown, JSON, a summary, or one screen"),
    "diff": ("harness.commands.diff", "what changed from one run to another, with intervals"),
    "tighten": ("harness.commands.tighten", "propose tighter baselines where runs were faster, as a patch"),
    "list": ("harness.commands.list", "the cards: model, data, metric, chips, batches, promises"),
    "show": ("harness.commands.show", "one card with every promise and where it is printed"),
    "new": ("harness.commands.new", "a card draft from a README, and from an ONNX file: the rest as questions"),
    "validate": ("harness.commands.validate", "check that cards are sound, without running anything"),
    "atc": ("harness.commands.atc", "the ATC conversion commands of a README"),
    "check-readme": ("harness.commands.check_readme", "compare a card with its README, row by row, and with a run"),
    "render": (
        "harness.commands.render",
        "a card's promises or a run's numbers as the table of a README, or as its diff",
    ),
    "zoo": ("harness.commands.zoo", "a folder's READMEs at a glance: promises, cards, gates, drift, owners"),
    "lint": ("harness.commands.lint", "mark implausible and unexplained baselines"),
    "baselines": ("harness.commands.baselines", "every number that a README promises, and where it is printed"),
    "doctor": ("harness.commands.doctor", "what is ready on this machine, and what to do for the rest"),
    "selftest": ("harness.commands.selftest", "test an NPU host's tools, and what is taken for granted about them"),
    "capture": ("harness.commands.capture", "bundle what an NPU host's tools say, scrubbed, to share or to replay"),
    "data": ("harness.commands.data", "make a data set and its manifest, or check it against that"),
    "cache": ("harness.commands.cache", "list, verify or prune the store of built files"),
    "build": ("harness.commands.build", "build OMs with ATC, real or emulated"),
    "forecast": ("harness.commands.forecast", "precision modes side by side, emulated: a floor of what rounding costs"),
    "pack": ("harness.commands.pack", "a folder to run on an NPU host where nothing of omgate is installed"),
    "score": ("harness.commands.score", "judge a folder of outputs, and a tool's summary, made on another host"),
    "freeze": ("harness.commands.freeze", "write a TensorFlow card's frozen graph, from a checkpoint, for ATC"),
    "train": ("harness.commands.train", "train a tiny model again, as its shipped weights were"),
}
RED, INTERRUPTED, USAGE = 1, 2, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 green, 1 red findings, 2 interrupted, 4 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with tidily_terminated():
            code = _run(given)
        sys.stdout.flush()
    except UsageError as error:
        print(f"omgate: {error}", file=sys.stderr)
        return USAGE
    except OmgateError as error:
        print(f"omgate: {error}", file=sys.stderr)
        return RED
    except KeyboardInterrupt:
        print("omgate: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `omgate list | head`: the reader has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(given: list[str]) -> int:
    name, rest = (given[0], given[1:]) if given else ("", [])
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name == "--version":
        print(f"omgate {__version__}")
        return 0
    if not name:
        raise UsageError("omgate", "expected a command", "nothing", f"one of {', '.join(COMMANDS)}; see omgate --help")
    if name not in COMMANDS:
        hint = closest(name, list(COMMANDS)) or f"one of {', '.join(COMMANDS)}"
        raise UsageError("omgate", "unknown command", repr(name), hint)
    try:
        code: int = import_module(COMMANDS[name][0]).run(rest)
    except SystemExit as asked:  # argparse ends the process after printing a command's help
        return int(asked.code or 0)
    return code


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [
        "usage: omgate COMMAND [arguments]",
        "",
        "Executable gates for the promises of model READMEs.",
        "",
        "commands:",
    ]
    lines += [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    lines += ["", "`omgate COMMAND --help` explains a command. In a clone, `pytest` runs the gates too."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
