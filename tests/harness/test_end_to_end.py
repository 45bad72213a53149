"""The real pipeline on the tiny cards: from a card to a verdict, as shipped and with one thing wrong."""

import datetime
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import cards, gates, memory, needs, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.datasets import digits
from harness.digests import file_sha256
from harness.results import Case, Result, Verdict
from harness.workbench import Workbench

TODAY = datetime.date(2026, 11, 20)
RESNEST, ICNET = "resnest50-tiny", "icnet-tiny"
FEW = 10


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder that the tests of this file share, as the runs of one user do."""
    return tmp_path_factory.mktemp("cache")


class Desk:
    """Runs and judges cases of one card; `edit` changes a copy of it."""

    def __init__(self, card: ModelCard, cache: Path, folder: Path) -> None:
        self.card, self.cache, self.folder = card, cache, folder

    def edit(self, pattern: str = "", new: str = "", weights: Callable[[dict[str, Any]], None] | None = None) -> "Desk":
        """Return a desk with a copy of the card where a pattern or the weights are changed."""
        models = self.folder / f"models-{len(list(self.folder.iterdir()))}"
        shutil.copytree(self.card.path.parent, models, ignore=shutil.ignore_patterns("__pycache__"))
        path = models / self.card.path.name
        text = path.read_text(encoding="utf-8")
        if weights is not None:
            text = _reweighted(models / "tiny.safetensors", text, weights)
        changed = re.sub(pattern, new, text, flags=re.MULTILINE) if pattern else text
        path.write_text(changed, encoding="utf-8")
        return Desk(cards.load(path), self.cache, self.folder)

    def run(self, check: str, batch: int = 1, runtime: str = "ort-cpu", **means: Any) -> tuple[Result, Verdict]:
        bench = Workbench({self.card.name: self.card}, Builder(Store(self.cache)), self.folder / "run", **means)
        case = Case(model=self.card.name, runtime=runtime, chip="cpu", batch=batch, check=check)
        result = pipeline.run(case, bench)
        return result, gates.judge(result, self.card, TODAY)


def _reweighted(path: Path, card: str, change: Callable[[dict[str, Any]], None]) -> str:
    """Rewrite a checkpoint; return the card's text with its digest and size."""
    from safetensors.numpy import load_file, save_file

    state = load_file(path)
    change(state)
    save_file(state, path)
    card = re.sub("^sha256 = .*", f'sha256 = "{file_sha256(path)}"', card, flags=re.MULTILINE)
    return re.sub("^bytes = .*", f"bytes = {path.stat().st_size}", card, flags=re.MULTILINE)


def _nan_in_the_classifier(state: dict[str, Any]) -> None:
    state["fc.bias"] = np.full_like(state["fc.bias"], np.nan)


def _halved_classifier(state: dict[str, Any]) -> None:
    state["fc.weight"] = state["fc.weight"] * np.float16(0.5)


@pytest.fixture
def resnest(cache: Path, tmp_path: Path) -> Desk:
    return Desk(cards.get(RESNEST), cache, tmp_path)


@pytest.fixture
def icnet(cache: Path, tmp_path: Path) -> Desk:
    return Desk(cards.get(ICNET), cache, tmp_path)


def test_the_classifier_keeps_every_promise_as_shipped(resnest: Desk) -> None:
    result, accuracy = resnest.run("accuracy")
    others = [resnest.run(*case)[1] for case in (("parity", 1), ("parity", 4), ("batch-consistency", 4))]

    assert (accuracy.outcome, accuracy.code) == ("PASS", "met"), accuracy.reason
    assert [verdict.outcome for verdict in others] == ["PASS"] * 3
    assert result.samples is not None
    assert result.samples.whole
    assert result.outcomes is not None
    assert file_sha256(resnest.folder / "run" / result.outcomes.path) == result.outcomes.sha256


def test_the_segmenter_agrees_with_pytorch_and_with_itself_as_shipped(icnet: Desk) -> None:
    _, accuracy = icnet.run("accuracy", samples=FEW)
    others = [icnet.run(*case, samples=FEW)[1] for case in (("parity", 1), ("parity", 4), ("batch-consistency", 4))]

    assert (accuracy.outcome, accuracy.code) == ("INCONCLUSIVE", "margin")  # ten images decide nothing about 0.2 points
    assert [verdict.outcome for verdict in others] == ["PASS"] * 3


