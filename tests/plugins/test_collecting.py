"""Collecting pauses Python's garbage collector, and gives it back."""

import gc
from typing import Any

import pytest


@pytest.mark.parametrize("wanted", [(), ("--model", "unknown")], ids=["a plan", "a refused request"])
def test_a_session_leaves_the_garbage_collector_as_it_was(suite: Any, wanted: tuple[str, ...]) -> None:
    suite.card()

    suite.run("--collect-only", *wanted)

    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_while_the_session_runs_its_items_are_out_of_the_garbage_collectors_sight(suite: Any) -> None:
    suite.card()
    suite.pytester.makepyfile(
        test_collector="import gc\ndef test_collector(): assert gc.isenabled() and gc.get_freeze_count() > 0"
    )

    suite.run("test_collector.py", "-k", "test_collector").assert_outcomes(passed=1)
