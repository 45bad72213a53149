"""Ratios of two chips' figures: `310P/T4`, `310P3/基准`, and how far two accuracies differ."""

from dataclasses import dataclass

from harness.readme.labels import Labels
from harness.readme.rows import Row, Where

LONGEST_NAME = 80


@dataclass(frozen=True)
class Quotient:
    """A printed ratio: the label with its two sides, the number, and the batch and condition that it holds for."""

    named: str
    value: float
    batch: int | None = None
    condition: str = ""


def ratio_row(labels: Labels, quotient: Quotient, where: Where) -> Row:
    """Return the row of a ratio; it is a reference where one side is no Ascend chip's."""
    sides = [labels.read(side) for side in quotient.named.split("/")]
    chips = [side.chip or ("reference" if side.roles else "") for side in sides]
    strangers = {"", "reference", *labels.words.reference_chips}
    conditions = [*(variant for side in sides for variant in side.variants), quotient.condition]
    return Row(
        kind="ratio",
        metric="ratio",
        value=quotient.value,
        unit="x",
        role="reference" if strangers.intersection(chips) else "promise",
        chip="/".join(chips) if all(chips) else "",
        printed_chip=quotient.named[:LONGEST_NAME],
        batch=quotient.batch,
        condition=", ".join(dict.fromkeys(one for one in conditions if one)),
        where=where,
    )
