"""`omgate merge`: the folders of several hosts become one whole folder, or nothing is written."""

import json

import pytest

from harness import sidecar
from harness.cli import main
from harness.digests import file_sha256
from harness.runs import read_entries, read_run
from tests.harness.history.nights import case_of, entry


def host(root, name, *nights, hit=1, fps=100.0):
    folder = root / name
    (folder / "outcomes").mkdir(parents=True)
    (folder / "logs").mkdir()
    (folder / "logs" / "atc.log").write_text(name, encoding="utf-8")
    path = folder / "outcomes" / "k.npz"
    sidecar.write(path, {"hit1": [hit]})
    outcomes = {"path": "outcomes/k.npz", "sha256": file_sha256(path), "kind": "top-k"}
    lines = [entry(night, fps, outcomes=outcomes).to_json() for night in nights]
    (folder / "results.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    facts = {"schema": 1, "argv": ["omgate"], "plan": [f"t::{name}"], "options": [], "seed": 0, "started_at": "2025"}
    (folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def merged(root, *folders, output="all"):
    return main(["merge", *map(str, folders), "--output", str(root / output)])


def test_eight_hosts_become_one_run(tmp_path, capsys):
    folders = [host(tmp_path, f"host{number}", number, 20, hit=number) for number in range(8)]

    # Every host has a result of night 20; they differ in the outcomes, so all are kept and seven are named.
    assert merged(tmp_path, *folders) == 0
    entries, facts = read_entries(tmp_path / "all"), read_run(tmp_path / "all")
    assert len(entries) == 16
    assert facts["plan"] == [f"t::host{number}" for number in range(8)]
    assert len(facts["conflicts"]) == 7
    for one in entries:
        path = tmp_path / "all" / one.result.outcomes.path
        assert file_sha256(path) == one.result.outcomes.sha256
    assert (tmp_path / "all" / "logs" / "host3" / "atc.log").read_text(encoding="utf-8") == "host3"
    assert case_of().id in (tmp_path / "all" / "table.md").read_text(encoding="utf-8")
    said = capsys.readouterr().out
    assert said.count("both kept: ") == 7
    assert "16 entries of 8 runs, 0 duplicates left out" in said


def shard(root, index, count, partition, **changes):
    folder = host(root, f"host{index}", index)
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    plan = [f"test_throughput.py::{case_of().test_name}"]
    share = {"index": index, "count": count, "partition": partition}
    (folder / "run.json").write_text(json.dumps({**facts, "plan": plan, "shard": share, **changes}), encoding="utf-8")
    return folder


def test_a_whole_night_has_no_gaps(tmp_path, capsys):
    assert merged(tmp_path, *(shard(tmp_path, index, 2, "abc") for index in (1, 2))) == 0

    assert read_run(tmp_path / "all")["gaps"] == []
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_share_that_is_missing_is_named(tmp_path, capsys):
    assert merged(tmp_path, *(shard(tmp_path, index, 4, "abc") for index in (1, 3))) == 0

    assert "of 4 shares 2, 4 are missing" in capsys.readouterr().out
    assert read_run(tmp_path / "all")["gaps"] == ["of 4 shares 2, 4 are missing"]


def test_shares_of_different_plans_are_named(tmp_path, capsys):
    shares = shard(tmp_path, 1, 2, "abc"), shard(tmp_path, 2, 2, "def")

    assert merged(tmp_path, *shares) == 0
    assert "not shares of one plan" in capsys.readouterr().out


def test_a_planned_case_without_a_result_is_named_with_its_run(tmp_path, capsys):
    plan = [f"test_throughput.py::{case_of().test_name}", "test_parity.py::test_parity[net-bs1]"]

    assert merged(tmp_path, shard(tmp_path, 1, 1, "abc", plan=plan)) == 0
    said = "host1: 1 of 2 planned cases have no result: test_parity[net-bs1]"
    assert said in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("counted", "together"), [(4, None), (2, "10 %"), (1, "20 %")])
def test_hosts_that_shared_no_error_are_told_what_theirs_is_together(tmp_path, counted, together, capsys):
    # Four cases that had a fourth of 5 % each are a night's 5 %; with a half each they are 10 %.
    folders = []
    for number in range(4):
        folder = host(tmp_path, f"host{number}", number)
        samples = {"used": 250, "declared": 2000, "ids_digest": "0" * 64, "cases": counted}
        case = case_of("accuracy", model=f"net{number}")
        line = entry(number, case=case, measurement=None, samples=samples).to_json()
        (folder / "results.jsonl").write_text(line + "\n", encoding="utf-8")
        folders.append(folder)

    assert merged(tmp_path, *folders) == 0
    said = capsys.readouterr().out
    assert (f"red by chance in up to {together} of such nights, not in 5 %" in said) == bool(together)


def test_what_was_red_or_broken_on_any_host_is_told_as_at_the_end_of_a_run(tmp_path, capsys):
    folders = [host(tmp_path, name, 0) for name in ("red", "lost")]
    ends = {"red": ("FAIL", "missed", "net1"), "lost": ("NOT_RUN", "infra", "net2")}
    for folder in folders:
        outcome, code, model = ends[folder.name]
        line = entry(0, case=case_of(model=model), outcome=outcome, code=code).to_json()
        (folder / "results.jsonl").write_text(line + "\n", encoding="utf-8")

    assert merged(tmp_path, *folders) == 0
    said = capsys.readouterr().out
    assert "1 regression: test_throughput[net1-" in said
    assert "1 not measured by the host's fault: test_throughput[net2-" in said


def test_a_run_given_twice_counts_once(tmp_path, capsys):
    one = host(tmp_path, "one", 0, 1)
    copy = host(tmp_path, "copy", 0, 1)

    assert merged(tmp_path, one, one, copy) == 0
    assert "2 entries of 2 runs, 2 duplicates left out" in capsys.readouterr().out


def test_an_output_that_is_there_is_left_alone(tmp_path, capsys):
    one = host(tmp_path, "one", 0)

    assert merged(tmp_path, one, output="one") == 4
    assert "expected a new or empty folder" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["run.json", "results.jsonl", "outcomes/k.npz"])
def test_a_folder_that_is_not_whole_leaves_nothing_behind(tmp_path, broken, capsys):
    one = host(tmp_path, "one", 0)
    (one / broken).unlink()

    assert merged(tmp_path, one) == 4
    assert "expected" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_outcomes_outside_of_their_run_are_refused(tmp_path, capsys):
    one = host(tmp_path, "one", 0)
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    outcomes = {"path": "../secret", "sha256": "0" * 64, "kind": "top-k"}
    (one / "results.jsonl").write_text(entry(outcomes=outcomes).to_json() + "\n", encoding="utf-8")

    assert merged(tmp_path, one) == 4
    assert not (tmp_path / "all").exists()
