"""run.py, which a pack carries: with nothing of omgate around it, stopped and begun again, and what it refuses.

The aclruntime here is a stand-in whose model is a mean over each channel, and which notes every execution in a file.
"""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness import worker
from harness.packing import pack as packing
from tests.harness.packing.test_pack import write
from tests.harness.scoring import colours

ACLRUNTIME = """
import ctypes, os
import numpy as np
BATCH = int(os.environ.get("BATCH", "4"))

class session_options:
    loop = 1

class BaseTensor:
    def __init__(self, buf, size):
        self.buf, self.size = buf, size

class Desc:
    datatype = "dtype.float32"
    def __init__(self, name, shape):
        self.name, self.shape, self.realsize = name, shape, int(np.prod(shape)) * 4

class Tensor:
    def __init__(self, array):
        self.array = array
    def to_host(self):
        pass
    def __array__(self, dtype=None, copy=None):
        return self.array

class Sumary:
    exec_time_list = [2.5]

class InferenceSession:
    def __init__(self, model, device, options):
        self.runs = 0
    def set_staticbatch(self):
        pass
    def get_inputs(self):
        return [Desc("x", [BATCH, 3, 8, 8])]
    def get_outputs(self):
        return [Desc("node:0:y", [BATCH, 3])]
    def run(self, names, feeds):
        with open(os.environ["RUNS"], "a") as stream:
            stream.write("x")
        if os.path.getsize(os.environ["RUNS"]) == int(os.environ.get("LAST", "-1")):
            raise RuntimeError("[507033][Error code unknown] ")
        raw = ctypes.string_at(feeds[0].buf, feeds[0].size)
        return [Tensor(np.frombuffer(raw, np.float32).reshape(BATCH, 3, 8, 8).mean((2, 3)))]
    def reset_sumaryinfo(self):
        pass
    def sumary(self):
        return Sumary()
    def finalize(self):
        pass
"""
ROUNDS = 3 + 10  # of the timing: warm-up and, with no seconds to spend, the fewest rounds


@pytest.fixture
def folder(tmp_path):
    """A pack of three batches with a brought OM, in a place that is not the one where it was packed."""
    (tmp_path / "model").mkdir()
    card = colours.write(tmp_path / "model")
    om = tmp_path / "toy.om"
    om.write_bytes(b"an om")
    made, _ = write(card, tmp_path / "out", om=om)
    shutil.move(made, tmp_path / "npu host")
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "aclruntime.py").write_text(ACLRUNTIME)
    return tmp_path / "npu host"


def run(folder, *arguments, **env):
    """Run it from another folder in an environment of nothing but the stand-in."""
    known = {"PYTHONPATH": str(folder.parent / "python"), "RUNS": str(folder.parent / "runs"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(folder / "run.py"), "--seconds", "0", *map(str, arguments)]
    return subprocess.run(words, cwd="/", env={**known, **env}, capture_output=True, text=True, check=False)


def executions(folder):
    return (folder.parent / "runs").stat().st_size


def output(folder, name):
    return np.fromfile(folder / "outputs" / "aclruntime" / f"{name}_0.bin", np.float32).reshape(4, 3)


def test_what_is_shipped_parses_as_python_37_and_imports_nothing_of_omgate():
    for source in (packing.RUN, Path(worker.__file__)):
        tree = ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 7))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert {name.partition(".")[0] for name in names} & {"harness", "pydantic", "filelock"} == set()


def test_every_input_has_its_outputs_and_a_summary(folder):
    done = run(folder)

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    np.testing.assert_array_equal(output(folder, "00000000"), np.eye(3)[[0, 1, 2, 0]])
    summary = json.loads((folder / "outputs" / "aclruntime" / "summary.json").read_text())
    assert sorted(summary["files"]) == ["00000000", "00000001", "00000002"]
    assert (summary["rounds_ms"], summary["batch"], summary["inputs"]) == ([2.5] * 10, 4, "real")
    assert executions(folder) == 3 + ROUNDS


def test_a_run_that_broke_goes_on_where_it_was(folder):
    broken = run(folder, LAST="3")
    again = run(folder)

    assert (broken.returncode, again.returncode) == (1, 0)
    assert "507033" in broken.stderr
    assert "Traceback" not in broken.stderr
    assert "1 inputs run, 2 finished before" in again.stdout
    assert executions(folder) == 3 + 1 + ROUNDS


def test_a_note_that_was_cut_off_and_an_output_that_was_cut_off_are_done_again(folder):
    run(folder)
    place = folder / "outputs" / "aclruntime"
    (place / "00000000_0.bin").write_bytes(b"half")
    progress = place / "progress.jsonl"
    progress.write_text(progress.read_text()[:-9])

    done = run(folder)
    afterwards = run(folder)

    assert "2 inputs run, 1 finished before" in done.stdout
    assert "0 inputs run, 3 finished before" in afterwards.stdout
    np.testing.assert_array_equal(output(folder, "00000000"), np.eye(3)[[0, 1, 2, 0]])


def damaged(folder):
    (folder / "inputs" / "input_0" / "00000001.bin").write_bytes(b"half")


def other_om(folder):
    (folder / "model.om").write_bytes(b"another om")


def no_om(folder):
    (folder / "model.om").unlink()


def foreign(folder):
    (folder / "outputs" / "aclruntime").mkdir(parents=True)
    (folder / "outputs" / "aclruntime" / "00000000_0.bin").write_bytes(b"of an earlier run")


def other_pack(folder):
    run(folder)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"timed": "real"', '"timed": "zero"'))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (damaged, "input_0/00000001.bin has 4 bytes, expected 3072; copy the folder again"),
        (other_om, "model.om is damaged or not the one that was packed"),
        (no_om, "no model.om; make it with the atc command in commands.txt"),
        (foreign, "holds files of something else"),
        (other_pack, "holds outputs of another model or pack"),
    ],
)
def test_what_is_not_as_it_was_packed_is_refused_in_one_line(harm, message, folder):
    harm(folder)

    done = run(folder)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_om_of_another_batch_size_is_refused(folder):
    done = run(folder, BATCH="1")

    assert done.returncode == 1
    assert "the OM has the inputs [('float32', 768)], expected [('float32', 3072)]" in done.stderr


def test_without_aclruntime_it_says_so(folder):
    done = run(folder, PYTHONPATH="")

    assert (done.returncode, "aclruntime cannot be imported" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_another_om_and_another_place_can_be_given(folder):
    done = run(folder, "--om", folder / "model.om", "--output", folder / "elsewhere")

    assert done.returncode == 0
    assert (folder / "elsewhere" / "00000002_0.bin").stat().st_size == 48
    assert (folder / "elsewhere" / "manifest.json").read_text() == (folder / "manifest.json").read_text()
