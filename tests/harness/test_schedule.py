"""Who runs what, and what goes first when time is short."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import schedule
from harness.costs import Past
from harness.errors import UsageError
from harness.schedule import Shard, Task, by_risk, nights_of, partition, risk_of, within

TASKS = st.lists(
    st.builds(
        Task,
        name=st.text("abcdefgh", min_size=1, max_size=4),
        run_s=st.floats(0, 5000),
        build_s=st.sampled_from([0.0, 0.0, 30.0, 400.0]),
        artifact=st.sampled_from(["", "om a", "om b", "om c", "onnx d"]),
        bond=st.sampled_from(["", "", "", "ratios of a", "ratios of b"]),
        risk=st.sampled_from(schedule.RISKS),
        last=st.sampled_from(["", "2026-03-01", "2026-03-02"]),
    ),
    max_size=40,
    unique_by=lambda task: task.name,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6h", 21600), ("90m", 5400), ("3600s", 3600), ("1h30m", 5400), ("0.5h", 1800)],
)
def test_a_duration_is_read(text, seconds):
    assert schedule.duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "6", "h", "-1h", "0s", "6 h", "1d", "6hours", "infh", "9" * 400 + "h"])
def test_what_is_no_duration_is_a_usage_error(text):
    with pytest.raises(UsageError, match="--budget: expected a duration such as 6h"):
        schedule.duration_s(text)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2", "1/٢"])
def test_what_is_no_share_is_a_usage_error(text):
    with pytest.raises(UsageError, match="--shard: expected i/n"):
        schedule.shard(text)


def test_a_share_is_read():
    assert schedule.shard("2/8") == Shard(2, 8)


@given(TASKS, st.integers(1, 9))
def test_shares_are_the_plan_each_task_once_and_bonds_hold(tasks, count):
    hosts = partition(tasks, count)

    assert len(hosts) == count
    assert sorted(task.name for host in hosts for task in host) == sorted(task.name for task in tasks)
    for bond in {task.bond for task in tasks} - {""}:
        assert sum(any(task.bond == bond for task in host) for host in hosts) == 1


@given(TASKS, st.integers(1, 9), st.randoms(use_true_random=False))
def test_the_order_of_the_plan_moves_no_task_to_another_host(tasks, count, shuffler):
    shuffled = list(tasks)
    shuffler.shuffle(shuffled)

    assert partition(tasks, count) == partition(shuffled, count)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=7), st.integers(2, 3))
def test_the_longest_host_is_within_the_bound_that_is_proved_for_the_best_one(seconds, count):
    # Graham 1969: longest processing time first is at most 4/3 − 1/(3m) of the best; that is found by trying all.
    placings = itertools.product(range(count), repeat=len(seconds))
    best = min(max(_loads(placing, seconds).values()) for placing in placings)

    tasks = [Task(f"{index:02d}", run_s) for index, run_s in enumerate(seconds)]
    longest = max(sum(task.run_s for task in host) for host in partition(tasks, count))

    assert longest <= (4 / 3 - 1 / (3 * count)) * best + 1e-9


def _loads(placing, seconds):
    loads = Counter()
    for host, run_s in zip(placing, seconds, strict=True):
        loads[host] += run_s
    return loads


def test_tasks_of_one_artifact_stay_on_one_host_where_that_costs_little():
    tasks = [
        Task(f"{artifact}{index}", 10.0, 100.0 * (index == 0), artifact) for artifact in "abcd" for index in range(3)
    ]

    hosts = partition(tasks, 2)

    assert all(len({task.artifact for task in host}) == 2 for host in hosts)
    assert [len(host) for host in hosts] == [6, 6]


def test_tasks_of_one_artifact_are_parted_where_staying_together_costs_a_host():
    tasks = [Task(f"a{index}", 1000.0, 10.0 * (index == 0), "a") for index in range(4)]

    assert [len(host) for host in partition(tasks, 2)] == [2, 2]


def test_hosts_of_one_partition_print_one_digest():
    tasks = [Task(name, 1.0) for name in "abc"]

    assert schedule.digest(partition(tasks, 2)) == schedule.digest(partition(tasks[::-1], 2))
    assert schedule.digest(partition(tasks, 2)) != schedule.digest(partition(tasks, 3))


def test_changed_goes_before_red_before_old_before_the_rest_and_longest_ago_first():
    rows = [("rest", "3"), ("old", ""), ("red", "3"), ("rest", "2"), ("changed", "3"), ("old", "1")]
    tasks = [Task(f"{risk}{last}", 1.0, risk=risk, last=last) for risk, last in rows]

    assert [task.name for task in by_risk(tasks)] == ["changed3", "red3", "old", "old1", "rest2", "rest3"]


@given(TASKS, st.floats(0, 20000))
def test_what_is_kept_fits_the_budget_and_nothing_is_lost(tasks, budget_s):
    cut = within(budget_s, tasks)

    opened = {task.artifact for task in cut.kept}
    builds_s = sum(task.build_s for task in tasks if task.artifact in opened)
    assert sum(task.run_s for task in cut.kept) + builds_s <= budget_s + 1e-6
    assert sorted(cut.kept + cut.left_out) == sorted(tasks)
    assert list(cut.kept) == by_risk(cut.kept)


@given(TASKS, st.floats(0, 20000))
def test_what_is_left_out_would_not_have_fitted_when_its_turn_came(tasks, budget_s):
    cut = within(budget_s, tasks)
    order = {task.name: index for index, task in enumerate(by_risk(tasks))}

    for out in cut.left_out:
        before = [task for task in cut.kept if order[task.name] < order[out.name]]
        opened = {task.artifact for task in (*before, out)}
        builds_s = sum(task.build_s for task in tasks if task.artifact in opened)
        assert sum(task.run_s for task in (*before, out)) + builds_s > budget_s - 1e-6


def past(day, outcome="PASS"):
    return Past(at=f"2026-03-{day:02d}T02:00:00+00:00", outcome=outcome, run_s=1.0)


NIGHTS = tuple(f"2026-03-{day:02d}" for day in range(1, 15))


@pytest.mark.parametrize(
    ("pasts", "changed", "risk"),
    [
        ([past(14)], True, "changed"),
        ([past(13), past(14, "FAIL")], False, "red"),
        ([past(14, "INCONCLUSIVE")], False, "red"),
        ([past(13, "FAIL"), past(14)], False, "rest"),
        ([past(8)], False, "rest"),
        ([past(7)], False, "old"),
        ([], False, "old"),
    ],
)
def test_the_risk_of_a_case_follows_from_its_last_nights(pasts, changed, risk):
    assert risk_of(pasts, NIGHTS, changed=changed) == risk


def test_nights_are_the_days_on_which_anything_was_judged():
    assert nights_of({"a": [past(2), past(1)], "b": [past(2)]}) == ("2026-03-01", "2026-03-02")
