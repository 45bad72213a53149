"""A packed folder: what is in it, that it stands alone, and that it is whole or not there."""

import getpass
import json
import os
from pathlib import Path

import numpy as np
import pytest

from harness import needs
from harness.artifacts import Store
from harness.build import Builder
from harness.errors import StoreError, UsageError
from harness.packing import manifest as packed
from harness.packing.pack import Order, pack
from harness.workbench import Workbench
from tests.harness.scoring import colours
from tests.harness.scoring.colours import IDS

CHIP = "Ascend310P3"


@pytest.fixture
def card(tmp_path):
    (tmp_path / "model").mkdir()
    return colours.write(tmp_path / "model")


def write(card, output, tool="ais_bench", batch=4, samples=None, om=None):
    """Pack a card on a host without ATC, and return the folder with its manifest."""
    home = card.path.parent
    builder = Builder(Store(home / "cache"), om=om)
    bench = Workbench({card.name: card}, builder, home / "run", needs.Places(data_dir=home / "data"), samples=samples)
    return output, pack(Order(card, CHIP, batch, tool), builder, bench.feed(card), output)


def read(folder, name, rows=4):
    return np.fromfile(folder / "inputs" / "input_0" / f"{name}.bin", np.float32).reshape(rows, 3, 8, 8)


def test_a_file_holds_a_whole_batch_and_the_manifest_says_whose(card, tmp_path):
    folder, manifest = write(card, tmp_path / "out")

    assert [file.name for file in manifest.files] == ["00000000", "00000001", "00000002"]
    assert [file.ids for file in manifest.files] == [IDS[:4], IDS[4:8], IDS[8:]]
    # p0 … p3 are red, green, blue, red: the mean of the picture's own channel is 1.
    np.testing.assert_array_equal(read(folder, "00000000").mean((2, 3)), np.eye(3)[[0, 1, 2, 0]])
    last = read(folder, "00000002")
    np.testing.assert_array_equal(last[2:], last[[1, 1]])  # filled up with the last sample


def test_benchmark_gets_a_file_per_sample_in_whole_batches_and_a_list_of_them(card, tmp_path):
    folder, manifest = write(card, tmp_path / "out", "benchmark")

    assert [len(file.ids) for file in manifest.files] == [1] * 10 + [0] * 2
    assert manifest.rows == 1
    assert read(folder, "00000004", 1).mean((2, 3)).tolist() == [[0, 1, 0]]
    lines = (folder / "samples.info").read_text().splitlines()
    assert (len(lines), lines[4]) == (12, "4 inputs/input_0/00000004.bin 8 8")


def test_the_manifest_read_again_is_the_same(card, tmp_path):
    folder, manifest = write(card, tmp_path / "out")

    assert packed.read(folder / "manifest.json") == manifest
    assert json.loads((folder / "manifest.json").read_text())["schema"] == 1


def test_the_manifest_is_found_from_the_outputs_below_it(card, tmp_path):
    folder, manifest = write(card, tmp_path / "out")
    deep = folder / "outputs" / "msame" / "20210202_172031"
    deep.mkdir(parents=True)

    assert packed.above(deep) == (manifest, folder)
    assert packed.above(tmp_path) is None


AIS_BENCH = "python3 -m ais_bench --model model.om --device 0 --batchsize 4 --output"
MSAME = "msame --model model.om --device 0 --outfmt BIN --output"
BENCHMARK = '"benchmark.$(uname -m)" -om_path=model.om -device_id=0 -batch_size=4 -model_type=vision'
LISTED = "-input_text_path=samples.info -input_width=8 -input_height=8 -useDvpp=False -output_binary=True"
FIRST = "--loop 100 --input inputs/input_0/00000000.bin"
COMMANDS = {
    "ais_bench": [
        "mkdir -p -m 750 outputs timing",
        f"{AIS_BENCH} outputs --output_dirname ais_bench --outfmt BIN --input inputs/input_0",
        f"{AIS_BENCH} timing --output_dirname ais_bench {FIRST}",
    ],
    "msame": [
        "mkdir -p outputs/msame timing",
        f"{MSAME} outputs/msame --input inputs/input_0",
        f"{MSAME} timing {FIRST} > timing/msame.log",
    ],
    "benchmark": [f"{BENCHMARK} {LISTED}"],
    "aclruntime": ["python3 run.py --device 0"],
}


