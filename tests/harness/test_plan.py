"""Which cases a selection has: promised and unpromised, requests and filters, what is lacking, seeded weights."""

import hashlib
from pathlib import Path

import pytest

from harness import needs, plan, runtimes
from harness.errors import UsageError
from harness.plan import accuracy_batch, make
from harness.selection import Selection

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
file = "toy.safetensors"
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
generator = "{generator}"
[metric]
name = "top1"
protocol = "by-name"
[[baseline]]
chip = "{chip}"
batch = {batch}
metric = "top1"
value = 0.9
role = "promise"
source = {{file = "README.md", line = 1, text = "0.9"}}
{more}
"""
THROUGHPUT_AT_4 = """
[[baseline]]
chip = "cpu"
batch = 4
metric = "throughput"
value = 1.0
unit = "images/canary"
role = "measured"
source = {file = "README.md", line = 1, text = "1.0"}
"""


class FakeRuntime:
    """A runtime that is here, or says why not."""

    def __init__(self, reason: str | None) -> None:
        self.reason = reason

    def missing(self) -> str | None:
        return self.reason


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty folder of shipped models; of the runtimes only ort-cuda and ort-cann are missing."""
    reasons = {"ort-cuda": "no GPU; buy one", "ort-cann": "no NPU; buy one"}
    real = runtimes.get
    monkeypatch.setattr(
        plan.runtimes, "get", lambda name, toolchain=None: FakeRuntime(reasons.get(name)) if real(name) else None
    )
    monkeypatch.setattr("harness.cards.MODELS_ROOT", tmp_path / "models")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def toy(models):
    """A card that promises top-1 at batch 1, with its weights beside it."""
    return card(models)


def card(models: Path, name: str = "toy", weights: bool = True, **changes: str) -> Path:
    folder = models / name
    folder.mkdir()
    facts = {"nightly": "false", "generator": "digits", "chip": "Ascend310P3", "batch": "1", "more": "", **changes}
    (folder / "card.toml").write_text(CARD.format(name=name, **facts), encoding="utf-8")
    if weights:
        (folder / "toy.safetensors").write_bytes(b"weights")
    return folder


def told(cases) -> set[str]:
    return {f"{case.check} bs{case.batch}" for case in cases}


def test_what_stands_on_a_promise_or_its_own_threshold_is_a_case_and_the_rest_is_unpromised(models):
    card(models, more=THROUGHPUT_AT_4)

    made = make(Selection())

    # Accuracy runs at one batch size; the other one is compared with it.
    assert told(made.cases) == {"accuracy bs1", "parity bs1", "parity bs4", "batch-consistency bs4", "throughput bs4"}
    assert told(made.unpromised) == {"throughput bs1", "latency bs1", "latency bs4"}


def test_what_is_unpromised_runs_when_asked_for(toy):
    made = make(Selection(unpromised=True))

    assert {"throughput bs1", "throughput bs4", "latency bs1", "latency bs4"} < told(made.cases)
    assert len(made.cases) == 8


def test_a_selection_bounds_models_checks_and_batches(models):
    for name in ("toy", "other"):
        card(models, name)

    made = make(Selection(models=("toy",), checks=("parity",), batches=(4,)))

    assert [case.id for case in made.cases] == ["toy-ort-cpu-bs4"]
    assert [case.check for case in made.cases] == ["parity"]


def test_a_batch_size_that_no_card_has_runs_as_unpromised_only(toy):
    with pytest.raises(UsageError, match="--batch-size 2: no"):
        make(Selection(batches=(2,)))

    made = make(Selection(batches=(2,), checks=("throughput",), unpromised=True))

    assert told(made.cases) == {"throughput bs2"}


@pytest.mark.parametrize(("batch", "expected"), [("4", 4), ('"any"', 1), ('"unstated"', 1)])
def test_accuracy_runs_at_the_promised_batch_else_at_the_first(models, batch, expected):
    card(models, batch=batch)

    made = make(Selection(checks=("accuracy",)))

    assert [case.batch for case in made.cases] == [expected]


def test_accuracy_runs_at_the_batch_promised_for_its_own_chip_first(models):
    more = THROUGHPUT_AT_4.replace("throughput", "top1").replace("images/canary", "").replace("1.0", "0.9")
    card(models, more=more)

    toy = make(Selection()).cards["toy"]

    assert accuracy_batch(toy, "cpu") == 4
    assert accuracy_batch(toy, "Ascend310P3") == 1


def test_seeded_weights_need_no_file_and_run_parity_and_speed_at_the_first_batch(models):
    card(models, weights=False)

    made = make(Selection(weights="seeded"))

    assert told(made.cases) == {"parity bs1", "throughput bs1", "latency bs1"}
    assert {case.weights for case in made.cases} == {"seeded"}
    assert {lack.name for lack in made.lacks} == {"ort-cuda", "ort-cann", "npu"}


def test_a_checkpoint_of_the_users_own_is_known_by_its_digest(toy, tmp_path):
    checkpoint = tmp_path / "mine.safetensors"
    checkpoint.write_bytes(b"mine")

    made = make(Selection(weights=str(checkpoint)))

    assert {case.weights for case in made.cases} == {hashlib.sha256(b"mine").hexdigest()}


def test_threads_are_part_of_a_case(toy):
    assert {case.threads for case in make(Selection(threads=2)).cases} == {2}


