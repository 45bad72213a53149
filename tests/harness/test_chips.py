"""Which chip a runtime runs on: the host, an NPU, or the GPU that the driver names."""

import sys

import pytest

from harness import chips


@pytest.fixture(autouse=True)
def fresh():
    """Ask anew in every test, and leave no answer behind."""
    chips.chip_of.cache_clear()
    yield
    chips.chip_of.cache_clear()


def answering(code: str) -> tuple[str, ...]:
    """Return a command that runs `code` instead of the driver's tool."""
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("runtime", "chip"), [("ort-cpu", "cpu"), ("ort-files", "cpu"), ("torch-cpu", "cpu"), ("ort-cann", "npu")]
)
def test_a_runtime_runs_on_its_chip(runtime, chip):
    assert chips.chip_of(runtime) == chip


def test_cuda_runs_on_the_first_gpu_by_its_name(monkeypatch):
    monkeypatch.setattr(chips, "QUERY", answering(r"print('NVIDIA H200 \nNVIDIA A10')"))

    assert chips.chip_of("ort-cuda") == "NVIDIA H200"


@pytest.mark.parametrize(
    "query",
    [
        ("omgate-has-no-such-tool",),
        answering("raise SystemExit(9)"),
        answering("print('NVIDIA-SMI has failed'); raise SystemExit(9)"),
        answering("pass"),
    ],
    ids=["absent", "failing", "failing-with-text", "silent"],
)
def test_a_gpu_that_nobody_names_is_a_gpu(monkeypatch, query):
    monkeypatch.setattr(chips, "QUERY", query)

    assert chips.chip_of("ort-cuda") == "gpu"


def test_the_driver_is_asked_once(monkeypatch, tmp_path):
    log = tmp_path / "asked"
    code = f"open({str(log)!r}, 'a').write('x'); print('NVIDIA H200')"
    monkeypatch.setattr(chips, "QUERY", answering(code))

    assert [chips.chip_of("ort-cuda") for _ in range(3)] == ["NVIDIA H200"] * 3
    assert log.read_text() == "x"
