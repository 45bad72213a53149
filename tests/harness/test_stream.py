"""The accuracy stream keeps order, bounds what waits, and passes every error on."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError, RunError
from harness.samples import Outputs, Picture, Sample
from harness.stream import Feed, evaluate, prefetched


class Doubling:
    """A session that answers twice its input, in batches of three."""

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        for sample in samples:
            yield Outputs(sample.id, (2 * sample.arrays[0],))


class Keeping:
    """A scorer that keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def add(self, outputs: Outputs, target: Any) -> None:
        self.seen.append((outputs.sample_id, int(outputs.arrays[0]), target))


def labelled(count: int) -> Iterator[tuple[Sample, int]]:
    for number in range(count):
        yield Sample(f"s{number}", (np.asarray(number),)), -number


@given(st.integers(0, 40), st.integers(1, 9))
def test_every_sample_is_scored_once_in_order_with_its_own_target(count: int, depth: int) -> None:
    scorer = Keeping()

    done = evaluate(Doubling(), labelled(count), scorer, depth=depth)

    assert done == count
    assert scorer.seen == [(f"s{number}", 2 * number, -number) for number in range(count)]


def test_no_more_than_the_depth_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    ahead = prefetched(items(), depth=4)
    first = next(ahead)
    time.sleep(0.3)

    assert first == 0
    assert len(made) <= 1 + 4 + 1  # taken, waiting, and one in the producer's hand
    ahead.close()


def test_an_error_while_decoding_arrives_after_the_samples_before_it() -> None:
    def items() -> Iterator[tuple[Sample, int]]:
        yield from labelled(3)
        raise DataError("val/a.png", "expected a whole PNG", "a truncated one")

    scorer = Keeping()
    with pytest.raises(DataError, match=r"val/a\.png"):
        evaluate(Doubling(), items(), scorer)

    assert len(scorer.seen) <= 3


def test_an_error_while_scoring_is_raised() -> None:
    class Refusing:
        def add(self, outputs: Outputs, target: Any) -> None:
            raise DataError("s0", "expected a label")

    with pytest.raises(DataError, match="s0"):
        evaluate(Doubling(), labelled(50), Refusing())


def test_no_thread_outlives_a_broken_stream() -> None:
    class Breaking:
        def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
            next(iter(samples))
            raise RuntimeError("device gone")
            yield

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="device gone"):
        evaluate(Breaking(), labelled(1000), Keeping())

    assert threading.active_count() == before


def test_progress_counts_up_to_the_whole() -> None:
    seen: list[int] = []

    evaluate(Doubling(), labelled(5), Keeping(), progress=seen.append)

    assert seen == [1, 2, 3, 4, 5]


def test_a_feed_prepares_pictures_in_the_order_of_its_ids() -> None:
    class Two:
        ids = ("a", "b")

        def picture(self, sample_id: str) -> Picture:
            return Picture(sample_id, np.full((2, 2, 3), 7, np.uint8), f"val/{sample_id}.png")

        def target(self, sample_id: str) -> int:
            return {"a": 0, "b": 1}[sample_id]

        def digest(self) -> str:
            return "0"

    def prepare(picture: Picture) -> Sample:
        return Sample(picture.id, (picture.pixels.sum(),), picture.source)

    pairs = list(Feed(Two(), ("b", "a"), prepare).labelled())

    assert [(sample.id, sample.source, int(sample.arrays[0]), target) for sample, target in pairs] == [
        ("b", "val/b.png", 84, 1),
        ("a", "val/a.png", 84, 0),
    ]


class Misanswering:
    """A session that answers what it is told to instead of what it is given."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        list(samples)
        for sample_id in self.ids:
            yield Outputs(sample_id, (np.zeros(1),))


@pytest.mark.parametrize(
    ("ids", "got"),
    [
        (("s0", "s1"), "none to 1, the first s2"),
        (("s0", "s1", "s2", "s2"), "the answer to no sample, got one to s2"),
        (("s0", "s2", "s1"), "the answer to s1, got one to s2"),
        ((), "none to 3, the first s0"),
    ],
    ids=["too few", "too many", "another order", "none"],
)
def test_a_session_that_does_not_answer_each_sample_once_in_order_is_an_error(ids: tuple[str, ...], got: str) -> None:
    with pytest.raises(RunError, match=got):
        evaluate(Misanswering(*ids), labelled(3), Keeping())
