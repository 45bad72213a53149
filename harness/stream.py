"""The accuracy stream: decode → preprocess → infer → score, on three threads, with bounded memory.

Inference stays on the calling thread; decoding and preprocessing run ahead of it, scoring behind it. numpy, Pillow and
the runtimes release the interpreter lock in their heavy parts, so on two cores inference hardly waits.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from harness.errors import RunError
from harness.samples import Dataset, Outputs, Picture, Sample

T = TypeVar("T")
# Just under the 32 MiB above which glibc always maps a block afresh.
LARGEST_REUSED_BYTES = 31 * 2**20


class Runs(Protocol):
    """The part of a session that the stream needs."""

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        """Yield one Outputs per sample, in order."""
        ...


class Scores(Protocol):
    """The part of a scorer that the stream needs."""

    def add(self, outputs: Outputs, target: Any) -> None:
        """Score one sample."""
        ...


@dataclass(frozen=True)
class Feed:
    """What to stream: the ids of a data set, in order, and what makes a network input of a decoded picture."""

    dataset: Dataset
    ids: tuple[str, ...]
    prepare: Callable[[Picture], Sample]

    def labelled(self) -> Iterator[tuple[Sample, Any]]:
        """Yield every sample, decoded and preprocessed, with its target."""
        for sample_id in self.ids:
            yield self.sample(sample_id), self.dataset.target(sample_id)

    def sample(self, sample_id: str) -> Sample:
        """Decode and preprocess one picture; raises DataError naming the file."""
        return self.prepare(self.dataset.picture(sample_id))


def prefetched(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Yield the items in order, made up to `depth` ahead on a thread of their own; an error is raised in its place."""
    made: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(entry: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stop.is_set():
            try:
                made.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put((item, None, False)):
                    return
        except BaseException as error:  # handed to the consumer, which raises it
            put((None, error, True))
        else:
            put((None, None, True))

    thread = threading.Thread(target=produce, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = made.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]  # not None: only the last entry carries no item
    finally:
        stop.set()
        thread.join()


def evaluate(
    session: Runs,
    labelled: Iterable[tuple[Sample, Any]],
    scorer: Scores,
    *,
    depth: int = 8,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Run every sample and score it; return how many there were.

    At most `depth` samples wait decoded and `depth` outputs wait to be scored. Raises what decoding, the session or the
    scorer raises.
    """
    _reuse_freed_memory()
    targets: deque[Any] = deque()
    done = 0
    with closing(prefetched(labelled, depth)) as ahead, ThreadPoolExecutor(1, "score") as behind:
        scoring: deque[Future[None]] = deque()
        for outputs in answered(session, _noting(ahead, targets)):
            scoring.append(behind.submit(scorer.add, outputs, targets.popleft()))
            while len(scoring) > depth:
                scoring.popleft().result()
            done += 1
            progress(done)
        while scoring:
            scoring.popleft().result()
    return done


def answered(session: Runs, samples: Iterable[Sample]) -> Iterator[Outputs]:
    """Yield the session's answers, exactly one per sample and in their order; raises RunError for any other."""
    waiting: deque[str] = deque()
    for outputs in session.run(_naming(samples, waiting)):
        expected = waiting.popleft() if waiting else "no sample"
        if outputs.sample_id != expected:
            raise _misanswered(f"the answer to {expected}", f"one to {outputs.sample_id}")
        yield outputs
    if waiting:
        raise _misanswered("an answer to every sample", f"none to {len(waiting)}, the first {waiting[0]}")


def _misanswered(what: str, got: str) -> RunError:
    return RunError("session", f"expected {what}", got, "compare with another runtime", kind="tool-failed", stage="run")


def _naming(samples: Iterable[Sample], waiting: deque[str]) -> Iterator[Sample]:
    """Yield the samples and remember their ids until they are answered."""
    for sample in samples:
        waiting.append(sample.id)
        yield sample


def _reuse_freed_memory() -> None:
    """Let the allocator keep what is freed, by freeing one large block that was never written to.

    glibc maps every block above a threshold afresh, and gives the top of its heap back to the kernel; both limits start
    at 128 KiB and grow with the largest mapped block freed so far (mallopt(3), M_MMAP_THRESHOLD). At a few hundred KB a
    picture, every one of them paid for its pages again: 3.1 ms instead of 2.2 ms for an ImageNet picture.
    """
    np.empty(LARGEST_REUSED_BYTES, np.uint8)


def _noting(labelled: Iterable[tuple[Sample, Any]], targets: deque[Any]) -> Iterator[Sample]:
    """Yield the samples and remember their targets in order, for when the outputs come back."""
    for sample, target in labelled:
        targets.append(target)
        yield sample