def test_a_truncated_artifact_is_noticed_and_built_again(resnest: Desk, tmp_path: Path) -> None:
    resnest.cache = tmp_path / "own"
    path = Builder(Store(resnest.cache)).onnx(resnest.card, 1).path
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-5000])

    result, verdict = resnest.run("parity")

    assert verdict.outcome == "PASS"
    assert path.stat().st_size == len(whole)
    assert file_sha256(path) == result.artifact["digest"]


def test_other_weights_are_another_artifact(resnest: Desk) -> None:
    before, _ = resnest.run("parity")
    other, verdict = resnest.edit(weights=_halved_classifier).run("parity")

    assert verdict.outcome == "PASS"
    assert other.artifact["digest"] != before.artifact["digest"]
    assert other.artifact["recipe"]["weights"] != before.artifact["recipe"]["weights"]


@pytest.mark.parametrize(("check", "batch"), [("accuracy", 1), ("parity", 1), ("batch-consistency", 4)])
def test_nan_in_the_weights_is_a_failure_of_every_check(resnest: Desk, check: str, batch: int) -> None:
    _, verdict = resnest.edit(weights=_nan_in_the_classifier).run(check, batch, samples=FEW)

    assert (verdict.outcome, verdict.code) == ("FAIL", "nan")


def test_more_kept_outputs_have_a_reference_of_their_own(icnet: Desk) -> None:
    before, _ = icnet.run("parity")
    after, verdict = icnet.edit("^om = false$", "om = true").run("parity")

    assert [item.output for item in before.parity] == ["output1"]
    assert [item.output for item in after.parity] == ["output1", "output2", "output3", "output4"]
    assert verdict.outcome == "PASS"


def test_a_damaged_picture_is_named_and_fails_the_case(resnest: Desk, tmp_path: Path) -> None:
    root = tmp_path / "data" / "imagenet"
    root.mkdir(parents=True)
    digits.generate("digits", {**resnest.card.dataset.generator_params, "count": FEW}, root)
    damaged = sorted((root / "val").iterdir())[3]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    desk = resnest.edit('^generator = "digits"\n', "").edit("^count = 2000\nlabels", f"count = {FEW}\nlabels")

    result, verdict = desk.run("accuracy", places=needs.Places(data_dir=tmp_path / "data"))

    assert (verdict.outcome, verdict.code) == ("FAIL", "wrong-error")
    assert result.error is not None
    assert result.error.kind == "data"
    assert damaged.name in verdict.reason


def test_weights_that_are_not_the_networks_fail_the_case(resnest: Desk) -> None:
    result, verdict = resnest.edit("^attention_floor = 8", "attention_floor = 16").run("parity")

    assert (verdict.outcome, verdict.code) == ("FAIL", "wrong-error")
    assert result.error is not None
    assert "expected the 152 tensors of ResNeSt" in result.error.message


def test_a_case_too_large_for_the_memory_is_not_run(resnest: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_mib", lambda: 64)

    result, verdict = resnest.run("accuracy")

    assert (verdict.outcome, verdict.code) == ("NOT_RUN", "missing-memory")
    assert result.measures == ()


def test_pytorch_itself_can_be_the_candidate(resnest: Desk) -> None:
    accuracy, verdict = resnest.run("accuracy", runtime="torch-cpu")
    _, parity = resnest.run("parity", runtime="torch-cpu")

    assert (verdict.outcome, verdict.code) == ("PASS", "met")
    assert accuracy.paired is None
    assert parity.outcome == "PASS"


@pytest.mark.parametrize(("check", "batch"), [("accuracy", 4), ("parity", 4), ("batch-consistency", 4)])
def test_a_child_process_and_files_say_what_this_process_says(resnest: Desk, check: str, batch: int) -> None:
    here, verdict = resnest.run(check, batch, samples=FEW)
    isolated, verdict_isolated = resnest.run(check, batch, samples=FEW, isolate=True)
    files, verdict_files = resnest.run(check, batch, runtime="ort-files", samples=FEW)

    assert verdict_isolated == verdict_files == verdict
    assert isolated.measures == files.measures == here.measures
    assert isolated.parity == files.parity == here.parity
    assert isolated.agreement == files.agreement == here.agreement
