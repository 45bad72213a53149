"""Run folders survive what ends a run early."""

import json
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.results import Case, Entry, Result, Verdict
from harness.runs import RunFolder, entries_so_far, planned, read_entries, read_run, stored_entries


def entry(batch: int) -> Entry:
    case = Case(model="toy", runtime="ort-cpu", chip="cpu", batch=batch, check="parity")
    return Entry(result=Result(case=case, status="measured"), verdict=Verdict(outcome="PASS", code="met"))


def test_entries_are_read_back_as_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    for batch in (1, 4):
        folder.append(entry(batch).to_json())

    assert read_entries(tmp_path / "run") == (entry(1), entry(4))


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append(entry(1).to_json())
    with (tmp_path / "results.jsonl").open("a") as stream:
        stream.write(entry(4).to_json()[:50])

    assert read_entries(tmp_path) == (entry(1),)


def test_a_bad_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append("{}")
    folder.append(entry(1).to_json())

    with pytest.raises(UsageError, match=r"results\.jsonl:1: expected one JSON entry"):
        read_entries(tmp_path)


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    document = json.loads(entry(1).to_json())
    document["result"]["later"] = {"a": 1}
    RunFolder(tmp_path).append(json.dumps(document))

    (read,) = read_entries(tmp_path)

    assert json.loads(read.to_json())["result"]["later"] == {"a": 1}


def test_run_json_is_written_once_and_whole(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start({"plan": ["a"]})
    folder.start({"plan": ["b"]})

    assert read_run(tmp_path / "run") == {"schema": 1, "plan": ["a"]}
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}', "nonsense"])
def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(UsageError):
        read_run(tmp_path)
    with pytest.raises(UsageError):
        read_entries(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("plan", 7), ("argv", "pytest"), ("options", {}), ("environment", ["x"]), ("lacks", [])]
)
def test_a_run_whose_facts_are_of_another_kind_is_a_usage_error(tmp_path: Path, name: str, value: object) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema": 1, name: value}), encoding="utf-8")

    with pytest.raises(UsageError, match=rf"run\.json: expected {name} to be an? (array|table)"):
        read_run(tmp_path)


def test_a_run_that_has_not_begun_plans_and_has_measured_nothing(tmp_path: Path) -> None:
    assert planned(tmp_path) == ()
    assert entries_so_far(tmp_path) == ()


def test_a_run_tells_what_it_plans_and_what_it_has_measured_so_far(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start({"plan": ["tests/gates/test_parity.py::test_parity[toy-ort-cpu-bs1]"]})
    folder.append(entry(1).to_json())

    assert planned(tmp_path / "run") == (entry(1).result.case.test_name,)
    assert entries_so_far(tmp_path / "run") == (("run", entry(1)),)


def test_stored_runs_are_read_in_the_order_given(tmp_path: Path) -> None:
    for name, batch in (("b", 1), ("a", 4)):
        RunFolder(tmp_path / name).append(entry(batch).to_json())

    assert stored_entries((tmp_path / "b", tmp_path / "a")) == (("b", entry(1)), ("a", entry(4)))


def test_a_stored_folder_that_is_no_runs_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a run folder with results\.jsonl"):
        stored_entries((tmp_path,))


def broken(batch: int) -> Entry:
    return entry(batch).model_copy(update={"verdict": Verdict(outcome="NOT_RUN", code="infra")})


def finished(one: Entry) -> bool:
    return one.verdict.outcome == "PASS"


def test_a_run_that_is_taken_up_keeps_what_is_finished_and_puts_the_rest_aside(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for one in (entry(1), broken(4), entry(8)):
        folder.append(one.to_json())
    with (tmp_path / "results.jsonl").open("a") as stream:
        stream.write(entry(16).to_json()[:70])

    kept = folder.take_up(finished)
    folder.append(entry(4).to_json())

    assert kept == (entry(1), entry(8))
    assert read_entries(tmp_path) == (entry(1), entry(8), entry(4))
    assert Entry.model_validate_json((tmp_path / "repeated.jsonl").read_text()) == broken(4)


def test_what_is_put_aside_twice_is_all_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for batch in (1, 4):
        folder.append(broken(batch).to_json())
        folder.take_up(finished)

    assert len((tmp_path / "repeated.jsonl").read_text().splitlines()) == 2
    assert read_entries(tmp_path) == ()


def test_a_run_that_had_measured_nothing_is_taken_up_empty(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).take_up(finished) == ()


def test_a_folder_that_is_held_is_held_by_one(tmp_path: Path) -> None:
    lock = RunFolder(tmp_path).hold()

    with pytest.raises(UsageError, match="expected a run that has ended, got one that is still going"):
        RunFolder(tmp_path).hold()

    lock.release()
    RunFolder(tmp_path).hold().release()
