"""The face of atc: its words, codes and files, whatever it is asked."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from harness.ascend import atc_text
from harness.emulator import atc_errors, om, prefix
from tests.harness.emulator.toy_graphs import Atc, convolution, convolved, execute, model

START = "ATC start working now, please wait for a moment."
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
SUCCESS = "ATC run success, welcome to the next use."


def test_a_success_is_said_in_the_real_tools_lines(atc_face: Atc, tmp_path: Path) -> None:
    atc_face.save(convolution())

    done = atc_face.run()

    assert (done.code, done.lines, done.err) == (0, [START, "...", SUCCESS], "")
    assert stat.S_IMODE((atc_face.folder / "made.om").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "fusion_result.json").read_text())


def test_warnings_come_after_the_success_line(atc_face: Atc) -> None:
    pooled = helper.make_node("AveragePool", ["x"], ["y"], "AveragePool_7", kernel_shape=[2, 2])
    atc_face.save(model([pooled], ["y"]))

    done = atc_face.run()

    assert done.lines[2] == SUCCESS
    assert re.fullmatch(r"W11001: Op \[AveragePool_7\] does not hit the high-priority .*", done.lines[3])
    assert atc_text.parse(done.out).warnings[0].code == "W11001"


def test_a_refusal_has_verdict_code_and_exit_255_and_leaves_nothing(atc_face: Atc) -> None:
    atc_face.save(convolution())

    done = atc_face.run(input_shape="y:1,3,8,8")

    assert (done.code, done.lines[:3]) == (255, [START, "...", FAILED])
    assert done.lines[3].startswith("E10016: Opname [y] specified in [--input_shape] is not found in the model.")
    assert not (atc_face.folder / "made.om").exists()


@pytest.mark.parametrize(
    ("cann", "pattern"),
    [
        ("5.1.RC2", r"E10010: Value \[loud\] for parameter \[--log\] is invalid\."),
        ("7.0.1", r"E10010: Value .*"),
        ("8.0.RC3", r"E10010: \[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} Value .*"),
        ("8.3.RC1", r"\[PID: \d+\] \d{4}-\d\d-\d\d-\S+ Invalid_Argument\(E10010\): Value .*"),
    ],
)
def test_the_error_block_is_that_of_the_emulated_version(atc_face: Atc, cann: str, pattern: str) -> None:
    prefix.make(Path(os.environ["OMGATE_EMULATE_ROOT"]), ("310",), {"OMGATE_EMULATE_CANN": cann})

    done = atc_face.run(log="loud")

    assert re.fullmatch(pattern, done.lines[3])
    report = atc_text.parse(done.out)
    assert (report.verdict, report.errors[0].code) == ("failed", "E10010")


@pytest.mark.parametrize(("cann", "code"), [("6.0.RC1", "E10054"), ("7.0.RC1", "E10007")])
def test_atc_alone_asks_for_what_its_version_asks_for_first(atc_face: Atc, cann: str, code: str) -> None:
    prefix.make(Path(os.environ["OMGATE_EMULATE_ROOT"]), ("310",), {"OMGATE_EMULATE_CANN": cann})

    done = atc_face.run(framework=None, model=None, output=None, soc_version=None)

    assert (done.code, done.lines[3].partition(":")[0]) == (255, code)


def test_an_om_is_written_besides_whatever_the_output_ends_with(atc_face: Atc) -> None:
    atc_face.save(convolution())

    atc_face.run(output=str(atc_face.folder / "new" / "toy.om"))

    assert (atc_face.folder / "new" / "toy.om.om").is_file()


def test_the_om_computes_the_model(atc_face: Atc) -> None:
    atc_face.save(convolution())
    x = np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)

    made = atc_face.convert(precision_mode="must_keep_origin_dtype")

    left, right = execute(made, x)
    np.testing.assert_allclose(np.concatenate([left, right], 1), convolved(x), atol=1e-5)
    assert (made.soc_version, made.toolchain) == ("Ascend310P3", "CANN 6.0.RC1 (emulated)")
    assert [(one.name, one.dtype, one.shape, one.format, one.nbytes) for one in made.inputs] == [
        ("x", "float32", (1, 3, 8, 8), "NCHW", 768)
    ]
    assert [(one.name, one.shape, one.nbytes) for one in made.outputs] == [
        ("Split_2:0:left", (1, 2, 8, 8), 512),
        ("Split_2:1:right", (1, 2, 8, 8), 512),
    ]


def test_two_runs_write_the_same_om(atc_face: Atc) -> None:
    atc_face.save(convolution())

    atc_face.run(output=str(atc_face.folder / "one" / "toy"))
    atc_face.run(output=str(atc_face.folder / "two" / "toy"))

    contents = {(atc_face.folder / name / "toy.om").read_bytes() for name in ("one", "two")}
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"model": None}, "E10054"),
        ({"output": ""}, "E10054"),
        ({"soc_version": None}, "E10054"),
        ({"framework": None}, "E10007"),
        ({"framework": "7"}, "E10007"),
        ({"framework": "0"}, "E10008"),
        ({"framework": "1"}, "E10055"),
        ({"soc_version": "Ascend310P"}, "E10014"),
        ({"soc_version": "AscendAscend310P3"}, "E10014"),
        ({"soc_version": r"Ascend310\_P3"}, "E10014"),
        ({"soc_version": "310P3"}, "E10014"),
        ({"log": "verbose"}, "E10010"),
        ({"precision_mode": "fp16"}, "E10001"),
        ({"precision_mode": "allow_fp32_to_bf16"}, "E10001"),
        ({"op_select_implmode": "high_preformance"}, "E10001"),
        ({"output_type": "FP8"}, "E10001"),
        ({"output_type": "Split_9:0:FP16"}, "E10016"),
        ({"input_format": "CHW"}, "E10001"),
        ({"enable_small_channel": "2"}, "E10001"),
        ({"auto_tune_mode": "RL,GA"}, "E10001"),
        ({"mode": "4"}, "E10001"),
        ({"mode": "5"}, "E10055"),
        ({"output": "somewhere/"}, "E10022"),
        ({"input_shape_range": "x:[1~4,3,8,8]"}, "E10055"),
        ({"input_fp16_nodes": "y"}, "E10016"),
        ({"keep_dtype": "absent.txt"}, "E13000"),
        ({"insert_op_conf": "absent.cfg"}, "E13001"),
    ],
)
def test_what_the_command_line_may_not_say_is_refused_by_its_code(
    atc_face: Atc, flags: dict[str, str | None], code: str
) -> None:
    atc_face.save(convolution())

    done = atc_face.run(**flags)

    assert (done.code, done.lines[2], done.lines[3].partition(":")[0]) == (255, FAILED, code)
    assert not list(atc_face.folder.rglob("*.om"))


def test_auto_tune_was_a_flag_of_older_versions(atc_face: Atc) -> None:
    prefix.make(Path(os.environ["OMGATE_EMULATE_ROOT"]), ("310",), {"OMGATE_EMULATE_CANN": "5.1.RC2"})
    atc_face.save(convolution())

    assert atc_face.run(auto_tune_mode="RL,GA").code == 0


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"input_shape": "“x:1,3,8,8”"}, "E10002"),
        ({"out_nodes": "“Relu_1:0”"}, "E10016"),
        ({"out_nodes": "“Relu_1”:0"}, "E10016"),
        ({"input_shape": '"x:1,3,8,8"'}, "E10002"),
        ({"model": r"toy\_bs1.onnx"}, "E13000"),
    ],
)
def test_a_quoting_mistake_ends_in_the_refusal_it_ends_in(atc_face: Atc, flags: dict[str, str], code: str) -> None:
    atc_face.save(convolution())

    done = atc_face.run(**flags)

    assert (done.code, done.lines[3].partition(":")[0]) == (255, code)


def test_a_value_without_its_quotes_leaves_words_that_no_flag_has(atc_face: Atc) -> None:
    atc_face.save(convolution())

    done = atc_face.run("--input_shape=x:", "1,3,8,8")

    assert done.code == 255
    assert done.lines[3].startswith("E10054: The required parameter [1,3,8,8] for ATC is empty.")


@pytest.mark.parametrize("word", ["--input-shape=x:1,3,8,8", "--nope", "-nope=1"])
def test_an_unknown_flag_never_reaches_a_verdict(atc_face: Atc, word: str) -> None:
    done = atc_face.run(word)

    assert (done.code, done.lines) == (1, [START])
    assert done.err.startswith("ERROR: unknown command line flag '")


def test_a_flag_without_its_value_never_reaches_a_verdict(atc_face: Atc) -> None:
    done = atc_face.run("--log")

    assert (done.code, done.lines) == (1, [START])
    assert "'--log' is missing its argument" in done.err


@pytest.mark.parametrize("words", [("--log=error",), ("--log", "error"), ("-log=error",), ("-log", "error")])
def test_flags_are_written_with_one_dash_or_two_and_an_equals_sign_or_a_blank(
    atc_face: Atc, words: tuple[str, ...]
) -> None:
    atc_face.save(convolution())

    assert atc_face.run(*words).code == 0


def test_help_is_exit_code_0_and_no_success(atc_face: Atc) -> None:
    done = atc_face.run("--help")

    assert (done.code, SUCCESS in done.out, "--input_shape" in done.out) == (0, False, True)


@pytest.mark.parametrize(
    ("content", "framework", "code"),
    [
        (None, "5", "E13000"),
        (b"", "5", "E13015"),
        (b"\xff" * 64, "5", "E10041"),
        (b"not a model", "5", "E10041"),
        (onnx.ModelProto(ir_version=6).SerializeToString(), "5", "E10041"),
    ],
)
def test_a_file_that_is_no_model_is_refused(atc_face: Atc, content: bytes | None, framework: str, code: str) -> None:
    if content is not None:
        (atc_face.folder / "toy.onnx").write_bytes(content)

    done = atc_face.run(framework=framework)

    assert (done.code, done.lines[3].partition(":")[0]) == (255, code)


def test_a_truncated_model_is_refused(atc_face: Atc) -> None:
    content = convolution().SerializeToString()
    (atc_face.folder / "toy.onnx").write_bytes(content[: len(content) // 2])

    assert atc_face.run().lines[3].startswith("E10041: Failed to load the model from [")


def test_a_folder_that_cannot_be_made_is_refused(atc_face: Atc) -> None:
    atc_face.save(convolution())

    done = atc_face.run(output=str(atc_face.folder / "toy.onnx" / "made"))

    assert done.lines[3].startswith("E13004: Failed to write file [")


def test_a_check_leaves_no_om(atc_face: Atc) -> None:
    atc_face.save(convolution())

    assert atc_face.run(mode="3").lines[2] == SUCCESS
    assert not (atc_face.folder / "made.om").exists()


def test_an_om_is_shown_as_json_and_as_text(atc_face: Atc, tmp_path: Path) -> None:
    atc_face.save(convolution())
    atc_face.convert()
    flags = {"framework": None, "model": None, "output": None, "om": str(atc_face.folder / "made.om")}

    as_json = atc_face.run(mode="1", json=str(tmp_path / "made.json"), **flags)
    as_text = atc_face.run(mode="6", **flags)

    assert as_json.code == as_text.code == 0
    assert json.loads((tmp_path / "made.json").read_text())["input"][0]["shape"] == [1, 3, 8, 8]
    assert "Ascend310P3" in as_text.out


def test_showing_what_is_no_om_is_refused(atc_face: Atc) -> None:
    path = atc_face.save(convolution())

    done = atc_face.run(mode="6", om=path)

    assert (done.code, done.lines[-4].partition(":")[0] in ("E10041", FAILED)) == (255, True)


@pytest.mark.parametrize(
    ("fault", "code", "verdict"),
    [("exit-0", 0, FAILED), ("no-om", 0, SUCCESS), ("slow-start=0.01", 255, FAILED)],
)
def test_a_fault_of_atc_leaves_no_om(
    atc_face: Atc, monkeypatch: pytest.MonkeyPatch, fault: str, code: int, verdict: str
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", f"{fault}@atc")
    atc_face.save(convolution())

    done = atc_face.run(log="error" if verdict == SUCCESS else "loud")

    assert (done.code, verdict in done.lines) == (code, True)
    assert not (atc_face.folder / "made.om").exists()


def test_a_killed_atc_says_no_verdict(emulated_root: Path, tmp_path: Path) -> None:
    toolchain = prefix.make(emulated_root, ("310",), {"OMGATE_EMULATE_FAULT": "killed@atc"})

    done = subprocess.run(
        [*toolchain.command("atc"), "--model=x"],
        env=dict(toolchain.env), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout.splitlines()) == (-9, [START])


def test_the_launched_tool_converts_in_its_own_process(emulated_root: Path, atc_face: Atc, tmp_path: Path) -> None:
    toolchain = prefix.make(emulated_root, ("310",), {})
    path = atc_face.save(convolution())

    done = subprocess.run(
        [*toolchain.command("atc"), f"--model={path}", "--framework=5", "--output=toy", "--soc_version=Ascend310"],
        env=dict(toolchain.env), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, [START, "...", SUCCESS], "")
    assert om.read(tmp_path / "toy.om").soc_version == "Ascend310"


def test_every_code_of_the_table_can_be_said() -> None:
    for code, entry in atc_errors.TABLE.items():
        error = atc_errors.AtcError(code, *"abcd"[: entry.text.count("{}")])
        text = atc_errors.block(error, (6, 0))
        assert text.startswith(f"{code}: ")
        assert "{}" not in text
