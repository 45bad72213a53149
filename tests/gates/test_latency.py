"""Milliseconds per batch, alone on the device, are no more than promised."""

from collections.abc import Callable

from harness.results import Case


def test_latency(case: Case, gate: Callable[[Case], None]) -> None:
    gate(case)
