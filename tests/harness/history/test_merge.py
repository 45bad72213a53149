"""Runs of several hosts become one: nothing twice, nothing lost, what contradicts itself kept and named."""

from harness.history.merge import SourceRun, merge
from tests.harness.history.nights import case_of, entry


def run(name, *entries, **facts):
    return SourceRun(name, {"plan": [f"t::{name}"], "options": [], "started_at": f"2025-{name}", **facts}, entries)


def outcomes(sha256, path="outcomes/k.npz"):
    return {"path": path, "sha256": sha256 * 64, "kind": "top-k"}


def test_eight_runs_become_one_in_the_order_of_time():
    runs = [run(f"host{number}", entry(7 - number, 100.0 + number)) for number in range(8)]

    merged = merge(runs)
    assert [one.result.started_at[:10] for one in merged.entries] == [f"2025-01-0{day}" for day in range(1, 9)]
    assert (merged.duplicates, merged.conflicts) == (0, ())
    assert merged.facts["plan"] == [f"t::host{number}" for number in range(8)]
    assert [one["run"] for one in merged.facts["merged"]] == [f"host{number}" for number in range(8)]


def test_an_entry_of_two_runs_is_kept_once():
    merged = merge([run("a", entry(0), entry(1)), run("b", entry(1), entry(2))])

    assert len(merged.entries) == 3
    assert (merged.duplicates, merged.conflicts) == (1, ())


def test_what_contradicts_itself_is_kept_and_named():
    merged = merge([run("a", entry(0, 100.0)), run("b", entry(0, 90.0))])

    assert len(merged.entries) == 2
    (conflict,) = merged.conflicts
    assert conflict == f"{case_of().test_name} at 2025-01-01T03:00:00+00:00: a and b differ"
    assert merged.facts["conflicts"] == [conflict]


def test_outcomes_of_one_name_and_other_content_get_a_name_of_their_own():
    merged = merge(
        [
            run("a", entry(0, outcomes=outcomes("1"))),
            run("b", entry(1, outcomes=outcomes("2")), entry(2, outcomes=outcomes("1"))),
        ]
    )

    assert [one.result.outcomes.path for one in merged.entries] == [
        "outcomes/k.npz",
        "outcomes/k-2.npz",
        "outcomes/k.npz",
    ]
    assert {path: (one.run, one.path) for path, one in merged.sidecars.items()} == {
        "outcomes/k.npz": (0, "outcomes/k.npz"),
        "outcomes/k-2.npz": (1, "outcomes/k.npz"),
    }


def test_merging_again_changes_nothing():
    once = merge([run("a", entry(0, outcomes=outcomes("1"))), run("b", entry(0, 90.0, outcomes=outcomes("2")))])

    again = merge([SourceRun("ab", once.facts, once.entries), run("a", entry(0, outcomes=outcomes("1")))])
    assert set(map(type(once.entries[0]).to_json, again.entries)) == {one.to_json() for one in once.entries}
    assert again.duplicates == 1


def test_the_options_are_kept_where_all_runs_had_the_same():
    same = merge([run("a", options=["--strict-gates"]), run("b", options=["--strict-gates"])])
    other = merge([run("a", options=["--cards", "x", "--samples", "9"]), run("b", options=["--cards", "y"])])

    assert same.facts["options"] == ["--strict-gates"]
    assert other.facts["options"] == ["--cards", "x", "--cards", "y"]
    assert other.facts["merged"][0]["options"] == ["--cards", "x", "--samples", "9"]


def test_a_card_that_one_host_could_run_lacks_nothing():
    merged = merge(
        [run("a", lacks={"icnet": "no weights", "spinenet": "no weights"}), run("b", lacks={"icnet": "no data"})]
    )

    assert merged.facts["lacks"] == {"icnet": "no weights"}
