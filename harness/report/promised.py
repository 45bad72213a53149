"""What the cards print beside a run's own numbers: speed by batch size, and the accuracy of each class."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.card_promises import SPEEDS
from harness.cards import Baseline, ModelCard, canonical_chip
from harness.report.document import CasePart


@dataclass(frozen=True)
class Rate:
    """One printed speed: `target` in `unit`, as the gates compare it."""

    chip: str
    batch: int
    metric: str
    target: float
    unit: str
    role: str


@dataclass(frozen=True)
class Promised:
    """A card's printed numbers that charts show; `classes` names the classes where the card does."""

    dataset: str = ""
    classes: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()
    class_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By chip (`any` for all of them), then by class: fractions."""

    def scores_for(self, case: CasePart) -> dict[str, float]:
        """Return the printed accuracy of each class for a case's chip."""
        chips = ("any", canonical_chip(case.chip))
        return {name: value for chip in chips for name, value in self.class_scores.get(chip, {}).items()}

    def rates_for(self, case: CasePart, unit: str) -> dict[int, Rate]:
        """Return the printed speeds by batch size for a case's chip and check, in that unit only."""
        chip = canonical_chip(case.chip)
        found = [one for one in self.rates if (one.chip, one.metric, one.unit) == (chip, case.check, unit)]
        # A promise is told before what was measured earlier, and both before a number for reference.
        ranked = sorted(found, key=lambda one: ("reference", "measured", "promise").index(one.role))
        return {one.batch: one for one in ranked}


def promised(cards: Mapping[str, ModelCard]) -> dict[str, Promised]:
    """Return what each card prints."""
    return {name: _of(card) for name, card in cards.items()}


def _of(card: ModelCard) -> Promised:
    scores: dict[str, dict[str, float]] = {}
    for row in card.baseline:
        if row.class_ and row.is_share:
            scores.setdefault(_chip(row), {})[row.class_] = row.target
    return Promised(
        dataset=card.dataset.kind,
        classes=card.classes if isinstance(card.classes, tuple) else (),
        rates=tuple(
            Rate(_chip(row), row.batch, row.metric, row.target, row.unit, row.role)
            for row in card.baseline
            if row.metric in SPEEDS and isinstance(row.batch, int)
        ),
        class_scores=scores,
    )


def _chip(row: Baseline) -> str:
    return row.chip if row.chip == "any" else canonical_chip(row.chip)
