"""The NPU gates on the emulated toolchain, from a card to a verdict: what is met, what breaks, and by whose fault."""

import contextlib
import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness import ascend_host, cards, gates, memory, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import Expect, ModelCard, Place
from harness.emulator import prefix
from harness.emulator.devices import MIB, Devices
from harness.measure import TimePlan
from harness.results import Case, Result, Verdict
from harness.runtimes import OM_RUNTIMES
from harness.selection import Selection
from harness.workbench import Workbench

TODAY = datetime.date(2026, 11, 20)
CHIP = "Ascend310P3"
SIDE = 2048
CARD = f"""
name = "toy"
family = "toy"
classes = 3
chips = ["{CHIP}"]
batches = [1, 16]

[source]
url = "https://example.org/toy"
framework = "onnx"

[artifact]
onnx = "toy.onnx"

[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3, {SIDE}, {SIDE}]
layout = "NCHW"

[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 3]
scored = true

[dataset]
kind = "none"
count = 0

[metric]
name = "top1"
protocol = "by-name"
"""
# 160 maps of 2048 × 2048 in float16 are 1.3 GB a picture: one fits 21 GB, sixteen do not.
MAPS = 160
OOM = f"""
[[expect]]
chip = "{CHIP}"
batch = 16
check = "any"
outcome = "oom"
memory_mib_at_most = {{limit}}
source = {{{{ file = "README.md", line = 9, text = "out of memory" }}}}
"""


def network(batch: int) -> onnx.ModelProto:
    """Return a wide convolution and the mean of its maps; nothing of it is ever run at batch 16."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["maps"], "Conv_0", strides=[1, 1]),
        helper.make_node("Relu", ["maps"], ["bent"], "Relu_1"),
        helper.make_node("ReduceMean", ["bent"], ["mean"], "Mean_2", axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "v"], ["y"], "Gemm_3"),
    ]
    generator = np.random.default_rng(7)
    weights = {"w": generator.random((MAPS, 3, 1, 1)), "v": generator.random((MAPS, 3)) / MAPS}
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")


class Night:
    """An emulated host of the test's own, a store shared by the tests of this file, and cases run one by one."""

    def __init__(self, cache: Path, folder: Path) -> None:
        self.cache, self.folder = cache, folder

    def host(self, fault: str = "") -> ascend_host.AscendHost:
        environ = {"OMGATE_EMULATE_FAULT": fault} if fault else {}
        return ascend_host.present(prefix.make(self.folder / "ascend", (CHIP,), environ))

    def devices(self) -> Devices:
        self.host()
        return Devices(self.folder / "ascend")

    def run(
        self, card: ModelCard, check: str, fault: str = "", om: Path | None = None, **changes: Any
    ) -> tuple[Result, Verdict]:
        host = self.host(fault)
        builder = Builder(Store(self.cache), None, host.toolchain, om, self.folder / "logs")
        plan = TimePlan(warmup=1, min_rounds=5, max_rounds=5, budget_s=0.1)
        bench = Workbench(
            {card.name: card}, builder, self.folder / "run", host=host, time_plan=plan, tool_timeout_s=20.0
        )
        facts = {"runtime": "aclruntime", "chip": CHIP, "batch": 1, "precision": "fp16", "emulated": True, **changes}
        case = Case(model=card.name, check=check, **facts)  # type: ignore[arg-type]
        result = pipeline.run(case, bench)
        return result, gates.judge(result, card, TODAY)

    def toy(self, batch: int = 1, more: str = "") -> ModelCard:
        """Return a card that brings its ONNX file; `more` is added to it."""
        folder = self.folder / f"toy-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        onnx.save(network(batch), str(folder / "toy.onnx"))
        (folder / "card.toml").write_text(CARD + more, encoding="utf-8")
        return cards.load(folder / "card.toml")


@pytest.fixture
def night(cache: Path, tmp_path: Path) -> Night:
    return Night(cache, tmp_path)


@pytest.fixture(scope="module")
def resnest() -> ModelCard:
    return cards.get("resnest50-tiny")


def too_large(card: ModelCard) -> ModelCard:
    """Return the card with the statement that its batch 1 does not fit a chip of 24 GiB."""
    place = Place(file="README.md", line=9, text="out of memory")
    stated = Expect(chip=CHIP, batch=1, check="any", outcome="oom", memory_mib_at_most=24576, source=place)
    return card.model_copy(update={"expect": (stated,)})


@contextlib.contextmanager
def occupied(devices: Devices, mib: int) -> Iterator[None]:
    with devices.holding(0, mib * MIB, "another"):
        yield


