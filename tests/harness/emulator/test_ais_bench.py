"""The emulated ais_bench: what it feeds, what it writes and under which names, what it says, how it ends."""

import gc
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.emulator import ais_bench, om
from harness.emulator.devices import Devices
from harness.toolchain import Toolchain
from tests.harness.emulator import adder_om

RULE = "[INFO] ------------------------------------------------------"
NUMBER = r"\d+(\.\d+)?(e-\d+)?"
STATISTICS = rf"min = {NUMBER}, max = {NUMBER}, mean = {NUMBER}, median = {NUMBER}, percentile\(99%\) = {NUMBER}"


@pytest.fixture(autouse=True)
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolchain]:
    made = adder_om.install(tmp_path / "prefix", monkeypatch)
    monkeypatch.chdir(tmp_path)
    adder_om.write(tmp_path / "adder.om")
    yield made
    gc.collect()


def run(*arguments: str, generation: str = "old") -> int:
    os.environ["OMGATE_EMULATE_AIS_BENCH"] = generation
    try:
        return ais_bench.main(list(arguments))
    finally:
        del os.environ["OMGATE_EMULATE_AIS_BENCH"]


def failure(capfd: pytest.CaptureFixture[str], *arguments: str, generation: str = "old") -> list[str]:
    """Return the lines of a run that ends with a traceback, which is how the real one fails."""
    with pytest.raises(RuntimeError):
        run(*arguments, generation=generation)
    return capfd.readouterr().out.splitlines()


def floats(path: str) -> list[float]:
    return [float(value) for value in np.fromfile(path, np.float32)]


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def summary(path: str) -> Any:
    return json.loads(Path(path).read_text())


def test_samples_of_a_folder_are_joined_in_natural_order_and_the_last_batch_is_padded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.samples(tmp_path / "in", "s1.bin", "s2.bin", "s10.bin", "notes.txt")

    code = run("--model", "adder.om", "--input", "in", "--output", "out", "--output_dirname", "r")

    assert code == 0
    assert "get filesperbatch files0 size:12 tensor0size:24 filesperbatch:2 runcount:2" in capfd.readouterr().out
    assert names("out/r") == ["s10_0.bin", "s10_1.bin", "s1_0.bin", "s1_1.bin", "s2_0.bin", "s2_1.bin"]
    assert [floats(f"out/r/s{n}_0.bin") for n in (1, 2, 10)] == [[1, 2, 3], [11, 12, 13], [21, 22, 23]]
    assert np.fromfile("out/r/s10_1.bin", np.int64).tolist() == [2]
    entries = summary("out/r_summary.json")["filesinfo"]
    assert list(entries) == ["0", "1", "2"]
    assert entries["2"] == {"infiles": ["in/s10.bin"], "outfiles": ["out/r/s10_0.bin", "out/r/s10_1.bin"]}


def test_an_outputs_name_is_cut_at_the_first_dot_so_that_names_may_overwrite_each_other(tmp_path: Path) -> None:
    adder_om.samples(tmp_path / "in", "img_0.v1.bin", "img_0.v2.bin")

    run("--model", "adder.om", "--input", "in", "--output", "out", "--output_dirname", "r")

    assert names("out/r") == ["img_0_0.bin", "img_0_1.bin"]
    assert floats("out/r/img_0_0.bin") == [11, 12, 13]


