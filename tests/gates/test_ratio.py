"""One chip's number against another's, or against itself at another batch size, is what is promised."""

from collections.abc import Callable

from harness.results import Case


def test_ratio(case: Case, gate: Callable[[Case], None]) -> None:
    gate(case)
