"""The emulated msame: its text, names and numbers, and every failure that ends with exit code 0."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.emulator import msame, om
from harness.emulator.devices import Devices
from harness.toolchain import Toolchain
from tests.harness.emulator import adder_om

OPENED = [
    "[INFO] acl init success",
    "[INFO] open device 0 success",
    "[INFO] create context success",
    "[INFO] create stream success",
    "[INFO] get run mode success",
    "[INFO] load model adder.om success",
    "[INFO] create model description success",
    "[INFO] get input dynamic gear count success",
    "[INFO] create model output success",
]
CLOSED = [
    "[INFO] end to destroy stream",
    "[INFO] end to destroy context",
    "[INFO] end to reset device is 0",
    "[INFO] end to finalize acl",
]
TIME = re.compile(r"Inference time: [\d.e-]+ms")


@pytest.fixture(autouse=True)
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    made = adder_om.install(tmp_path / "prefix", monkeypatch)
    monkeypatch.chdir(tmp_path)
    adder_om.write(tmp_path / "adder.om")
    return made


def lines(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().out.splitlines()


def folder(printed: list[str]) -> Path:
    """Return the folder that the tool printed, alone on its line."""
    (found,) = [line for line in printed if re.fullmatch(r"out/\d{6,8}_\d+_\d+_\d+_\d+", line)]
    return Path(found)


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_zeros_are_fed_in_loops_and_written_once_under_the_models_name(capfd: pytest.CaptureFixture[str]) -> None:
    code = msame.main(["--model", "adder.om", "--output", "out", "--loop=3"])

    printed = lines(capfd)
    times = [line for line in printed if TIME.fullmatch(line)]
    assert code == 0
    assert printed[:9] == OPENED
    assert printed[9] == str(folder(printed))
    assert printed[10::2][:3] == ["[INFO] model execute success"] * 3
    assert len(times) == 3
    assert printed[16:18] == ["[INFO] get max dynamic batch size success", "[INFO] output data success"]
    assert printed[20:22] == ["[INFO] destroy model input success", "[INFO] unload model success, model Id is 1"]
    assert re.fullmatch(r"\[INFO\] pid: \d+ Execute sample success", printed[22])
    assert printed[23:] == CLOSED
    assert names(folder(printed)) == ["adder_output_0.bin", "adder_output_1.bin"]
    assert np.fromfile(folder(printed) / "adder_output_0.bin", np.float32).tolist() == [1] * 6


def test_the_averages_are_those_of_the_printed_times(capfd: pytest.CaptureFixture[str]) -> None:
    msame.main(["--model", "adder.om", "--output", "out", "--loop", "4"])

    printed = lines(capfd)
    times = [float(line[len("Inference time: ") : -2]) for line in printed if TIME.fullmatch(line)]
    average, rest = [line for line in printed if line.startswith("Inference average")]
    assert average == f"Inference average time: {sum(times) / 4:f} ms"
    assert rest == f"Inference average time without first time: {sum(times[1:]) / 3:f} ms"


def test_files_are_fed_as_they_are_for_one_execution(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    np.arange(6, dtype=np.float32).tofile("a.bin")

    code = msame.main(["--model=adder.om", "--input=a.bin", "--output=out", "--outfmt=TXT"])

    printed = lines(capfd)
    assert code == 0
    assert printed[10] == "[INFO] start to process file:a.bin"
    assert names(folder(printed)) == ["adder_output_0.txt", "adder_output_1.txt"]
    assert (folder(printed) / "adder_output_0.txt").read_text() == "1 2 3 \n4 5 6 \n"
    assert sum(line.startswith("Inference average") for line in printed) == 1


def test_text_has_six_significant_digits(capfd: pytest.CaptureFixture[str]) -> None:
    np.array([[0.123456789, 1234567, -1e-7]] * 2, np.float32).tofile("a.bin")

    msame.main(["--model", "adder.om", "--input", "a.bin", "--output", "out", "--outfmt", "TXT"])

    row = (folder(lines(capfd)) / "adder_output_0.txt").read_text().splitlines()[0]
    assert row == "1.12346 1.23457e+06 1 "


def test_any_other_format_is_binary(capfd: pytest.CaptureFixture[str]) -> None:
    msame.main(["--model", "adder.om", "--output", "out", "--outfmt", "txt"])

    assert names(folder(lines(capfd))) == ["adder_output_0.bin", "adder_output_1.bin"]


def test_a_folder_is_run_file_by_file_in_plain_order_without_hidden_ones(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("s10.v1.bin", "s2.dat", ".hidden"):
        np.zeros((2, 3), np.float32).tofile(tmp_path / "in" / name)

    code = msame.main(["--model", "adder.om", "--input", "in", "--output", "out", "--loop", "50"])

    printed = lines(capfd)
    assert code == 0
    assert [line.rpartition("/")[2] for line in printed if "start to process" in line] == ["s10.v1.bin", "s2.dat"]
    assert names(folder(printed)) == [
        "s10.v1_output_0.bin", "s10.v1_output_1.bin", "s2_output_0.bin", "s2_output_1.bin",
    ]  # fmt: skip
    assert re.fullmatch(r"Inference average time : \d+\.\d\d ms", printed[-8])
    assert re.fullmatch(r"Inference average time without first time: \d+\.\d\d ms", printed[-7])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--modle", "adder.om"], "[ERROR] unknown paramenter"),
        (["--model"], "[ERROR] unknown paramenter"),
        (["--help"], "usage:"),
        (["--model", "adder.pb"], "[ERROR] input model file type is not .om , please check your model type!"),
        (["--model", "adder.om", "--loop", "101"], "[ERROR] loop must in 1 to 100"),
        (["--model", "adder.om", "--loop", "many"], "[ERROR] loop must in 1 to 100"),
        (["--model", "adder.om", "--device", "256"], "[ERROR] device id must in 0 to 255"),
        (["--model", "adder.om", "--dymBatch", "4096"], "[ERROR] dymBatch must in 1 to 2048"),
        (["--model", "adder.om", "--output", "no/such"], "[ERROR] current user does not have permission"),
        (["--model", "adder.om"], "[ERROR] current user does not have permission"),
        (["--model", "adder.om", "--output", "out", "--input", "nothing"], "[ERROR] nothing doesn't exist"),
        (
            ["--model", "adder.om", "--output", "out", "--input", "adder.om"],
            "[ERROR] input parameter must be folder or file ending in '.bin'",
        ),
    ],
)
def test_failures_that_end_with_0(arguments: Sequence[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = msame.main(arguments)

    printed = lines(capfd)
    assert code == 0
    assert said in printed
    assert not any("Execute sample success" in line for line in printed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "[ERROR] Invalid params"),
        (["--output", "out"], "[ERROR] load model from file failed, model file is "),
        (["--model", "no.om", "--output", "out"], "[ERROR] load model from file failed, model file is no.om"),
        (["--model", "adder.om", "--output", "out", "--device", "5"], "[ERROR] Sample init resource failed"),
        (["--model", "adder.om", "--output", "out", "--input", "no.bin"], "[ERROR] no.bin is not a file"),
        (
            ["--model", "adder.om", "--dump", "true", "--profiler", "true"],
            "[ERROR] dump and profiler can not both be true",
        ),
        (["--model", "adder.om", "--output", "out", "--dymBatch", "2"], "[ERROR] Sample process failed"),
        (["--model", "adder.om", "--output", "out", "--dump", "true"], "[ERROR] dump is not emulated"),
        (
            ["--model", "adder.om", "--dymBatch", "2", "--dymHW", "1,2"],
            "[ERROR] dymBatch dymDims dymHW dymShape cannot be set at the same time",
        ),
    ],
)
def test_failures_that_end_with_1(arguments: Sequence[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = msame.main(arguments)

    assert code == 1
    assert said in lines(capfd)


def test_a_model_that_does_not_fit_says_el0004_and_ends_with_1(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.write(tmp_path / "big.om", memory=om.Memory(workspace=30 << 30))

    code = msame.main(["--model", "big.om", "--output", "out"])

    printed = lines(capfd)
    assert code == 1
    assert "EL0004: Failed to allocate memory." in printed
    assert printed[-7:] == [
        "[ERROR] load model from file failed",
        "[WARN] no model had been loaded, unload failed",
        "[ERROR] Sample process failed",
        *CLOSED,
    ]


def test_outputs_that_do_not_fit_are_told_by_their_size(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    adder_om.write(tmp_path / "wide.om", memory=om.Memory(weights=1, io=30 << 30))

    code = msame.main(["--model", "wide.om", "--output", "out"])

    assert code == 1
    assert "[ERROR] can't malloc buffer, size is 24, create output failed" in lines(capfd)


def short_file(path: Path, *, of: int, at: int) -> Path:
    """Write that many whole files, and one of them too short for the model."""
    path.mkdir()
    for number in range(of):
        np.zeros(6 if number != at else 2, np.float32).tofile(path / f"{number}.bin")
    return path


def test_a_failing_third_file_and_all_behind_it_are_missing_at_exit_code_0(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    short_file(tmp_path / "in", of=5, at=2)

    code = msame.main(["--model", "adder.om", "--input", "in", "--output", "out"])

    printed = lines(capfd)
    assert code == 0
    assert printed.count("[ERROR] model execute failed") == 3
    assert names(folder(printed)) == [f"{n}_output_{i}.bin" for n in (0, 1) for i in (0, 1)]
    assert any("Execute sample success" in line for line in printed)


@pytest.mark.parametrize("at", [0, 1])
def test_a_failing_first_or_second_file_ends_with_1_at_the_second(
    at: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    short_file(tmp_path / "in", of=4, at=at)

    code = msame.main(["--model", "adder.om", "--input", "in", "--output", "out"])

    printed = lines(capfd)
    assert code == 1
    assert sum("start to process" in line for line in printed) == 2


def test_an_average_of_nothing_is_nan_at_exit_code_0(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    short_file(tmp_path / "in", of=1, at=0)

    code = msame.main(["--model", "adder.om", "--input", "in", "--output", "out"])

    assert code == 0
    assert "Inference average time : -nan ms" in lines(capfd)


def test_a_file_without_a_dot_aborts(toolchain: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.zeros(6, np.float32).tofile(tmp_path / "in" / "plain")
    command = [*toolchain.command("msame"), "--model", "adder.om", "--input", "in", "--output", "out"]

    ended = subprocess.run(command, env=dict(toolchain.env), capture_output=True, text=True, check=False)

    assert ended.returncode == -6


def test_an_input_that_is_too_long_is_cut_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    np.arange(8, dtype=np.float32).tofile("long.bin")

    code = msame.main(["--model", "adder.om", "--input", "long.bin", "--output", "out"])

    assert code == 0
    assert np.fromfile(folder(lines(capfd)) / "adder_output_0.bin", np.float32).tolist() == [1, 2, 3, 4, 5, 6]


def test_a_dynamic_batch_is_chosen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    adder_om.write_geared(tmp_path / "geared.om")

    chosen = msame.main(["--model", "geared.om", "--output", "out", "--dymBatch", "4"])
    size = (folder(lines(capfd)) / "geared_output_0.bin").stat().st_size
    unset = msame.main(["--model", "geared.om", "--output", "out"])

    assert (chosen, size, unset) == (0, 48, 1)


@pytest.mark.parametrize(("fault", "size"), [("truncated-output", 12), ("wrong-size", 12)])
def test_faults_show_in_the_output_files(
    fault: str, size: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", f"{fault}@msame")

    code = msame.main(["--model", "adder.om", "--output", "out"])

    assert code == 0
    assert (folder(lines(capfd)) / "adder_output_0.bin").stat().st_size == size


def test_a_lost_device_fails_the_run_and_the_next(
    monkeypatch: pytest.MonkeyPatch, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "device-lost@msame#1")

    codes = [msame.main(["--model", "adder.om", "--output", "out"]) for _ in range(2)]

    out = capfd.readouterr().out
    assert codes == [1, 1]
    assert "507899" in out
    assert "507033" in out
    assert Devices(Path(toolchain.env["OMGATE_EMULATE_ROOT"])).health(0) == "Critical"


def test_a_hang_lasts_until_it_is_killed(toolchain: Toolchain) -> None:
    env = {**toolchain.env, "OMGATE_EMULATE_FAULT": "hang@msame"}
    command = [*toolchain.command("msame"), "--model", "adder.om", "--output", "out"]

    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(command, env=env, capture_output=True, timeout=2, check=False)


def test_no_memory_is_held_afterwards(toolchain: Toolchain) -> None:
    msame.main(["--model", "adder.om", "--output", "out"])

    assert Devices(Path(toolchain.env["OMGATE_EMULATE_ROOT"])).holders(0) == ()