def test_a_card_without_weights_is_one_lack_with_every_case_it_holds_up(models):
    card(models)
    card(models, "absent", weights=False, nightly="true")

    made = make(Selection())

    (lack,) = [one for one in made.lacks if one.name == "absent"]
    assert lack.reason.need == "weights"
    assert lack.nightly
    assert told(lack.cases) == {"accuracy bs1", "parity bs1", "parity bs4", "batch-consistency bs4"}
    assert {case.model for case in made.cases} == {"toy"}


def test_missing_data_holds_up_only_what_is_scored(models):
    card(models, generator="")

    made = make(Selection())

    (lack,) = [one for one in made.lacks if one.name == "toy"]
    assert lack.reason.need == "data"
    assert told(lack.cases) == {"accuracy bs1", "batch-consistency bs4"}
    assert told(made.cases) == {"parity bs1", "parity bs4"}


def test_a_data_folder_with_the_data_set_in_it_is_enough(models, tmp_path):
    card(models, generator="")
    (tmp_path / "data/imagenet").mkdir(parents=True)

    made = make(Selection(places=needs.Places(data_dir=tmp_path / "data")))

    assert "accuracy bs1" in told(made.cases)


def test_a_missing_framework_holds_up_every_case_of_its_cards(toy, monkeypatch):
    monkeypatch.setattr(needs, "has_torch", lambda: False)

    made = make(Selection())

    (lack,) = [one for one in made.lacks if one.name == "toy"]
    assert made.cases == ()
    assert "omgate[torch]" in lack.reason.do


def test_missing_tensorflow_is_one_lack_per_card_with_the_remedy(monkeypatch):
    monkeypatch.setattr(needs, "has_tensorflow", lambda: False)

    made = make(Selection(weights="seeded"))

    lacks = {lack.name: lack for lack in made.lacks if lack.reason.need == "tool" and lack.cases}
    assert set(lacks) == {"resnest-seg", "resnest-seg-tiny", "spinenet", "spinenet-tiny"}
    assert all("omgate[tf]" in lack.reason.do for lack in lacks.values())
    assert not {case.model for case in made.cases} & set(lacks)


def test_a_missing_runtime_is_a_lack_without_cases(toy):
    made = make(Selection())

    reasons = {lack.name: f"{lack.reason.what}; {lack.reason.do}" for lack in made.lacks}
    no_npu = "expected an Ascend NPU; run on an NPU host, or rehearse with --emulate"
    assert reasons == {"ort-cuda": "no GPU; buy one", "ort-cann": "no NPU; buy one", "npu": no_npu}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"models": ("tyo",)}, r"--model: unknown model, got 'tyo'; did you mean 'toy'\?"),
        ({"runtimes": ("ort-cpi",)}, r"--runtime: unknown runtime, got 'ort-cpi'; did you mean 'ort-cpu'\?"),
        ({"runtimes": ("ort-cuda",)}, "--runtime ort-cuda: .*no GPU; buy one"),
        ({"checks": ("speed",)}, "--check: unknown check, got 'speed'"),
        ({"checks": ("ratio",)}, "--check ratio: no case of this selection has it"),
        ({"checks": ("latency",)}, "--check latency: no card promises it; add --unpromised"),
        ({"chips": ("Ascend310P4",)}, "--chip: unknown chip, got 'Ascend310P4'; did you mean 'Ascend310P3'"),
        ({"chips": ("Ascend310P3",)}, "--chip Ascend310P3: expected an Ascend NPU"),
        ({"models": ("absent",)}, "--model absent: expected weights toy.safetensors, got nothing; put it into"),
        ({"weights": "none.pth"}, "--weights: expected card, seeded or a checkpoint file, got 'none.pth'"),
        ({"samples": 11}, "--samples 11: expected at most 10"),
        ({"npu_device": "0"}, "--npu-device 0: no selected case runs on an NPU"),
        ({"card_folders": (Path("nowhere"),)}, "--cards nowhere: expected model folders"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_request_that_cannot_be_met_is_refused_before_any_work(models, asked, message):
    card(models)
    card(models, "absent", weights=False)

    with pytest.raises(UsageError, match=message):
        make(Selection(**asked))


def test_a_request_that_only_a_lacking_card_answers_says_what_is_lacking(models):
    card(models, weights=False)

    with pytest.raises(UsageError, match=r"--batch-size 4: .*weights toy\.safetensors missing; put it into"):
        make(Selection(batches=(4,)))


def test_the_processor_is_a_chip_that_can_be_asked_for(toy):
    assert make(Selection(chips=("cpu",))).cases == make(Selection()).cases


def test_a_gpu_is_asked_for_by_the_name_its_driver_gives(toy, monkeypatch):
    monkeypatch.setattr(plan.runtimes, "get", lambda name, toolchain=None: FakeRuntime(None))
    monkeypatch.setattr(plan, "chip_of", {"ort-cpu": "cpu", "ort-cuda": "NVIDIA H200", "ort-cann": "npu"}.get)

    made = make(Selection(chips=("NVIDIA H200",)))

    assert {case.runtime for case in made.cases} == {"ort-cuda"}


def test_what_a_case_needs_is_named_whether_it_is_here_or_not(models):
    card(models, weights=False)
    toy = make(Selection()).cards["toy"]

    assert needs.named(toy, "accuracy", "card") == "weights toy.safetensors; imagenet data, made here; torch"
    assert needs.named(toy, "throughput", "seeded") == "seeded weights; torch; the device alone"
    assert needs.named(toy, "parity", "mine.pth") == "weights mine.pth; torch"
