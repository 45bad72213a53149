"""What a case spends, what it is made from, and whose fault it is when the host breaks it."""

import errno
import os
import time
from pathlib import Path

import pytest

from harness import cards, environment, gates, needs, pipeline, sources
from harness.artifacts import Recipe, Store
from harness.build import Builder
from harness.errors import RunError
from harness.results import Case
from harness.workbench import Workbench
from tests.harness.gates.handmade import TODAY
from tests.harness.toy_card import CARD

# Longer than the millisecond to which a result rounds.
BUILD_S = 0.02
CASE = Case(model="toy", runtime="ort-cpu", chip="cpu", batch=1, check="parity")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A workbench whose artifact is any file, and whose parity check is given by the test."""
    (tmp_path / "card.toml").write_text(CARD, encoding="utf-8")
    card = cards.load(tmp_path / "card.toml")
    made = Workbench({card.name: card}, Builder(Store(tmp_path / "cache")), tmp_path / "run")
    monkeypatch.setattr(pipeline, "_require_memory", lambda *_: None)
    monkeypatch.setattr(Workbench, "artifact", artifact)
    return made


class Built:
    digest, recipe, format = "a1", {}, "onnx"


def artifact(bench: Workbench, case: Case) -> Built:
    def write(path: Path) -> None:
        time.sleep(BUILD_S)
        path.write_bytes(b"x" * 1000)

    bench.builder.store.get_or_build(Recipe(kind="onnx", producer="test", version="1"), "model.onnx", write)
    return Built()


def check_that(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
    def check(case: Case, bench: Workbench) -> dict[str, object]:
        if error is not None:
            raise error
        return {"digests": {"weights": "w"}}

    monkeypatch.setitem(pipeline.CHECKS, "parity", check)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "outcomes.npz"),
        OSError(errno.EIO, os.strerror(errno.EIO)),
        RunError("msame", "exit code 0", f"1: write failed: {os.strerror(errno.ENOSPC)}", kind="tool-failed"),
        RunError("msame", "an end within 600 s", "none", kind="timeout"),
        RunError("npu 0", "a device", "507033", kind="device-lost"),
    ],
    ids=["disk full", "disk broken", "a tool's disk full", "time-out", "device"],
)
def test_what_the_host_breaks_is_infra_and_no_regression(bench, monkeypatch, error):
    check_that(monkeypatch, error)

    result = pipeline.run(CASE, bench)
    verdict = gates.judge(result, bench.cards["toy"], TODAY)

    assert (verdict.outcome, verdict.code) == ("NOT_RUN", "infra")


def test_a_fault_of_the_program_is_not_taken_for_the_hosts(bench, monkeypatch):
    check_that(monkeypatch, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "labels.txt"))

    with pytest.raises(FileNotFoundError):
        pipeline.run(CASE, bench)


def test_a_case_tells_what_it_built_and_the_next_one_that_it_built_nothing(bench, monkeypatch):
    check_that(monkeypatch)

    first, second = pipeline.run(CASE, bench), pipeline.run(CASE, bench)

    assert first.spent["build_bytes"] == 1000
    assert BUILD_S <= first.spent["build_s"] <= first.seconds
    assert (second.spent["build_bytes"], second.spent["build_s"]) == (0, 0)
    assert 0 <= first.spent["waiting_s"] <= first.seconds


def test_a_result_says_what_it_is_made_from_as_a_plan_would(bench, monkeypatch):
    check_that(monkeypatch)

    result = pipeline.run(CASE, bench)

    assert result.digests["weights"] == "w"
    assert result.digests["source"] == sources.digest(bench.cards["toy"], "card", needs.Places(), {})


def changed_source(tmp_path: Path, change) -> tuple[str, str]:
    text = f'{CARD}\n[weights]\nfile = "toy.bin"\n'
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    (tmp_path / "toy.bin").write_bytes(b"weights")
    (tmp_path / "network.py").write_text("# network\n", encoding="utf-8")
    digests = []
    for step in (lambda _: None, change):
        step(tmp_path)
        digests.append(sources.digest(cards.load(tmp_path / "card.toml"), "card", needs.Places(), {"version": "8.0"}))
    return digests[0], digests[1]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("toy.bin", "weights", "Weights"),
        ("network.py", "network", "another"),
        ("card.toml", "batches = [1, 4]", "batches = [1, 8]"),
    ],
)
def test_another_weight_network_or_card_is_another_source(tmp_path, file, old, new):
    def change(folder: Path) -> None:
        (folder / file).write_text((folder / file).read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    before, after = changed_source(tmp_path, change)

    assert before != after


def test_a_comment_or_an_owner_changes_nothing(tmp_path):
    def change(folder: Path) -> None:
        text = (folder / "card.toml").read_text(encoding="utf-8")
        (folder / "card.toml").write_text(f'owner = "someone"\n# more words\n{text}', encoding="utf-8")

    before, after = changed_source(tmp_path, change)

    assert before == after


def test_another_toolchain_is_another_source(tmp_path):
    (tmp_path / "card.toml").write_text(CARD, encoding="utf-8")
    card = cards.load(tmp_path / "card.toml")

    tools = [{"version": "8.0"}, {"version": "8.1"}, {}]
    assert len({sources.digest(card, "card", needs.Places(), one) for one in tools}) == 3
    assert environment.describe()["packages"]  # what tells hosts without a toolchain apart


def test_what_a_killed_attempt_left_is_removed_on_any_runtime_but_for_its_logs(bench, monkeypatch):
    check_that(monkeypatch)
    left = bench.run_dir / "work" / CASE.key / "ort-files-left"
    (left / "chunk-left" / "input_0").mkdir(parents=True)
    for name in ("0000.log", "chunk-left/input_0/00000000.bin"):
        (left / name).write_text("x", encoding="utf-8")

    pipeline.run(CASE, bench)

    assert [path.name for path in left.rglob("*")] == ["0000.log"]
