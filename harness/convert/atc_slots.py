"""A host-wide limit on the ATCs that run at once: each takes gigabytes, and the kernel kills what does not fit."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness import memory
from harness.devices import holders, lease
from harness.errors import RunError

# A reservation, not a measurement: large models take several GB, and a killed ATC leaves no verdict.
ATC_MIB = 4096
WAIT_S = 4 * 3600.0
POLL_S = 0.2


@contextmanager
def slot(case: str, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold one of the host's places for an ATC while the block runs; `case` is shown to those who wait.

    There are as many as the memory that is free now has room for, and at least one. Raises RunError (`infra`) after
    `wait_s` seconds, naming who holds the last one.
    """
    deadline = time.monotonic() + wait_s
    with ExitStack() as stack:
        while not _took(stack, case):
            if time.monotonic() >= deadline:
                raise _timed_out(wait_s)
            time.sleep(POLL_S)
        yield


def places() -> int:
    """Return how many ATCs the free memory has room for, at least one."""
    return max(1, memory.available_mib() // ATC_MIB)


def _took(stack: ExitStack, case: str) -> bool:
    for name in _names():
        try:
            stack.enter_context(lease(name, exclusive=True, timeout_s=0.0, case=case))
        except RunError as error:
            if error.where != name:  # it is not taken: no lease can be had here at all
                raise
        else:
            return True
    return False


def _names() -> list[str]:
    return [f"atc-{number}" for number in range(places())]


def _timed_out(wait_s: float) -> RunError:
    found = "; ".join(line for name in _names() for line in holders(name)) or "processes that have just ended"
    what, hint = f"expected room for another ATC within {wait_s:g} s", "wait for them, end them, or free memory"
    return RunError("atc", what, f"{places()} taken by {found}", hint, kind="infra", stage="lease")
