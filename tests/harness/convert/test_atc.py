"""ATC's command line: what the cards' READMEs print, with today's names, batch and chip."""

import re
import shlex
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from harness import cards
from harness.artifacts import Artifact
from harness.cards import ModelCard
from harness.convert import atc
from harness.errors import CardError, UsageError
from tests.harness.toy_card import CARD

FULL = ("icnet", "intrada-deeplabv2", "resnest50", "resnest-seg", "spinenet")
ATC = """
[atc]
framework = 5
input_format = "NCHW"
"""
SECOND_OUTPUT = """
[[output]]
name = "z"
index = 1
dtype = "float32"
shape = ["N", 3]
"""


def card_of(folder: Path, *tables: str, text: str = CARD) -> ModelCard:
    path = folder / "card.toml"
    path.write_text("\n".join((text, *tables)), encoding="utf-8")
    return cards.load(path)


def graph(path: Path, *nodes: onnx.NodeProto, outputs: tuple[str, ...]) -> Path:
    """Write an ONNX file of these nodes."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", *outputs)]
    onnx.save(helper.make_model(helper.make_graph(list(nodes), "g", values[:1], values[1:])), path)
    return path


def order(card: ModelCard, path: Path, batch: int = 1, chip: str = "Ascend310P3") -> atc.Order:
    kind = "pb" if path.suffix == ".pb" else "onnx"
    return atc.Order(card, batch, chip, Artifact(path, kind, "0" * 64, {}, card.input, card.kept_outputs, batch))


def command(wanted: atc.Order) -> dict[str, str]:
    words = atc.argv(["atc"], atc.job(wanted))
    assert words[0] == "atc"
    assert all(word.startswith("--") for word in words[1:])
    return dict(word[2:].split("=", 1) for word in words[1:])


def printed(card: ModelCard, batch: int, chip: str) -> dict[str, str]:
    """Return the flags of the README's command, its placeholders filled in by hand."""
    text = card.atc.source.text.replace("\\\n", " ").replace("${bs}", str(batch))
    text = re.sub(r"Ascend(\$\{chip_name\}|310\b)", chip, text)
    return dict(word[2:].split("=", 1) for word in shlex.split(text) if word.startswith("--"))


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("chip", ["Ascend310P3", "Ascend310"])
def test_the_command_of_a_shipped_card_is_its_readmes(tmp_path, name, chip):
    card = cards.get(name)
    # The exporter of the README named the node that makes the first output Resize_317.
    last = helper.make_node("Relu", ["x"], ["output1"], name="Resize_317")
    path = tmp_path / "model.pb"
    if card.source.framework == "torch":
        path = graph(tmp_path / "model.onnx", last, outputs=("output1",))
    expected = printed(card, 1, chip)
    expected["input_shape"] = expected["input_shape"].replace(" ", "")
    expected |= {"log": "error", "model": str(path), "output": f"{name}_bs1"}

    assert command(order(card, path, 1, chip)) == expected


def test_the_batch_is_filled_in_for_every_input(tmp_path):
    second = '[[input]]\nname = "scope/lengths"\ndtype = "int32"\nshape = ["N", 7]\n'

    flags = command(order(card_of(tmp_path, second, ATC), tmp_path / "m.onnx", batch=16))

    assert flags["input_shape"] == "x:16,3,8,8;scope/lengths:16,7"


def test_an_output_is_named_by_the_node_that_makes_it_and_its_place_among_that_ones_outputs(tmp_path):
    dropped = '[[output]]\nname = "w"\nindex = 2\ndtype = "float32"\nshape = ["N", 3]\nom = false\n'
    card = card_of(tmp_path, SECOND_OUTPUT, dropped, ATC)
    nodes = (
        helper.make_node("Split", ["x"], ["z", "half"], name="/head/Split_4", axis=1),
        helper.make_node("TopK", ["half", "k"], ["values", "y"], name="TopK_9"),
    )
    path = graph(tmp_path / "m.onnx", *nodes, outputs=("y", "z"))

    assert command(order(card, path))["out_nodes"] == "TopK_9:1;/head/Split_4:0"


def test_outputs_are_not_named_where_the_graph_has_just_those_in_that_order(tmp_path):
    path = graph(tmp_path / "m.onnx", helper.make_node("Relu", ["x"], ["y"], name="Relu_1"), outputs=("y",))

    assert "out_nodes" not in command(order(card_of(tmp_path, ATC), path))


