"""OMs in the store: built once for what decides them, and another one for whatever changes; or brought, and checked."""

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from harness import cards, devices
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.errors import MissingNeedError, RunError, UsageError
from harness.toolchain import Toolchain
from tests.harness.convert.fake_atc import FAILED, WORKS, toolchain
from tests.harness.toy_card import CARD

ROOT = Path(__file__).parents[2]
TENSORS = {"x": ["N", 3, 8, 8], "y": ["N", 3]}
ATC = '\n[atc]\nframework = 5\nflags = { insert_op_conf = "aipp.cfg" }\n'
COUNTS = "with open(os.environ['RUNS'], 'a') as stream: stream.write('x')\n" + WORKS


def write_model(path: Path, operator: str = "ReduceMean") -> None:
    """Write an ONNX file of one operator from the toy card's input to its output, at any batch size."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in TENSORS.items()]
    node = helper.make_node(operator, ["x"], ["y"], name=f"{operator}_1", axes=[2, 3], keepdims=0)
    graph = helper.make_graph([node], "toy", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, path)


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")


@pytest.fixture
def card(tmp_path) -> ModelCard:
    return card_of(tmp_path)


def card_of(folder: Path, artifact: str = 'onnx = "toy.onnx"', tables: str = "") -> ModelCard:
    """Write a card that brings what it is made of, with its files, and load it."""
    write_model(folder / "toy.onnx")
    (folder / "aipp.cfg").write_text("aipp_op {}")
    brings = f"[artifact]\n{artifact}\n"
    (folder / "card.toml").write_text(CARD.replace('"torch"', '"onnx"') + brings + tables)
    return cards.load(folder / "card.toml")


def counting(folder: Path) -> Toolchain:
    return toolchain(folder, COUNTS, RUNS=str(folder / "runs"))


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text()) if (folder / "runs").exists() else 0


def builder(folder: Path, tools: Toolchain | None = None, om: Path | None = None) -> Builder:
    return Builder(Store(folder / "cache"), toolchain=tools, om=om)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in (folder / "cache" / "store").rglob("*") if path.name.endswith((".om", ".tmp"))]


def test_an_om_is_built_from_the_gated_file_and_has_the_cards_tensors(tmp_path, card):
    body = "say(SUCCESS)\nwrite(open(flags['model'], 'rb').read())"

    made = builder(tmp_path, toolchain(tmp_path, body)).om(card, 4, "310P")

    assert made.format == "om"
    assert made.path.read_bytes() == (tmp_path / "toy.onnx").read_bytes()
    assert made.path.name == "toy_bs4.om"
    assert made.digest == hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert (made.inputs, made.outputs, made.batch) == (card.input, card.kept_outputs, 4)


def test_its_recipe_says_how_it_was_made(tmp_path, card):
    body = WORKS + "\nsay('W11001: Op [a] does not hit the library.')"

    recipe = builder(tmp_path, toolchain(tmp_path, body)).om(card, 4, "310P").recipe

    assert recipe["kind"] == "om"
    assert recipe["chip"] == "Ascend310P3"
    assert recipe["toolchain"] == {"name": "CANN", "version": "6.0.RC1", "driver": "22.0.2", "emulated": False}
    assert recipe["weights"] == hashlib.sha256((tmp_path / "toy.onnx").read_bytes()).hexdigest()
    assert recipe["warnings"] == ["W11001: Op [a] does not hit the library."]
    assert recipe["precision"] == "force_fp16"
    assert recipe["argv"] == [
        "atc", "--framework=5", "--model=toy_bs4.onnx", "--output=toy_bs4", "--input_shape=x:4,3,8,8", "--log=error",
        "--soc_version=Ascend310P3",
    ]  # fmt: skip


def test_it_is_built_once(tmp_path, card):
    first = builder(tmp_path, counting(tmp_path)).om(card, 4, "310P")
    again = builder(tmp_path, counting(tmp_path)).om(card, 4, "Ascend310P3")

    assert runs(tmp_path) == 1
    assert again == first


@pytest.mark.parametrize(
    "change", ["chip", "batch", "version", "driver", "emulated", "model", "precision", "side file"]
)
def test_whatever_decides_it_makes_another(tmp_path, change):
    tools = counting(tmp_path)
    builder(tmp_path, tools).om(card_of(tmp_path, tables=ATC), 4, "310P")

    chip, batch = "310" if change == "chip" else "310P", 1 if change == "batch" else 4
    changed = {"version": {"cann": "8.0.RC3"}, "driver": {"driver": "24.1"}, "emulated": {"emulated": True}}
    tools = dataclasses.replace(tools, **changed.get(change, {}))
    precise = 'precision_mode = "force_fp32"\n' if change == "precision" else ""
    card = card_of(tmp_path, tables=ATC + precise)
    if change == "model":
        write_model(tmp_path / "toy.onnx", "ReduceMax")
    if change == "side file":
        (tmp_path / "aipp.cfg").write_text("aipp_op { aipp_mode: static }")
    builder(tmp_path, tools).om(card, batch, chip)

    assert runs(tmp_path) == 2


def test_where_the_cards_folder_is_decides_nothing(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        builder(tmp_path, counting(tmp_path)).om(card_of(tmp_path / name, tables=ATC), 4, "310P")

    assert runs(tmp_path) == 1


def test_a_damaged_one_is_built_again(tmp_path, card):
    first = builder(tmp_path, counting(tmp_path)).om(card, 1, "310P")
    first.path.chmod(0o644)
    first.path.write_bytes(b"cut")

    again = builder(tmp_path, counting(tmp_path)).om(card, 1, "310P")

    assert (runs(tmp_path), again.digest) == (2, first.digest)


def test_a_failure_leaves_a_log_and_no_entry(tmp_path, card):
    tools = toolchain(tmp_path, "say(FAILED, 'E10041: Failed to load the model.')\nsys.exit(255)")

    with pytest.raises(RunError) as caught:
        builder(tmp_path, tools).om(card, 1, "310P")

    assert caught.value.code == "E10041"
    assert Path(caught.value.log).parent == tmp_path / "cache" / "logs"
    assert FAILED in Path(caught.value.log).read_text()
    assert leftovers(tmp_path) == []


def test_the_logs_folder_can_be_chosen(tmp_path, card):
    tools = toolchain(tmp_path, "say(FAILED)\nsys.exit(255)")

    with pytest.raises(RunError) as caught:
        Builder(Store(tmp_path / "cache"), toolchain=tools, log_dir=tmp_path / "run" / "logs").om(card, 1, "310P")

    assert Path(caught.value.log).parent == tmp_path / "run" / "logs"


KILLED = """
import sys
from pathlib import Path
from harness import cards, devices
from harness.artifacts import Store
from harness.build import Builder
from tests.harness.convert.fake_atc import toolchain

