"""What a process spends on building: seconds, and bytes that are kept."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Effort:
    """The seconds and bytes that went into builds so far; a build inside another is part of that one."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.bytes = 0
        self._depth = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the time of a build, or of waiting for another process's."""
        self._depth += 1
        started = time.monotonic()
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += time.monotonic() - started
