"""The data set's score, by the README's protocol, is the one that the card promises."""

from collections.abc import Callable

from harness.results import Case


def test_accuracy(case: Case, gate: Callable[[Case], None]) -> None:
    gate(case)
