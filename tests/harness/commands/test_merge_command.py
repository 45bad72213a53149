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
