"""What the emulated runners print is read by the parsers that were made for the real ones."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from harness.ascend import ais_bench_text, benchmark_text, codes, msame_text
from harness.ascend.ais_bench_summary import parse_summary
from harness.emulator import om
from harness.toolchain import Toolchain
from tests.harness.emulator import adder_om


@pytest.fixture(autouse=True)
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    made = adder_om.install(tmp_path / "prefix", monkeypatch)
    monkeypatch.chdir(tmp_path)
    adder_om.write(tmp_path / "adder.om")
    adder_om.samples(tmp_path / "in", "a.bin", "b.bin", "c.bin")
    return made


def said(toolchain: Toolchain, tool: str, *arguments: str, **env: str) -> str:
    """Return what a tool prints on both streams."""
    command = [*toolchain.command(tool), *arguments]
    run = subprocess.run(
        command, env={**toolchain.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return run.stdout


@pytest.mark.parametrize("generation", ["gen0", "gen0b", "old", "new"])
def test_ais_bench_in_every_generation(generation: str, toolchain: Toolchain) -> None:
    arguments = ("--model", "adder.om", "--input", "in", "--output", "out", "--loop", "3", "--batchsize", "2")

    report = ais_bench_text.parse(said(toolchain, "ais_bench", *arguments, OMGATE_EMULATE_AIS_BENCH=generation))

    assert report.compute is not None
    assert report.throughput == pytest.approx(2000 / report.compute.mean_ms, rel=1e-6)
    assert (report.runs, report.files_per_run, report.errors) == (2, 2, ())
    assert Path(report.output_dir).is_dir()


@pytest.mark.parametrize("generation", ["gen0", "old", "new"])
def test_the_summary_of_ais_bench_in_every_generation(generation: str, toolchain: Toolchain) -> None:
    said(toolchain, "ais_bench", "--model=adder.om", "--input=in", "--output=out", OMGATE_EMULATE_AIS_BENCH=generation)

    (path,) = Path("out").rglob("*.json")
    summary = parse_summary(path.read_text())

    assert len(summary.files) == 3
    assert len(summary.rounds_ms) == (0 if generation == "gen0" else 2)
    assert summary.throughput == pytest.approx((1000 if generation == "gen0" else 2000) / summary.mean_ms, rel=1e-6)


def test_msame(toolchain: Toolchain) -> None:
    text = said(toolchain, "msame", "--model", "adder.om", "--output", "out", "--loop", "4")

    (report,) = msame_text.parse(text)

    assert len(report.rounds_ms) == 4
    assert report.average_ms == pytest.approx(np.mean(report.rounds_ms), rel=1e-4)
    assert report.average_without_first_ms == pytest.approx(np.mean(report.rounds_ms[1:]), rel=1e-4)
    assert report.finished
    assert report.errors == ()
    assert len(os.listdir(report.output_dir)) == 2  # noqa: PTH208


def test_benchmark(toolchain: Toolchain) -> None:
    (pure,) = benchmark_text.parse_pure(said(toolchain, "benchmark", "-om_path=adder.om", "-round=20", "-batch_size=2"))
    Path("info").write_text("0 in/a.bin 3 1\n1 in/b.bin 3 1\n")
    said(toolchain, "benchmark", "-om_path=adder.om", "-batch_size=2", "-input_text_path=info")
    rates = benchmark_text.parse_perf_file(Path("result/perf_vision_batchsize_2_device_0.txt").read_text())
    (saved,) = benchmark_text.parse_pure(Path(pure.result_path).read_text())

    assert pure.rate == pytest.approx(1000 / pure.latency_ms, rel=1e-4)
    assert (saved.rate, saved.latency_ms) == (pure.rate, pure.latency_ms)
    assert rates.infer_rate is not None
    assert rates.interface_rate > rates.infer_rate


@pytest.mark.parametrize("tool", ["ais_bench", "msame", "benchmark"])
def test_out_of_memory_is_told_from_a_damaged_om_by_the_text_alone(
    tool: str, toolchain: Toolchain, tmp_path: Path
) -> None:
    adder_om.write(tmp_path / "big.om", memory=om.Memory(workspace=30 << 30))
    (tmp_path / "cut.om").write_bytes((tmp_path / "adder.om").read_bytes()[:-9])
    (tmp_path / "cut.om").chmod(0o600)
    flags = ["-round=2", "-om_path={}"] if tool == "benchmark" else ["--model", "{}", "--output", "out"]

    kinds = [
        codes.error_kind(said(toolchain, tool, *(flag.format(name) for flag in flags)), "corrupt-artifact")
        for name in ("big.om", "cut.om")
    ]

    assert kinds == ["oom", "corrupt-artifact"]


@pytest.mark.parametrize("tool", ["ais_bench", "msame", "benchmark"])
def test_a_lost_device_smells_of_the_device(tool: str, toolchain: Toolchain) -> None:
    flags = ["-round=2", "-om_path=adder.om"] if tool == "benchmark" else ["--model", "adder.om", "--output", "out"]

    text = said(toolchain, tool, *flags, OMGATE_EMULATE_FAULT="device-lost")

    assert codes.smells_of_device(text)
    assert codes.error_kind(text, "tool-failed") == "device-lost"
