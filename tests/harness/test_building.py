"""A build inside a build is counted once."""

from types import SimpleNamespace

from harness import building
from harness.building import Effort


def test_the_time_of_a_build_inside_another_is_part_of_it(monkeypatch):
    clock = iter([100.0, 103.0, 104.0, 110.0])
    monkeypatch.setattr(building, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    effort = Effort()

    with effort.counted(), effort.counted():
        pass

    assert effort.seconds == 4.0  # from the outer start at 100 to the outer end; the inner start took 103


def test_builds_one_after_another_add_up(monkeypatch):
    clock = iter([1.0, 3.0, 10.0, 11.5])
    monkeypatch.setattr(building, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    effort = Effort()

    for _ in range(2):
        with effort.counted():
            pass

    assert effort.seconds == 3.5
