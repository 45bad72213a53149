"""What a card promises about one case, and whether the case exists at all."""

from dataclasses import dataclass

from harness.card_promises import SPEEDS
from harness.cards import Baseline, Expect, ModelCard, Ratio, Waiver, canonical_chip
from harness.results import Case

ROLES = ("promise", "measured")
REFERENCE_RUNTIMES = ("torch-cpu", "tf-cpu", "ort-plain")


@dataclass(frozen=True)
class Promise:
    """The card's rows that bear on one case: numbers, ratios, expected failures and waivers.

    `references` are ratios to what is only printed, told beside the promised ones. `layer_note` says which layer of
    the baselines holds where the toolchain's version is not known.
    """

    baselines: tuple[Baseline, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    references: tuple[Ratio, ...] = ()
    expectations: tuple[Expect, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    layer_note: str = ""


def promises_for(card: ModelCard, case: Case) -> Promise:
    """Return what the card promises for this chip, batch and check; references are no promises."""
    return Promise(
        baselines=_baselines(card, case),
        ratios=_ratios(card, case, "promise"),
        references=_ratios(card, case, "reference"),
        expectations=tuple(row for row in card.expect if _expects(row, case)),
        waivers=tuple(row for row in card.waiver if _waives(row, case)),
    )


def has_promise(card: ModelCard, case: Case) -> bool:
    """Tell whether the case stands on a promise, or its check carries a threshold of its own.

    Parity, batch consistency and paired accuracy do; the framework itself is what accuracy is paired with, and without
    a data set there are no pairs, so there only a promised number makes a case.
    """
    if case.check in ("parity", "batch-consistency"):
        return True
    promise = promises_for(card, case)
    if promise.baselines or promise.ratios or promise.expectations:
        return True
    paired = case.runtime not in REFERENCE_RUNTIMES and card.dataset.kind != "none"
    return case.check == "accuracy" and paired


def same_chip(printed: str, chip: str) -> bool:
    """Tell whether two names are of one chip: `310P` is the Ascend310P3."""
    return canonical_chip(printed) == canonical_chip(chip)


def _baselines(card: ModelCard, case: Case) -> tuple[Baseline, ...]:
    rows = [row for row in card.baseline if row.role in ROLES]
    if case.check == "accuracy":
        return _accuracy(rows, case)
    if case.check in SPEEDS:
        return tuple(
            row
            for row in rows
            if row.metric == case.check and same_chip(row.chip, case.chip) and row.batch in (case.batch, "any")
        )
    return ()


def _accuracy(rows: list[Baseline], case: Case) -> tuple[Baseline, ...]:
    """Return the chip's own numbers, else `any`; float32 on a host must also meet what is printed for an NPU."""
    rows = [row for row in rows if row.is_accuracy and row.batch in (case.batch, "any", "unstated")]
    chips = {"any"} if case.emulated else {"any", canonical_chip(case.chip)}
    here = tuple(row for row in rows if canonical_chip(row.chip) in chips)
    unrounded = case.on_host and case.precision == "fp32" and not case.emulated
    if any(row.role == "promise" for row in here) or not unrounded:
        return here
    return (*here, *(row for row in rows if row.role == "promise"))


def ratio_batches(card: ModelCard, chip: str) -> tuple[int, ...]:
    """Return the batch sizes at which a chip has ratio cases; a ratio of best batches belongs to the first."""
    rows = [row for row in card.ratio if row.role == "promise" and same_chip(row.numerator.chip, chip)]
    return tuple(dict.fromkeys(_ratio_batch(row, card) for row in rows))


def accuracy_sides(card: ModelCard, chip: str) -> tuple[int, ...]:
    """Return the batch sizes at which a promised ratio compares this chip's accuracy with another's."""
    sides = [side for row in card.ratio if row.role == "promise" for side in (row.numerator, row.denominator)]
    here = [side for side in sides if same_chip(side.chip, chip) and side.metric not in SPEEDS]
    return tuple(dict.fromkeys(side.batch for side in here if isinstance(side.batch, int)))


def _ratios(card: ModelCard, case: Case, role: str) -> tuple[Ratio, ...]:
    if case.check != "ratio":
        return ()
    rows = [row for row in card.ratio if row.role == role and same_chip(row.numerator.chip, case.chip)]
    return tuple(row for row in rows if _ratio_batch(row, card) == case.batch)


def _ratio_batch(row: Ratio, card: ModelCard) -> int:
    return card.batches[0] if row.numerator.batch == "best" else row.numerator.batch


def _expects(row: Expect, case: Case) -> bool:
    # A ratio runs nothing: what breaks is one of its sides.
    checks = (case.check,) if case.check == "ratio" else (case.check, "any")
    return same_chip(row.chip, case.chip) and row.batch == case.batch and row.check in checks


def _waives(row: Waiver, case: Case) -> bool:
    chip = row.chip == "any" or same_chip(row.chip, case.chip)
    return chip and row.batch in (case.batch, "any") and row.check == case.check
