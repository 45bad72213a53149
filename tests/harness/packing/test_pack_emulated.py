"""There and back: packed here, run with nothing but the emulated tools' environment, scored here again."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from harness import cards, cli, toolchains
from harness.artifacts import Store
from harness.build import Builder
from harness.checks import accuracy
from harness.results import Case
from harness.runs import read_entries
from harness.workbench import Workbench
from tests.harness.scoring import colours

CHIP = "Ascend310P3"
TOOLS = ("ais_bench", "msame", "benchmark", "aclruntime")


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("OMGATE_", "ASCEND_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a folder with the toy's card and data and a cache, which the tests of this file share."""
    folder = tmp_path_factory.mktemp("packs")
    colours.write(folder)
    return folder


def omgate(shared, command, *arguments):
    """Return the exit code of a command on the shared cache; the toy's card is known."""
    places = ["--cards", shared, "--cache-dir", shared / "cache"]
    return cli.main([command, *map(str, arguments), *map(str, places)])


def away(shared, folder, place):
    """Move a pack to another place, and run its commands there; return that place."""
    shutil.move(folder, place)
    toolchain = toolchains.emulated(shared / "cache", (CHIP,))
    programs = shared / "programs"
    programs.mkdir(exist_ok=True)
    python = programs / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    env = {**toolchain.env, "PATH": f"{programs}:{toolchain.env['PATH']}"}
    subprocess.run(["/bin/sh", "commands.txt"], cwd=place, env=env, check=True, capture_output=True, timeout=100)
    return place


def entries_of(runs):
    (run,) = runs.iterdir()
    return run, {entry.result.case.check: entry for entry in read_entries(run)}


@pytest.mark.parametrize("tool", TOOLS)
def test_each_tools_outputs_come_back_as_they_were_meant(tool, shared, tmp_path):
    data = ("--data-dir", shared / "data")
    chip = ("--chip", "310P", "--batch-size", 4, "--tool", tool, "--emulate")
    assert omgate(shared, "pack", "toy", *chip, *data, "--output", tmp_path / "out") == 0

    returned = away(shared, tmp_path / "out", tmp_path / "npu host")

    assert omgate(shared, "score", "toy", returned, *data, "--report-dir", tmp_path / "runs") == 0
    _, found = entries_of(tmp_path / "runs")
    case, result = found["accuracy"].result.case, found["accuracy"].result
    assert (case.runtime, case.batch, case.chip, case.emulated) == (tool, 4, CHIP, True)
    assert (result.measures[0].value, result.paired.loss) == (0.8, 0)
    assert result.toolchain["emulated"]
    assert found["throughput"].result.measurement.tool_value > 0
    assert found["throughput"].verdict.code == "emulated"


# What the card's own step `scale` does, p / 255, and its step `chw`, which AIPP does anyway.
AIPP = """aipp_op {
  aipp_mode: static
  input_format: RGB888_U8
  src_image_size_w: 8
  src_image_size_h: 8
  var_reci_chn_0: 0.003921569  var_reci_chn_1: 0.003921569  var_reci_chn_2: 0.003921569
}
"""
FED_WITH_PICTURES = """
[atc]
framework = 5
flags = { insert_op_conf = "aipp.cfg" }

[[atc.input]]
name = "x"
dtype = "uint8"
shape = ["N", 8, 8, 3]
layout = "NHWC"
"""


@pytest.mark.parametrize(("tool", "atc_is_here"), [("ais_bench", True), ("aclruntime", False), ("benchmark", True)])
def test_an_om_with_aipp_is_packed_with_pictures_and_scored_alike(tool, atc_is_here, tmp_path, monkeypatch):
    colours.write(tmp_path, FED_WITH_PICTURES + colours.PROMISES)
    (tmp_path / "aipp.cfg").write_text(AIPP)
    data = ("--data-dir", tmp_path / "data")
    given = ("--chip", "310P", "--batch-size", 2, "--tool", tool, *(["--emulate"] if atc_is_here else []))
    with monkeypatch.context() as here:
        here.setenv("PATH", os.environ["PATH"] if atc_is_here else "/nowhere")
        assert omgate(tmp_path, "pack", "toy", *given, *data, "--output", tmp_path / "out") == 0
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    assert (tmp_path / "out" / "inputs" / "input_0" / "00000000.bin").read_bytes().startswith(red.tobytes())

    returned = away(tmp_path, tmp_path / "out", tmp_path / "npu host")

    said = ("--report-dir", tmp_path / "runs", "--emulated")
    assert omgate(tmp_path, "score", "toy", returned, *data, *said) == 0
    _, found = entries_of(tmp_path / "runs")
    assert (found["accuracy"].result.measures[0].value, found["accuracy"].result.paired.loss) == (0.8, 0)