@pytest.mark.parametrize("tool", COMMANDS)
def test_the_commands_are_exact_and_begin_with_atc_where_there_is_none_here(tool, card, tmp_path):
    folder, manifest = write(card, tmp_path / "out", tool)

    written = (folder / "commands.txt").read_text().splitlines()
    assert written[0] == "set -e"
    assert written[1] == (
        "atc --framework=5 --model=model.onnx --output=model --input_shape=x:4,3,8,8 --log=error "
        "--soc_version=Ascend310P3"
    )
    assert written[2:] == COMMANDS[tool]
    assert list(manifest.commands) == written[1:]
    assert (folder / "model.onnx").read_bytes() == (card.path.parent / "toy.onnx").read_bytes()


def test_what_the_promise_was_timed_on_is_what_is_timed(tmp_path):
    (tmp_path / "model").mkdir()
    card = colours.write(tmp_path / "model", colours.PROMISES.replace('"real"', '"zero"'))

    _, manifest = write(card, tmp_path / "out")

    assert manifest.timed == "zero"
    assert manifest.commands[-1].endswith("--output_dirname ais_bench --loop 100")  # zeros are what it takes by itself


def test_a_brought_om_needs_no_atc(card, tmp_path):
    om = tmp_path / "toy_310P3_bs4.om"
    om.write_bytes(b"an om")

    folder, manifest = write(card, tmp_path / "out", om=om)

    assert (folder / "model.om").read_bytes() == b"an om"
    assert manifest.model.format == "om"
    assert not any(command.startswith("atc") for command in manifest.commands)


def test_nothing_in_it_tells_of_the_host(card, tmp_path):
    folder, _ = write(card, tmp_path / "out")

    told = {str(tmp_path), str(Path.home()), getpass.getuser(), os.uname().nodename} - {"root"}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [word for word in told if word.encode() in content], path.name


def test_the_tools_that_refuse_what_others_may_write_take_its_files(card, tmp_path):
    folder, _ = write(card, tmp_path / "out")

    assert {path.stat().st_mode & 0o022 for path in (folder, *folder.rglob("*"))} == {0}


def test_a_subset_says_so(card, tmp_path):
    _, manifest = write(card, tmp_path / "out", samples=5)

    assert (manifest.ids, manifest.subset) == (("p0", "p2", "p4", "p6", "p8"), True)


def test_an_empty_folder_is_taken_and_one_with_something_in_it_is_not(card, tmp_path):
    (tmp_path / "out").mkdir()
    folder, _ = write(card, tmp_path / "out")

    with pytest.raises(UsageError, match="new or empty folder, got something in it"):
        write(card, folder)


def test_a_pack_that_breaks_off_leaves_nothing(card, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(os, "replace", refused)

    with pytest.raises(StoreError, match=r"expected to write the pack, got .*No space left"):
        write(card, tmp_path / "there" / "out")

    assert list((tmp_path / "there").iterdir()) == []


def refused(*_):
    raise OSError(28, "No space left on device")


def test_a_place_without_room_is_refused_before_anything_is_written(card, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)

    with pytest.raises(UsageError, match="MiB of free disk"):
        write(card, tmp_path / "out")


def test_a_card_of_other_tensors_does_not_take_the_pack_back(card, tmp_path):
    _, manifest = write(card, tmp_path / "out")
    wider = card.output[0].model_copy(update={"shape": ("N", 5)})

    packed.require_card(manifest, card)
    with pytest.raises(UsageError, match=r"y float32 \(4, 5\), got y float32 \(4, 3\)"):
        packed.require_card(manifest, card.model_copy(update={"output": (wider,)}))
    with pytest.raises(UsageError, match="expected 'toy', whose pack this is, got 'other'"):
        packed.require_card(manifest, card.model_copy(update={"name": "other"}))


@pytest.mark.parametrize("text", ["{}", '{"kind": "omgate-pack"}', "torn"])
def test_what_is_no_manifest_is_refused(text, tmp_path):
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(UsageError, match="expected the manifest of a pack"):
        packed.read(tmp_path / "manifest.json")
