"""Samples per second, alone on the device, are no fewer than promised."""

from collections.abc import Callable

from harness.results import Case


def test_throughput(case: Case, gate: Callable[[Case], None]) -> None:
    gate(case)
