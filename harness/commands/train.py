"""Train a card's network on generated data again, as the shipped tiny weights were trained."""

from collections.abc import Sequence
from pathlib import Path

from harness import cards, train
from harness.commands import arguments
from harness.digests import file_sha256
from harness.errors import UsageError


def run(given: Sequence[str]) -> int:
    """Train, and print the score and the lines for the card's `[weights]` table."""
    parser = arguments.parser("train", __doc__)
    parser.add_argument("name", metavar="NAME", help="a card whose data is generated, such as icnet-tiny")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the weights here (NAME.safetensors)")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    card = cards.get(options.name, options.cards)
    out = options.out or Path(f"{card.name}.safetensors")
    if out.exists():
        raise UsageError(f"--out {out}", "expected a file that does not exist yet", "one that does", "choose another")
    train.train(card, out, lambda line: print(line, flush=True))
    print(f'sha256 = "{file_sha256(out)}"')
    print(f"bytes = {out.stat().st_size}")
    return 0
