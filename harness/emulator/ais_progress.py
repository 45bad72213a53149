"""The progress bar of ais_bench, on stdout between carriage returns as tqdm draws it where there is no terminal."""

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from harness.emulator import console

Item = TypeVar("Item")
WIDTH = 10
INTERVAL_S = 0.1
"""How often tqdm draws at most."""


def bar(items: Sequence[Item], title: str) -> Iterator[Item]:
    """Yield the items, drawing how many are done; what ends before them all is drawn once more."""
    started = drawn = time.monotonic()
    console.write(_line(title, 0, len(items), 0.0))
    done = 0
    try:
        for done, item in enumerate(items):
            yield item
            now = time.monotonic()
            if now - drawn >= INTERVAL_S and done + 1 < len(items):
                console.write(_line(title, done + 1, len(items), now - started))
                drawn = now
        done = len(items)
    finally:
        console.write(_line(title, done, len(items), time.monotonic() - started))
        console.line()


def _line(title: str, done: int, total: int, elapsed_s: float) -> str:
    filled = WIDTH * done // total
    blocks = "█" * filled + " " * (WIDTH - filled)
    if not done:
        return f"\r{title}:   0%|{blocks}| 0/{total} [00:00<?, ?it/s]"
    rate = done / max(elapsed_s, 1e-9)
    times = f"{_clock(elapsed_s)}<{_clock((total - done) / rate)}"
    return f"\r{title}: {100 * done // total:3d}%|{blocks}| {done}/{total} [{times}, {rate:5.2f}it/s]"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
