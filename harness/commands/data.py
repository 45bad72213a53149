"""Make a card's data set and its manifest, or check the data set against the manifest: `make`, `check`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import cards, needs
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.commands import arguments
from harness.datasets import manifest, open_dataset
from harness.errors import UsageError
from harness.samples import Dataset


def run(given: Sequence[str]) -> int:
    """Run `make` or `check`; 1 when `check` finds a difference."""
    parser = arguments.parser("data", __doc__)
    parser.add_argument("action", choices=("make", "check"), help="make the data and its manifest, or check it")
    parser.add_argument("name", metavar="NAME", help="a card's name")
    parser.add_argument("--to", type=Path, metavar="DIR", help="make: write generated data to a new folder instead")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="the manifest, by default in the cache folder")
    arguments.add_cards(parser)
    arguments.add_folders(parser, "data-dir", "cache-dir")
    options = parser.parse_args(given)
    card = cards.get(options.name, options.cards)
    path = options.manifest or arguments.cache_dir(options) / "manifests" / f"{card.name}.json"
    if options.action == "check" and options.to is not None:
        parser.error("--to is for make")
    root = _root(card, options)
    dataset = open_dataset(root, card.dataset, card.class_count)
    return _make(dataset, root, path) if options.action == "make" else _check(dataset, root, path)


def _make(dataset: Dataset, root: Path, path: Path) -> int:
    made = manifest.entries(dataset, _counter(len(dataset.ids)))
    manifest.write(path, made, root)
    print(f"{root}: {len(made)} samples")
    print(f"manifest {path}")
    return 0


def _check(dataset: Dataset, root: Path, path: Path) -> int:
    if not path.is_file():
        do = "make it from a good copy of the data: omgate data make"
        raise UsageError(f"--manifest {path}", "expected a manifest", "nothing", do)
    found = manifest.check(dataset, manifest.read(path), _counter(len(dataset.ids)))
    for line in found.lines():
        print(line)
    verdict = "agrees with" if found.agrees else "differs from"
    print(f"{root}: {len(dataset.ids)} samples, {verdict} {path}")
    return 0 if found.agrees else 1


def _root(card: ModelCard, options: argparse.Namespace) -> Path:
    """Return where the card's data is, making generated data first; raises MissingNeedError or UsageError."""
    if card.dataset.generator and options.to is not None:
        return _generated(card, options.to)
    if card.dataset.generator:
        return Builder(Store(arguments.cache_dir(options))).dataset(card)
    if options.to is not None:
        raise UsageError("--to", "expected a card whose data is generated", repr(card.name), "leave it out")
    places = needs.Places(data_dir=arguments.folder(options, "data-dir"))
    missing, root = needs.data(card, places), needs.data_root(card, places)
    if missing is not None or root is None:
        raise missing or UsageError("--data-dir", "expected a folder", "nothing")
    return root


def _generated(card: ModelCard, root: Path) -> Path:
    from harness.datasets import digits

    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"--to {root}", "expected a new or empty folder", "something else", "choose another")
    root.mkdir(parents=True, exist_ok=True)
    digits.generate(card.dataset.generator, card.dataset.generator_params, root)
    return root


def _counter(total: int) -> Callable[[int], None]:
    """Return a progress counter, which writes only to a terminal."""
    if not sys.stderr.isatty():
        return lambda done: None

    def show(done: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{done}/{total}", end=end, file=sys.stderr, flush=True)

    return show
