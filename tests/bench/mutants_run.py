"""Mutants of the runtime and the stream: rows, samples and targets lost or exchanged, and a slow run."""

import re
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from harness import pipeline
from harness.results import Case
from tests.bench.mutants import ICNET, INTRADA, RESNEST, Change, Lab, Mutant, wrap

SPLIT = "harness.runtimes.engine.split"
BATCHES = "harness.runtimes.batching.Batcher.batches"
LABELLED = "harness.stream.Feed.labelled"
IN_PROCESS = "harness.runtimes.ort.InProcess"
SLOWER = 5
READINGS = 3
SPEED_FLOOR = r'^\[\[baseline\]\]\nchip = "cpu"\n(?:.+\n)+'


def _rows_reversed(original: Any) -> Any:
    return lambda outputs, ids: original([output[::-1] for output in outputs], ids)


def _answers_reversed(original: Any) -> Any:
    return lambda outputs, ids: reversed(list(original(outputs, ids)))


def _padding_answered(original: Any) -> Any:
    return lambda outputs, ids: original(outputs, (*ids, *[ids[-1]] * (len(outputs[0]) - len(ids))))


def _only_full_batches(original: Any) -> Any:
    def batches(self: Any, samples: Any) -> Any:
        return (batch for batch in original(self, samples) if len(batch.ids) == self._size)

    return batches


def _without_the_last(original: Any) -> Any:
    return lambda self: original(replace(self, ids=self.ids[:-1]))


def _targets_one_late(original: Any) -> Any:
    def labelled(self: Any) -> Any:
        last = None
        for sample, target in original(self):
            yield sample, target if last is None else last
            last = target

    return labelled


def _first_scored_twice(original: Any) -> Any:
    return lambda self: original(replace(self, ids=(self.ids[0], *self.ids[:-1])))


class _Stack(deque[Any]):
    """Takes first what came last."""

    def popleft(self) -> Any:
        return self.pop()


def _one_buffer(original: Any) -> Any:
    def run(self: Any, arrays: Any) -> Any:
        outputs = original(self, arrays)
        kept = self.__dict__.setdefault("kept", [output.copy() for output in outputs])
        for place, output in zip(kept, outputs, strict=True):
            np.copyto(place, output)
        return kept

    return run


def _first_input_always(original: Any) -> Any:
    def run(self: Any, arrays: Any) -> Any:
        return original(self, self.__dict__.setdefault("first", [array.copy() for array in arrays]))

    return run


def learned(check: str, unit: str) -> Change:
    """Return a change that promises, instead of the shipped floors, the slowest speed this machine reaches just now."""

    def apply(lab: Lab) -> None:
        text = lab.card_file.read_text(encoding="utf-8")
        lab.card_file.write_text(re.sub(SPEED_FLOOR, "", text, flags=re.MULTILINE), encoding="utf-8")
        card = lab.card()
        case = Case(model=card.name, runtime="ort-cpu", chip="cpu", batch=1, check=check)
        values = []
        for _ in range(READINGS):
            timed = pipeline.run(case, lab.bench()).measurement
            canary_ms, round_ms = min(timed.canary_before_ms, timed.canary_after_ms), np.median(timed.rounds_ms)
            values.append(canary_ms / round_ms if check == "throughput" else round_ms / canary_ms)
        slowest = min(values) if check == "throughput" else max(values)
        row = f'chip = "cpu"\nbatch = 1\nmetric = "{check}"\nvalue = {slowest:.6f}\nunit = "{unit}"\n'
        kind = "" if check == "throughput" else "higher_is_better = false\n"
        source = 'role = "measured"\nsource = { file = "a run", text = "learned" }\n'
        with lab.card_file.open("a", encoding="utf-8") as stream:
            stream.write(f"\n[[baseline]]\n{row}{kind}{source}")

    return apply


def _slowed(original: Any) -> Any:
    def rounds(step: Any, plan: Any) -> Any:
        return original(lambda: sum(step() for _ in range(SLOWER)), plan)

    return rounds


def _slow(check: str, card: str, unit: str) -> Mutant:
    # Of this process and of the fresh one that confirms it alike; the canary keeps its pace.
    how = (learned(check, unit), wrap("harness.runtimes.engine.timed_rounds", _slowed))
    return Mutant("five times slower", card, check, how, batch=1)


STREAM = (
    Mutant(
        "a batch's answers in reverse rows", RESNEST, "batch-consistency", (wrap(SPLIT, _rows_reversed),), "parity", 4
    ),
    Mutant(
        "a batch's answers in reverse order",
        ICNET,
        "batch-consistency",
        (wrap(SPLIT, _answers_reversed),),
        "wrong-error",
        4,
    ),
    Mutant("padding scored as data", RESNEST, "batch-consistency", (wrap(SPLIT, _padding_answered),), "wrong-error", 4),
    Mutant(
        "the tail of the last batch dropped",
        RESNEST,
        "batch-consistency",
        (wrap(BATCHES, _only_full_batches),),
        "wrong-error",
        4,
    ),
    Mutant("the last picture left out", RESNEST, "accuracy", (wrap(LABELLED, _without_the_last),), "wrong-error"),
    Mutant(
        "the first picture scored twice, the last never",
        INTRADA,
        "accuracy",
        (wrap(LABELLED, _first_scored_twice),),
        "wrong-error",
    ),
    Mutant("targets one picture late", RESNEST, "accuracy", (wrap(LABELLED, _targets_one_late),)),
    Mutant(
        "targets taken from the wrong end",
        RESNEST,
        "accuracy",
        (wrap("harness.stream.deque", lambda original: _Stack),),
        "wrong-error",
        4,
    ),
    Mutant(
        "answers in one buffer, overwritten by the next",
        ICNET,
        "parity",
        (wrap(f"{IN_PROCESS}.run", _one_buffer),),
        "parity",
    ),
    Mutant(
        "the first input run again and again",
        INTRADA,
        "parity",
        (wrap(f"{IN_PROCESS}.run", _first_input_always),),
        "parity",
    ),
)

SPEED = (
    _slow("throughput", RESNEST, "images/canary"),
    _slow("latency", INTRADA, "canary"),
)

MUTANTS = (*STREAM, *SPEED)