folder = Path(sys.argv[1])
devices.LEASES = folder / "leases"
body = "say(START)\\nwrite()\\nopen('pid', 'w').write(str(os.getpid()))\\n"
body += "os.rename('pid', os.environ['STARTED'])\\ntime.sleep(60)"
tools = toolchain(folder, body, STARTED=str(folder / "started"))
Builder(Store(folder / "cache"), toolchain=tools).om(cards.load(folder / "card.toml"), 1, "310P")
"""


def test_a_killed_build_leaves_nothing_that_a_later_one_would_take(tmp_path, card):
    build = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline and build.poll() is None:
        time.sleep(0.02)
    os.kill(build.pid, signal.SIGKILL)
    build.wait()
    os.kill(int((tmp_path / "started").read_text()), signal.SIGKILL)

    made = builder(tmp_path, toolchain(tmp_path, "say(SUCCESS)\nwrite(b'whole')")).om(card, 1, "310P")

    assert made.path.read_bytes() == b"whole"
    assert leftovers(tmp_path) == ["toy_bs1.om"]


def test_the_time_limit_can_be_set(tmp_path, card, monkeypatch):
    monkeypatch.setenv("OMGATE_ATC_TIMEOUT", "0.5")

    with pytest.raises(RunError, match=r"no end within 0\.5 s") as caught:
        builder(tmp_path, toolchain(tmp_path, "time.sleep(60)")).om(card, 1, "310P")
    assert caught.value.kind == "timeout"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "an hour"])
def test_a_time_limit_that_is_none_is_a_usage_error(tmp_path, card, monkeypatch, value):
    monkeypatch.setenv("OMGATE_ATC_TIMEOUT", value)

    with pytest.raises(UsageError, match="OMGATE_ATC_TIMEOUT"):
        builder(tmp_path, counting(tmp_path)).om(card, 1, "310P")


def test_without_a_toolchain_the_need_is_told(tmp_path, card):
    with pytest.raises(MissingNeedError, match="OMGATE_TOOLKIT_ROOT") as caught:
        builder(tmp_path).om(card, 1, "310P")
    assert caught.value.need == "tool"


def test_for_what_is_no_ascend_chip_nothing_is_built(tmp_path, card):
    with pytest.raises(UsageError, match="expected an Ascend chip"):
        builder(tmp_path, counting(tmp_path)).om(card, 1, "cpu")
    assert runs(tmp_path) == 0


def test_the_canary_is_the_same_small_model_for_every_card(tmp_path):
    body = "say(SUCCESS)\nwrite(open(flags['model'], 'rb').read())"
    bench = builder(tmp_path, toolchain(tmp_path, body))

    made = bench.canary_om("310P")

    model = onnx.load(made.path)
    assert {node.op_type for node in model.graph.node} >= {"Conv", "Gemm"}
    assert [spec.name for spec in made.inputs] == [value.name for value in model.graph.input]
    assert [spec.name for spec in made.outputs] == [value.name for value in model.graph.output]
    assert "--input_shape=canary_input:1,32,64,64" in made.recipe["argv"]
    assert "--soc_version=Ascend310P3" in made.recipe["argv"]
    assert bench.canary_om("310P") == made
    assert bench.canary_om("310").path != made.path


def own_om(folder: Path, name: str = "model.om", content: bytes = b"built elsewhere") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_an_om_that_the_user_gives_is_taken_as_it_is(tmp_path, card):
    path = own_om(tmp_path)

    made = builder(tmp_path, om=path).om(card, 4, "310P")

    assert (made.path, made.format, made.batch) == (path, "om", 4)
    assert made.digest == hashlib.sha256(b"built elsewhere").hexdigest()
    assert made.recipe["kind"] == "brought"
    assert made.recipe["toolchain"]["name"] == "unknown"


def test_an_om_that_is_not_there_is_a_usage_error(tmp_path, card):
    with pytest.raises(UsageError, match="no such file"):
        builder(tmp_path, om=tmp_path / "gone.om").om(card, 1, "310P")


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [("net.onnx", b"x", "a file .onnx"), ("net", b"x", "a file without a suffix"), ("net.om", b"", "an empty file")],
)
def test_what_is_no_om_is_a_usage_error(tmp_path, card, name, content, wrong):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError, match=f"expected an OM, NAME.om, got {wrong}"):
        builder(tmp_path, om=tmp_path / name).om(card, 4, "310P")


HEADERS = {
    "emulated": b'OM/1\n{"soc_version": "Ascend310", "n": 1}',
    "protobuf": b"\x0a\x0bsoc_version\x12\x0b\x22\x09Ascend310\x00",
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("toy_bs4_310.om", b"x"),
        ("toy_Ascend310.om", b"x"),
        ("toy-310B4-bs4.om", b"x"),
        ("toy_bs1_310P3.om", b"x"),
        ("model.om", HEADERS["emulated"]),
        ("toy_310P3.om", HEADERS["emulated"]),
        ("model.om", HEADERS["protobuf"]),
    ],
)
def test_an_om_that_says_another_chip_or_batch_is_refused(tmp_path, card, name, content):
    path = own_om(tmp_path, name, content)

    with pytest.raises(UsageError, match="expected an OM for Ascend310P3 at batch 4"):
        builder(tmp_path, om=path).om(card, 4, "310P")


@pytest.mark.parametrize(
    "name", ["toy_bs4_310P3.om", "toy_310P.om", "toy_3100.om", "toy_bs4.om", "v310a.om", "resnest910.om", "absbs1x.om"]
)
def test_an_om_that_says_the_same_or_nothing_is_taken(tmp_path, card, name):
    assert builder(tmp_path, om=own_om(tmp_path, name)).om(card, 4, "310P").path.name == name


def test_an_om_that_the_card_brings_is_taken_and_its_digest_checked(tmp_path):
    own_om(tmp_path)
    digest = hashlib.sha256(b"built elsewhere").hexdigest()

    made = builder(tmp_path).om(card_of(tmp_path, f'om = "model.om"\nsha256 = "{digest}"'), 1, "310P")
    assert made.path == tmp_path / "model.om"

    other = "0" * 64
    with pytest.raises(RunError, match="expected sha256 0000") as caught:
        builder(tmp_path).om(card_of(tmp_path, f'om = "model.om"\nsha256 = "{other}"'), 1, "310P")
    assert caught.value.kind == "corrupt-artifact"


def test_a_cards_om_that_is_absent_is_a_need_where_there_is_nothing_to_build_from(tmp_path):
    with pytest.raises(MissingNeedError) as caught:
        builder(tmp_path, counting(tmp_path)).om(card_of(tmp_path, 'om = "model.om"'), 1, "310P")

    assert (caught.value.need, runs(tmp_path)) == ("weights", 0)


@pytest.mark.parametrize("name", ["gone.om", "toy_310.om"], ids=["absent", "for another chip"])
def test_a_cards_om_gives_way_to_building_where_it_cannot_serve(tmp_path, name):
    own_om(tmp_path, "toy_310.om")
    card = card_of(tmp_path, f'om = "{name}"\nonnx = "toy.onnx"')

    made = builder(tmp_path, counting(tmp_path)).om(card, 1, "310P")

    assert (made.recipe["kind"], runs(tmp_path)) == ("om", 1)
