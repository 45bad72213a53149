import os

import numpy as np
import pytest

from harness.errors import RunError
from harness.measure import Canary, TimePlan
from harness.results import Measurement
from harness.runtimes.files import FileSession, Written
from harness.runtimes.output_files import FORMATS
from harness.runtimes.protocol import SessionOptions
from tests.harness.runtimes.small_models import INPUTS, OUTPUTS, sample, sums_onnx

SAMPLE_BYTES = 36  # 6 + 1 + 1 + 1 numbers of 4 bytes


class NumpyTool:
    """A FileTool that computes the small network with numpy and remembers what it saw."""

    runs_on, outputs = "numpy", FORMATS["BIN"]

    def __init__(self, log, rows):
        self.log, self.rows, self.invocations, self.folders, self.closed = log, rows, [], [], False
        log.write_text("the last line of the log\n")

    def run(self, chunk):
        names = sorted(path.name for path in chunk.inputs[0].iterdir())
        assert all(sorted(path.name for path in folder.iterdir()) == names for folder in chunk.inputs)
        assert chunk.names == tuple(name[:-4] for name in names)
        self.invocations.append(names)
        self.folders.append(chunk.folder)
        for name in names:
            x, first = (np.fromfile(folder / name, np.float32) for folder in chunk.inputs)
            assert len(first) == self.rows
            total = 3 * (x.reshape(-1, 6).sum(axis=1) + first)
            self.write(chunk.output, name[:-4], [total, 2 * first])
        return Written(self.log, lambda name, index: self.output_file(chunk.output, name, index))

    def write(self, output, name, arrays):
        for index, array in enumerate(arrays):
            array.tofile(self.output_file(output, name, index))

    def output_file(self, output, name, index):
        return output / f"{name}_output_{index + 1}.bin"

    def time(self, plan, chunk):
        assert chunk.names == ("00000000",)
        self.timed = [np.fromfile(folder / "00000000.bin", np.uint8) for folder in chunk.inputs]
        return Measurement(definition="msame", statistic="mean", batch=2, tool_value=1.5)

    def close(self):
        self.closed = True


@pytest.fixture
def tool(tmp_path):
    return NumpyTool(tmp_path / "tool.log", rows=2)


@pytest.fixture
def opened(tool, tmp_path):
    def open_session(chunk_bytes=10_000):
        workdir = tmp_path / "work"
        workdir.mkdir()
        options = SessionOptions(batch=2, workdir=workdir, chunk_bytes=chunk_bytes)
        return FileSession(tool, sums_onnx(tmp_path, 2), options, lambda: Canary(lambda: 4.0))

    return open_session


def totals(outputs):
    return [(each.sample_id, float(each.arrays[0][0]), float(each.arrays[1][0])) for each in outputs]


def test_a_tool_sees_numbered_files_and_never_the_names_of_samples(opened, tool):
    outputs = totals(opened().run(sample(number) for number in range(5)))

    assert outputs == [(f"sample {number}/ä", 318.0 * number, 200.0 * number) for number in range(5)]
    assert tool.invocations == [["00000000.bin", "00000001.bin", "00000002.bin"]]


@pytest.mark.parametrize(
    ("chunk_bytes", "batches"),
    [(1, [1, 1, 1]), (2 * SAMPLE_BYTES, [1, 1, 1]), (4 * SAMPLE_BYTES, [2, 1]), (6 * SAMPLE_BYTES - 1, [2, 1])],
    ids=["at least one batch", "one batch fits", "two fit", "not quite three"],
)
def test_a_chunk_holds_what_its_bytes_of_inputs_and_outputs_allow(opened, tool, chunk_bytes, batches):
    list(opened(chunk_bytes).run(sample(number) for number in range(6)))

    assert [len(names) for names in tool.invocations] == batches


def test_a_chunk_is_deleted_before_the_next_one_is_run_and_at_the_end(opened, tool, tmp_path):
    outputs = opened(2 * SAMPLE_BYTES).run(sample(number) for number in range(4))

    alive = [sum(folder.exists() for folder in tool.folders) for _ in outputs]

    assert alive == [1, 1, 1, 1]
    assert list((tmp_path / "work").iterdir()) == []


def test_closing_the_iterator_half_way_deletes_the_files(opened, tmp_path):
    outputs = opened().run([sample(1), sample(2)])
    next(outputs)

    outputs.close()

    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "got"),
    [(None, "no such file"), (b"1234", "4 bytes"), (b"123456789", "9 bytes")],
    ids=["missing", "short", "long"],
)
def test_an_output_file_that_is_missing_or_of_another_size_names_its_samples_and_the_log(opened, tool, content, got):
    def write(output, name, arrays):
        arrays[0].tofile(tool.output_file(output, name, 0))
        if content is not None:
            tool.output_file(output, name, 1).write_bytes(content)

    tool.write = write

    with pytest.raises(RunError, match=r"expected 8 bytes in 00000000_output_2.bin") as caught:
        list(opened().run([sample(1), sample(2)]))

    assert caught.value.kind == "tool-failed"
    assert "output 'twice' of sample sample 1/ä, sample 2/ä" in str(caught.value)
    assert f"got {got};" in str(caught.value)
    assert "the last line of the log" in str(caught.value)


def test_a_tool_that_makes_its_batches_itself_gets_a_file_per_sample_and_full_batches(opened, tool):
    tool.rows = 1

    outputs = totals(opened().run(sample(number) for number in range(3)))

    assert outputs == [(f"sample {number}/ä", 318.0 * number, 200.0 * number) for number in range(3)]
    assert [len(names) for names in tool.invocations] == [4]


def test_an_output_older_than_its_input_is_of_an_earlier_run(opened, tool):
    def write(output, name, arrays):
        for index, array in enumerate(arrays):
            path = tool.output_file(output, name, index)
            array.tofile(path)
            os.utime(path, (1e9, 1e9))

    tool.write = write

    with pytest.raises(RunError, match="got a file older than its input"):
        list(opened().run([sample(1)]))


def test_an_error_of_the_tool_deletes_the_files(opened, tool, tmp_path):
    def fail(chunk):
        raise RunError("tool", "expected exit code 0", "exit code 1")

    tool.run = fail

    with pytest.raises(RunError, match="exit code 1"):
        list(opened().run([sample(1)]))
    assert list((tmp_path / "work").iterdir()) == []


def test_a_timed_run_is_in_the_tools_definition_with_the_canary_around_it(opened):
    measurement = opened().time(TimePlan(), [sample(1)])

    assert measurement == Measurement(
        definition="msame", statistic="mean", batch=2, tool_value=1.5, canary_before_ms=4.0, canary_after_ms=4.0
    )


def test_a_plan_may_ask_for_zeros_instead_of_samples(opened, tool):
    opened().time(TimePlan(inputs="zero"), [])

    assert [bytes(each) for each in tool.timed] == [bytes(48), bytes(8)]  # 2 · 6 and 2 · 1 numbers of 4 bytes


def test_random_inputs_are_bytes_of_every_kind(opened, tool):
    opened().time(TimePlan(inputs="random"), [])

    assert len(set(tool.timed[0])) > 20  # of 48 bytes


def test_closing_a_session_closes_its_tool(opened, tool):
    opened().close()

    assert tool.closed


def test_a_session_tells_its_tensors_and_what_the_tool_runs_on(opened):
    session = opened()

    assert (session.inputs, session.outputs, session.runs_on) == (INPUTS, OUTPUTS, "numpy")
