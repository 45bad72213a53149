"""What every runtime's session does, whatever is behind it."""

import math

import numpy as np
import pytest

from harness import runtimes
from harness.errors import RunError, UsageError
from harness.measure import TimePlan
from harness.runtimes.isolated import Isolated
from harness.runtimes.protocol import SessionOptions
from harness.samples import Sample
from tests.harness.runtimes.small_models import INPUTS, OUTPUTS, sample, sums_onnx, sums_torch

NAMES = ("ort-cpu", "torch-cpu", "ort-files", "isolated")
# One sample's inputs and outputs are 6 + 1 + 1 + 1 numbers of 4 bytes.
SAMPLE_BYTES = 36


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def sessions():
    """The sessions that the tests share, as a process each is dear; closed at the end."""
    shared = {}
    yield shared
    for session in shared.values():
        session.close()


@pytest.fixture
def opened(name, sessions, tmp_path_factory):
    """Opens the small network on the runtime with some batch size and chunk, once."""

    def open_session(batch, chunk_bytes=1_000_000):
        key = name, batch, chunk_bytes
        if key not in sessions:
            sessions[key] = open_small(name, tmp_path_factory.mktemp(name), batch, chunk_bytes)
        return sessions[key]

    return open_session


def open_small(name, folder, batch, chunk_bytes=1_000_000, threads=1):
    options = SessionOptions(batch=batch, workdir=folder / "work", threads=threads, chunk_bytes=chunk_bytes)
    return runtime_of(name).open(small(name, folder, max(batch, 1)), "cpu", options)


def small(name, folder, batch):
    return (sums_torch if name == "torch-cpu" else sums_onnx)(folder, batch)


def runtime_of(name):
    return Isolated(runtimes.get("ort-cpu")) if name == "isolated" else runtimes.get(name)


def totals(outputs):
    return [(each.sample_id, float(each.arrays[0][0]), float(each.arrays[1][0])) for each in outputs]


def expected(numbers):
    return [(f"sample {number}/ä", 318.0 * number, 200.0 * number) for number in numbers]


@pytest.mark.parametrize("count", [1, 4, 5], ids=["less than a batch", "whole batches", "a part of a batch left"])
def test_outputs_come_in_input_order_without_the_padding(opened, count):
    outputs = list(opened(2).run(sample(number) for number in range(count)))

    assert totals(outputs) == expected(range(count))
    assert [array.shape for array in outputs[-1].arrays] == [(1,), (1,)]


def test_no_sample_gives_no_output_and_a_session_runs_again(opened):
    session = opened(2)

    assert list(session.run([])) == []
    assert totals(session.run([sample(7)])) == expected([7])
    assert totals(session.run([sample(3), sample(1)])) == expected([3, 1])


def test_never_more_than_one_batch_of_samples_is_taken_ahead(opened):
    taken = []

    def source():
        for number in range(6):
            taken.append(number)
            yield sample(number)

    outputs = opened(2, chunk_bytes=2 * SAMPLE_BYTES).run(source())

    assert taken == []
    for done in range(1, 4):
        next(outputs)
        assert len(taken) == 2 * math.ceil(done / 2)
    outputs.close()
    assert len(taken) == 4


def test_outputs_stay_as_they_are_while_later_batches_run(opened):
    session = opened(2)

    outputs = list(session.run(sample(number) for number in range(4)))
    list(session.run([sample(98), sample(99)]))

    assert totals(outputs) == expected(range(4))


def test_nan_and_infinity_pass_through(opened):
    strange = Sample("strange", (np.full((2, 3), np.nan, np.float32), np.array([np.inf], np.float32)))

    (outputs,) = opened(1).run([strange])

    assert np.isnan(outputs.arrays[0]).all()
    assert np.isposinf(outputs.arrays[1]).all()


