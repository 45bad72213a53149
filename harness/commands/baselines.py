"""Show every number that a README promises: chip, batch, metric, value, unit, role, and where it is printed.

Nothing in the README is executed, and no link in it is followed.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from harness import readme
from harness.commands import arguments
from harness.commands.list import table
from harness.readme import Parsed, Row

SCHEMA = 1
HEADER = ("line", "chip", "batch", "data", "metric", "value", "unit", "role", "condition", "printed")
# The printed text of a sentence is cut at this length in the table; --json has it whole.
WIDEST = 48


def run(given: Sequence[str]) -> int:
    """Print the rows and notices of a README."""
    parser = arguments.parser("baselines", __doc__)
    parser.add_argument("readme", type=Path, metavar="README", help="the README file")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    text = "TOML file with more words for chips, metrics, headers (tables as in harness/readme/vocabulary.toml)"
    parser.add_argument("--synonyms", type=Path, metavar="FILE", help=text)
    options = parser.parse_args(given)
    parsed = readme.parse(options.readme, options.synonyms)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "readme": str(options.readme), **_document(parsed)}, ensure_ascii=False))
        return 0
    for line in _lines(parsed):
        print(line)
    return 0


def _document(parsed: Parsed) -> dict[str, object]:
    return parsed.model_dump(mode="json")


def _lines(parsed: Parsed) -> list[str]:
    lines = table([HEADER, *(_row(row) for row in parsed.rows)]) if parsed.rows else []
    for notice in parsed.notices:
        lines.append(f"line {notice.line}: {notice.text}" if notice.line else notice.text)
    promises = sum(row.role == "promise" for row in parsed.rows)
    references, unsure = len(parsed.rows) - promises, sum(not row.certain for row in parsed.rows)
    count = f"{len(parsed.rows)} rows: {promises} promises, {references} references, {unsure} uncertain"
    return [*lines, count]


def _row(row: Row) -> tuple[str, ...]:
    printed = " ".join(row.where.text.split())
    metric = f"{row.metric} of {row.cls}" if row.cls else row.metric
    value = "does not run" if row.kind == "unsupported" else f"{row.value:.10g}"
    return (
        str(row.where.line),
        f"{row.chip or '-'}{' (card)' if row.scope == 'card' else ''}",
        str(row.batch or "-"),
        row.dataset or "-",
        metric,
        f"{value}{'' if row.certain else ' ?'}",
        row.unit or "-",
        row.role,
        ", ".join(one for one in (row.model, row.condition) if one)[:WIDEST] or "-",
        f"{printed[: WIDEST - 1]}…" if len(printed) > WIDEST else printed,
    )
