"""A suite in a folder of its own: handmade cards, the real plugins, and a run that answers from a table."""

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARD = """
name = "{name}"
family = "toy"
classes = 3
nightly = {nightly}
chips = ["Ascend310P3"]
batches = [1, 4]
[source]
url = "https://example.org/toy"
framework = "torch"
[weights]
file = "{weights}"
[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3, 8, 8]
[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 3]
scored = true
[dataset]
kind = "imagenet"
count = 10
generator = "none"
[metric]
name = "top1"
protocol = "by-name"
[[baseline]]
chip = "any"
batch = "any"
metric = "top1"
value = 0.9
role = "promise"
source = {{file = "README.md", line = 1, text = "0.9"}}
{more}
"""
THROUGHPUT = """
[[baseline]]
chip = "cpu"
batch = 1
metric = "throughput"
value = {value}
unit = "images/canary"
role = "measured"
source = {{file = "README.md", line = 1, text = "as measured"}}
"""
ANSWERS = '''
"""The real plugins, with a pipeline that answers from answers.json and never loads a model."""
import json
import os
from pathlib import Path
import pytest
import harness.cards
from harness.results import Result

harness.cards.MODELS_ROOT = Path(os.environ["OMGATE_TEST_MODELS"])
pytest_plugins = {plugins}

@pytest.fixture(scope="session")
def run_case():
    answers = json.loads(Path(os.environ["OMGATE_TEST_ANSWERS"]).read_text())
    def run(case):
        given = answers.get(f"{{case.check}} {{case.id}}") or answers.get(case.check) or answers["*"]
        return Result.model_validate({{"case": case, **given}})
    return run
'''


class Suite:
    """Runs pytest in the toy suite; `card` adds a model, `answer` says what running a check gives."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.models = pytester.mkdir("models")
        self.answers: dict[str, dict[str, object]] = {
            "*": {"status": "error", "error": {"kind": "infra", "message": "?"}}
        }
        monkeypatch.setattr("harness.cards.MODELS_ROOT", self.models)
        monkeypatch.setenv("OMGATE_TEST_ANSWERS", str(pytester.path / "answers.json"))
        monkeypatch.setenv("OMGATE_TEST_MODELS", str(self.models))
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        for name in ("OMGATE_WEIGHTS_DIR", "OMGATE_DATA_DIR", "OMGATE_CACHE_DIR", "OMGATE_HISTORY"):
            monkeypatch.delenv(name, raising=False)
        plugins = (ROOT / "conftest.py").read_text(encoding="utf-8").partition("pytest_plugins = ")[2].strip()
        pytester.makeconftest(ANSWERS.format(plugins=plugins))
        shutil.copytree(ROOT / "tests" / "gates", pytester.path / "gates", ignore=shutil.ignore_patterns("__pycache__"))

    def card(self, name: str = "toy", *, nightly: bool = False, weights: bool = True, more: str = "") -> Path:
        """Write a card that promises top-1 0.9, with its weights file beside it unless told otherwise."""
        folder = self.models / name
        folder.mkdir()
        text = CARD.format(name=name, nightly=str(nightly).lower(), weights="toy.safetensors", more=more)
        (folder / "card.toml").write_text(text, encoding="utf-8")
        if weights:
            (folder / "toy.safetensors").write_bytes(b"weights")
        return folder

    def answer(self, key: str, given: dict[str, object]) -> None:
        """Say what a case gives, by its check or by check and case id."""
        self.answers[key] = given

    def answer_well(self, top1: float = 0.95) -> None:
        """Let every check measure something: this top-1 on all 10 samples, equal outputs, equal predictions."""
        samples = {"asked": None, "used": 10, "declared": 10, "ids_digest": "0" * 64}
        measures = [{"name": "top1", "protocol": "by-name", "value": top1, "n": 10}]
        worst = ["picture-7", "picture-3"]
        self.answer("accuracy", {"status": "measured", "measures": measures, "samples": samples, "worst": worst})
        parity = [{"output": "y", "cosine": 1.0, "max_rel": 0.0}]
        self.answer("parity", {"status": "measured", "parity": parity})
        agreement = {"reference_batch": 1, "n": 9, "equal": 9, "differing_share": 0.0}
        self.answer("batch-consistency", {"status": "measured", "agreement": agreement, "samples": samples})
        measurement = {"definition": "wall", "statistic": "median", "batch": 1, "rounds_ms": [2.0, 1.0, 3.0]}
        canary = {"canary_before_ms": 10.0, "canary_after_ms": 10.0}
        self.answer("throughput", {"status": "measured", "measurement": {**measurement, **canary}})

    def throughput(self, images_per_canary: float) -> str:
        """Return a card's promise of speed on this machine's processor."""
        return THROUGHPUT.format(value=images_per_canary)

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in this process."""
        return self.pytester.runpytest_inprocess("gates", *self._options(), *arguments)

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in a process of its own."""
        return self.pytester.runpytest_subprocess("gates", *self._options(), *arguments)

    def _options(self) -> tuple[str, ...]:
        (self.pytester.path / "answers.json").write_text(json.dumps(self.answers), encoding="utf-8")
        folder = str(self.pytester.path / "reports")
        off = ("no:cacheprovider", "no:benchmark", "no:hypothesispytest")
        return ("--report-dir", folder, *(word for name in off for word in ("-p", name)))

    def run_folder(self) -> Path:
        """Return the one run folder that was written."""
        (folder,) = (self.pytester.path / "reports").iterdir()
        return folder


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A toy suite without cards yet."""
    return Suite(pytester, monkeypatch)
