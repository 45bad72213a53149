"""The ATC commands of READMEs: every spelling that occurs, as typed rows, and texts that mean harm."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import cli
from harness.readme.atc_commands import AtcCommand, parse, shapes

SHARED = Path(__file__).parents[3] / "../shared/readmes-dev"
PLAIN = 'atc --framework=5 --model=net.onnx --input_shape="image:1,3,8,8" --output=net_bs1 --soc_version=Ascend310P3'


def one(text: str) -> AtcCommand:
    (command,) = parse(text)
    return command


def test_every_flag_of_a_plain_command_has_its_place():
    command = one(
        "# Convert\n\n```\natc --framework=3 --model=./a.pb --input_format=NHWC "
        '--input_shape="x:1,8,8,3;y:1,5" --out_nodes="head/Softmax:0;boxes:1" --output=a_om --log=error '
        "--soc_version=Ascend310 --precision_mode=force_fp16 --insert_op_conf=aipp.cfg\n```\n"
    )

    assert command == AtcCommand(
        line=4,
        text=command.text,
        framework=3,
        model="./a.pb",
        input_shape="x:1,8,8,3;y:1,5",
        inputs={"x": ("1", "8", "8", "3"), "y": ("1", "5")},
        out_nodes=("head/Softmax:0", "boxes:1"),
        soc_version="Ascend310",
        input_format="NHWC",
        precision_mode="force_fp16",
        output="a_om",
        flags={"log": "error", "insert_op_conf": "aipp.cfg"},
    )
    assert command.text.startswith("atc --framework=3 --model=./a.pb")
    assert command.text.endswith("--insert_op_conf=aipp.cfg")


def test_what_a_command_does_not_say_is_none():
    command = one("atc --model=a.onnx --framework=5")

    absent = (command.input_shape, command.out_nodes, command.soc_version, command.input_format, command.output)
    assert absent == (None,) * 5
    assert command.precision_mode is None
    assert command.inputs == {}


SPELLINGS = {
    "values behind a blank": PLAIN.replace("=", " "),
    "one dash": PLAIN.replace("--", "-"),
    "single quotes": PLAIN.replace('"', "'"),
    "no quotes": PLAIN.replace('"', ""),
    "typographic quotes": PLAIN.replace('"image', "“image").replace('8"', "8”"),
    "full-width quotes": PLAIN.replace('"', "＂"),
    "HTML quotes": PLAIN.replace('"', "&quot;"),
    "escaped quotes": PLAIN.replace('"', '\\"'),
    "escapes of Markdown": PLAIN.replace("_", "\\_"),
    "blanks in the shape": PLAIN.replace("image:1,3,8,8", "image: 1, 3, 8, 8"),
    "blanks and no quotes": PLAIN.replace('"image:1,3,8,8"', "image: 1,3, 8,8"),
    "blanks around the sign": PLAIN.replace("=", " = "),
    "a hyphen in the name": PLAIN.replace("input_shape", "input-shape"),
    "no blank behind the quote": PLAIN.replace('8" --', '8"--'),
    "no blank behind a value": PLAIN.replace("net_bs1 --", "net_bs1--"),
    "no closing quote": PLAIN.replace('8"', "8"),
    "an absolute path": f"/usr/local/Ascend/latest/atc/bin/{PLAIN}",
    "a path of a variable": f"${{atc_path}}/{PLAIN}",
    "a prompt": f"$ {PLAIN}",
    "a quotation": f"> {PLAIN}",
    "a loop": f"for bs in 1; do {PLAIN}; done",
    "behind another command": f"source set_env.sh && {PLAIN} && ls",
    "a pipe": f"{PLAIN} | tee atc.log",
    "a comment": f"{PLAIN} # Ascend310P3 or others",
    "inline code": f"Run `{PLAIN}` and wait.",
    "behind Chinese prose": f"执行命令：{PLAIN}",
    "a tag": f"<pre><code>{PLAIN}</code></pre>",
    "prose behind it": f"{PLAIN} 说明文字",
    "prose that touches it": f"{PLAIN}（以实际芯片为准）",
    "backslashes": PLAIN.replace(" --", " \\\n    --"),
    "backslashes and blanks": PLAIN.replace(" --", " \\  \n --"),
    "backslashes in one line": PLAIN.replace(" --", " \\ --"),
    "comments behind backslashes": PLAIN.replace(" --", " \\   # a flag\n  --"),
    "blank lines behind backslashes": PLAIN.replace(" --", " \\\n\n --"),
    "lines without backslashes": PLAIN.replace(" --", "\n--"),
    "each line in back-ticks": "`" + PLAIN.replace(" --", "` \n`--") + "`",
    "CRLF": PLAIN.replace(" --", " \\\r\n --") + "\r\n",
    "dashes of a typesetter": PLAIN.replace(" --", " —"),
    "invisible characters": PLAIN.replace(" --", "\u200b --"),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_command_reads_the_same(text):
    command = one(f"text\n\n{text}\n\nmore text\n")

    assert command.line == 3
    assert (command.framework, command.model, command.output) == (5, "net.onnx", "net_bs1")
    assert (command.input_shape, command.inputs) == ("image:1,3,8,8", {"image": ("1", "3", "8", "8")})
    assert (command.soc_version, command.flags) == ("Ascend310P3", {})


@pytest.mark.parametrize(
    ("printed", "inputs"),
    [
        ("image:${bs},3,8,8", {"image": ("${bs}", "3", "8", "8")}),
        ("x:$bs,3;y:{bs},4", {"x": ("$bs", "3"), "y": ("{bs}", "4")}),
        ("x:{batch size},3", {"x": ("{batchsize}", "3")}),
        ("x:1,3,-1,-1", {"x": ("1", "3", "-1", "-1")}),
        ("speech:[1~64,1~1500,80];len:[1~64]", {"speech": ("1~64", "1~1500", "80"), "len": ("1~64",)}),
        ("onnx::Reshape_0:1,12,3", {"onnx::Reshape_0": ("1", "12", "3")}),
        ("0:4,3,8", {"0": ("4", "3", "8")}),
        ("scope/in.put:1,8;", {"scope/in.put": ("1", "8")}),
        ("x：1，3；y：2", {"x": ("1", "3"), "y": ("2",)}),
        ("n:", {"n": ()}),
    ],
)
def test_shapes_keep_variables_ranges_and_names_as_printed(printed, inputs):
    command = one(f'atc --model=a.onnx --framework=5 --input_shape="{printed}" --log=info')

    assert command.inputs == inputs
    assert command.input_shape == printed.replace(" ", "")
    assert command.flags == {"log": "info"}
    assert command.notes == ()


def test_a_shape_without_a_name_is_noted_and_not_guessed():
    inputs, notes = shapes("1,3,8,8;x:1;x:2")

    assert inputs == {"x": ("1",)}
    assert notes == ("input_shape: '1,3,8,8' has no name", "input_shape: 'x' stands there twice")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("Ascend${chip_name}", "Ascend${chip_name}"),
        (r"Ascend${chip\_name\}", "Ascend${chip_name}"),
        ("${chip_name}", "${chip_name}"),
        ("Ascend310$｛chip｝", "Ascend310$｛chip｝"),
        ("'Ascend310P3'", "Ascend310P3"),
    ],
)
def test_a_chip_keeps_its_variables_and_loses_its_escapes(printed, expected):
    assert one(f"atc --model=a.onnx --soc_version={printed} --framework=5").soc_version == expected


def test_a_missing_quote_takes_no_flag_with_it_and_is_noted():
    command = one('atc --model=a.pb --framework=3 --input_shape="x:1,8 --log=info --out_nodes="y:0"')

    assert (command.input_shape, command.out_nodes, command.flags) == ("x:1,8", ("y:0",), {"log": "info"})
    assert command.notes == ("No closing quotation in --input_shape",)


def test_a_quoted_value_may_hold_blanks_and_flags_of_other_programs():
    command = one('atc --model="my net.onnx" --framework=5 --compile_options="-O2 --fast=1" --log=error')

    assert command.model == "my net.onnx"
    assert command.flags == {"compile_options": "-O2 --fast=1", "log": "error"}


def test_a_quoted_shape_may_go_on_over_lines():
    command = one('atc --model=a.onnx --framework=5 --input_shape="x:1,8;\n   y:1,4" \\\n --log=info\n')

    assert (command.input_shape, command.flags) == ("x:1,8;y:1,4", {"log": "info"})


def test_a_flag_given_twice_takes_its_last_value_and_a_note():
    command = one("atc --model=a.onnx --framework=5 --log=debug --log=error")

    assert command.flags == {"log": "error"}
    assert command.notes == ("--log is given twice: 'debug', then 'error'",)


def test_a_framework_that_is_a_variable_is_no_number():
    command = one("atc --model=a.onnx --framework=${fw}")

    assert command.framework is None
    assert command.notes == ("framework is no number: '${fw}'",)


def test_several_commands_come_in_the_order_of_the_file():
    commands = parse(
        "atc --model=a.onnx --framework=5 && atc --model=b.onnx --framework=5\ntext\n"
        "atc --model=c.pb \\\n --framework=3 \\\natc --model=d.pb --framework=3\n"
    )

    assert [(command.line, command.model) for command in commands] == [
        (1, "a.onnx"), (1, "b.onnx"), (3, "c.pb"), (5, "d.pb")
    ]  # fmt: skip
    assert commands[0].text == "atc --model=a.onnx --framework=5 &&"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "使用 atc 工具转换模型\n\n--model：模型文件",
        "cd /usr/local/Ascend/atc/bin/",
        "bash atc.sh --model=a.onnx",
        "|-- atc.sh   // --model conversion",
        "atc --help",
        "see the batch --model=a.onnx",
        "atc\n\n--model=a.onnx --framework=5",
    ],
)
def test_prose_about_atc_is_no_command(text):
    assert parse(text) == ()


def test_a_list_of_parameters_behind_a_command_is_no_part_of_it():
    command = one("atc --model=a.onnx --framework=5\n--model：the file\n--input_shape: the shape\n--output=x")

    assert (command.model, command.input_shape, command.output) == ("a.onnx", None, None)


def test_a_line_that_repeats_a_flag_starts_no_continuation():
    command = one("atc --model=a.onnx --framework=5\n--model=the-file explains --model\n")

    assert command.text == "atc --model=a.onnx --framework=5"


def test_secrets_stay_out_of_what_is_printed():
    command = one("atc --model=https://obs.example.com/a.onnx?AccessKeyId=K1&Signature=S1 --framework=5 --output=a_om")

    shown = json.dumps(command.as_json())
    assert "K1" not in shown
    assert "S1" not in shown
    assert command.framework == 5
    assert command.output == "a_om"


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./]{0,12}", fullmatch=True)
SIZES = st.lists(st.sampled_from(["1", "-1", "${bs}", "224", "1~64"]), min_size=1, max_size=5).map(tuple)


@given(
    st.dictionaries(NAMES, SIZES, min_size=1, max_size=4),
    st.sampled_from(['"', "'", ""]),
    st.sampled_from(["=", " "]),
    st.sampled_from([" ", " \\\n  ", " \\ # why\n", "\n"]),
)
def test_what_is_written_in_any_style_is_read_back(inputs, quote, sign, gap):
    shape = ";".join(f"{name}:{','.join(sizes)}" for name, sizes in inputs.items())
    words = [f"--input_shape{sign}{quote}{shape}{quote}", f"--model{sign}m.onnx", f"--framework{sign}5"]

    command = one("atc " + gap.join(words))

    assert command.inputs == inputs
    assert (command.framework, command.model, command.flags) == (5, "m.onnx", {})


@given(st.lists(st.sampled_from(["atc ", "--model=", "-", "\\", "\n", '"', "'", "`", "{", "；", "#", ">", "a:1", " "])))
@settings(max_examples=200)
def test_no_text_breaks_the_reader(parts):
    for command in parse("".join(parts)):
        assert json.loads(json.dumps(command.as_json()))["line"] == command.line


MEGABYTE = 1_000_000
HOSTILE = {
    "commands in one line": "atc --a ",
    "commands in back-ticks": "`atc --m ",
    "commands in lines": "atc --model=x \\\n\n",
    "quotes": '"',
    "flags in open quotes": 'atc --model=x --output="',
    "braces": "atc --model={x",
    "comments": ' #"',
    "continuations": "\\\n",
    "blanks": " ",
    "tags": "<br ",
    "shapes": "a:1; ",
    "dashes": "a-",
}


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_that_means_harm_takes_bounded_time(part):
    text = "atc --model=x --input_shape=" + part * (MEGABYTE // len(part))
    started = time.process_time()

    parse(text)

    assert time.process_time() - started < 8  # about 1 s on a laptop's core; quadratic time would be hours


def test_the_command_prints_every_command_of_a_file(tmp_path, capsys):
    path = tmp_path / "README.md"
    path.write_bytes(("# 模型转换\r\n" + PLAIN + "\r\n").encode("gb18030"))

    assert cli.main(["atc", str(path)]) == 0
    text = capsys.readouterr().out
    assert "1 ATC command\n\nline 2\n" in text
    assert "  input        image: 1, 3, 8, 8\n" in text


def test_the_command_gives_json_with_null_for_what_is_absent(tmp_path, capsys):
    path = tmp_path / "README.md"
    path.write_text(PLAIN, encoding="utf-8-sig")

    assert cli.main(["atc", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    (row,) = document["commands"]
    assert (row["framework"], row["input_names"], row["out_nodes"], row["line"]) == (5, ["image"], None, 1)


def test_a_file_without_commands_is_said_to_have_none_and_an_absent_one_is_refused(tmp_path, capsys):
    path = tmp_path / "README.md"
    path.write_bytes(b"no commands \0 \xff here")

    assert cli.main(["atc", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 0 ATC commands\n"
    assert cli.main(["atc", str(tmp_path / "absent.md")]) == 4


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development READMEs are not here")
def test_the_development_readmes_give_the_commands_that_were_read_by_eye():
    truth = json.loads((SHARED / "truth.json").read_text(encoding="utf-8"))
    files = truth if isinstance(truth, list) else truth["files"]
    wrong = []
    for file in files:
        text = (SHARED / file["file"]).read_bytes().decode("utf-8", errors="replace")
        found = [json.loads(json.dumps(command.as_json())) for command in parse(text.replace("\r\n", "\n"))]
        expected = [{key: value for key, value in row.items() if key != "note"} for row in file["atc"]]
        if [{key: row[key] for key in keys} for row, keys in zip(found, expected, strict=False)] != expected:
            wrong.append(file["file"])

    assert wrong == []
    assert sum(len(file["atc"]) for file in files) == 66


def test_blank_lines_between_the_flags_do_not_end_a_command_but_explained_flags_do():
    text = (
        "```\natc --model=/w/toy.pb \n\n    --framework=3\n \n   --output=/w/toy\n\n  --soc_version=Ascend310 \n\n"
        '  --input_shape "x:8,5"\n\n\n\n  --log=error\n```\n'
    )

    (command,) = parse(text)
    assert (command.framework, command.soc_version, command.input_shape) == (3, "Ascend310", "x:8,5")
    assert command.flags == {}
    (explained,) = parse(
        "```\natc --model=toy.onnx --framework=5\n\n--output：名称\n--log=日志等级\n--soc_version: chip\n```\n"
    )
    assert (explained.output, explained.soc_version, explained.flags) == (None, None, {})
