"""List the cards: model, data set, metric, chips, batch sizes, and how many promises each makes."""

from collections.abc import Iterable, Sequence

from harness import cards
from harness.cards import ModelCard
from harness.commands import arguments

HEADER = ("model", "data", "metric", "chips", "batches", "promises", "nightly")


def run(given: Sequence[str]) -> int:
    """Print one line per card."""
    parser = arguments.parser("list", __doc__)
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    for line in table([HEADER, *(_row(card) for card in cards.load_all(options.cards))]):
        print(line)
    return 0


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns.

    >>> table([("a", "b"), ("ccc", "d")])
    ['a    b', 'ccc  d']
    """
    rows = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    padded = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return list(padded)


def _row(card: ModelCard) -> tuple[str, ...]:
    made = f" ({card.dataset.generator})" if card.dataset.generator else ""
    promises = sum(baseline.role != "reference" for baseline in card.baseline)
    promises += sum(ratio.role == "promise" for ratio in card.ratio) + len(card.expect)
    return (
        card.name,
        f"{card.dataset.kind} {card.dataset.count}{made}",
        f"{card.metric.name} {card.metric.protocol}",
        ",".join(card.chips) or "-",
        ",".join(map(str, card.batches)),
        str(promises),
        "yes" if card.nightly else "no",
    )
