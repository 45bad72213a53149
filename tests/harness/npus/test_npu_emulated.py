"""The NPUs of an emulated toolchain: what its npu-smi prints is read like the real one's."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import npus
from harness.emulator import prefix
from harness.emulator.devices import MIB, Devices
from harness.errors import RunError

REPOSITORY = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
from harness.emulator.devices import MIB, Devices

with Devices(Path(sys.argv[1])).holding(int(sys.argv[2]), 900 * MIB, "train"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def root(tmp_path):
    return tmp_path / "emulated"


@pytest.fixture
def toolchain(root):
    return prefix.make(root, ("Ascend310P3", "Ascend310"), {"OMGATE_EMULATE_CHIPS": "24:310P3*2,310"})


@contextmanager
def another_process(root, chip):
    """Hold 900 MiB of a chip in a process that outlives its parent, so that it is nobody's child here."""
    shell = f'"$0" -c "$1" "$2" {chip} < "$3" & echo $! ; exec 1>&-'
    fifo = root / "end"
    os.mkfifo(fifo)
    argv = ["sh", "-c", shell, sys.executable, HOLDER, str(root), str(fifo)]
    pipes = {"stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(argv, cwd=REPOSITORY, **pipes) as starter, fifo.open("w") as end:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert starter.stdout.readline() == "held\n"
        yield pid
        end.write("\n")
    fifo.unlink()


def wait_for(watch):
    for _ in range(1000):
        if watch.occupants:
            return
        time.sleep(0.01)
    raise AssertionError("nobody was seen")


def test_every_chip_is_listed_with_the_number_a_runtime_opens(root, toolchain):
    found = npus.listing(toolchain)

    assert [(npu.chip, npu.npu_id, npu.chip_id, npu.runtime_id) for npu in found] == [
        ("Ascend310P3", 24, 0, 0),
        ("Ascend310P3", 24, 1, 1),
        ("Ascend310", 0, 0, 2),
    ]
    assert len({npu.key for npu in found}) == 3


def test_a_held_model_proves_the_number(root, toolchain, tmp_path):
    @contextmanager
    def model():
        with Devices(root).holding(1, 300 * MIB, "python"):
            yield None

    _, second, other = npus.listing(toolchain)

    assert npus.prove_mapping(toolchain, second, model, tmp_path)
    with pytest.raises(RunError, match="chip 1"):
        npus.prove_mapping(toolchain, other, model, tmp_path)


def test_an_occupant_is_named_before_and_during(root, toolchain):
    npu = npus.listing(toolchain)[0]

    with npus.quiet(toolchain, npu, wait_s=0, every_s=0.05) as watch, another_process(root, 0) as first:
        wait_for(watch)
    with (
        another_process(root, 0) as pid,
        pytest.raises(RunError, match=rf"process {pid} \(train\) with 900 MiB"),
        npus.quiet(toolchain, npu, wait_s=0),
    ):
        pass

    assert watch.occupants == (f"process {first} (train) with 900 MiB",)


def test_an_ill_chip_is_not_chosen(root, toolchain, tmp_path):
    Devices(root).set_health(0, "Critical")

    assert npus.choose(npus.listing(toolchain), "Ascend310P3", root=tmp_path).runtime_id == 1