@pytest.mark.parametrize("name", ["", "a:b", "a;b"])
def test_outputs_that_have_no_name_that_atc_could_read_are_left_to_the_graph(tmp_path, name):
    path = graph(tmp_path / "m.onnx", helper.make_node("Relu", ["x"], ["y"], name=name), outputs=("y",))
    card = card_of(tmp_path, f'{ATC}out_nodes = "Relu_1:0"')

    assert "out_nodes" not in command(order(card, path))


def test_a_frozen_graphs_outputs_are_always_named(tmp_path):
    card = card_of(tmp_path, SECOND_OUTPUT, text=CARD.replace('"torch"', '"tensorflow"'))

    flags = command(order(card, tmp_path / "m.pb", batch=4))

    assert (flags["framework"], flags["out_nodes"], flags["input_shape"]) == ("3", "y:0;z:0", "x:4,3,8,8")


@pytest.mark.parametrize("name", ["310P", "310P3", "Ascend310P3", "ascend310p3", "AscendAscend310P3", " Ascend310P "])
def test_the_chip_has_one_name(name):
    assert atc.soc_version(name) == "Ascend310P3"


@pytest.mark.parametrize("name", ["310", "910B3", "910ProB", "910_9392"])
def test_other_chips_keep_their_names(name):
    assert atc.soc_version(name) == atc.soc_version(f"Ascend{name}") == f"Ascend{name}"


@pytest.mark.parametrize("name", ["cpu", "any", "NPU", "GPU", "", "Ascend", "310 P3", "310P3;reboot"])
def test_what_is_no_ascend_chip_is_refused(name):
    with pytest.raises(UsageError, match="expected an Ascend chip"):
        atc.soc_version(name)


def test_a_cards_other_flags_are_kept_as_written_but_for_the_log(tmp_path):
    flags = 'precision_mode = "force_fp32"\nflags = { enable_small_channel = "1", log = "debug", output_type = "FP32" }'

    found = command(order(card_of(tmp_path, ATC + flags), tmp_path / "m.onnx"))

    assert found["precision_mode"] == "force_fp32"
    assert found["enable_small_channel"] == "1"
    assert found["output_type"] == "FP32"
    assert found["log"] == "error"


@pytest.mark.parametrize("flag", ["model", "output", "soc_version", "input_shape", "out_nodes", "framework"])
def test_a_flag_that_omgate_fills_in_is_refused_among_the_others(tmp_path, flag):
    card = card_of(tmp_path, f'{ATC}flags = {{ {flag} = "x" }}')

    with pytest.raises(CardError, match=f"atc.flags.{flag}"):
        command(order(card, tmp_path / "m.onnx"))


@pytest.mark.parametrize("flag", ["--log", "a b", "x=y"])
def test_what_is_no_flags_name_is_refused(tmp_path, flag):
    card = card_of(tmp_path, f'{ATC}flags = {{ "{flag}" = "x" }}')

    with pytest.raises(CardError, match="expected the name of a flag"):
        command(order(card, tmp_path / "m.onnx"))


def test_a_flags_file_is_looked_for_beside_the_card(tmp_path):
    card = card_of(tmp_path, f'{ATC}flags = {{ insert_op_conf = "aipp.cfg" }}')
    with pytest.raises(CardError, match=r"insert_op_conf: expected a file.*'aipp.cfg'"):
        command(order(card, tmp_path / "m.onnx"))

    (tmp_path / "aipp.cfg").write_text("aipp_op {}")

    assert command(order(card, tmp_path / "m.onnx"))["insert_op_conf"] == str(tmp_path / "aipp.cfg")


def test_a_card_without_a_command_is_converted_with_what_its_tensors_say(tmp_path):
    text = CARD.replace('shape = ["N", 3, 8, 8]', 'shape = ["N", 3, 8, 8]\nlayout = "NCHW"')

    found = command(order(card_of(tmp_path, text=text), tmp_path / "m.onnx", batch=4, chip="310"))

    assert found == {
        "framework": "5",
        "model": str(tmp_path / "m.onnx"),
        "output": "toy_bs4",
        "input_format": "NCHW",
        "input_shape": "x:4,3,8,8",
        "log": "error",
        "soc_version": "Ascend310",
    }


def test_a_framework_that_is_not_the_sources_is_refused(tmp_path):
    card = card_of(tmp_path, "[atc]\nframework = 3")

    with pytest.raises(CardError, match=r"atc\.framework: expected 5 for onnx, got 3"):
        command(order(card, tmp_path / "m.onnx"))
