"""The runtimes of OMs on the emulated toolchain: the shipped tiny models, and what a driver says of each fault."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness import cards, runtimes
from harness.artifacts import Store
from harness.build import Builder
from harness.emulator import prefix
from harness.errors import RunError
from harness.measure import TimePlan
from harness.runtimes.ais_bench import AisBench
from harness.runtimes.msame import Msame
from harness.runtimes.protocol import SessionOptions
from harness.samples import Sample

CHIP = "Ascend310P3"
TINY = [card for card in cards.load_all() if card.name.endswith("-tiny")]
FILES = ("ais_bench", "msame", "benchmark")
FAULTS = [
    *[("oom", name, "oom", "") for name in runtimes.OM_RUNTIMES],
    *[("device-lost", name, "device-lost", "") for name in runtimes.OM_RUNTIMES],
    *[("hang", name, "timeout", "") for name in runtimes.OM_RUNTIMES],
    *[("wrong-size", name, "tool-failed", "") for name in runtimes.OM_RUNTIMES],
    *[("truncated-output", name, "tool-failed", "bytes") for name in FILES],
    *[("stale-results", name, "tool-failed", "older than its input") for name in FILES],
    *[("exit-0", name, "tool-failed", "") for name in FILES],
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a folder with a cache and an emulated toolchain, which the tests of this file share."""
    return tmp_path_factory.mktemp("emulated")


@pytest.fixture(scope="module")
def builder(shared):
    return Builder(Store(shared / "cache"), toolchain=toolchain_at(shared / "ascend"))


def toolchain_at(root, fault=""):
    environ = {"PATH": os.environ["PATH"]} | ({"OMGATE_EMULATE_FAULT": fault} if fault else {})
    return prefix.make(root, (CHIP,), environ)


def inputs(artifact, count):
    random = np.random.default_rng(5)
    shapes = [(spec.at(1)[1:], spec.dtype) for spec in artifact.inputs]
    return [
        Sample(str(number), tuple(random.integers(0, 255, shape).astype(dtype) for shape, dtype in shapes))
        for number in range(count)
    ]


def options(folder, batch, **more):
    return SessionOptions(batch=batch, workdir=folder, **{"timeout_s": 100, **more})


def run(runtime, artifact, folder, **more):
    """Return the outputs of one sample more than a batch."""
    with runtime.open(artifact, "npu:0", options(folder, artifact.batch, **more)) as session:
        assert session.runs_on == "npu:0"
        return [each.arrays for each in session.run(inputs(artifact, artifact.batch + 1))]


def test_there_are_five_tiny_models():
    assert len(TINY) == 5


@pytest.mark.parametrize("card", TINY, ids=lambda card: card.name)
def test_the_four_runtimes_agree_bit_for_bit(card, builder, shared, tmp_path):
    toolchain = toolchain_at(shared / "ascend")
    artifact = builder.om(card, 4, CHIP)

    found = {name: run(runtimes.get(name, toolchain), artifact, tmp_path / name) for name in runtimes.OM_RUNTIMES}

    reference = found.pop("aclruntime")
    assert any(np.ptp(array) > 0 for arrays in reference for array in arrays)
    for other in found.values():
        for expected, got in zip(flat(reference), flat(other), strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["resnest50-tiny", "intrada-deeplabv2-tiny"])
def test_the_other_formats_hold_the_same_numbers_to_their_digits(name, builder, shared, tmp_path):
    toolchain = toolchain_at(shared / "ascend")
    artifact = builder.om(card_called(name), 4, CHIP)
    expected = flat(run(AisBench(toolchain), artifact, tmp_path / "bin"))

    numpy_files = flat(run(AisBench(toolchain, "NPY"), artifact, tmp_path / "npy"))
    text = flat(run(AisBench(toolchain, "TXT"), artifact, tmp_path / "txt"))
    short_text = flat(run(Msame(toolchain, "TXT"), artifact, tmp_path / "short"))

    for index, array in enumerate(expected):
        np.testing.assert_array_equal(numpy_files[index], array)
        # `%f` has six digits behind the point, msame six significant ones; 2 ** -24 is what float32 rounds by.
        np.testing.assert_allclose(text[index], array, rtol=2**-24, atol=5e-7)
        np.testing.assert_allclose(short_text[index], array, rtol=5e-6 + 2**-24, atol=0)


def card_called(name):
    return next(card for card in TINY if card.name == name)


def flat(outputs):
    return [array for arrays in outputs for array in arrays]


@pytest.mark.parametrize(
    ("name", "inputs_noted"), [("aclruntime", "zero"), *[(name, "zero") for name in FILES[:2]], ("benchmark", "random")]
)
def test_a_rehearsed_timing_has_rounds_and_a_canary(name, inputs_noted, builder, shared, tmp_path):
    artifact, canary = builder.om(card_called("resnest50-tiny"), 1, CHIP), builder.canary_om(CHIP).path
    runtime = runtimes.get(name, toolchain_at(shared / "ascend"))

    with runtime.open(artifact, "npu:0", options(tmp_path, 1, canary=canary)) as session:
        measurement = session.time(TimePlan(1, 5, 8, 0.1, "zero"), [])

    assert len(measurement.rounds_ms) >= 5
    assert min(*measurement.rounds_ms, measurement.canary_before_ms, measurement.canary_after_ms) > 0
    assert measurement.inputs == inputs_noted
    assert "note" not in measurement.model_extra


@pytest.mark.parametrize(("fault", "name", "kind", "said"), FAULTS, ids=[f"{row[0]}-{row[1]}" for row in FAULTS])
def test_a_fault_is_an_error_of_its_kind_with_a_log(fault, name, kind, said, builder, tmp_path):
    artifact = builder.om(card_called("resnest50-tiny"), 1, CHIP)
    toolchain = toolchain_at(tmp_path / "ascend", f"{fault}@{name}")

    with pytest.raises(RunError) as caught:
        run(runtimes.get(name, toolchain), artifact, tmp_path / "work", timeout_s=4 if fault == "hang" else 100)

    assert caught.value.kind == kind
    assert said in str(caught.value)
    assert Path(caught.value.log).is_file()


def test_a_damaged_om_is_told_from_a_lack_of_memory(builder, tmp_path, shared):
    artifact = builder.om(card_called("resnest50-tiny"), 1, CHIP)
    copy = tmp_path / "damaged.om"
    shutil.copyfile(artifact.path, copy)
    os.truncate(copy, copy.stat().st_size // 2)
    damaged = type(artifact)(copy, "om", "0" * 64, {}, artifact.inputs, artifact.outputs, 1)

    for name in runtimes.OM_RUNTIMES:
        with pytest.raises(RunError) as caught:
            run(runtimes.get(name, toolchain_at(shared / "ascend")), damaged, tmp_path / name)
        assert (caught.value.kind, caught.value.stage) in (("tool-failed", "load"), ("corrupt-artifact", "load"))
