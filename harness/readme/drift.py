"""The drift gate: what differs between a card and its README, and what of the README no card can hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cards import ModelCard
from harness.readme import claims, compare
from harness.readme.baselines import stated
from harness.readme.compare import Pair
from harness.readme.rows import Parsed, Row


@dataclass(frozen=True)
class Drift:
    """All pairs of a card's and a README's claims; `elsewhere` counts the card's rows that other files print."""

    pairs: tuple[Pair, ...]
    elsewhere: int = 0

    @property
    def agreeing(self) -> tuple[Pair, ...]:
        """The pairs that say the same."""
        return tuple(pair for pair in self.pairs if pair.state == "same")

    @property
    def differences(self) -> tuple[Pair, ...]:
        """The pairs that differ, without what is only noted."""
        return tuple(pair for pair in self.pairs if pair.state != "same" and not _note(pair))

    @property
    def notes(self) -> tuple[tuple[Pair, str], ...]:
        """The README's rows that the card need not have, each with why: ambiguous, or nothing that a card can hold."""
        return tuple((pair, note) for pair in self.pairs if pair.state != "same" and (note := _note(pair)))


def between(cards: Sequence[ModelCard], parsed: Parsed, readme: Path) -> Drift:
    """Lay the rows of a README's cards, which share it where there are several, beside those read from `readme`."""
    stated_by = [claims.of_card(card, readme) for card in cards]
    mine = [claim for found, _ in stated_by for claim in found]
    return Drift(compare.pairs(mine, claims.of_readme(parsed.rows)), sum(count for _, count in stated_by))


def belongs(card: ModelCard, readmes: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of a folder's READMEs that a card beside them is of: the named ones, or a bare card's only one."""
    listed = tuple(readmes)
    places = [*(row.source for row in card.baseline), *(row.source for row in card.ratio)]
    address = card.source.readme.rpartition("/")[2].lower()
    named = tuple(
        path
        for path in listed
        if path.name.lower() == address or any(claims.is_of(place, card, path) for place in places)
    )
    return named or (listed if len(listed) == 1 and not (places or address) else ())


def _note(pair: Pair) -> str:
    row = pair.readme.origin if pair.readme and pair.card is None else None
    if not isinstance(row, Row):
        return ""
    if not row.certain:
        return f"uncertain: {row.reason}"
    return "" if stated(row, "README.md") is not None else "a card has no row for it"
