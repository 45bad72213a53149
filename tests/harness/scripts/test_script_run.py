"""A case through a repository's scripts, from the card to the verdict, and everything that can be wrong with a step."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import cards, gates, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.needs import Places
from harness.results import Case, Result, Verdict
from harness.workbench import Workbench
from tests.harness.scripts import toy_zoo

TODAY = datetime.date(2026, 11, 20)


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")


def bench_of(folder: Path, path: Path, **means: Any) -> Workbench:
    card = cards.load(path)
    places = Places(data_dir=folder / "data", zoo_dir=folder / "zoo")
    return Workbench({card.name: card}, Builder(Store(folder / "cache")), folder / "run", places=places, **means)


CASE = Case(model="toyzoo", runtime="ort-cpu", chip="cpu", batch=1, check="accuracy", condition="scripts")


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., tuple[Result, Verdict]]:
    """Return a function that writes the toy zoo with changes, runs its case and judges it."""

    def run(edit: tuple[str, str] = ("", ""), **changes: str) -> tuple[Result, Verdict]:
        bench = bench_of(tmp_path, toy_zoo.write(tmp_path, edit, **changes))
        result = pipeline.run(CASE, bench)
        return result, gates.judge(result, bench.cards["toyzoo"], TODAY)

    return run


def test_the_printed_number_is_judged_as_the_promised_protocol(judged):
    result, verdict = judged()

    assert (result.status, verdict.outcome, verdict.code) == ("measured", "PASS", "met")
    (measure,) = result.measures
    assert (measure.name, measure.protocol, measure.value, measure.n) == ("top1", "as-printed", 57 / 80, 80)
    assert result.samples is not None
    assert result.samples.whole
    assert result.paired is None
    assert result.outcomes is None


def test_a_number_below_the_promise_is_missed(judged):
    result, verdict = judged(("71.25\n", "73.50\n"))

    assert (verdict.outcome, verdict.code) == ("FAIL", "missed")
    assert "71.25 %" in verdict.reason
    assert "73.50 %" in verdict.reason
    assert result.status == "measured"


def test_the_logs_stay_and_the_copy_goes(judged, tmp_path):
    result, _ = judged()

    logs = {name: Path(path).read_text() for name, path in result.model_extra["logs"].items()}
    assert logs == {"export": "weights seven\n", "preprocess": "", "postprocess": "top1: 71.25 %\n"}
    assert not list((tmp_path / "run" / "work").rglob("*.py"))
    assert {path.name for path in (tmp_path / "zoo/cv/Toy").rglob("*")} == {
        "tools", "export.py", "preprocess.py", "postprocess.py"
    }  # fmt: skip


def test_a_promised_batch_size_runs_over_files_of_one_sample_each(tmp_path):
    path = toy_zoo.write(tmp_path, ('chips = ["Ascend310P3"]', 'chips = ["Ascend310P3"]\nbatches = [1, 32]'))

    result = pipeline.run(CASE.model_copy(update={"batch": 32}), bench_of(tmp_path, path))
    assert [measure.value for measure in result.measures] == [57 / 80]


PRINTS = "print('top1: {} %')"
SLOW = "import time\ntime.sleep(60)"


@pytest.mark.parametrize(
    ("edit", "changes", "kind", "said"),
    [
        (("", ""), {"postprocess": "print('done')"}, "tool-failed", ["what the script printed, got nothing", "done"]),
        (
            ("", ""),
            {"postprocess": f"{PRINTS.format(70)}\n{PRINTS.format(71)}"},
            "tool-failed",
            ["expected one number", "got 70, 71"],
        ),
        (("", ""), {"postprocess": PRINTS.format(171)}, "tool-failed", ["expected 0 to 100, got 171"]),
        (("", ""), {"postprocess": "1 / 0"}, "tool-failed", ["expected exit code 0, got exit code 1", "ZeroDivision"]),
        (("", ""), {"preprocess": "print('nothing')"}, "tool-failed", ["script.preprocess: expected it to write"]),
        (("", ""), {"export": "print('nothing')"}, "tool-failed", ["expected it to write model.onnx, got nothing"]),
        (("", ""), {"export": "import sys; open(sys.argv[1], 'w').write('x')"}, "corrupt-artifact", ["an ONNX file"]),
        (("count = 80", "count = 81"), {}, "data", ["script.preprocess: expected 81 samples", "got 80"]),
        (('inputs = ["preprocess.py"]', 'inputs = ["absent"]'), {}, "tool-failed", ["expected absent, which it reads"]),
        (
            ('outputs = ["{output}/labels"]', 'outputs = ["preprocess.py"]'),
            {},
            "tool-failed",
            ["preprocess.py, got an older one, which it did not write"],
        ),
        (("[script.export]", '[script.export]\nworkdir = "absent"'), {}, "tool-failed", ["expected the folder absent"]),
        (('"tools/export.py"', '"tools/absent.py"'), {}, "tool-failed", ["got exit code 2"]),
        (('shape = ["N", 3]', 'shape = ["N", 4]'), {}, "data", ["expected ('float32', (1, 3)), as in the graph"]),
    ],
)
def test_a_step_that_goes_wrong_is_an_error_that_says_what_and_where(judged, edit, changes, kind, said):
    result, verdict = judged(edit, **changes)

    assert result.status == "error"
    assert result.error is not None
    assert result.error.kind == kind
    for part in said:
        assert part in result.error.message
    assert verdict.outcome == "FAIL"


def test_a_step_that_does_not_end_is_the_hosts_fault(judged):
    result, verdict = judged(("[script.export]", "[script.export]\ntimeout_s = 0.5"), export=SLOW)

    assert result.error is not None
    assert result.error.kind == "timeout"
    assert "within 0.5 s" in result.error.message
    assert (verdict.outcome, verdict.code) == ("NOT_RUN", "infra")


def test_a_program_that_is_not_there_is_a_need(judged):
    result, verdict = judged(('"python3.7", "tools/export.py"', '"no-such-program"'))

    assert (result.status, result.missing_need, verdict.code) == ("not_run", "tool", "missing-tool")


def test_a_script_without_a_first_line_cannot_be_started(judged, tmp_path):
    path = toy_zoo.write(tmp_path, ('"python3.7", "tools/export.py"', '"./run.sh"'))
    (tmp_path / "zoo/cv/Toy/run.sh").write_text("echo\n")
    (tmp_path / "zoo/cv/Toy/run.sh").chmod(0o755)

    result = pipeline.run(CASE, bench_of(tmp_path, path))
    assert result.error is not None
    assert "expected to start ./run.sh" in result.error.message


@pytest.mark.parametrize("folder", ["data/toyset/new.txt", "zoo/cv/Toy/new.txt"])
def test_a_script_that_writes_into_the_repository_or_the_data_is_an_error(tmp_path, folder):
    more = f"\nopen({str(tmp_path / folder)!r}, 'w').write('x')\n"
    path = toy_zoo.write(tmp_path, postprocess=toy_zoo.POSTPROCESS + more)

    result = pipeline.run(CASE, bench_of(tmp_path, path))
    assert result.error is not None
    assert result.error.kind == "data"
    assert str((tmp_path / folder).parent) in result.error.message


def test_what_the_repository_ships_is_no_input_or_output_of_the_run(tmp_path):
    edit = ('"{inputs}", "{output}/labels"]', '"prep", "{output}/labels"]\nfolders = ["prep"]')
    path = toy_zoo.write(tmp_path, edit, preprocess=toy_zoo.PREPROCESS)
    stale = tmp_path / "zoo/cv/Toy/prep"
    stale.mkdir()
    (stale / "zzz.bin").write_bytes(b"not a whole sample")

    result = pipeline.run(CASE, bench_of(tmp_path, path))
    assert result.samples is not None
    assert result.samples.used == 80


def test_the_number_may_stand_in_a_json_file_that_the_script_writes(tmp_path):
    edit = ('metric = { pattern = "top1: ([0-9.]+) %"', 'metric = { json = "result.top1", from = "{output}/acc.json"')
    wrote = "import json, sys\njson.dump({'result': {'top1': 71.25}}, open(sys.argv[2] + '/../acc.json', 'w'))\n"
    path = toy_zoo.write(tmp_path, edit, postprocess=wrote)

    result = pipeline.run(CASE, bench_of(tmp_path, path))
    assert [measure.value for measure in result.measures] == [0.7125]


def test_a_script_sees_no_secrets_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "s3cr3t")
    show = "import os\nprint(sorted(os.environ), os.environ['BATCH'])\n"
    path = toy_zoo.write(
        tmp_path,
        ("[script.postprocess]", '[script.postprocess]\nenv = { BATCH = "size {batch}" }'),
        postprocess=show + toy_zoo.POSTPROCESS,
    )

    result = pipeline.run(CASE, bench_of(tmp_path, path))
    text = Path(result.model_extra["logs"]["postprocess"]).read_text()
    assert "size 1" in text
    assert "SECRET_TOKEN" not in text
