"""Build OMs with ATC, on a host with or without an NPU, or with an emulated ATC."""

import argparse
import itertools
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import cards, toolchains
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.commands import arguments
from harness.convert import atc
from harness.errors import OmgateError, StoreError, UsageError
from harness.toolchain import Toolchain

FILE_NAME = re.compile(r"[\w.-]+\.om", re.ASCII)
"""What the front ends of the tools accept: letters, digits, `_`, `.` and `-`, and the suffix they look for."""


@dataclass(frozen=True)
class Wanted:
    """One OM of a command line."""

    card: ModelCard
    batch: int
    soc: str
    weights: str


def run(given: Sequence[str]) -> int:
    """Build every chip at every batch size; print each OM with its digest and ATC's warnings, 1 if one failed."""
    options = _parser().parse_args(given)
    card = cards.get(options.name, options.cards)
    socs, sizes = _chips(options.chip, card), _batches(options.batch_size)
    _prepare_output(options, len(socs) * len(sizes))
    cache_dir = arguments.cache_dir(options)
    toolchain = toolchains.emulated(cache_dir, socs) if options.emulate else toolchains.real()
    builder = Builder(Store(cache_dir), arguments.folder(options, "weights-dir"), toolchain)
    failed = False
    for soc, size in itertools.product(socs, sizes):
        wanted = Wanted(card, size, soc, options.weights)
        try:
            lines = _command(builder, wanted, toolchain) if options.dry_run else _built(builder, wanted, options.output)
        except UsageError:
            raise
        except OmgateError as error:  # the other OMs may well be built
            print(f"omgate: {error}", file=sys.stderr)
            failed = True
        else:
            print("\n".join(lines), flush=True)
    return 1 if failed else 0


def _parser() -> arguments.Parser:
    parser = arguments.parser("build", __doc__)
    parser.add_argument("name", metavar="MODEL", help="a card's name, as `omgate list` prints it")
    chips = "a chip, e.g. Ascend310P3 or 310P; more than once, or with commas (the card's chips)"
    parser.add_argument("--chip", action="append", default=[], metavar="C", help=chips)
    sizes = "a fixed batch size; more than once, or with commas (1)"
    parser.add_argument("--batch-size", action="append", default=[], metavar="N", help=sizes)
    weights = "card (its own checkpoint, the default), seeded, or a checkpoint file"
    parser.add_argument("--weights", default="card", metavar="WHAT", help=weights)
    parser.add_argument("--emulate", action="store_true", help="with the emulated ATC, which needs no CANN")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the OM here too")
    parser.add_argument("--dry-run", action="store_true", help="print ATC's command line instead of running it")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir", "cache-dir")
    return parser


def _chips(given: Sequence[str], card: ModelCard) -> list[str]:
    named = [name for text in given for name in text.split(",") if name.strip()] or list(card.chips)
    if not named:
        raise UsageError("--chip", f"expected a chip, as {card.name} names none", "none", "for example Ascend310P3")
    return list(dict.fromkeys(atc.soc_version(name) for name in named))


def _batches(given: Sequence[str]) -> list[int]:
    words = [word.strip() for text in given for word in text.split(",") if word.strip()] or ["1"]
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word) > 0):
            raise UsageError("--batch-size", "expected 1 or more", repr(word))
    return list(dict.fromkeys(int(word) for word in words))


def _prepare_output(options: argparse.Namespace, count: int) -> None:
    """Make the folder of --output; raises UsageError where the OM could not be written there."""
    output: Path | None = options.output
    if output is None:
        return
    where = f"--output {output}"
    if options.dry_run or count > 1:
        raise UsageError(where, "expected one OM to be built", "a dry run" if options.dry_run else str(count))
    if FILE_NAME.fullmatch(output.name) is None:
        raise UsageError(where, "expected letters, digits, `_`, `.`, `-`, and .om at the end", repr(output.name))
    if output.exists():
        raise UsageError(where, "expected a file that does not exist yet", "one that does", "choose another")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(where, "expected a folder to write to", str(error.strerror), "choose another") from error


def _command(builder: Builder, wanted: Wanted, toolchain: Toolchain) -> list[str]:
    """Return ATC's command line with the files where they are; the outputs' names are those of the exported model."""
    order = builder.om_order(wanted.card, wanted.batch, wanted.soc, wanted.weights)
    program = toolchain.command("atc") if toolchain.has("atc") else ("atc",)
    return [shlex.join(atc.argv(program, atc.job(order)))]


def _built(builder: Builder, wanted: Wanted, output: Path | None) -> list[str]:
    """Build an OM, copy it to `output` if asked to, and return what there is to say of it."""
    artifact = builder.om(wanted.card, wanted.batch, wanted.soc, wanted.weights)
    if output is not None:
        _copy(artifact.path, output)
    head = f"{wanted.card.name} at batch {wanted.batch} for {wanted.soc}: {output or artifact.path}"
    return [head, f'  sha256 = "{artifact.digest}"', *(f"  {line}" for line in _told(artifact.recipe))]


def _told(recipe: Mapping[str, Any]) -> list[str]:
    if recipe["kind"] == "brought":
        return ["built elsewhere, by a toolchain that is not known"]
    toolchain = recipe["toolchain"]
    name = f"{toolchain['name']} {toolchain['version'] or 'of an unknown version'}"
    emulated = ", emulated" if toolchain["emulated"] else ""
    facts = f"{recipe['seconds']:.1f} s by {name}{emulated}, {recipe['precision']}"
    return [facts, shlex.join(recipe["argv"]), *recipe["warnings"]]


def _copy(om: Path, output: Path) -> None:
    """Write a copy through a temporary name, as private as ATC leaves it: the tools refuse what others may write."""
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(om, part)
        part.chmod(0o600)
        part.replace(output)
    except OSError as error:
        raise StoreError(str(output), "expected to write the OM", str(error.strerror), f"it is in {om}") from error
    finally:
        part.unlink(missing_ok=True)