def test_a_file_that_fills_the_batch_gives_one_file_and_an_npy_counts_its_array(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.save("in/whole.npy", np.zeros((2, 3), np.float32))

    run("--model", "adder.om", "--input", "in/whole.npy", "--output", "out", "--output_dirname", "r", "--outfmt", "NPY")

    assert np.load("out/r/whole_0.npy").tolist() == [[1, 1, 1], [1, 1, 1]]


def test_text_has_six_decimals_and_whole_numbers_for_integers(tmp_path: Path) -> None:
    adder_om.samples(tmp_path / "in", "a.bin", "b.bin")

    run("--model", "adder.om", "--input", "in", "--output", "out", "--output_dirname", "r", "--outfmt", "TXT")

    assert Path("out/r/b_0.txt").read_text() == "11.000000 12.000000 13.000000 \n"
    assert Path("out/r/b_1.txt").read_text() == "2 \n"


def test_the_summary_has_every_key_of_the_generation_in_its_order(tmp_path: Path) -> None:
    adder_om.samples(tmp_path / "in", "a.bin", "b.bin", "c.bin")

    run("--model", "adder.om", "--input", "in", "--output", "out", "--output_dirname", "r", "--loop", "3")

    found = summary("out/r_summary.json")
    assert list(found) == [
        "filesinfo", "args", "NPU_compute_time", "H2D_latency", "D2H_latency", "throughput", "npu_compute_time_list",
        "pid",
    ]  # fmt: skip
    assert list(found["H2D_latency"]) == ["min", "max", "mean", "median", "percentile(99%)", "count"]
    assert [found[key]["count"] for key in ("NPU_compute_time", "H2D_latency", "D2H_latency")] == [6, 2, 4]
    assert len(found["npu_compute_time_list"]) == 6
    mean = sum(found["npu_compute_time_list"]) / 6
    assert found["throughput"] == pytest.approx(1000 * 2 / mean)


@pytest.mark.parametrize("generation", ["old", "new"])
def test_the_text_of_a_run_has_the_lines_of_the_real_one_in_their_order(
    generation: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--model", "adder.om", "--output", "out", "--output_dirname", "r", generation=generation)

    lines = [line for line in re.split(r"[\r\n]+", capfd.readouterr().out) if line]
    opened = ["[INFO] create new context"] if generation == "new" else []
    assert lines[: 8 + len(opened)] == [
        "[INFO] acl init success",
        "[INFO] open device 0 success",
        *opened,
        "[INFO] load model adder.om success",
        "[INFO] create model description success",
        "[INFO] try get model batchsize:2",
        "[INFO] output path:out/r",
        "[INFO] warm up 1 done",
        "Inference array Processing:   0%|          | 0/1 [00:00<?, ?it/s]",
    ]
    assert lines[8 + len(opened)].startswith("Inference array Processing: 100%|██████████| 1/1 [00:00<00:00, ")
    title, times, rate, rule = lines[9 + len(opened) : 13 + len(opened)]
    assert (title, rule) == ("[INFO] -----------------Performance Summary------------------", RULE)
    assert re.fullmatch(rf"\[INFO\] NPU_compute_time \(ms\): {STATISTICS}", times)
    assert re.fullmatch(
        rf"\[INFO\] throughput 1000\*batchsize.mean\(2\)/NPU_compute_time.mean\({NUMBER}\): {NUMBER}", rate
    )


def test_loops_are_counted_behind_carriage_returns_and_a_given_batchsize_scales_the_rate(
    capfd: pytest.CaptureFixture[str],
) -> None:
    run("--model=adder.om", "--loop=3", "--batchsize=8", "--output=out", "--output_dirn=r")

    out = capfd.readouterr().out
    assert "\rloop inference exec: (1/3)\rloop inference exec: (2/3)\rloop inference exec: (3/3)\n" in out
    assert "try get model batchsize" not in out
    found = summary("out/r_summary.json")
    assert found["throughput"] == pytest.approx(8000 / found["NPU_compute_time"]["mean"])


def test_copies_are_shown_on_demand_only(capfd: pytest.CaptureFixture[str]) -> None:
    run("--model", "adder.om", "--display_all_summary", "true")

    shown = [line.split()[1] for line in capfd.readouterr().out.splitlines() if "(ms): min" in line]
    assert shown == ["H2D_latency", "NPU_compute_time", "D2H_latency"]


def test_without_an_output_nothing_is_written(tmp_path: Path) -> None:
    before = names(".")

    run("--model", "adder.om")

    assert names(".") == before


def test_a_folder_without_a_name_is_called_after_the_time_and_the_summary_lies_beside_it() -> None:
    run("--model", "adder.om", "--output", "out")

    folder, document = names("out")
    assert re.fullmatch(r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d", folder)
    assert document == f"{folder}_summary.json"
    assert names(f"out/{folder}") == ["pure_infer_data_0.bin", "pure_infer_data_1.bin"]


def test_paths_are_joined_as_they_are_given(capfd: pytest.CaptureFixture[str]) -> None:
    run("--model", "adder.om", "--output", "./", "--output_dirname", "./result")

    assert "[INFO] output path:././result\n" in capfd.readouterr().out
    assert Path("result_summary.json").is_file()


def test_pure_inference_feeds_zeros_or_random_bytes() -> None:
    run("--model", "adder.om", "--output", "out", "--output_dirname", "zero")
    run("--model", "adder.om", "--output", "out", "--output_dirname", "random", "--pure_data_type", "random")

    assert floats("out/zero/pure_infer_data_0.bin") == [1] * 6
    assert floats("out/random/pure_infer_data_0.bin") != [1] * 6


@pytest.mark.parametrize(
    ("generation", "files"),
    [
        ("gen0", ["sample_id_0_output_0.bin", "sample_id_0_output_1.bin", "sumary.json"]),
        ("gen0b", ["a_0.bin", "a_1.bin", "sumary.json"]),
    ],
)
def test_the_first_generation_keeps_its_summary_inside_and_shows_every_time(
    generation: str, files: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.samples(tmp_path / "in", "a.bin")

    run("--model", "adder.om", "--input", "in", "--output", "out", "--device_id", "0", generation=generation)

    (folder,) = names("out")
    assert names(f"out/{folder}") == files
    found = summary(f"out/{folder}/sumary.json")
    assert list(found) == ["filesinfo", "NPU_compute_time", "H2D_latency", "D2H_latency", "throughput"]
    assert "count" not in found["NPU_compute_time"]
    lines = capfd.readouterr().out.splitlines()
    assert sum("(ms): min" in line for line in lines) == 3
    assert any(
        re.fullmatch(rf"\[INFO\] throughput \(1000\*batchsize/NPU_compute_time\): {NUMBER}", line) for line in lines
    )


def test_a_size_that_does_not_divide_is_refused_on_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.bin").write_bytes(bytes(10))

    lines = failure(capfd, "--model", "adder.om", "--input", "odd.bin")

    assert "[ERROR] arg0 tensorsize: 24 filesize: 10 not match" in lines


@pytest.mark.parametrize("mode", ["array", "tensor", "full", "files"])
def test_every_run_mode_gives_the_same_files_behind_its_own_title(
    mode: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.samples(tmp_path / "in", "a.bin", "b.bin")

    run("--model", "adder.om", "--input", "in", "--output", "out", "--output_dirname", "r", "--run_mode", mode)

    title = "Inference Processing full" if mode == "full" else f"Inference {mode} Processing"
    assert f"{title}: 100%" in capfd.readouterr().out
    assert floats("out/r/b_0.bin") == [11, 12, 13]


def test_the_files_mode_refuses_npy_and_pure_inference(tmp_path: Path) -> None:
    np.save("whole.npy", np.zeros((2, 3), np.float32))

    with pytest.raises(RuntimeError, match=r"not support npy file:whole\.npy"):
        run("--model", "adder.om", "--input", "whole.npy", "--run_mode", "files")
    with pytest.raises(RuntimeError, match="not support pure infer"):
        run("--model", "adder.om", "--run_mode", "files")


@pytest.mark.parametrize("flag", ["dump", "pipeline", "perf", "energy_consumption"])
def test_what_is_not_emulated_is_said_and_not_left_out(flag: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = run("--model", "adder.om", "--output", "out", f"--{flag}", "1", generation="new")

    assert code == 1
    assert f"ais_bench --{flag}: expected a flag that is emulated" in capfd.readouterr().err


def test_a_folder_for_each_input_is_asked_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    adder_om.samples(tmp_path / "in", "a.bin")

    lines = failure(capfd, "--model", "adder.om", "--input", "in,in")

    assert "[ERROR] Invalid args. args input dir num:2 not equal to model inputs num:1" in lines


@pytest.mark.parametrize(("given", "said"), [("nothing", "of --input is invalid"), ("empty", "not find valid file")])
def test_an_input_that_is_not_there_or_empty_is_refused(
    given: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()

    assert said in failure(capfd, "--model", "adder.om", "--input", given)[-2]


def test_outputs_that_do_not_split_into_the_files_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.samples(tmp_path / "in", "a.bin", "b.bin")

    lines = failure(capfd, "--model", "adder.om", "--input", "in", "--output", "out", "--output_batchsize_axis", "1")

    assert any("[ERROR] save out files error array shape:(2, 3) " in line for line in lines)


def test_the_new_generation_shuts_others_out_of_its_folders(tmp_path: Path) -> None:
    for generation in ("old", "new"):
        run("--model", "adder.om", "--output", generation, "--output_dirname", "r", generation=generation)

    modes = {path: Path(path).stat().st_mode & 0o777 for path in ("old/r", "new", "new/r")}
    assert modes == {"old/r": 0o755, "new": 0o750, "new/r": 0o750}


@pytest.mark.parametrize(("mode", "accepted"), [(0o750, True), (0o700, True), (0o755, False), (0o770, False)])
def test_the_new_generation_takes_no_output_folder_that_others_may_enter(
    mode: int, accepted: bool, tmp_path: Path
) -> None:
    Path("out").mkdir()
    Path("out").chmod(mode)

    if accepted:
        assert run("--model", "adder.om", "--output", "out", generation="new") == 0
    else:
        with pytest.raises(SystemExit, match="2"):
            run("--model", "adder.om", "--output", "out", generation="new")
    assert run("--model", "adder.om", "--output", "out", generation="old") == 0


def test_a_run_that_breaks_off_ends_its_bar(capfd: pytest.CaptureFixture[str]) -> None:
    said = failure(capfd, "--model", "adder.om", "--run_mode", "files")

    # Without the end of its line the bar would swallow the line that follows.
    assert said.count("Inference files Processing:   0%|          | 0/1 [00:00<?, ?it/s]") == 2


def test_threads_without_a_pipeline_are_one(capfd: pytest.CaptureFixture[str]) -> None:
    code = run("--model", "adder.om", "--threads", "2", generation="new")

    assert code == 0
    said = "[INFO] need to set --pipeline when setting threads number to be more than one."
    assert said in capfd.readouterr().out.splitlines()


def test_a_dynamic_model_without_a_gear_is_refused_by_the_new_generation(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.write_geared(tmp_path / "geared.om")

    with pytest.raises(RuntimeError) as caught:
        run("--model", "geared.om", generation="new")

    assert str(caught.value) == "dynamic batch om model detected, but dymbatch, dymdims or dymshape not set!"
    assert "[INFO] try get model batchsize:-1" in capfd.readouterr().out.splitlines()


def test_a_name_for_the_folder_needs_an_output(capfd: pytest.CaptureFixture[str]) -> None:
    lines = failure(capfd, "--model", "adder.om", "--output_dirname", "r")

    assert lines[0].startswith("[ERROR] parameter --output_dirname cann't be used alone.")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--model", "adder.om", "--loop", "0"),
        ("--model", "adder.om", "--device", "256"),
        ("--model", "adder.om", "--outfmt", "PNG"),
        ("--model", "adder.om", "--output_d", "x", "--nonsense"),
        ("--model", "adder.om", "--warmup-count", "2"),
        ("--model", "adder.om", "--debug", "maybe"),
    ],
)
def test_a_wrong_argument_is_a_usage_error_with_exit_code_2(
    arguments: Sequence[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(*arguments)

    assert end.value.code == 2
    assert capfd.readouterr().err.startswith("usage: __main__.py")


@pytest.mark.parametrize("flaw", ["missing", "suffix", "letters", "link", "writable"])
def test_the_new_generation_takes_only_plain_safe_paths_of_models(
    flaw: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = {"suffix": "adder.bin", "letters": "ad@der.om"}.get(flaw, "other.om")
    if flaw == "link":
        (tmp_path / path).symlink_to("adder.om")
    elif flaw != "missing":
        adder_om.write(tmp_path / path)
        (tmp_path / path).chmod(0o666 if flaw == "writable" else 0o600)

    with pytest.raises(SystemExit) as end:
        run("--model", path, generation="new")

    assert end.value.code == 2
    assert f"om path:{path} is illegal. Please check." in capfd.readouterr().err


def test_the_new_generation_refuses_inputs_that_are_links_and_the_old_one_follows_them(tmp_path: Path) -> None:
    adder_om.samples(tmp_path / "real", "a.bin")
    (tmp_path / "in").symlink_to("real")

    with pytest.raises(SystemExit):
        run("--model", "adder.om", "--input", "in", generation="new")

    assert run("--model", "adder.om", "--input", "in", generation="old") == 0


def test_a_missing_model_fails_in_the_old_generation_as_a_load_does(capfd: pytest.CaptureFixture[str]) -> None:
    assert "[ERROR] load model from file failed, model file is no.om" in failure(capfd, "--model", "no.om")


def test_the_process_ends_with_1_a_traceback_and_a_bare_error(toolchain: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "odd.bin").write_bytes(bytes(10))
    command = [*toolchain.command("ais_bench"), "--model", "adder.om", "--input", "odd.bin"]

    ended = subprocess.run(command, env=dict(toolchain.env), capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "RuntimeError"
    assert "[ERROR] arg0 tensorsize: 24 filesize: 10 not match" in ended.stdout


def test_a_batch_that_does_not_fit_the_chip_says_el0004_and_the_traceback_only_code_1(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    adder_om.write(tmp_path / "big.om", memory=om.Memory(workspace=30 << 30))
    command = [*toolchain.command("ais_bench"), "--model", "big.om"]

    ended = subprocess.run(command, env=dict(toolchain.env), capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "EL0004: Failed to allocate memory." in ended.stdout
    assert ended.stderr.splitlines()[-1] == "RuntimeError: [1][ACL: invalid parameter] "
    assert "EL0004" not in ended.stderr


def test_devices_share_the_input_in_the_old_generation_and_each_has_all_of_it_in_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    adder_om.install(tmp_path / "prefix", monkeypatch, "310P3", "310P3")
    adder_om.samples(tmp_path / "in", "a.bin", "b.bin", "c.bin")
    common = ("--model", "adder.om", "--input", "in", "--device", "0,1", "--output_dirname", "r", "--output")

    codes = run(*common, "old"), run(*common, "new", generation="new")

    assert codes == (0, 0)
    assert [names(f"old/r/device{n}") for n in (0, 1)] == [
        ["a_0.bin", "a_1.bin", "b_0.bin", "b_1.bin"],
        ["c_0.bin", "c_1.bin"],
    ]
    assert len(names("new/r/device0_0")) == len(names("new/r/device1_1")) == 6
    lines = capfd.readouterr().out.splitlines()
    assert any(
        re.fullmatch(rf"i:1 device_1 throughput:{NUMBER} start_time:{NUMBER} end_time:{NUMBER}", line) for line in lines
    )
    assert any(re.fullmatch(rf"\[INFO\] i:0 device_0 throughput:{NUMBER} +start_time:.*", line) for line in lines)
    assert lines.count("[INFO] multidevice run end qsize:4 result:0") == 2


@pytest.mark.parametrize(("generation", "shares"), [("old", [3, 3, 3, 1]), ("new", [3, 3, 2, 2])])
def test_inputs_are_dealt_to_the_devices_as_each_generation_does(
    generation: str, shares: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adder_om.install(tmp_path / "prefix", monkeypatch, *["310P3"] * 4)
    adder_om.samples(tmp_path / "in", *(f"{letter}.bin" for letter in "abcdefghij"))
    divide = ("--divide_input", "1") if generation == "new" else ()

    run(
        "--model", "adder.om", "--input", "in", "--output", "out", "--output_dirname", "r", "--device", "0,1,2,3",
        *divide, generation=generation,
    )  # fmt: skip

    folders = [f"out/r/device{n}" + (f"_{n}" if generation == "new" else "") for n in range(4)]
    assert [len(names(folder)) // 2 for folder in folders] == shares


def test_a_device_that_fails_among_several_is_told_and_ends_with_1(capfd: pytest.CaptureFixture[str]) -> None:
    code = run("--model", "adder.om", "--device", "0,7")

    lines = capfd.readouterr().out.splitlines()
    assert code == 1
    assert "[ERROR] subprocess run failed error_callback:[107001][Error code unknown] " in lines
    assert "[INFO] multidevice run end qsize:2 result:1" in lines


def test_a_dynamic_batch_is_chosen_and_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    adder_om.write_geared(tmp_path / "geared.om")

    run("--model", "geared.om", "--dymBatch", "4", "--output", "out", "--output_dirname", "r")

    assert "[INFO] try get model batchsize:4" in capfd.readouterr().out
    assert len(floats("out/r/pure_infer_data_0.bin")) == 12


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("truncated-output", lambda path: path.stat().st_size == 12),
        ("wrong-size", lambda path: path.stat().st_size == 12),
        ("corrupt-output", lambda path: floats(str(path)) != [1] * 6),
        ("stale-results", lambda path: path.stat().st_mtime < Path("adder.om").stat().st_mtime),
    ],
)
def test_faults_show_in_the_output_files(
    fault: str, check: Callable[[Path], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", f"{fault}@ais_bench")

    code = run("--model", "adder.om", "--output", "out", "--output_dirname", "r")

    assert code == 0
    assert check(Path("out/r/pure_infer_data_0.bin"))


def test_a_failure_with_exit_code_0_leaves_no_outputs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "exit-0")

    with pytest.raises(SystemExit) as end:
        run("--model", "adder.om", "--output", "out", "--output_dirname", "r")

    assert end.value.code == 0
    assert "[ERROR]" in capfd.readouterr().out
    assert names("out/r") == []


def test_a_lost_device_is_critical_afterwards(
    monkeypatch: pytest.MonkeyPatch, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "device-lost")

    lines = failure(capfd, "--model", "adder.om")

    assert any("507899" in line for line in lines)
    assert Devices(Path(toolchain.env["OMGATE_EMULATE_ROOT"])).health(0) == "Critical"


def test_an_unknown_generation_or_fault_ends_with_its_reason_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", "adder.om", generation="newest") == 1
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "fire")
    assert run("--model", "adder.om") == 1

    err = capfd.readouterr().err
    assert "OMGATE_EMULATE_AIS_BENCH: expected one of gen0, gen0b, old, new" in err
    assert "OMGATE_EMULATE_FAULT: expected a fault that the emulator knows, got 'fire'" in err
