"""Console text of msame: file mode, folder mode, both stamps, several runs."""

import math

import pytest

from harness.ascend import msame_text
from harness.ascend.msame_text import Report

START = (
    "[INFO] acl init success\n[INFO] open device 0 success\n[INFO] load model /m/net.om success\n"
    "[INFO] create model output success\n"
)
END = "[INFO] unload model success, model Id is 1\n[INFO] Execute sample success\n[INFO] end to finalize acl\n"
LOOP = (
    START + "out//2024115_7_8_9_12345\n[INFO] start to process file:/d/x.bin\n"
    "[INFO] model execute success\nInference time: 3.5ms\n[INFO] model execute success\nInference time: 1.5ms\n"
    "[INFO] output data success\nInference average time: 2.500000 ms\n"
    "Inference average time without first time: 1.500000 ms\n" + END
)
FOLDER = (
    START + "/o/20210304_050607\n[INFO] start to process file:/d//1.bin\nInference time: 10.25ms\n"
    "[INFO] start to process file:/d//2.bin\nInference time: 9.75ms\n"
    "Inference average time : 10.00 ms\nInference average time without first time: 9.75 ms\n" + END
)


def test_a_file_run_in_a_loop_is_read():
    assert msame_text.parse(LOOP) == (
        Report((3.5, 1.5), 2.5, 1.5, "out//2024115_7_8_9_12345", ("/d/x.bin",), finished=True),
    )


def test_a_run_over_a_folder_is_read():
    assert msame_text.parse(FOLDER) == (
        Report((10.25, 9.75), 10.0, 9.75, "/o/20210304_050607", ("/d//1.bin", "/d//2.bin"), finished=True),
    )


def test_several_runs_in_a_log_are_told_apart():
    reports = msame_text.parse("Initialised\n" + LOOP + "some other program: 5 ms\n" + FOLDER)

    assert [report.average_ms for report in reports] == [2.5, 10.0]


@pytest.mark.parametrize(
    "end",
    [
        "[INFO] Execute sample success",
        "[INFO] Execute sample success.\nTest Finish!",
        "[INFO] pid: 98 Execute sample success",
    ],
)
def test_every_closing_line_ends_a_run(end):
    assert msame_text.parse("Inference average time: 1.0 ms\n" + end)[0].finished


@pytest.mark.parametrize("printed", ["nan", "-nan"])
def test_a_folder_run_in_which_all_failed_has_no_number(printed):
    report = msame_text.parse(
        f"[ERROR] execute model failed, modelId is 1\nInference average time : {printed} ms\n{END}"
    )[0]

    assert report.average_ms is not None
    assert math.isnan(report.average_ms)
    assert (report.finished, report.errors) == (True, ("[ERROR] execute model failed, modelId is 1",))


@pytest.mark.parametrize(
    "path", ["/20210202_172031", "out//2022922_17_4_9_955610", "./a b/20251213_11_6_52_564388", "20210202_172031"]
)
def test_the_folder_is_the_line_that_ends_in_a_stamp(path):
    assert msame_text.parse(f"{START}{path}\n")[0].output_dir == path


@pytest.mark.parametrize("line", ["[INFO] 20210202", "/out/1234", "/d/20210202_172031.bin", "x20210202_172031"])
def test_other_lines_are_no_folder(line):
    assert all(not report.output_dir for report in msame_text.parse(f"{START}{line}\nInference time: 1ms"))


def test_the_need_of_memory_that_old_ones_print_is_no_error():
    text = (
        "[INFO] malloc buffer for mem , require size is 31197184\n"
        "[INFO] malloc buffer for weight,  require size is 26214400\n"
    )

    report = msame_text.parse(text)[0]

    assert (report.work_bytes, report.weight_bytes, report.errors) == (31197184, 26214400, ())


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] can't malloc buffer, size is 4096, create output failed",
        "[ERROR] malloc device buffer failed. size is 4096",
        "[ERROR] malloc buffer for mem failed, require size is 4096",
        "EH0001: Value [0] for [size] is invalid. size must be greater than zero",
        "[ERROR] load model from file failed, model file is a.om",
    ],
)
def test_failures_are_reported_as_printed(line):
    report = msame_text.parse(START + line + "\n")[0]

    assert (report.errors, report.finished) == ((line,), False)


@pytest.mark.parametrize("text", ["", "hello\nworld", "[INFO] something else"])
def test_text_of_another_program_holds_no_run(text):
    assert msame_text.parse(text) == ()
