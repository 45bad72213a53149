"""List, verify or prune the store of built files: `ls`, `verify`, `prune`."""

import argparse
from collections.abc import Sequence

from harness.artifacts import Row, Store
from harness.commands import arguments
from harness.commands.list import table
from harness.units import counted

DAY_S = 86400.0
MIB = 2**20


def run(given: Sequence[str]) -> int:
    """Run `ls`, `verify` or `prune`; 1 when `verify` finds a damaged entry."""
    parser = arguments.parser("cache", __doc__)
    parser.add_argument("action", choices=("ls", "verify", "prune"), help="what to do with the store")
    arguments.add_folders(parser, "cache-dir")
    parser.add_argument("--days", type=_number, metavar="N", help="prune what was not opened for N days")
    parser.add_argument("--keep-mib", type=_number, metavar="N", help="prune down to N MiB, the oldest first")
    options = parser.parse_args(given)
    pruning = options.days is not None or options.keep_mib is not None
    if pruning and options.action != "prune":
        parser.error("--days and --keep-mib are for prune")
    store = Store(arguments.cache_dir(options))
    if options.action == "prune":
        return _prune(store, options)
    rows = store.verify() if options.action == "verify" else store.ls()
    _print(rows)
    return 1 if options.action == "verify" and any(row.fault for row in rows) else 0


def _prune(store: Store, options: argparse.Namespace) -> int:
    idle_s = None if options.days is None else options.days * DAY_S
    keep_bytes = None if options.keep_mib is None else int(options.keep_mib * MIB)
    _print(store.prune(idle_s=idle_s, keep_bytes=keep_bytes), "removed ")
    return 0


def _print(rows: Sequence[Row], verb: str = "") -> None:
    cells = [(row.key[:12], row.kind, row.name, f"{row.bytes / MIB:.1f} MiB", _age(row), row.fault) for row in rows]
    for line in table(cells) if cells else ():
        print(line)
    total = sum(row.bytes for row in rows) / MIB
    print(f"{verb}{counted(len(rows), 'entry', 'entries')}, {total:.1f} MiB")


def _age(row: Row) -> str:
    return f"{row.idle_s / DAY_S:.1f} days"


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return number