def test_where_no_atc_is_the_om_is_made_there(shared, tmp_path, monkeypatch):
    data = ("--data-dir", shared / "data")
    given = ("--chip", "310P", "--batch-size", 4, "--tool", "aclruntime", "--output", tmp_path / "out")
    with monkeypatch.context() as nowhere:
        nowhere.setenv("PATH", "/nowhere")
        assert omgate(shared, "pack", "toy", *given, *data) == 0
    assert not (tmp_path / "out" / "model.om").exists()

    returned = away(shared, tmp_path / "out", tmp_path / "npu host")

    assert (returned / "model.om").is_file()
    assert omgate(shared, "score", "toy", returned, *data, "--report-dir", tmp_path / "runs", "--emulated") == 0


def test_an_output_that_was_changed_on_the_way_is_red(shared, tmp_path, capsys):
    data = ("--data-dir", shared / "data")
    given = ("--chip", "310P", "--tool", "aclruntime", "--emulate", "--output", tmp_path / "out")
    assert omgate(shared, "pack", "toy", *given, *data) == 0
    returned = away(shared, tmp_path / "out", tmp_path / "npu host")
    np.zeros(3, np.float32).tofile(returned / "outputs" / "aclruntime" / "00000005_0.bin")

    assert omgate(shared, "score", "toy", returned, *data, "--report-dir", tmp_path / "runs") == 1

    assert "expected the outputs of p5 as run.py wrote them" in capsys.readouterr().out


def test_a_pack_of_other_data_is_not_scored(shared, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(shared / "data", data)
    given = ("--chip", "310P", "--emulate", "--output", tmp_path / "out", "--data-dir", data)
    assert omgate(shared, "pack", "toy", *given) == 0
    labels = data / "imagenet" / "val_label.txt"
    labels.write_text(labels.read_text().replace("p0 0", "p0 1"))

    assert omgate(shared, "score", "toy", tmp_path / "out", "--data-dir", data) == 4

    assert "expected the data set and the preprocessing that were packed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--chip", "310"], "expected Ascend310P3, which the pack is for"),
        (["--batch-size", "4"], "expected 1, that of the pack"),
        (["--weights", "seeded"], "expected the pack's own, card"),
        (["--samples", "3"], "no use for it with a pack"),
    ],
)
def test_a_pack_is_not_told_what_it_says_itself(arguments, message, shared, tmp_path, capsys):
    data = ("--data-dir", shared / "data")
    assert omgate(shared, "pack", "toy", "--chip", "310P", "--emulate", "--output", tmp_path / "out", *data) == 0

    assert omgate(shared, "score", "toy", tmp_path / "out", *data, *arguments) == 4

    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("name", "tool"), [("resnest50-tiny", "aclruntime"), ("icnet-tiny", "msame")])
def test_a_shipped_model_keeps_its_promise_and_agrees_with_onnx_runtime(name, tool, shared, tmp_path):
    given = ("--chip", CHIP, "--batch-size", 4, "--tool", tool, "--emulate", "--output", tmp_path / "out")
    assert omgate(shared, "pack", name, *given) == 0
    returned = away(shared, tmp_path / "out", tmp_path / "npu host")

    assert omgate(shared, "score", name, returned, "--report-dir", tmp_path / "runs") == 0

    run, found = entries_of(tmp_path / "runs")
    promised = next(row for row in cards.get(name).baseline if row.is_accuracy)
    result = found["accuracy"].result
    assert result.measures[0].value == pytest.approx(promised.target, abs=promised.allowed)
    mine, theirs = np.load(run / result.outcomes.path), on_onnx_runtime(shared, name, tmp_path)
    assert mine["ids"].tolist() == theirs["ids"].tolist()
    assert agreement(mine, theirs) > 0.99


def on_onnx_runtime(shared, name, folder):
    """Return the outcomes of a run of the card's ONNX file here."""
    bench = Workbench({name: cards.get(name)}, Builder(Store(shared / "cache")), folder / "here")
    case = Case(model=name, runtime="ort-cpu", chip="cpu", batch=4, check="accuracy")
    return np.load(folder / "here" / accuracy.measure(case, bench)["outcomes"].path)


def agreement(mine, theirs):
    """Return the share of pictures, or of pixels, that both decided alike, as far as their counts can tell."""
    if "pred" in mine:
        return np.mean(mine["pred"] == theirs["pred"])
    rows = [zip(one["image"], one["cell"], one["count"], strict=True) for one in (mine, theirs)]
    cells = [{(image, cell): count for image, cell, count in each} for each in rows]
    both = sum(min(count, cells[1].get(place, 0)) for place, count in cells[0].items())
    return both / sum(cells[0].values())


def test_a_pack_that_came_back_from_nowhere_is_an_error_in_four_parts(shared, tmp_path, capsys):
    data = ("--data-dir", shared / "data")
    assert omgate(shared, "pack", "toy", "--chip", "310P", "--emulate", "--output", tmp_path / "out", *data) == 0

    assert omgate(shared, "score", "toy", tmp_path / "out", *data, "--report-dir", tmp_path / "runs") == 1

    assert "expected output files of a tool, such as 00000000_0" in capsys.readouterr().out
