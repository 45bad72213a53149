"""Judge outputs that a tool made on another host: a folder of them and, with --summary, its speed."""

import argparse
import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path

from harness import cards, environment, needs, outcomes, plan, suite
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.commands import arguments
from harness.convert import atc
from harness.errors import UsageError
from harness.outcomes import Ended
from harness.packing import manifest as packed
from harness.packing.commands import TOOLS
from harness.packing.manifest import Manifest
from harness.render import table
from harness.render.explanation import explain
from harness.results import Entry
from harness.runs import RunFolder, name_of_now
from harness.scoring import score
from harness.scoring.score import Order
from harness.workbench import Workbench


def run(given: Sequence[str]) -> int:
    """Write a run folder, print the table and every red case, and end with the exit code that a gate run would."""
    options = _parser().parse_args(given)
    card = cards.get(options.name, options.cards)
    order = _order(options, card)
    root = _report_root(options, order.folder)
    bench = _workbench(options, order, root)
    today = datetime.datetime.now(datetime.UTC).date()
    entries = [score.judged(result, card, today) for result in score.results(order, bench)]
    command = shlex.join(["omgate", "score", *given])
    _record(RunFolder(bench.run_dir), entries, options, command, card)
    return _close(entries, card, command, strict=options.strict_gates)


def _parser() -> arguments.Parser:
    parser = arguments.parser("score", __doc__)
    parser.add_argument("name", metavar="CARD", help="a card's name, as `omgate list` prints it")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the tool's outputs, or a pack that came back")
    parser.add_argument("--chip", metavar="C", help="the chip they were made on; a pack says it itself")
    parser.add_argument("--batch-size", type=arguments.positive, metavar="N", help="the model's batch (a pack's, or 1)")
    parser.add_argument(
        "--tool", choices=TOOLS, default="", metavar="T", help=f"{', '.join(TOOLS)} (told by the names)"
    )
    summary = "the tool's summary, log or perf file; more than once for several runs of it"
    parser.add_argument("--summary", action="append", default=[], type=Path, metavar="FILE", help=summary)
    inputs = "what was timed: real, random or zero (what the summary says)"
    parser.add_argument("--inputs", choices=("real", "random", "zero"), default="", metavar="KIND", help=inputs)
    samples = "only N samples, evenly spread, were run or are to be scored"
    parser.add_argument("--samples", type=arguments.positive, metavar="N", help=samples)
    weights = "card (its own checkpoint, the default), seeded, or a checkpoint file"
    parser.add_argument("--weights", default="", metavar="WHAT", help=weights)
    parser.add_argument("--emulated", action="store_true", help="they were made by the emulated toolchain")
    parser.add_argument("--strict-gates", action="store_true", help="undecided is red")
    parser.add_argument("--report-dir", type=Path, metavar="DIR", help="the run folder goes here (reports/runs)")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir", "data-dir", "cache-dir")
    return parser


def _order(options: argparse.Namespace, card: ModelCard) -> Order:
    """Return what is asked for; a pack's own word and an option that says otherwise are a UsageError."""
    folder: Path = options.folder.expanduser()
    if not folder.is_dir():
        raise UsageError(str(folder), "expected a folder of outputs", "none", "give the folder that the tool wrote")
    found, pack = packed.above(folder) or (None, None)
    if found is not None:
        packed.require_card(found, card)
    chip = _chip(options.chip, found)
    return Order(
        card=card,
        folder=folder.resolve(),
        chip=chip,
        batch=_batch(options.batch_size, found),
        tool=options.tool,
        summaries=tuple(options.summary),
        inputs=options.inputs,
        weights=_weights(options.weights, found),
        emulated=options.emulated or (found is not None and found.emulated),
        manifest=found,
        pack=pack,
    )


def _chip(given: str | None, found: Manifest | None) -> str:
    if given is None:
        if found is None:
            raise UsageError(
                "--chip", "expected the chip that the outputs were made on", "none", "say --chip Ascend310P3"
            )
        return found.chip
    chip = atc.soc_version(given)
    if found is not None and chip != found.chip:
        raise UsageError("--chip", f"expected {found.chip}, which the pack is for", given, "leave it out")
    return chip


def _batch(given: int | None, found: Manifest | None) -> int:
    if found is not None and given not in (None, found.batch):
        raise UsageError("--batch-size", f"expected {found.batch}, that of the pack", str(given), "leave it out")
    return found.batch if found is not None else given or 1


def _weights(given: str, found: Manifest | None) -> str:
    """Return the name of the weights that a case carries: `card`, `seeded`, or a checkpoint's sha256."""
    named = plan.weights_name(given or "card")
    if found is None:
        return named
    if given and named != found.weights:
        raise UsageError("--weights", f"expected the pack's own, {found.weights}", given, "leave it out")
    return found.weights


def _workbench(options: argparse.Namespace, order: Order, root: Path) -> Workbench:
    card = order.card
    places = needs.Places(arguments.folder(options, "weights-dir"), arguments.folder(options, "data-dir"))
    arguments.require_data(card, places, options.samples)
    choice = options.weights or ("seeded" if order.weights == "seeded" else "card")
    builder = Builder(Store(arguments.cache_dir(options)), places.weights_dir)
    run_dir = root / name_of_now()
    return Workbench({card.name: card}, builder, run_dir, places, weights=choice, samples=options.samples)


def _report_root(options: argparse.Namespace, folder: Path) -> Path:
    """Return where run folders go; nothing is written into the folder of outputs."""
    here = Path.cwd()
    default = (suite.CLONE if suite.in_clone() and here.is_relative_to(suite.CLONE) else here) / "reports" / "runs"
    root: Path = (options.report_dir or default).expanduser().resolve()
    if root.is_relative_to(folder):
        raise UsageError("--report-dir", f"expected a place outside {folder}", str(root), "give another")
    return root


def _record(
    folder: RunFolder, entries: Sequence[Entry], options: argparse.Namespace, command: str, card: ModelCard
) -> None:
    cards_given = [word for path in options.cards for word in ("--cards", str(path.expanduser().resolve()))]
    started = entries[0].result.started_at
    facts = {"argv": shlex.split(command), "plan": [], "options": cards_given, "started_at": started}
    folder.start({**facts, "environment": environment.describe()})
    for entry in entries:
        folder.append(entry.to_json())
    folder.write("table.md", table.markdown(entries, {card.name: card}))
    print(table.terminal(entries, {card.name: card}))
    print(f"run folder: {folder.path}")


def _close(entries: Sequence[Entry], card: ModelCard, command: str, *, strict: bool) -> int:
    """Print every red case and why a run without one is not green; return the exit code."""
    ended = []
    for entry in entries:
        verdict = entry.verdict
        outcome = outcomes.outcome_of(verdict, strict=strict, nightly=card.nightly)
        ended.append(Ended(outcome, is_gate=True, verdict=verdict.outcome, code=verdict.code))
        if outcome == "failed":
            print(f"\n{entry.result.case.test_name}\n{explain(entry.result, verdict, command)}")
    code = outcomes.exit_code(ended, None)
    if code in outcomes.REASONS:
        print(outcomes.REASONS[code])
    return int(code)
