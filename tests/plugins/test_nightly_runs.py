"""Nights on toy cards: a budget, shares of hosts, and runs that are killed and gone on with."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.history.store import History
from harness.results import Case

PLANNING = ("-p", "fixtures.planning")
MODELS = ("ant", "bee", "cat", "dog")
NIGHT = 4 * len(MODELS)  # accuracy, parity at 1 and 4, batch consistency
# Counts what is measured, and ends the whole run as `kill -9` does when a case of that number is to be measured.
COUNTING = """

@pytest.fixture(scope="session")
def run_case(run_case, pytestconfig):
    import signal
    import time

    def run(case):
        measured = Path(os.environ["OMGATE_TEST_MEASURED"])
        with measured.open("a") as stream:
            stream.write(case.test_name + "\\n")
        # Two workers may come at once, so that nobody is the one of exactly that number.
        if 0 < int(os.environ.get("OMGATE_TEST_KILL_AT", 0)) <= len(measured.read_text().splitlines()):
            if hasattr(pytestconfig, "workerinput"):
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get("OMGATE_TEST_CASE_S", 0)))
        return run_case(case)

    return run
"""


class Ended(NamedTuple):
    """How a run in this process ended."""

    returncode: int
    stdout: str
    stderr: str


class Night:
    """A suite of toy models, one of which misses its accuracy and one breaks by the host's fault."""

    def __init__(self, suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.suite, self.monkeypatch = suite, monkeypatch
        self.measured = suite.pytester.path / "measured"
        monkeypatch.setenv("OMGATE_TEST_MEASURED", str(self.measured))
        for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
            monkeypatch.delenv(name)  # of the run that this test is part of
        conftest = suite.pytester.path / "conftest.py"
        conftest.write_text(conftest.read_text().replace("def run_case():", "def answers():"))
        conftest.write_text(conftest.read_text() + COUNTING.replace("(run_case, ", "(answers, ", 1).replace(
            "return run_case(case)", "return answers(case)"))  # fmt: skip
        for name in MODELS:
            suite.card(name)
        suite.answer_well()
        low = {
            **suite.answers["accuracy"],
            "measures": [{"name": "top1", "protocol": "by-name", "value": 0.5, "n": 10}],
        }
        suite.answer("accuracy cat-ort-cpu-bs1", low)

    @property
    def reports(self) -> Path:
        return self.suite.pytester.path / "reports"

    def run(self, *arguments: str, kill_at: int = 0) -> "Ended | subprocess.CompletedProcess[str]":
        """Run the suite, in processes of its own if need be, and count from nothing what is measured."""
        self.measured.unlink(missing_ok=True)
        self.monkeypatch.setenv("OMGATE_TEST_KILL_AT", str(kill_at))
        # pytester forgets the modules of a run in this process, and SQLAlchemy cannot be loaded twice.
        if not kill_at and not {"-n", "--history"} & set(arguments):
            done = self.suite.run(*arguments)
            return Ended(int(done.ret), done.stdout.str(), done.stderr.str())
        words = [sys.executable, "-m", "pytest", "gates", *self.suite._options(), *arguments]
        return subprocess.run(words, capture_output=True, text=True, cwd=self.suite.pytester.path, check=False)

    def names(self) -> list[str]:
        """Return the tests that were measured since the last run was started."""
        return self.measured.read_text().splitlines() if self.measured.exists() else []

    def folder(self) -> Path:
        """Return the newest run folder."""
        return max(self.reports.iterdir(), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture
def night(suite: Any, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(suite, monkeypatch)


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def verdicts(folder: Path) -> dict[str, tuple[str, str]]:
    return {
        Case.model_validate(entry["result"]["case"]).test_name: (entry["verdict"]["outcome"], entry["verdict"]["code"])
        for entry in entries(folder)
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_night_killed_at_a_random_case_and_gone_on_with_has_the_verdicts_of_a_whole_one(
    night: Night, workers: tuple[str, ...], seed: int
) -> None:
    whole = night.run("-m", "onnx", *workers)
    expected = verdicts(night.folder())
    assert (whole.returncode, len(expected)) == (1, NIGHT)
    kill_at = random.Random(f"{seed} {workers}").randint(2, NIGHT - 1)  # noqa: S311 - where a night is killed

    killed = night.run("-m", "onnx", *workers, kill_at=kill_at)
    folder = night.folder()
    finished = set(verdicts(folder)) if (folder / "results.jsonl").exists() else set()
    resumed = night.run("--resume", str(folder), *workers)

    assert killed.returncode == -signal.SIGKILL
    assert len(finished) < NIGHT
    assert set(night.names()).isdisjoint(finished)
    assert sorted(night.names()) == sorted(set(expected) - finished)
    assert verdicts(folder) == expected
    assert resumed.returncode == whole.returncode
    assert f"{len(finished)} of {NIGHT} cases are finished" in resumed.stdout or workers
    assert all(resumed.stdout.count(f"{name}-ort-cpu-bs4") >= 2 for name in MODELS)  # the table shows all
    assert len(list(night.reports.iterdir())) == 2


def test_what_the_host_broke_is_done_again_and_what_failed_is_not(night: Night) -> None:
    fault = {"status": "error", "error": {"kind": "timeout", "message": "no end within 600 s"}}
    night.suite.answer("parity ant-ort-cpu-bs1", fault)
    first = night.run("-m", "onnx")
    folder = night.folder()
    assert verdicts(folder)["test_parity[ant-ort-cpu-bs1]"] == ("NOT_RUN", "infra")
    del night.suite.answers["parity ant-ort-cpu-bs1"]

    resumed = night.run("--resume", str(folder))

    assert first.returncode == 1
    assert night.names() == ["test_parity[ant-ort-cpu-bs1]"]
    assert resumed.returncode == 1  # cat's accuracy is as low as it was
    assert verdicts(folder)["test_parity[ant-ort-cpu-bs1]"] == ("PASS", "met")
    assert verdicts(folder)["test_accuracy[cat-ort-cpu-bs1]"] == ("FAIL", "missed")
    assert "no end within 600 s" in (folder / "repeated.jsonl").read_text()


def test_a_torn_last_line_is_measured_again(night: Night) -> None:
    night.run("-m", "parity")
    folder = night.folder()
    whole = (folder / "results.jsonl").read_text()
    (folder / "results.jsonl").write_text(whole[:-40])

    resumed = night.run("--resume", str(folder))

    assert resumed.returncode == 0
    assert len(night.names()) == 1
    assert sorted((folder / "results.jsonl").read_text().splitlines()) == sorted(whole.splitlines())


def test_a_finished_run_is_gone_on_with_for_nothing(night: Night) -> None:
    night.run("-m", "parity", "--threads", "2")

    resumed = night.run("--resume", str(night.folder()))

    assert (resumed.returncode, night.names()) == (0, [])
    assert "8 passed" in resumed.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threads", "4"), "--threads: expected 2, as the run had it"),
        (("--samples=5",), "--samples: expected none, as the run had it"),
        (("--model", "ant"), "--model: expected none, as the run had it"),
        (("--strict-gates",), "--strict-gates: expected none, as the run had it"),
        (("-m", "accuracy"), "-m: expected parity, as the run had it"),
        (("--budget", "1h"), "--budget: expected none, as the run had it"),
    ],
)
def test_another_option_than_the_run_had_is_a_usage_error(
    night: Night, arguments: tuple[str, ...], message: str
) -> None:
    night.run("-m", "parity", "--threads", "2")

    refused = night.run("--resume", str(night.folder()), *arguments)

    assert (refused.returncode, night.names()) == (4, [])
    assert message in refused.stderr


def test_the_same_options_may_be_given_again(night: Night) -> None:
    night.run("-m", "parity", "--threads", "2")

    assert night.run("--resume", str(night.folder()), "-m", "parity", "--threads", "2").returncode == 0


def test_a_folder_that_is_no_run_and_a_case_that_is_gone_are_usage_errors(night: Night) -> None:
    night.run("-m", "parity")
    (night.suite.models / "ant" / "toy.safetensors").unlink()

    nowhere = night.run("--resume", "nowhere")
    gone = night.run("--resume", str(night.folder()))

    assert (nowhere.returncode, gone.returncode) == (4, 4)
    assert "expected a run folder with run.json" in nowhere.stderr
    assert "expected test_parity[ant-ort-cpu-bs1], got no such case" in gone.stderr


def test_a_run_that_is_still_going_is_not_gone_on_with(night: Night) -> None:
    night.monkeypatch.setenv("OMGATE_TEST_CASE_S", "30")
    words = [sys.executable, "-m", "pytest", "gates", *night.suite._options(), "-m", "parity"]
    with subprocess.Popen(words, cwd=night.suite.pytester.path, stdout=subprocess.DEVNULL) as going:
        try:
            while not night.measured.exists() and going.poll() is None:
                time.sleep(0.05)
            refused = night.run("--resume", str(night.folder()))
        finally:
            going.kill()

    assert refused.returncode == 4
    assert "expected a run that has ended, got one that is still going" in refused.stderr


def test_a_run_that_is_told_to_end_ends_as_if_interrupted_and_can_be_gone_on_with(night: Night) -> None:
    night.monkeypatch.setenv("OMGATE_TEST_CASE_S", "30")
    words = [sys.executable, "-m", "pytest", "gates", *night.suite._options(), "-m", "parity"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=night.suite.pytester.path, stdout=pipe, text=True) as going:
        try:
            while not night.measured.exists() and going.poll() is None:
                time.sleep(0.05)
            going.terminate()
            output, _ = going.communicate(timeout=25)  # not the half minute that the case takes
        finally:
            going.kill()
    night.monkeypatch.setenv("OMGATE_TEST_CASE_S", "0")

    resumed = night.run("--resume", str(night.folder()))

    assert going.returncode == 2
    assert "KeyboardInterrupt" in output
    assert resumed.returncode == 0


def test_what_is_missing_stays_red_in_a_strict_run_that_is_gone_on_with(night: Night) -> None:
    night.suite.card("owl", nightly=True, weights=False)
    first = night.run("-m", "parity", "--strict-gates")

    resumed = night.run("--resume", str(night.folder()))

    assert (first.returncode, resumed.returncode, night.names()) == (1, 1, [])


def test_workers_share_the_share_of_a_host(night: Night) -> None:
    night.run("-m", "onnx", "--shard", "1/2")
    alone = night.names()
    night.run("-m", "onnx", "--shard", "1/2", "-n", "2")

    assert sorted(night.names()) == sorted(alone)
    assert 0 < len(alone) < NIGHT


def test_shards_are_apart_and_together_the_plan(night: Night) -> None:
    shares = []
    for index in (1, 2, 3):
        night.run("-m", "onnx", "--shard", f"{index}/3")
        shares.append(night.names())
    partitions = {json.loads((run / "run.json").read_text())["shard"]["partition"] for run in night.reports.iterdir()}

    together = [name for share in shares for name in share]
    assert len(together) == len(set(together)) == NIGHT
    assert all(shares)
    assert len(partitions) == 1
    for share in shares:  # the two cases that open one file are not parted: it would be built twice
        opened = [name for name in share if "bs4" in name]
        assert len({name.partition("[")[2] for name in opened}) * 2 == len(opened)


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--shard", "0/3", "--shard: expected i/n with i from 1 to n, such as 2/8, got '0/3'"),
        ("--shard", "4/3", "--shard: expected i/n"),
        ("--shard", "three", "--shard: expected i/n"),
        ("--budget", "6", "--budget: expected a duration such as 6h, 90m or 3600s, got '6'"),
        ("--budget", "0h", "--budget: expected a duration"),
    ],
)
def test_an_impossible_share_or_budget_is_a_usage_error(suite: Any, option: str, text: str, message: str) -> None:
    suite.card()

    result = suite.run(option, text)

    assert result.ret == 4
    assert message in result.stderr.str()


