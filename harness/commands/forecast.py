"""Forecast a model's precision modes side by side with the emulated toolchain: a rounding floor, never a verdict."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import ascend_host, cards, plan, toolchains
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.commands import arguments
from harness.convert import atc
from harness.errors import UsageError
from harness.forecast import BUDGET_S, DEFAULT_MODES, OPERATORS, Request, forecast
from harness.needs import Places
from harness.render import forecast_text
from harness.workbench import Workbench

DEFAULT_CHIP = "Ascend310P3"


def run(given: Sequence[str]) -> int:
    """Print the forecast; 0 whatever it says, for it judges nothing."""
    options = _parser().parse_args(given)
    card = cards.get(options.name, options.cards)
    chip = atc.soc_version(options.chip or next(iter(card.chips), DEFAULT_CHIP))
    with tempfile.TemporaryDirectory(prefix="omgate-forecast-") as folder:
        bench = _bench(options, card, chip, Path(folder))
        made = forecast(_request(options, card, chip), bench, lambda line: print(line, file=sys.stderr, flush=True))
    print(made.to_json() if options.json else forecast_text.render(made))
    return 0


def _parser() -> arguments.Parser:
    parser = arguments.parser("forecast", __doc__)
    parser.add_argument("name", metavar="MODEL", help="a card's name, as `omgate list` prints it")
    modes = f"a precision mode; more than once, or with commas ({', '.join(DEFAULT_MODES)} and the card's own)"
    parser.add_argument("--mode", action="append", default=[], metavar="M", help=modes)
    parser.add_argument("--chip", default="", metavar="C", help="a chip (the card's first, else Ascend310P3)")
    parser.add_argument(
        "--batch-size", default="", metavar="N", help="a fixed batch size (that of the accuracy promise)"
    )
    parser.add_argument("--samples", default="", metavar="N", help="score only N of the data set, spread evenly (all)")
    operators = f"name the N operators that contribute most, 0 for none ({OPERATORS})"
    parser.add_argument("--operators", default=str(OPERATORS), metavar="N", help=operators)
    budget = f"seconds for the search among operators ({BUDGET_S:.0f})"
    parser.add_argument("--budget", default=str(BUDGET_S), metavar="S", help=budget)
    weights = "card (its own checkpoint, the default), seeded, or a checkpoint file"
    parser.add_argument("--weights", default="card", metavar="WHAT", help=weights)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "weights-dir", "data-dir", "cache-dir")
    return parser


def _bench(options: argparse.Namespace, card: ModelCard, chip: str, folder: Path) -> Workbench:
    cache_dir = arguments.cache_dir(options)
    toolchain = toolchains.emulated(cache_dir, [chip])
    places = Places(arguments.folder(options, "weights-dir"), arguments.folder(options, "data-dir"))
    return Workbench(
        cards={card.name: card},
        builder=Builder(Store(cache_dir), places.weights_dir, toolchain),
        run_dir=folder,
        places=places,
        weights=options.weights,
        samples=_samples(options.samples, card),
        host=ascend_host.present(toolchain),
    )


def _request(options: argparse.Namespace, card: ModelCard, chip: str) -> Request:
    modes = [word.strip() for text in options.mode for word in text.split(",") if word.strip()]
    return Request(
        card=card,
        chip=chip,
        batch=_whole("--batch-size", options.batch_size, 1) if options.batch_size else plan.accuracy_batch(card, chip),
        modes=tuple(dict.fromkeys(modes)) or DEFAULT_MODES,
        operators=_whole("--operators", options.operators, 0),
        budget_s=_seconds(options.budget),
    )


def _samples(text: str, card: ModelCard) -> int | None:
    if not text:
        return None
    count = _whole("--samples", text, 1)
    if card.dataset.count and count > card.dataset.count:
        raise UsageError(f"--samples {count}", f"expected at most {card.dataset.count}, the size of the data set")
    return count


def _whole(option: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise UsageError(option, f"expected a number of {least} or more", repr(text))
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise UsageError("--budget", "expected a number of seconds above 0", repr(text))
    return seconds