@pytest.mark.parametrize("runtime", OM_RUNTIMES)
def test_an_accuracy_on_an_emulated_npu_says_what_it_was_measured_on(night, resnest, runtime):
    result, verdict = night.run(resnest, "accuracy", runtime=runtime)

    assert result.status == "measured", result.error
    assert verdict.outcome == "PASS", verdict.reason
    assert result.toolchain["emulated"] is True
    assert result.environment["device"] == CHIP
    assert result.environment["device_memory_mib"] == 21534  # what npu-smi prints on such a card
    assert result.case.id.endswith("-emulated")


def test_the_second_night_builds_nothing(night, resnest):
    night.run(resnest, "parity")
    before = {path: path.stat().st_mtime_ns for path in (night.cache / "store").glob("*/*/*.om")}

    night.run(resnest, "parity")

    assert {path: path.stat().st_mtime_ns for path in (night.cache / "store").glob("*/*/*.om")} == before
    assert before


@pytest.mark.parametrize(("runtime", "definition"), [("aclruntime", "ais_bench"), ("msame", "msame")])
def test_a_speed_on_an_emulated_npu_is_measured_beside_its_canary_and_never_judged(night, resnest, runtime, definition):
    result, verdict = night.run(resnest, "throughput", runtime=runtime)

    assert (verdict.outcome, verdict.code) == ("NO_BASELINE", "emulated")
    assert result.measurement.definition == definition
    assert result.measurement.canary_before_ms > 0
    assert result.measurement.canary_after_ms > 0
    assert result.measurement.occupants == ()
    assert result.environment["npu"]["power_w"]["before"] == 17.0
    assert result.environment["npu"]["temperature_c"]["before"] == 56


def test_a_model_that_does_not_fit_passes_where_the_card_expects_it(night):
    card = night.toy(16, OOM.format(limit=24576))

    result, verdict = night.run(card, "parity", batch=16)

    assert result.error.kind == "oom"
    assert (verdict.outcome, verdict.code) == ("PASS", "expected")


def test_a_model_that_does_not_fit_is_red_where_nobody_expects_it(night, monkeypatch):
    monkeypatch.setattr(memory, "require", lambda mib, what: None)

    _, verdict = night.run(night.toy(16), "parity", batch=16)

    assert (verdict.outcome, verdict.code) == ("FAIL", "wrong-error")


def test_a_model_that_fits_though_the_card_expects_it_not_to_is_red_with_the_line_to_change(night, resnest):
    _, verdict = night.run(too_large(resnest), "parity")

    assert (verdict.outcome, verdict.code) == ("FAIL", "now-fits")
    assert "[[expect]]" in verdict.suggestion["patch"]


def test_memory_held_by_others_is_no_proof_that_a_model_does_not_fit(night):
    card = night.toy(16, OOM.format(limit=24576))

    with occupied(night.devices(), 9000):
        result, verdict = night.run(card, "parity", batch=16)

    assert result.error.kind == "infra"
    assert "another" in result.error.message
    assert (verdict.outcome, verdict.code) == ("NOT_RUN", "infra")


def test_an_om_that_does_not_load_for_an_unknown_reason_is_undecided_where_a_lack_of_memory_is_expected(night, resnest):
    whole = Builder(Store(night.cache), None, night.host().toolchain).om(resnest, 1, CHIP)
    broken = night.folder / "broken_310P3_bs1.om"
    broken.write_bytes(whole.path.read_bytes()[:-400])

    result, verdict = night.run(too_large(resnest), "parity", om=broken)

    assert (result.error.kind, result.error.stage) == ("tool-failed", "load"), result.error.message
    assert (verdict.outcome, verdict.code) == ("INCONCLUSIVE", "wrong-error")
    assert Path(result.error.log).is_file()


def test_a_lost_device_is_drained_and_its_other_cases_are_not_run(night, resnest):
    first, lost = night.run(resnest, "parity", fault="device-lost@aclruntime")
    second, drained = night.run(resnest, "accuracy")

    assert first.error.kind == "device-lost"
    assert (lost.outcome, lost.code) == ("NOT_RUN", "infra")
    assert second.missing_need == "device"
    assert (drained.outcome, drained.code) == ("NOT_RUN", "device-drained")


