"""Pack a model with prepared inputs, to run on an NPU host without omgate; `omgate score` takes what comes back."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import cards, needs, plan, toolchains
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.commands import arguments
from harness.convert import atc
from harness.packing import commands
from harness.packing.manifest import Manifest
from harness.packing.pack import Order, pack
from harness.workbench import Workbench


def run(given: Sequence[str]) -> int:
    """Write the folder and print what to do with it; 4 for what cannot be packed from here."""
    options = _parser().parse_args(given)
    card = cards.get(options.name, options.cards)
    chip = atc.soc_version(options.chip)
    plan.weights_name(options.weights)  # refuses what is none
    places = needs.Places(arguments.folder(options, "weights-dir"), arguments.folder(options, "data-dir"))
    order = Order(card, chip, options.batch_size, options.tool or _tool(card), options.weights)
    cache_dir = arguments.cache_dir(options)
    toolchain = toolchains.emulated(cache_dir, (chip,)) if options.emulate else toolchains.real()
    builder = Builder(Store(cache_dir), places.weights_dir, toolchain, om=options.om)
    with tempfile.TemporaryDirectory() as nothing:
        bench = Workbench({card.name: card}, builder, Path(nothing), places, samples=options.samples)
        arguments.require_data(card, places, options.samples)
        feed = bench.feed(card.fed_to_om)
        manifest = pack(order, builder, feed, options.output.expanduser().absolute())
    print(_told(manifest, options.output))
    return 0


def _parser() -> arguments.Parser:
    parser = arguments.parser("pack", __doc__)
    parser.add_argument("name", metavar="CARD", help="a card's name, as `omgate list` prints it")
    parser.add_argument("--chip", required=True, metavar="C", help="the chip of that host, e.g. Ascend310P3 or 310P")
    parser.add_argument("--batch-size", type=arguments.positive, default=1, metavar="N", help="the model's batch (1)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    tools = f"prepare for {', '.join(commands.TOOLS)} (the card's first tool)"
    parser.add_argument("--tool", choices=commands.TOOLS, default="", metavar="T", help=tools)
    parser.add_argument("--samples", type=arguments.positive, metavar="N", help="only N samples, evenly spread")
    weights = "card (its own checkpoint, the default), seeded, or a checkpoint file"
    parser.add_argument("--weights", default="card", metavar="WHAT", help=weights)
    parser.add_argument("--om", type=Path, metavar="FILE", help="pack this OM instead of building one")
    parser.add_argument("--emulate", action="store_true", help="with an OM of the emulated ATC, to rehearse")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir", "data-dir", "cache-dir")
    return parser


def _tool(card: ModelCard) -> str:
    return next(iter(card.tools), "ais_bench")


def _told(manifest: Manifest, output: Path) -> str:
    samples = len(manifest.ids)
    model = "with its OM" if manifest.model.format == "om" else "without an OM, as no ATC is here"
    lines = [f"{output}: {manifest.card} at batch {manifest.batch} for {manifest.chip}, {samples} samples, {model}"]
    lines += ["copy it to the NPU host and run there, in the folder:", *(f"  {one}" for one in manifest.commands)]
    return "\n".join([*lines, f"copy it back and run here: omgate score {manifest.card} {output}"])
