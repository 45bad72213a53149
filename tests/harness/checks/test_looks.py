"""Accuracy in several looks: as few images as decide, each once, and at the end what a whole run gives."""

import dataclasses
import datetime
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness import cards, gates, sidecar
from harness.cards import ModelCard
from harness.checks import accuracy, looks
from harness.results import Case, Result, Verdict
from harness.samples import Outputs, Sample
from harness.stream import Feed

TODAY = datetime.date(2026, 11, 20)
CASE = Case(model="resnest50-tiny", runtime="ort-cpu", chip="cpu", batch=1, check="accuracy")
CLASSES = 10


def card_of(count: int) -> ModelCard:
    """Return a card that promises nothing, so that only the pair is judged, with the default margin."""
    card = cards.get("resnest50-tiny")
    dataset = card.dataset.model_copy(update={"count": count})
    return card.model_copy(update={"dataset": dataset, "baseline": ()})


class Model:
    """Answers every sample with its class, or with another one where `wrong` says so; notes what it was asked."""

    def __init__(self, wrong: Any = lambda number: False) -> None:
        self.wrong = wrong
        self.asked: list[str] = []

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        for sample in samples:
            self.asked.append(sample.id)
            number = int(sample.id)
            scores = np.zeros(CLASSES, np.float32)
            scores[(number + self.wrong(number)) % CLASSES] = 1.0
            yield Outputs(sample.id, (scores,))


class Dataset:
    def __init__(self, count: int) -> None:
        self.ids = tuple(f"{number:05d}" for number in range(count))

    def picture(self, sample_id: str) -> Any:
        return sample_id

    def target(self, sample_id: str) -> int:
        return int(sample_id) % CLASSES

    def digest(self) -> str:
        return "d"


@dataclasses.dataclass
class Desk:
    """A workbench of one card whose candidate and reference are tables."""

    card_: ModelCard
    candidate: Model
    other: Model
    run_dir: Path
    sequential: bool = True
    cases: int = 1
    samples: None = None
    parts: list[int] = dataclasses.field(default_factory=list)

    def card(self, case: Case) -> ModelCard:
        return self.card_

    def fed(self, case: Case) -> ModelCard:
        return self.card_

    def has_aipp(self, case: Case) -> bool:
        return False

    def toolchain_of(self, case: Case) -> dict[str, Any]:
        return {}

    def artifact(self, case: Case) -> Any:
        return SimpleNamespace(recipe={"weights": "w"}, digest="a")

    def feed(self, card: ModelCard) -> Feed:
        dataset = Dataset(card.dataset.count)
        return Feed(dataset, dataset.ids, lambda picture: Sample(picture, ()))

    def open(self, case: Case, artifact: Any) -> Any:
        return nullcontext(self.candidate)

    def reference(self, case: Case) -> Case:
        return case.model_copy(update={"runtime": "torch-cpu"})

    def reporter(self, what: str, total: int) -> Any:
        return lambda done: None

    def outcomes(self, case: Case, bench: Any, feed: Feed) -> Any:
        self.parts.append(len(feed.ids))
        return "torch-cpu", accuracy.scored(case, self, feed, self.other)[1]  # type: ignore[arg-type]

    def measured(self) -> tuple[Result, Verdict]:
        result = Result(case=CASE, status="measured", **looks.measure(CASE, self))  # type: ignore[arg-type]
        return result, gates.judge(result, self.card_, TODAY)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(count: int, wrong: Any = lambda number: False, unpaired: str = "", **means: Any) -> Desk:
        made = Desk(card_of(count), Model(wrong), Model(), tmp_path, **means)
        monkeypatch.setattr(accuracy, "reference_outcomes", made.outcomes)
        monkeypatch.setattr(accuracy, "unpaired", lambda case, bench: unpaired)
        return made

    return make


def test_without_a_loss_it_stops_where_so_many_equal_answers_are_enough(desk: Any) -> None:
    # Five looks below 8000, 0.01 each: 2.326² / (n + 2.326²) is 0.0054 for 1000 images, 0.0027 for 2000.
    result, verdict = desk(8000).measured()

    assert (verdict.outcome, result.samples.used, result.samples.declared) == ("PASS", 2000, 8000)
    assert result.samples.looks == (250, 500, 1000, 2000)
    assert "on 2000 of 8000 images, look 4" in verdict.reason


def test_a_broken_artifact_is_red_after_the_first_look(desk: Any) -> None:
    result, verdict = desk(8000, lambda number: number % 10 == 3).measured()

    assert (verdict.outcome, verdict.code, result.samples.used) == ("FAIL", "margin", 250)


def test_an_undecided_loss_is_looked_at_to_the_end_where_it_is_a_fact(desk: Any) -> None:
    result, verdict = desk(1000, lambda number: number % 250 == 7).measured()

    assert (verdict.outcome, result.samples.used, result.samples.whole) == ("PASS", 1000, True)
    assert result.paired.loss == pytest.approx(0.004)


def test_a_small_set_is_used_whole(desk: Any) -> None:
    result, verdict = desk(100).measured()

    assert (verdict.outcome, result.samples.looks) == ("PASS", (100,))


def test_every_image_is_asked_once_and_the_reference_for_the_newest_part_only(desk: Any) -> None:
    made = desk(1500, lambda number: number % 250 == 7)

    made.measured()

    assert sorted(made.candidate.asked) == list(Dataset(1500).ids)
    assert made.other.asked == made.candidate.asked
    assert made.parts == [250, 250, 500, 500]


def test_the_images_come_in_a_random_order_that_is_the_same_every_time(desk: Any) -> None:
    once, again = desk(8000), desk(8000)

    once.measured()
    again.measured()

    assert once.candidate.asked == again.candidate.asked
    assert once.candidate.asked != sorted(once.candidate.asked)
    first = np.array([int(name) for name in once.candidate.asked[:250]])
    assert 3400 < first.mean() < 4600  # 250 of 0 to 7999: 4000 ± 4 standard errors of 146


def test_at_the_end_the_numbers_and_outcomes_are_those_of_a_whole_run(desk: Any) -> None:
    def wrong(number: int) -> bool:
        return number % 250 == 7

    in_looks, _ = desk(1000, wrong).measured()
    kept = sidecar.read(desk(1).run_dir / in_looks.outcomes.path)
    at_once, _ = desk(1000, wrong, sequential=False).measured()

    assert in_looks.measures == at_once.measures
    assert in_looks.paired.model_copy(update={"looks": ()}) == at_once.paired
    assert in_looks.samples.ids_digest == at_once.samples.ids_digest
    assert in_looks.outcomes == at_once.outcomes
    assert kept["ids"].tolist() == list(Dataset(1000).ids)


def test_cases_of_the_run_travel_with_the_result(desk: Any) -> None:
    result, _ = desk(8000, cases=500).measured()
    at_once, _ = desk(100, cases=500, sequential=False).measured()

    assert result.samples.cases == at_once.samples.cases == 500


def test_without_a_reference_the_printed_number_alone_is_looked_at_and_the_reason_is_told(desk: Any) -> None:
    result, verdict = desk(20_000, unpaired="no torch").measured()

    assert result.paired is None
    assert result.unpaired == "no torch"
    assert "no torch" in verdict.judgements[-1].note
    assert result.samples.used < 20_000