def earlier_night(night: Night, seconds: dict[str, float]) -> Path:
    """Return a run in which every case took so many seconds by the name of its model."""
    night.run("-m", "onnx")
    folder = night.folder()
    lines = []
    for entry in entries(folder):
        entry["result"] |= {
            "seconds": seconds[entry["result"]["case"]["model"]],
            "started_at": "2026-03-01T02:00:00+00:00",
        }
        lines.append(json.dumps(entry))
    (folder / "results.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "a worker"])
def test_a_budget_runs_what_was_red_first_and_names_what_it_leaves_out(night: Night, workers: tuple[str, ...]) -> None:
    earlier = earlier_night(night, {"ant": 60.0, "bee": 60.0, "cat": 600.0, "dog": 60.0})

    done = night.run("-m", "onnx", "--results", str(earlier), "--budget", "19m", *workers)

    names, folder = night.names(), night.folder()
    out = {name for name, verdict in verdicts(folder).items() if verdict == ("INCONCLUSIVE", "budget")}
    assert names[0] == "test_accuracy[cat-ort-cpu-bs1]"  # red last time, 600 s; 9 of the others take 60 s each
    assert len(names) == 10
    assert out == set(verdicts(folder)) - set(names)
    assert set(json.loads((folder / "run.json").read_text())["left_out"]) == out
    assert "left out by --budget 19m: predicted 10 min" in done.stdout
    assert "passed" in done.stdout
    assert f"{len(out)} left out by the budget" in done.stdout


def test_what_a_budget_leaves_out_is_red_under_strict_gates_and_never_passed(night: Night) -> None:
    earlier = earlier_night(night, dict.fromkeys(MODELS, 60.0))
    arguments = ("-m", "parity", "--results", str(earlier), "--budget", "2m")

    relaxed, strict = night.run(*arguments), night.run(*arguments, "--strict-gates")

    assert (relaxed.returncode, strict.returncode) == (0, 1)
    assert "2 passed, 6 skipped" in relaxed.stdout
    assert "2 passed" in strict.stdout
    assert "6 failed" in strict.stdout


def test_a_budget_that_is_used_up_starts_nothing_more(night: Night) -> None:
    earlier = earlier_night(night, dict.fromkeys(MODELS, 0.1))
    night.monkeypatch.setenv("OMGATE_TEST_CASE_S", "1.5")

    done = night.run("-m", "parity", "--results", str(earlier), "--budget", "2s")

    assert len(night.names()) <= 3
    assert "the --budget of 2s was used up" in done.stdout


def test_a_killed_night_with_a_budget_leaves_out_the_same(night: Night) -> None:
    earlier = earlier_night(night, {"ant": 60.0, "bee": 60.0, "cat": 600.0, "dog": 60.0})
    night.run("-m", "onnx", "--results", str(earlier), "--budget", "19m", kill_at=4)
    folder = night.folder()
    out = set(json.loads((folder / "run.json").read_text())["left_out"])

    night.run("--resume", str(folder))

    found = verdicts(folder)
    assert len(found) == NIGHT
    assert {name for name, verdict in found.items() if verdict == ("INCONCLUSIVE", "budget")} == out


def test_a_plan_tells_hours_gigabytes_and_minutes(night: Night) -> None:
    earlier = earlier_night(night, dict.fromkeys(MODELS, 90.0))

    plan = night.run(*PLANNING, "-m", "parity", "--results", str(earlier))

    assert "about 0.2 hours, 0 GB, 0 ATC minutes and 0 NPU minutes (8 cases by the history)" in plan.stdout
    assert night.names() == []


def test_a_plan_with_a_budget_says_what_it_would_leave_out(night: Night) -> None:
    earlier = earlier_night(night, dict.fromkeys(MODELS, 90.0))

    plan = night.run(*PLANNING, "-m", "parity", "--results", str(earlier), "--budget", "10m")

    assert "2 cases left out by --budget 10m, 3 min in all" in plan.stdout


def test_the_end_tells_regressions_from_what_the_host_broke(night: Night) -> None:
    full = {"status": "error", "error": {"kind": "infra", "message": "No space left on device", "stage": "host"}}
    night.suite.answer("parity dog-ort-cpu-bs4", full)

    both = night.run("-m", "onnx")
    only = night.run("-m", "parity")

    assert (both.returncode, only.returncode) == (1, 6)
    assert "1 regression: test_accuracy[cat-ort-cpu-bs1]" in both.stdout
    assert "1 not measured by the host's fault: test_parity[dog-ort-cpu-bs4]" in both.stdout
    assert "1 regression" not in only.stdout


def test_a_resumed_night_is_in_the_history_with_what_was_finished_before(night: Night) -> None:
    pytest.importorskip("sqlalchemy")
    for answer in night.suite.answers.values():
        answer["started_at"] = "2026-03-02T02:00:00+00:00"
    where = night.suite.pytester.path / "nights.sqlite"
    night.run("-m", "parity", kill_at=4)  # and its history was not reached

    night.run("--resume", str(night.folder()), "--history", str(where))

    with History.open(str(where)) as history:
        assert [case.count for case in history.cases()] == [1] * 8


def test_earlier_nights_are_read_from_the_history(night: Night) -> None:
    pytest.importorskip("sqlalchemy")
    earlier_night(night, dict.fromkeys(MODELS, 1.0))
    where = str(night.suite.pytester.path / "nights.sqlite")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-m", "harness.cli", "history", "import", str(night.folder()), "--db", where]
    subprocess.run(words, check=True, env=environment, capture_output=True)

    plan = night.run(*PLANNING, "-m", "parity", "--history", where)

    assert "NPU minutes (8 cases by the history)" in plan.stdout
