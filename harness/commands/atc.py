"""Print the ATC conversion commands of a README: framework, inputs, shapes, and every flag, with the line of each."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.commands import arguments
from harness.commands.list import table
from harness.errors import UsageError
from harness.readme import atc_commands, document
from harness.readme.atc_commands import AtcCommand
from harness.units import counted

SCHEMA = 1


def run(given: Sequence[str]) -> int:
    """Print the commands in file order; a README without any is no error, a file that cannot be read is."""
    parser = arguments.parser("atc", __doc__)
    parser.add_argument("readme", type=Path, metavar="README.md", help="the file to read")
    parser.add_argument("--json", action="store_true", help="as JSON; a flag that is not given is null")
    options = parser.parse_args(given)
    commands = atc_commands.parse(_text(options.readme))
    if options.json:
        rows = [command.as_json() for command in commands]
        print(
            json.dumps({"schema": SCHEMA, "file": options.readme.name, "commands": rows}, ensure_ascii=False, indent=1)
        )
        return 0
    print(f"{options.readme}: {counted(len(commands), 'ATC command')}")
    for command in commands:
        print(f"\nline {command.line}")
        for line in table(list(_facts(command))):
            print(f"  {line}")
    return 0


def _facts(command: AtcCommand) -> Iterator[tuple[str, str]]:
    yield "framework", "-" if command.framework is None else str(command.framework)
    yield "model", command.model or "-"
    for name, sizes in command.inputs.items():
        yield "input", f"{name}: {', '.join(sizes) or 'scalar'}"
    if command.out_nodes is not None:
        yield "out_nodes", "; ".join(command.out_nodes)
    for name in ("soc_version", "input_format", "precision_mode", "output"):
        if getattr(command, name) is not None:
            yield name, getattr(command, name)
    yield from command.flags.items()
    for note in command.notes:
        yield "note", note


def _text(path: Path) -> str:
    try:
        return document.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(str(path), "expected a README that can be read", error.strerror or str(error)) from error
