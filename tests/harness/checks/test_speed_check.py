"""Timing a case: it goes on while its verdict is open, and is timed again in a fresh process before it is red."""

from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from harness.checks import speed
from harness.gates import judge
from harness.measure import TimePlan
from harness.results import Measurement, Result
from tests.harness.gates.handmade import TODAY, card_of, case_of, fps

PLAN = TimePlan(1, 10, 10, 0.0, open_rounds=80, open_s=60.0)
CARD = card_of(fps(tolerance=0.02))
CASE = case_of("throughput")


def noisy(fps_seen, seed=0, count=200, sigma=0.02):
    return (1000 / fps_seen * (1 + sigma * np.random.default_rng(seed).standard_normal(count))).tolist()


@dataclass
class Told:
    """A session that takes these milliseconds, one after the other."""

    times: list
    definition: str = "wall"
    asked: list = field(default_factory=list)

    def time(self, plan, samples):
        self.asked.append(plan.min_rounds)
        taken = [self.times.pop(0) for _ in range(plan.min_rounds)]
        row = {"definition": self.definition, "statistic": "median", "batch": 1, "rounds_ms": taken}
        return Measurement.model_validate({**row, "warmup_ms": (9.0,), "canary_before_ms": 2.0, "canary_after_ms": 2.0})


class Bench:
    """As much of a workbench as timing asks for: a session for each opening."""

    def __init__(self, *sessions, card=CARD, **fields):
        self.sessions, self._card, self.isolated = list(sessions), card, []
        self.isolate, self.noise, self.time_plan = False, {}, PLAN
        self.__dict__.update(fields)

    def card(self, case):
        return self._card

    def fed(self, case):
        return self._card

    def artifact(self, case):
        return None

    @contextmanager
    def open(self, case, artifact):
        self.isolated.append(self.isolate)
        yield self.sessions.pop(0)


@pytest.fixture(autouse=True)
def plain_bench(monkeypatch):
    """The bench above is no dataclass: replacing a field of it sets it."""
    real = speed.dataclasses.replace

    def replaced(value, **changes):
        if isinstance(value, Bench):
            value.__dict__.update(changes)
            return value
        return real(value, **changes)

    monkeypatch.setattr(speed.dataclasses, "replace", replaced)
    monkeypatch.setattr(speed, "fixed_inputs", lambda card, bench: [])


def measured(*sessions, **fields):
    bench = Bench(*sessions, **fields)
    return speed.measure(CASE, bench), bench


def verdict_of(facts, card=CARD):
    return judge(Result(case=CASE, status="measured", **facts), card, TODAY)


def test_a_certain_pass_is_timed_once():
    session = Told(noisy(105))

    facts, bench = measured(session)

    assert session.asked == [10]
    assert bench.isolated == [False]
    assert "confirmation" not in facts
    assert verdict_of(facts).outcome == "PASS"


def test_a_run_goes_on_while_its_interval_straddles_the_floor_each_time_twice_as_long():
    session = Told(noisy(98.6, sigma=0.04))

    facts, _ = measured(session, Told(noisy(98.6, 1, sigma=0.04)))

    assert session.asked == [10, 10, 20, 40]
    assert facts["measurement"].looks == (10, 20, 40, 80)
    assert len(facts["measurement"].rounds_ms) == 80
    assert len(facts["measurement"].warmup_ms) == 4


def test_a_run_ends_when_the_time_for_going_on_is_up():
    session = Told(noisy(98.6, sigma=0.04))
    plan = TimePlan(1, 10, 10, 0.0, open_rounds=80, open_s=0.0)

    facts, _ = measured(session, Told(noisy(98.6, 1, sigma=0.04)), time_plan=plan)

    assert facts["measurement"].looks == (10,)


def test_a_miss_is_timed_again_in_a_fresh_process_and_is_red_if_both_miss():
    facts, bench = measured(Told(noisy(90)), Told(noisy(90, 1)))

    verdict = verdict_of(facts)
    assert bench.isolated == [False, True]
    assert (verdict.outcome, verdict.code) == ("FAIL", "missed")
    assert "measured again in a fresh process: 89." in verdict.reason


def test_a_miss_that_a_fresh_process_does_not_repeat_is_not_red():
    facts, _ = measured(Told(noisy(90)), Told(noisy(100, 1)))

    verdict = verdict_of(facts)
    assert (verdict.outcome, verdict.code) == ("PASS", "met")
    assert verdict.judgements[0].observed == pytest.approx(90, rel=0.03)
    assert "measured again in a fresh process: " in verdict.reason


def test_nan_in_the_second_run_is_a_failure():
    facts, _ = measured(Told(noisy(90)), Told([float("nan")] * 200))

    assert verdict_of(facts).code == "nan"


def test_emulated_seeded_and_unpromised_speeds_are_timed_once(monkeypatch):
    for case in (CASE.model_copy(update={"emulated": True}), CASE.model_copy(update={"weights": "seeded"})):
        bench = Bench(Told(noisy(10)))
        assert "confirmation" not in speed.measure(case, bench)

    facts, _ = measured(Told(noisy(10)), card=card_of())
    assert "confirmation" not in facts


def test_slow_first_rounds_are_kept_counted_and_left_out():
    times = noisy(101, count=200)
    times[:3] = [30.0, 25.0, 20.0]

    facts, _ = measured(Told(times))

    assert facts["measurement"].rounds_ms[:3] == (30.0, 25.0, 20.0)
    assert facts["measurement"].warming == 3
    assert "3 rounds of warming up left out" in verdict_of(facts).reason


def test_of_each_further_call_of_msame_the_first_round_does_not_count():
    session = Told([50.0, *noisy(98.6, sigma=0.04)[:9], 60.0, *noisy(98.6, 1, sigma=0.04)], "msame")
    plan = TimePlan(0, 10, 10, 0.0, open_rounds=20)

    found = speed.run_until(session, plan, [], lambda run: False)

    assert 60.0 not in found.rounds_ms
    assert 60.0 in found.warmup_ms


def test_the_noise_that_a_history_knows_is_in_the_measurement_and_shown():
    facts, _ = measured(Told(noisy(105)), noise={CASE.key: 0.003})

    assert facts["measurement"].noise == 0.003
    assert "its noise from run to run is 0.3 %" in verdict_of(facts).reason
