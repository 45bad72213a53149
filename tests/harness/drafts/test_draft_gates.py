"""A drafted card without a data set is judged at once: compiled, compared, repeated; only its accuracy waits."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from harness import ascend_host, gates, pipeline, plan
from harness.artifacts import Store
from harness.ascend_host import AscendHost
from harness.build import Builder
from harness.drafts import Request, draft, write
from harness.emulator import prefix
from harness.errors import UsageError
from harness.measure import TimePlan
from harness.results import Case, Entry, Result, Verdict
from harness.selection import Plan, Selection
from harness.workbench import Workbench
from tests.harness.drafts.draft_readme import README
from tests.harness.drafts.small_networks import write as network

TODAY = datetime.date(2026, 11, 20)
CHIP = "Ascend310P3"
QUICK = TimePlan(warmup=1, min_rounds=5, max_rounds=5, budget_s=0.1)


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")


@pytest.fixture
def host(tmp_path: Path) -> AscendHost:
    return ascend_host.present(prefix.make(tmp_path / "ascend", (CHIP,), {}))


def card_folder(folder: Path, text: str = README, batch: int | str = "N") -> Path:
    """Draft the README's card with a file of that batch; return the folder of cards."""
    model = network(folder / "toynet.onnx", {"image": ["N", 3, 16, 16]}, batch=batch)
    (folder / "README.md").write_text(text, encoding="utf-8")
    write(draft(Request(folder / "README.md", folder / "cards", model)))
    return folder / "cards"


def planned(folder: Path, host: AscendHost, **more: Any) -> Plan:
    return plan.make(Selection(models=("toynet",), card_folders=(folder,), host=host, **more))


def judged(made: Plan, host: AscendHost, folder: Path, *cases: Case) -> dict[str, Entry]:
    """Run cases of a plan; return what came of each."""
    builder = Builder(Store(folder / "cache"), toolchain=host.toolchain)
    bench = Workbench(made.cards, builder, folder / "run", host=host, time_plan=QUICK)
    found = {}
    for case in cases:
        result = pipeline.run(case, bench)
        found[case.test_name] = Entry(result=result, verdict=gates.judge(result, made.cards[case.model], TODAY))
    return found


@pytest.mark.parametrize("batch", ["N", 1])
def test_every_case_is_judged_without_data(tmp_path: Path, host: AscendHost, batch: int | str) -> None:
    made = planned(card_folder(tmp_path, batch=batch), host)

    entries = judged(made, host, tmp_path, *made.cases)

    outcomes = {name: (entry.verdict.outcome, entry.verdict.code) for name, entry in entries.items()}
    npu, cpu = f"toynet-ais_bench-{CHIP}", "toynet-ort-cpu"
    assert outcomes == {
        f"test_parity[{npu}-bs1-emulated]": ("PASS", "met"),
        f"test_parity[{npu}-bs4-emulated]": ("PASS", "met"),
        f"test_batch_consistency[{npu}-bs4-emulated]": ("PASS", "met"),
        f"test_throughput[{npu}-bs1-emulated]": ("NO_BASELINE", "emulated"),
        f"test_throughput[{npu}-bs4-emulated]": ("NO_BASELINE", "emulated"),
        f"test_parity[{cpu}-bs1]": ("PASS", "met"),
        f"test_parity[{cpu}-bs4]": ("PASS", "met"),
        f"test_batch_consistency[{cpu}-bs4]": ("PASS", "met"),
    }


def test_parity_judges_half_precision_and_a_second_run(tmp_path: Path, host: AscendHost) -> None:
    made = planned(card_folder(tmp_path), host)
    case = next(one for one in made.cases if one.check == "parity" and one.emulated)

    (entry,) = judged(made, host, tmp_path, case).values()

    named = {one.name: one for one in entry.verdict.judgements}
    assert set(named) == {"y cosine", "y max-rel", "repeat"}
    assert named["repeat"].note == "8 of 8 inputs gave the very same outputs in a second run"
    assert named["y max-rel"].observed is not None
    assert 0 < named["y max-rel"].observed < 5e-2  # rounded to half precision, so near and not the same


def test_an_accuracy_without_data_is_one_lack_with_its_remedy(tmp_path: Path, host: AscendHost) -> None:
    made = planned(card_folder(tmp_path), host)

    (lack,) = [one for one in made.lacks if one.name == "toynet"]
    assert [case.id for case in lack.cases] == ["toynet-ort-cpu-bs1"]
    assert lack.reason.need == "data"
    assert lack.reason.do.startswith(
        "name one in the card's [dataset], or the README's own scripts in a [script] table"
    )


def test_an_accuracy_that_is_asked_for_is_a_usage_error(tmp_path: Path, host: AscendHost) -> None:
    folder = card_folder(tmp_path)

    with pytest.raises(UsageError, match=r"data set.*name one in the card's \[dataset\]"):
        planned(folder, host, checks=("accuracy",))


def test_a_card_that_promises_no_accuracy_lacks_nothing(tmp_path: Path, host: AscendHost) -> None:
    made = planned(card_folder(tmp_path, README.replace("top1: 70.10%", "")), host)

    assert [one for one in made.lacks if one.name == "toynet"] == []


def test_a_command_that_atc_refuses_is_a_failure_with_its_code(tmp_path: Path, host: AscendHost) -> None:
    made = planned(card_folder(tmp_path, README.replace("--log=error", "--precision_mode=float16")), host)
    case = next(one for one in made.cases if one.check == "parity" and one.emulated)

    (entry,) = judged(made, host, tmp_path, case).values()

    assert (entry.verdict.outcome, entry.verdict.code) == ("FAIL", "wrong-error")
    assert "precision_mode" in entry.verdict.reason


def test_an_expected_lack_of_memory_that_fits_is_told(tmp_path: Path, host: AscendHost) -> None:
    made = planned(card_folder(tmp_path, README.replace("| | 2500.00 |", "| | 内存不足 |")), host)
    case = next(one for one in made.cases if one.check == "parity" and one.emulated and one.batch == 4)

    (entry,) = judged(made, host, tmp_path, case).values()

    assert (entry.verdict.outcome, entry.verdict.code) == ("FAIL", "now-fits")


def test_its_speed_on_the_cpu_is_measured_where_it_is_asked_for(tmp_path: Path, host: AscendHost) -> None:
    made = planned(card_folder(tmp_path), host, unpromised=True, runtimes=("ort-cpu",), checks=("throughput",))

    entries = judged(made, host, tmp_path, *(case for case in made.unpromised if case.batch == 1))

    assert [entry.verdict.code for entry in entries.values()] == ["no-promise"]


def test_a_second_run_that_differs_fails() -> None:
    case = Case(model="toynet", runtime="ort-cpu", chip="cpu", batch=1, check="parity")
    values = {"output": "y", "cosine": 1.0, "max_rel": 0.0}
    repeat = {"n": 2, "equal": 1, "differing": ["noise-1"]}
    result = Result.model_validate({"case": case, "status": "measured", "parity": [values], "repeat": repeat})

    verdict = judge_alone(result)

    assert (verdict.outcome, verdict.code) == ("FAIL", "parity")
    assert verdict.reason == "1 of 2 inputs gave the very same outputs in a second run: noise-1"


def judge_alone(result: Result) -> Verdict:
    """Judge a result of a card with one output called y."""
    from harness import cards

    card = cards.get("resnest50-tiny")
    kept = card.kept_outputs[0].model_copy(update={"name": "y"})
    return gates.judge(result, card.model_copy(update={"output": (kept,)}), TODAY)