@pytest.mark.parametrize(
    "arrays",
    [
        (np.ones((3, 2), np.float32), np.ones(1, np.float32)),
        (np.ones((2, 3), np.float64), np.ones(1, np.float32)),
        (np.ones((1, 1), np.float32), np.ones(1, np.float32)),
        (np.ones((2, 3), np.float32),),
    ],
    ids=["wrong shape", "wrong dtype", "a shape that would broadcast", "an array too few"],
)
def test_a_sample_that_is_not_what_the_inputs_declare_is_named(opened, arrays):
    session = opened(1)

    with pytest.raises(RunError, match=r"'the bad one'.*float32 \(2, 3\)") as caught:
        list(session.run([sample(1), Sample("the bad one", arrays)]))

    assert caught.value.kind == "data"


def test_an_error_of_the_sample_source_comes_through(opened):
    def source():
        yield sample(1)
        raise LookupError("the picture is gone")

    with pytest.raises(LookupError, match="the picture is gone"):
        list(opened(2).run(source()))


def test_a_session_tells_its_tensors_and_where_it_runs(opened, name):
    session = opened(1)

    assert session.inputs == INPUTS
    assert session.outputs == OUTPUTS
    assert session.runs_on == ("cpu" if name == "torch-cpu" else "CPUExecutionProvider")


def test_close_never_raises_and_may_be_called_twice(name, tmp_path):
    session = open_small(name, tmp_path, 1)

    with session as entered:
        assert entered is session
    session.close()


def test_a_timed_run_keeps_every_round_and_the_canary(opened):
    measurement = opened(2).time(TimePlan(2, 4, 4, 1.0), [sample(1)])

    assert measurement.model_dump(include={"definition", "statistic", "batch", "inputs", "threads", "tool_value"}) == {
        "definition": "wall", "statistic": "median", "batch": 2, "inputs": "real", "threads": 1, "tool_value": None,
    }  # fmt: skip
    assert (len(measurement.warmup_ms), len(measurement.rounds_ms)) == (2, 4)
    assert all(0 < value < 1000 for value in measurement.rounds_ms)
    assert 0 < measurement.canary_before_ms < 1000
    assert 0 < measurement.canary_after_ms < 1000


def test_timing_without_a_sample_is_an_error_about_the_data(opened):
    with pytest.raises(RunError, match="at least one sample") as caught:
        opened(1).time(TimePlan(), [])

    assert caught.value.kind == "data"


def test_a_device_of_another_kind_is_refused(name, tmp_path):
    artifact, options = small(name, tmp_path, 1), SessionOptions(batch=1, workdir=tmp_path / "work")

    with pytest.raises(UsageError, match="expects 'cpu', got 'cuda:0'"):
        runtime_of(name).open(artifact, "cuda:0", options)


@pytest.mark.parametrize("name", ["ort-cpu", "ort-files", "isolated"], indirect=True)
def test_a_file_built_for_another_batch_is_refused_before_anything_runs(name, tmp_path):
    artifact, options = small(name, tmp_path, 1), SessionOptions(batch=4, workdir=tmp_path / "work")

    with pytest.raises(RunError, match="build the artifact again for batch 4") as caught:
        runtime_of(name).open(artifact, "cpu", options)

    assert caught.value.kind == "corrupt-artifact"


@pytest.mark.parametrize("name", ["ort-cpu", "ort-files", "isolated"], indirect=True)
def test_a_damaged_file_is_a_corrupt_artifact(name, tmp_path):
    artifact, options = small(name, tmp_path, 1), SessionOptions(batch=1, workdir=tmp_path / "work")
    artifact.path.write_bytes(artifact.path.read_bytes()[:100])

    with pytest.raises(RunError) as caught:
        runtime_of(name).open(artifact, "cpu", options)

    assert caught.value.kind == "corrupt-artifact"


@pytest.mark.parametrize(("batch", "threads"), [(0, 1), (1, 0)], ids=["batch 0", "threads 0"])
def test_impossible_options_are_refused(name, tmp_path, batch, threads):
    with pytest.raises(UsageError, match=f"batch {batch}, threads {threads}"):
        open_small(name, tmp_path, batch, threads=threads)
