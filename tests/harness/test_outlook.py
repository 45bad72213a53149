"""What is known of a plan: its nights, its sources, its bonds."""

from harness import cards, outlook
from harness.costs import Past
from harness.results import Case, Entry, Result, Verdict
from harness.selection import Plan, Selection

CARD = cards.get("intrada-deeplabv2")
P3, OLD = "Ascend310P3", "Ascend310"


def case(check, chip=P3, batch=1):
    return Case(model=CARD.name, runtime="benchmark", chip=chip, batch=batch, check=check, precision="fp16")


def entry(of, day, seconds=10.0, outcome="PASS"):
    result = Result(case=of, status="measured", started_at=f"2026-03-{day:02d}T02:00:00+00:00", seconds=seconds)
    return Entry(result=result, verdict=Verdict(outcome=outcome, code="met"))


def test_nights_are_in_order_and_only_the_last_fourteen():
    of = case("parity")

    pasts = outlook.pasts_of([entry(of, day, float(day)) for day in (20, *range(1, 20))])

    assert [one.run_s for one in pasts[of.key]] == [float(day) for day in range(7, 21)]


def test_a_ratio_is_bound_to_what_its_sides_are_made_of_and_to_nothing_else():
    made = [case("ratio"), case("throughput"), case("throughput", OLD, 4), case("parity")]

    bonds = outlook.bonds(made, {CARD.name: CARD})

    assert {bonds.get(one.test_name) for one in made[:3]} == {f"ratios of {CARD.name}"}
    assert made[3].test_name not in bonds


def forecast(pasts, held):
    made = [case("parity"), case("throughput")]
    plan = Plan({CARD.name: CARD}, tuple(made), (), ())
    return made, outlook.of(plan, Selection(), pasts, held)


def test_a_case_becomes_a_task_with_its_risk():
    made, found = forecast(outlook.pasts_of([entry(case("parity"), 2, outcome="FAIL")]), frozenset())

    parity, speed = (found.tasks[one.test_name] for one in made)
    assert (parity.risk, parity.run_s, parity.last) == ("red", 10.0, "2026-03-02T02:00:00+00:00")
    assert (speed.risk, speed.last) == ("old", "")


def test_hosts_that_do_not_look_into_their_stores_take_what_was_built_for_there():
    past = Past(at="2026-03-02T02:00:00+00:00", outcome="PASS", run_s=10.0, build_s=99.0, artifact="a1")
    pasts = {case("parity").key: (past,)}

    builds = [sum(task.build_s for task in forecast(pasts, held)[1].tasks.values()) for held in (frozenset(), None)]

    assert builds == [99.0, 0.0]
