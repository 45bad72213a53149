import pytest

from harness.errors import RunError
from harness.runtimes import bin_runner
from harness.runtimes.ort_files import OrtFiles
from harness.runtimes.protocol import SessionOptions
from tests.harness.runtimes.small_models import sums_onnx


def test_a_tool_that_cannot_start_is_an_error_with_its_command_and_log(tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("")  # hides the real one, wherever that is installed
    options = SessionOptions(batch=1, workdir=tmp_path / "work", env={"PYTHONPATH": str(tmp_path)})

    with pytest.raises(RunError, match=r"-m harness\.runtimes\.bin_runner") as caught:
        OrtFiles().open(sums_onnx(tmp_path, 1), "cpu", options)

    assert "No module named 'harness.runtimes'" in str(caught.value)


def test_a_tool_that_takes_too_long_is_a_time_out(tmp_path):
    options = SessionOptions(batch=1, workdir=tmp_path / "work", timeout_s=0.01)

    with pytest.raises(RunError) as caught:
        OrtFiles().open(sums_onnx(tmp_path, 1), "cpu", options)

    assert caught.value.kind == "timeout"


def test_the_tool_refuses_a_file_that_does_not_fit_with_one_line(tmp_path):
    artifact = sums_onnx(tmp_path, 1)
    folders = [tmp_path / name for name in ("x", "first", "out")]
    for folder in folders:
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"1234")
    inputs = [str(folder) for folder in folders[:2]]

    with pytest.raises(SystemExit) as caught:
        bin_runner.main(["--model", str(artifact.path), "--input", *inputs, "--output", str(folders[2])])

    assert str(caught.value).startswith("[ERROR] ")
    assert not (folders[2] / "a_0.bin").exists()


def test_a_working_folder_with_blanks_and_commas_is_no_trouble(tmp_path):
    options = SessionOptions(batch=1, workdir=tmp_path / "a, b c")

    with OrtFiles().open(sums_onnx(tmp_path, 1), "cpu", options) as session:
        assert session.runs_on == "CPUExecutionProvider"