@pytest.mark.parametrize(
    ("fault", "runtime", "kind"),
    [
        ("oom@msame", "msame", "oom"),
        ("truncated-output@msame", "msame", "tool-failed"),
        ("wrong-size@ais_bench", "ais_bench", "tool-failed"),
        ("exit-0@msame", "msame", "tool-failed"),
        ("stale-results@ais_bench", "ais_bench", "tool-failed"),
        ("exit-0@benchmark", "benchmark", "tool-failed"),
        ("hang@msame#1", "msame", "timeout"),
    ],
)
def test_a_tool_that_fails_is_caught_with_its_log(night, resnest, fault, runtime, kind):
    result, verdict = night.run(resnest, "parity", runtime=runtime, fault=fault)

    assert result.error.kind == kind
    assert verdict.outcome != "PASS"
    assert Path(result.error.log).is_file()


def test_what_a_killed_attempt_left_is_removed_but_for_its_logs(night, resnest):
    result, _ = night.run(resnest, "parity", runtime="msame")
    left = night.folder / "run" / "work" / result.case.key / "msame-left"
    (left / "chunk-left" / "input_0").mkdir(parents=True)
    for name in ("0000.log", "model.om", "canary.om", "chunk-left/input_0/00000000.bin"):
        (left / name).write_text("x")

    _, verdict = night.run(resnest, "parity", runtime="msame")

    assert verdict.outcome == "PASS"
    assert [path.name for path in left.rglob("*")] == ["0000.log"]


def test_corrupt_outputs_miss_parity(night, resnest):
    _, verdict = night.run(resnest, "parity", runtime="ais_bench", fault="corrupt-output@ais_bench")

    assert verdict.outcome == "FAIL"
    assert verdict.code in ("parity", "nan")


# The network's own preprocessing after the crop, on bytes: (p / 255 − m) / s = (p − 255 m) × 1 / (255 s).
AIPP = """aipp_op {
  aipp_mode: static
  input_format: RGB888_U8
  src_image_size_w: 32
  src_image_size_h: 32
  min_chn_0: 123.675  min_chn_1: 116.28  min_chn_2: 103.53
  var_reci_chn_0: 0.017124754  var_reci_chn_1: 0.017507003  var_reci_chn_2: 0.017429194
}
"""
FED_WITH_PICTURES = """
[atc]
framework = 5
flags = { insert_op_conf = "aipp.cfg" }

[[atc.input]]
name = "actual_input_1"
dtype = "uint8"
shape = ["N", 32, 32, 3]
layout = "NHWC"

[[atc.preprocess]]
step = "resize"
params = { width = 40, height = 40, filter = "bilinear" }

[[atc.preprocess]]
step = "center_crop"
params = { width = 32, height = 32 }
"""


def fed_with_pictures(card: ModelCard, folder: Path, aipp: str = AIPP) -> ModelCard:
    """Return a copy of the card whose OM takes pictures; AIPP does the rest."""
    shutil.copytree(card.path.parent, folder, ignore=shutil.ignore_patterns("__pycache__", "card.toml"))
    (folder / "aipp.cfg").write_text(aipp, encoding="utf-8")
    text = (folder / "tiny.toml").read_text(encoding="utf-8").replace(card.name, "fed-with-pictures")
    name = f'name = "{card.input[0].name}"'
    (folder / "tiny.toml").write_text(
        text + FED_WITH_PICTURES.replace('name = "actual_input_1"', name), encoding="utf-8"
    )
    return cards.load(folder / "tiny.toml")


@pytest.mark.parametrize("check", ["accuracy", "parity"])
def test_an_om_with_aipp_is_fed_with_pictures_and_compared_with_the_network_on_the_same(night, resnest, check):
    card = fed_with_pictures(resnest, night.folder / "models")

    result, verdict = night.run(card, check)

    assert result.status == "measured", result.error
    assert verdict.outcome == "PASS", verdict.reason


def test_an_aipp_that_does_not_do_what_the_network_was_trained_with_is_red(night, resnest):
    card = fed_with_pictures(
        resnest, night.folder / "models", AIPP.replace("  min_chn_0", "  rbuv_swap_switch: true  min_chn_0")
    )

    result, verdict = night.run(card, "accuracy")

    assert result.status == "measured", result.error
    assert (verdict.outcome, verdict.code) == ("FAIL", "missed")


def test_what_is_planned_on_an_npu_is_the_cards_first_tool_that_is_installed(night):
    host = night.host()
    icnet = cards.get("icnet")

    assert list(ascend_host.pairs(icnet, host, ())) == [("ais_bench", CHIP)]
    assert list(ascend_host.pairs(icnet, host, ("msame",))) == [("msame", CHIP)]
    assert list(ascend_host.pairs(cards.get("spinenet"), host, ())) == []  # promised for the 310 only
    assert Selection(host=host).emulates
