"""Progress: a bar on a terminal, a line now and then in a log, and both past pytest's capture."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import progress
from fixtures.progress import Progress


class Screen:
    """A terminal reporter and a capture manager that note what reaches the screen while capture is off."""

    def __init__(self, *, isatty: bool) -> None:
        self.isatty = isatty
        self.captured = True
        self.shown: list[str] = []

    def rewrite(self, text: str, *, erase: bool) -> None:
        assert erase
        self.write_line(text)

    def write_line(self, text: str) -> None:
        assert not self.captured
        self.shown.append(text)

    def flush(self) -> None:
        assert not self.captured

    @contextlib.contextmanager
    def global_and_fixture_disabled(self) -> Iterator[None]:
        self.captured = False
        yield
        self.captured = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until it is moved."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def reporter(screen: Screen | None) -> Progress:
    plugins = {"terminalreporter": screen, "capturemanager": screen}
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get))
    return Progress(config)


def test_a_terminal_shows_a_bar_that_grows_and_goes(clock: SimpleNamespace) -> None:
    screen = Screen(isatty=True)
    show = reporter(screen)
    for second, done in ((1, 10), (1.1, 20), (2, 30), (3, 60)):
        clock.seconds = second
        show("icnet-ort-cpu-bs1", done, 60)

    assert screen.shown == [
        f"icnet-ort-cpu-bs1 [{'#' * 5}{'.' * 25}] 10/60",
        f"icnet-ort-cpu-bs1 [{'#' * 15}{'.' * 15}] 30/60",
        "",
    ]


def test_a_log_gets_a_line_every_half_minute(clock: SimpleNamespace) -> None:
    screen = Screen(isatty=False)
    show = reporter(screen)
    for second in range(0, 65, 5):
        clock.seconds = second
        show("icnet-ort-cpu-bs1", second, 500)

    assert screen.shown == ["icnet-ort-cpu-bs1: 30 of 500", "icnet-ort-cpu-bs1: 60 of 500"]


def test_a_worker_without_a_terminal_shows_nothing(clock: SimpleNamespace) -> None:
    clock.seconds = 100.0

    reporter(None)("icnet-ort-cpu-bs1", 1, 2)
