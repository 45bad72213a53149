"""Reading the network's outputs by the card: which one is scored, and whether every number is finite."""

import numpy as np

from harness.cards import ModelCard
from harness.errors import RunError
from harness.samples import Array, Outputs


def scored_position(card: ModelCard) -> int:
    """Return where the scored output is among the kept outputs, which is the order of `Outputs.arrays`."""
    return card.kept_outputs.index(card.scored_output)


def scored_array(card: ModelCard, outputs: Outputs) -> Array:
    """Return the array that the metric reads; raises RunError when the runtime returned another number of outputs."""
    expected = len(card.kept_outputs)
    if len(outputs.arrays) != expected:
        raise _wrong(f"{card.name}: {outputs.sample_id}", f"expected {expected} outputs", str(len(outputs.arrays)))
    return outputs.arrays[scored_position(card)]


def check_shape(where: str, got: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise RunError where an array has another shape than the card or the label asks for."""
    if got != expected:
        raise _wrong(where, f"expected shape {expected}", str(got))


def check_finite(card: ModelCard, outputs: Outputs, *, skip_scored: bool) -> None:
    """Raise RunError (kind `nan`), naming sample and output, where a kept output is NaN or infinite.

    `skip_scored` leaves out the scored output, for metrics that see every one of its numbers anyway.
    """
    scored = scored_position(card)
    for position, (spec, array) in enumerate(zip(card.kept_outputs, outputs.arrays, strict=False)):
        if (position == scored and skip_scored) or not np.issubdtype(array.dtype, np.floating):
            continue
        if not np.isfinite(array).all():
            where = place(card, outputs.sample_id, spec.name)
            raise RunError(where, "expected finite numbers", "NaN or infinity", kind="nan", stage="score")


def place(card: ModelCard, sample_id: str, output: str) -> str:
    """Return how an error names an output of a sample."""
    return f"{card.name}: sample {sample_id}: output {output}"


def _wrong(where: str, what: str, got: str) -> RunError:
    return RunError(where, what, got, "compare the card's outputs with the artifact", kind="data", stage="score")
