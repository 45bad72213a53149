"""A promised batch size predicts what the batch size of the accuracy run predicts."""

from collections.abc import Callable

from harness.results import Case


def test_batch_consistency(case: Case, gate: Callable[[Case], None]) -> None:
    gate(case)
