"""The emulated benchmark.x86_64: samples from an info file or random ones, results below result/, its texts."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.emulator import benchmark, om
from harness.emulator.devices import Devices
from harness.toolchain import Toolchain
from tests.harness.emulator import adder_om

NUMBER = r"([\d.]+(?:e[+-]?\d+)?)"
FOLDER = Path("result/dumpOutput_device0")


@pytest.fixture(autouse=True)
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    made = adder_om.install(tmp_path / "prefix", monkeypatch)
    monkeypatch.chdir(tmp_path)
    adder_om.write(tmp_path / "adder_bs2.om")
    adder_om.samples(tmp_path / "in", "a.x.bin", "b.bin", "c.bin")
    rows = [f"{number} in/{name} 3 1" for number, name in enumerate(("b.bin", "a.x.bin", "c.bin"))]
    (tmp_path / "info").write_text("\n".join(rows) + "\n")
    return made


def run(*flags: str, batch: int = 2) -> int:
    return benchmark.main(["-om_path=adder_bs2.om", "-device_id=0", f"-batch_size={batch}", *flags])


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_outputs_are_numbered_from_1_per_sample_and_the_last_batch_is_filled() -> None:
    code = run(
        "-model_type=vision", "--input_text_path=info", "-output_binary=True", "-useDvpp=False", "-input_width=3"
    )

    assert code == 0
    assert names(FOLDER) == ["a.x_1.bin", "a.x_2.bin", "b_1.bin", "b_2.bin", "c_1.bin", "c_2.bin"]
    found = {name: np.fromfile(FOLDER / f"{name}_1.bin", np.float32).tolist() for name in ("a.x", "b", "c")}
    assert found == {"a.x": [1, 2, 3], "b": [11, 12, 13], "c": [21, 22, 23]}
    assert np.fromfile(FOLDER / "c_2.bin", np.int64).tolist() == [2]


def test_text_is_the_values_of_one_sample_behind_blanks() -> None:
    run("-input_text_path=info", "-output_binary", "false")

    assert (FOLDER / "b_1.txt").read_text().split() == ["11", "12", "13"]
    assert "\n" not in (FOLDER / "b_1.txt").read_text()


def test_results_are_not_cleared_between_runs() -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "old_1.bin").write_bytes(b"old")

    run("-input_text_path=info", "-output_binary=True")

    assert (FOLDER / "old_1.bin").read_bytes() == b"old"


def test_the_performance_file_has_a_line_for_each_stage(capfd: pytest.CaptureFixture[str]) -> None:
    run("-input_text_path=info")

    text = Path("result/perf_vision_batchsize_2_device_0.txt").read_text()
    pattern = (
        rf"\[e2e\] throughputRate: {NUMBER}, latency: {NUMBER}\n"
        rf"\[data read\] throughputRate: {NUMBER}, moduleLatency: {NUMBER}\n"
        rf"\[preprocess\] throughputRate: {NUMBER}, moduleLatency: {NUMBER}\n"
        rf"\[infer\] throughputRate: {NUMBER}, Interface throughputRate: {NUMBER}, moduleLatency: {NUMBER}\n"
        rf"\[post\] throughputRate: {NUMBER}, moduleLatency: {NUMBER}\n"
    )
    match = re.fullmatch(pattern, text)
    assert match is not None
    values = [float(value) for value in match.groups()]
    assert values[0] == pytest.approx(1000 * 3 / values[1], rel=1e-4)
    assert values[6] == pytest.approx(1000 / values[8], rel=1e-4)
    assert values[7] > values[6]
    assert values[9] == pytest.approx(1000 / values[10], rel=1e-4)
    assert text in capfd.readouterr().out


def test_pure_inference_writes_equals_signs_and_prints_colons(capfd: pytest.CaptureFixture[str]) -> None:
    code = run("-round=20", "-model_type=vision")

    saved = Path("result/PureInfer_perf_of_adder_bs2_in_device_0.txt")
    written = re.fullmatch(rf"ave_throughputRate = {NUMBER}samples/s, ave_latency = {NUMBER}ms\n", saved.read_text())
    assert code == 0
    assert written is not None
    rate, latency_ms = map(float, written.groups())
    assert rate == pytest.approx(1000 / latency_ms, rel=1e-4)
    lines = capfd.readouterr().out.splitlines()
    assert re.fullmatch(rf"\[INFO\] Dataset number: 19 finished cost {NUMBER}ms", lines[0])
    assert lines[1:] == [
        f"[INFO] PureInfer result saved in ./{saved}",
        "-----------------PureInfer Performance Summary------------------",
        f"[INFO] ave_throughputRate: {written[1]}samples/s, ave_latency: {written[2]}ms",
        "----------------------------------------------------------------",
    ]


def test_a_line_of_bert_names_a_file_for_each_input_and_no_size(tmp_path: Path) -> None:
    (tmp_path / "info").write_text("0 in/b.bin\n1 in/c.bin\n")

    code = run("-model_type=bert", "-input_text_path=info", "-output_binary=true")

    assert code == 0
    assert names(FOLDER) == ["b_1.bin", "b_2.bin", "c_1.bin", "c_2.bin"]
    assert Path("result/perf_bert_batchsize_2_device_0.txt").is_file()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["-useDvpp=True", "-input_text_path=info"], "useDvpp needs pictures"),
        (["-om_path="], "om_path is empty"),
        (["-input_text_path=nothing"], "input_text_path nothing is not a file"),
        (["-model_type=audio"], "model_type audio is invalid"),
        (["-loop=3"], "unknown command line flag 'loop'"),
        (["-round"], "flag 'round' is missing its argument"),
        (["-round=2000"], "round must in 1 to 1024"),
        (["-batch_size=two"], "illegal value 'two' specified for flag 'batch_size'"),
        (["-round=2", "-om_path=none.om"], "init model none.om failed"),
        (["-round=2", "-device_id=4"], "ret = 107001"),
    ],
)
def test_what_it_cannot_do_is_refused_with_exit_code_1(
    flags: Sequence[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run(*flags)

    assert code == 1
    assert said in capfd.readouterr().out


def test_an_info_file_that_names_a_missing_sample_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "info").write_text("0 in/b.bin 3 1\n1 in/gone.bin 3 1\n")

    code = run("-input_text_path=info")

    assert code == 1
    assert "1 in/gone.bin 3 1" in capfd.readouterr().out


def test_a_batch_smaller_than_the_models_fails_to_execute(capfd: pytest.CaptureFixture[str]) -> None:
    code = run("-input_text_path=info", batch=1)

    assert code == 1
    assert "Input size [12] is smaller than om size need [24]" in capfd.readouterr().out


@pytest.mark.parametrize("memory", [om.Memory(weights=30 << 30), om.Memory(weights=1, io=30 << 30)])
def test_what_does_not_fit_says_el0004_and_holds_nothing(
    memory: om.Memory, tmp_path: Path, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.write(tmp_path / "adder_bs2.om", memory=memory)

    code = run("-round=2")

    assert code == 1
    assert "EL0004: Failed to allocate memory." in capfd.readouterr().out
    assert Devices(Path(toolchain.env["OMGATE_EMULATE_ROOT"])).holders(0) == ()


def test_stale_results_are_older_than_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "stale-results@benchmark")

    code = run("-input_text_path=info", "-output_binary=True")

    assert code == 0
    assert (FOLDER / "a.x_1.bin").stat().st_mtime < Path("info").stat().st_mtime
    assert (FOLDER / "a.x_1.bin").read_bytes() == bytes(12)
