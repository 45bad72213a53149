"""Draft a card from a README, and from an ONNX file where there is one: what is found is filled in, the rest is asked.

Nothing of the README is run, no link is followed, and nothing that is there is written over.
"""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from harness import drafts
from harness.commands import arguments
from harness.drafts import Draft, Request
from harness.emulator.inventory import MODELS
from harness.toolchains import EMULATED_CHIPS
from harness.units import counted


def run(given: Sequence[str]) -> int:
    """Write the draft and print its questions and the next command; raises UsageError and what the files raise."""
    parser = arguments.parser("new", __doc__)
    parser.add_argument("readme", type=Path, metavar="README.md", help="the file to read")
    parser.add_argument("--model", type=Path, metavar="FILE.onnx", help="the ONNX file that is to be judged")
    text = "the folder of cards to write into, cards by default; the card gets a new folder of its own there"
    parser.add_argument("--output", type=Path, default=Path("cards"), metavar="DIR", help=text)
    parser.add_argument("--name", default="", help="the card's name; from the README's title by default")
    options = parser.parse_args(given)
    made = drafts.draft(Request(options.readme, options.output, options.model, options.name))
    drafts.write(made)
    for line in _told(made, options):
        print(line)
    return 0


def _told(made: Draft, options: argparse.Namespace) -> list[str]:
    needed = [one for one in made.questions if one.needed]
    lines = [f"{made.folder / 'card.toml'}: {made.stated} of {made.promised} promised numbers"]
    lines += [] if made.promised else [f"{options.readme} promises no number"]
    lines += [] if made.has_command else [f"{options.readme} has no ATC command"]
    count = counted(len(made.questions), "question")
    lines.append(f"{count} in it, {len(needed) or 'none'} to answer before the first gate")
    lines += [f"  {'! ' if one.needed else '? '}{one.field}: {one.text}" for one in made.questions]
    return [*lines, f"next: {_next(made, options)}"]


def _next(made: Draft, options: argparse.Namespace) -> str:
    """Return the next command: with a file to judge, the emulated gate."""
    if options.model is None and not made.frozen:
        words = ["omgate", "new", str(options.readme), "--model", "FILE.onnx", "--name", f"{made.name}-onnx"]
        return f"{shlex.join(words)} with the ONNX file, or answer the questions marked ! first"
    emulated = [chip for chip in made.chips if chip.removeprefix("Ascend") in MODELS]
    others = any(chip not in EMULATED_CHIPS for chip in emulated)
    named = [word for chip in (*emulated, "cpu") for word in ("--chip", chip)] if others else []
    gate = shlex.join(["omgate", "gate", "--cards", str(options.output), "--model", made.name, "--emulate", *named])
    return f"{gate} once the questions marked ! are answered" if options.model is None else gate
