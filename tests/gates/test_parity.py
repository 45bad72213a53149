"""Every kept output is what the source framework computes."""

from collections.abc import Callable

from harness.results import Case


def test_parity(case: Case, gate: Callable[[Case], None]) -> None:
    gate(case)
