"""The suite on a zoo's own scripts: only on request, with the real pipeline, from a card to the exit code."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx  # noqa: F401 - a run in this process forgets what it imports, and onnx aborts when it comes a second time
import onnxruntime  # noqa: F401 - likewise
import pytest

from tests.harness.scripts import toy_zoo

ROOT = Path(__file__).parents[2]
ID = "toyzoo-ort-cpu-bs1-scripts"


@pytest.fixture
def gated(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs the suite on the toy zoo's card with some arguments."""
    monkeypatch.setattr("harness.cards.MODELS_ROOT", tmp_path / "models")
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")
    for name in ("OMGATE_WEIGHTS_DIR", "OMGATE_DATA_DIR", "OMGATE_CACHE_DIR", "OMGATE_ZOO"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
    shutil.copytree(ROOT / "tests" / "gates", pytester.path / "gates", ignore=shutil.ignore_patterns("__pycache__"))

    def run(*arguments: str, runtime: tuple[str, ...] = ("--runtime", "ort-cpu")) -> pytest.RunResult:
        folders = ("--report-dir", str(tmp_path / "reports"), "--cache-dir", str(tmp_path / "cache"))
        off = [word for name in ("no:cacheprovider", "no:benchmark", "no:hypothesispytest") for word in ("-p", name)]
        return pytester.runpytest_inprocess("gates", *runtime, *folders, *off, *arguments)

    return run


def here(folder: Path) -> tuple[str, ...]:
    return ("--zoo", str(folder / "zoo"), "--data-dir", str(folder / "data"))


def test_a_model_is_gated_through_its_repositorys_scripts(gated, tmp_path):
    toy_zoo.write(tmp_path)

    result = gated("--run-scripts", *here(tmp_path))

    assert result.ret == 0
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"{ID}  accuracy  71.25 %   71.25 %   PASS met"])
    (run,) = (tmp_path / "reports").iterdir()
    entry = json.loads((run / "results.jsonl").read_text())
    assert entry["result"]["case"]["condition"] == "scripts"
    assert (run / "logs" / ID / "postprocess.log").read_text() == "top1: 71.25 %\n"


def test_a_missed_promise_is_red_and_its_command_asks_for_the_scripts_again(gated, tmp_path):
    toy_zoo.write(tmp_path, ("71.25\n", "80.00\n"))

    result = gated("--run-scripts", *here(tmp_path))

    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*reproduce: *{ID}* --zoo {tmp_path}/zoo * --run-scripts*"])


def test_without_the_request_no_script_runs_and_the_plan_says_how_to_ask(gated, tmp_path):
    crash = "raise SystemExit('ran')"
    toy_zoo.write(tmp_path, export=crash, preprocess=crash, postprocess=crash)

    result = gated(*here(tmp_path), "--unpromised")
    planned = gated(*here(tmp_path), "-p", "fixtures.planning")

    assert result.ret == 5  # nothing was there to collect
    planned.stdout.fnmatch_lines(
        [
            "0 cases",
            "0 cards or runtimes cannot run here",
            "0 cases that no card promises",
            "1 case that would run a repository's own scripts",
            "  --run-scripts runs them: it is the repository's code, in a private copy, with your rights",
            "  accuracy           toyzoo on ort-cpu at batch 1",
        ]
    )


def test_the_plan_of_a_request_names_what_the_scripts_need(gated, tmp_path):
    toy_zoo.write(tmp_path)

    result = gated("--run-scripts", *here(tmp_path), "-p", "fixtures.planning")

    result.stdout.fnmatch_lines(
        ["1 case", f"  accuracy           {ID}  the scripts of cv/Toy; weights toy.txt; toyset data"]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--run-scripts",), "*--run-scripts: *got the repository cv/Toy missing; pass --zoo*"),
        (("--run-scripts", "--zoo", "{}/zoo"), "*--run-scripts: *got data set toyset missing; pass --data-dir*"),
        (("--run-scripts", "--zoo", "{}/absent"), "*--zoo (or $OMGATE_ZOO): expected a folder*"),
        (("--model", "toyzoo"), "*--model toyzoo: expected a request to run its scripts; add --run-scripts*"),
    ],
)
def test_a_request_that_cannot_be_met_is_a_usage_error(gated, tmp_path, arguments, said):
    toy_zoo.write(tmp_path)

    result = gated(*(word.format(tmp_path) for word in arguments))

    assert result.ret == 4
    result.stderr.fnmatch_lines([said])


def test_a_request_for_scripts_that_no_card_names_is_a_usage_error(gated, tmp_path):
    path = toy_zoo.write(tmp_path)
    path.write_text(toy_zoo.CARD.partition("[script]")[0], encoding="utf-8")

    result = gated("--run-scripts")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--run-scripts: expected a case with script steps that can run here, got none; add*"])


def test_a_card_beside_its_repository_needs_no_zoo_folder(gated, tmp_path):
    toy_zoo.write(tmp_path, ('repository = "cv/Toy"', 'repository = "../../zoo/cv/Toy"'))

    result = gated("--run-scripts", "--data-dir", str(tmp_path / "data"))

    assert result.ret == 0


def test_a_model_with_a_file_of_its_own_keeps_its_other_checks(gated, tmp_path):
    toy_zoo.write(tmp_path, ("[weights]", '[artifact]\nonnx = "net.onnx"\n\n[weights]'))

    planned = gated("--run-scripts", *here(tmp_path), "-p", "fixtures.planning")

    planned.stdout.fnmatch_lines(["2 cases", f"  accuracy  *{ID} *", "  parity  *toyzoo-ort-cpu-bs1 *"])


def test_a_night_on_npus_that_was_cut_off_runs_only_the_scripts_that_are_left(gated, tmp_path):
    ran = tmp_path / "ran"
    noting = f"import sys\nopen({str(ran)!r}, 'a').write(sys.argv[3])\n"
    rows = toy_zoo.CARD[toy_zoo.CARD.index("[[baseline]]") : toy_zoo.CARD.index("[script]")]
    any_chip = rows.replace('chip = "Ascend310P3"', 'chip = "any"')
    path = toy_zoo.write(tmp_path, (rows, any_chip + any_chip.replace("batch = 1", "batch = 4")))
    text = path.read_text().replace('chips = ["Ascend310P3"]', 'chips = ["Ascend310P3"]\ntools = ["ais_bench"]')
    path.write_text(text.replace('"{output}/labels"]\nmetric', '"{output}/labels", "{batch}"]\nmetric'))
    script = tmp_path / "zoo/cv/Toy/postprocess.py"
    script.write_text(noting + toy_zoo.POSTPROCESS)
    night = ("-m", "npu", "--chip", "Ascend310P3", "--emulate", "--run-scripts", *here(tmp_path))

    whole = gated(*night, runtime=())
    (run,) = (tmp_path / "reports").iterdir()
    results = run / "results.jsonl"
    results.write_text(results.read_text().splitlines(keepends=True)[0])
    again = gated("--resume", str(run), runtime=())

    for batch in (1, 4):
        line = f"toyzoo-ais_bench-Ascend310P3-bs{batch}-scripts-emulated  accuracy  71.25 %   71.25 %   PASS met"
        whole.stdout.fnmatch_lines([line])
        again.stdout.fnmatch_lines([line])
    assert (whole.ret, again.ret, len(results.read_text().splitlines())) == (0, 0, 2)
    assert ran.read_text() in ("144", "141")
