"""The command that runs a model over files: what it tells of a README's scripts, in each tool's words."""

import shlex

import pytest

from harness.drafts.tool_runs import read, starts


@pytest.mark.parametrize(
    ("line", "tool"),
    [
        ("    python3.7.5 -m ais_bench --model a.om", "ais_bench"),
        ("python3 -m ais_bench --model=a.om", "ais_bench"),
        ("$ python3 ais_infer/ais_infer.py --model a.om", "ais_bench"),
        ("./msame --model a.om --input in", "msame"),
        ("/opt/tools/out/msame --model a.om", "msame"),
        ("./benchmark.x86_64 -model_type=vision", "benchmark"),
        ("./benchmark.${arch} -model_type=vision", "benchmark"),
        ("msame is a tool", "msame"),
        ("the msame tool", ""),
        ("git clone https://example.org/tools/msame", ""),
        ("python3 my_msame_files.py ", ""),
        ("atc --model=a.onnx --output=ais_bench ", ""),
    ],
)
def test_a_line_that_runs_a_tool_starts_with_it(line, tool):
    assert starts(line) == tool


@pytest.mark.parametrize(
    ("tool", "command", "output", "dated", "files"),
    [
        ("ais_bench", "x --input a/ --output b", "b", True, "{name}_{index}.bin"),
        ("ais_bench", "x -i a --output=./b --output_dirname c --outfmt NPY", "./b/c", False, "{name}_{index}.npy"),
        ("ais_bench", "x --input a --output ./ --output_dirnamne c", "./c", False, "{name}_{index}.bin"),
        ("msame", "./msame --input a --output b --outfmt TXT", "b", True, "{name}_output_{index}.txt"),
        ("msame", "./msame --input a --output b --outfmt BIN", "b", True, "{name}_output_{index}.bin"),
        (
            "benchmark",
            "./benchmark.x86_64 -input_text_path=a.info -device_id=1 -output_binary=True",
            "result/dumpOutput_device1",
            False,
            "{name}_{number}.bin",
        ),
        (
            "benchmark",
            "./benchmark.x86_64 -input_text_path=a.info",
            "result/dumpOutput_device0",
            False,
            "{name}_{number}.txt",
        ),
    ],
)
def test_outputs_lie_where_the_tool_puts_them_under_its_names(tool, command, output, dated, files):
    run = read(tool, shlex.split(command))

    assert run is not None
    assert (run.output, run.dated, run.files) == (output, dated, files)


@pytest.mark.parametrize(
    ("tool", "command"),
    [("ais_bench", "x --model a.om --loop 50"), ("msame", "x --input a"), ("benchmark", "x -round=50")],
)
def test_a_run_on_inputs_of_the_tools_own_joins_nothing(tool, command):
    assert read(tool, shlex.split(command)) is None


def test_a_folder_named_after_the_time_is_the_results_too():
    run = read("ais_bench", shlex.split("x --input ./a/ --output out/b"))

    assert run is not None
    paths = ["./a", "out/b/", "./out/b/2022_07_15-14_16_46", "out/b/${stamp}", "out/b/x/sumary.json", "out"]
    assert [run.reads(paths[0]), *map(run.writes, paths[1:])] == [
        "{inputs}",
        "{results}",
        "{results}",
        "{results}",
        "",
        "",
    ]


def test_a_long_line_is_read_at_once():
    assert starts("./" + "a/" * 10**6 + "msame ") == ""
