"""Freeze a TensorFlow card's checkpoint for ATC: weights as constants, nothing that TensorFlow 1.15 lacked."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from harness import cards, frozen_graphs, needs
from harness.cards import ModelCard
from harness.commands import arguments
from harness.digests import file_sha256
from harness.errors import UsageError


def run(given: Sequence[str]) -> int:
    """Write the frozen graph; print what was left out of the checkpoint, the operators, and the file's digest."""
    parser = arguments.parser("freeze", __doc__)
    parser.add_argument("name", metavar="NAME", help="a TensorFlow card's name, as `omgate list` prints it")
    weights = "card (its own checkpoint, the default), seeded, or a file: .index, .meta, .safetensors, .pb"
    parser.add_argument("--weights", default="card", metavar="WHAT", help=weights)
    own = "freeze the graph in the checkpoint's .meta file instead of the card's network"
    parser.add_argument("--own-graph", action="store_true", help=own)
    parser.add_argument("--batch-size", type=int, default=1, metavar="N", help="the graph's fixed batch size (1)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the graph here (NAME.pb)")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir")
    options = parser.parse_args(given)
    card = cards.get(options.name, options.cards)
    out = options.out or Path(f"{card.name}.pb")
    weights_dir = arguments.folder(options, "weights-dir")
    _check(card, options, out, weights_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        order = frozen_graphs.Order(options.weights, weights_dir, options.batch_size, options.own_graph)
        facts = frozen_graphs.write(card, order, part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    _report(out, facts)
    return 0


def _check(card: ModelCard, options: argparse.Namespace, out: Path, weights_dir: Path | None) -> None:
    """Raise UsageError for what cannot be, MissingNeedError for an absent checkpoint."""
    if card.source.framework != "tensorflow":
        raise UsageError(f"freeze {card.name}", "expected a TensorFlow card", card.source.framework, "see omgate list")
    if options.batch_size < 1:
        raise UsageError("--batch-size", "expected 1 or more", str(options.batch_size))
    if out.exists():
        raise UsageError(f"--out {out}", "expected a file that does not exist yet", "one that does", "choose another")
    if options.own_graph and options.weights == "seeded":
        raise UsageError("--own-graph", "expected a checkpoint", "--weights seeded", "give its .meta file")
    missing = needs.weights(card, options.weights, needs.Places(weights_dir=weights_dir))
    if missing is not None:
        raise missing


def _report(out: Path, facts: frozen_graphs.Facts) -> None:
    for note in facts["notes"]:
        print(note)
    operators = facts["operators"]
    print(", ".join(f"{name} {count}" for name, count in operators.items()))
    print(f"{out}: {sum(operators.values())} nodes, {out.stat().st_size} bytes")
    print(f'sha256 = "{file_sha256(out)}"')
