"""Console text of the tools as lines, and the lines that report failures."""

import pytest

from harness.ascend import console


def test_lines_end_at_carriage_returns_too():
    assert console.lines("10%|#\r20%|##\r\n[INFO] done \nlast") == ["10%|#", "20%|##", "[INFO] done", "last"]


@pytest.mark.parametrize(
    "text",
    ["a\r\nb\r\n", "a\r\r\nb\r\r\n", "\ufeffa\nb\n", "\x1b]0;host: ~\x07a\nb\n", "a\x1b[K\n\x1b[?25lb\n", "\0\0a\nb\n"],
    ids=["Windows", "two terminals", "byte order mark", "window title", "cursor", "cut while written"],
)
def test_the_traces_of_the_ways_that_logs_go_are_taken_off(text):
    assert console.lines(text) == ["a", "b", ""]


def test_colours_are_taken_off():
    assert console.lines("\x1b[31m[ERROR]\x1b[0m no") == ["[ERROR] no"]


@pytest.mark.parametrize(
    ("line", "bare"), [("     3\tarch=x", "arch=x"), ("    12  arch=x", "arch=x"), ("arch=3", "arch=3")]
)
def test_the_numbers_of_cat_are_taken_off(line, bare):
    assert console.unnumbered(line) == bare


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("50%|##  | 1/2 [00:01]  [ERROR] arg0 filesize: 3 not match", "[ERROR] arg0 filesize: 3 not match"),
        ("RuntimeError", "RuntimeError"),
        ("in run) RuntimeError: [-1][ACL: general failure] ", "RuntimeError: [-1][ACL: general failure]"),
        ("x.y.SomeException: no", "x.y.SomeException: no"),
        ("EH0001: Value [0] for [size] is invalid.", "EH0001: Value [0] for [size] is invalid."),
        ("Segmentation fault (core dumped)", "Segmentation fault (core dumped)"),
        ("bash: msame: command not found", "bash: msame: command not found"),
    ],
)
def test_what_failed_is_cut_out_of_its_line(line, error):
    assert console.errors(f"[INFO] start\n{line}\n") == (error,)


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] GE(4906,atc.bin):2025-01-02-03:04:05.678.901 [model.cc:12]4906 Load: failed",
        "W11001: Op [x] is slow",
        "[INFO] no errors",
        "an Error in a sentence",
    ],
)
def test_the_log_of_cann_and_warnings_are_no_errors_of_the_tool(line):
    assert console.errors(line) == ()


def test_the_log_of_cann_is_kept_apart():
    text = "[ERROR] own\n[ERROR] GE(4906,atc.bin):2025-01-02 [a.cc:1] lost\n[INFO] GE(4906,atc.bin):2025 fine\n"

    assert console.log_errors(text) == ("[ERROR] GE(4906,atc.bin):2025-01-02 [a.cc:1] lost",)
