"""ATC's console text: the verdict wherever it stands, messages, and one line that says why."""

import pytest

from harness.ascend import atc_text

START = "ATC start working now, please wait for a moment.\n"
SUCCESS = "ATC run success, welcome to the next use.\n"
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (START + "...\n" + SUCCESS, "success"),
        (START + "......" + SUCCESS, "success"),
        ("ATC start working now, please wait for a moment...\n" + SUCCESS, "success"),
        (SUCCESS + "W11001: Op [x] does not hit.\n", "success"),
        (START + FAILED, "failed"),
        ("> " + FAILED, "failed"),
        ("ATC run failed, Another sentence stands here. Please check the detail log", "failed"),
        (SUCCESS + FAILED, "failed"),
        (START, ""),
        ("we hope that ATC run success is printed", ""),
        ("ATC run successfully", ""),
        ("", ""),
    ],
)
def test_the_verdict_is_found(text, verdict):
    assert atc_text.parse(text).verdict == verdict


def test_a_success_has_its_warnings_and_no_summary():
    report = atc_text.parse(START + SUCCESS + "W11001: Op [Slice_3] is slow.\nW11001: Op [Slice_4] is slow.\n")

    assert [message.text for message in report.warnings] == ["Op [Slice_3] is slow.", "Op [Slice_4] is slow."]
    assert (report.errors, report.summary) == ((), "")


def test_a_success_in_a_flood_of_log_lines_is_a_success():
    flood = "[ERROR] GE(7,atc.bin):2025-01-02-03:04:05.678.901 [a.cc:1] 7 lost\n" * 3

    report = atc_text.parse(START + flood + SUCCESS)

    assert (report.verdict, report.summary) == ("success", "")


def test_a_failure_is_summed_up_by_its_first_code_and_what_it_means():
    report = atc_text.parse(FAILED + "E10016: Opname [image] is not found.\nE19999: Inner Error!\n")

    assert report.summary == (
        "E10016 (a node named by a command-line option is not in the model): Opname [image] is not found."
    )


def test_a_code_that_nobody_listed_is_quoted_alone():
    assert atc_text.parse(FAILED + "EX0001: new.\n").summary == "EX0001: new."


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (
            "/opt/atc.bin: error while loading shared libraries: liba.so: cannot open",
            "/opt/atc.bin: error while loading",
        ),
        ("Traceback\nModuleNotFoundError: No module named 'x'\n" + FAILED, "ModuleNotFoundError: No module named 'x'"),
        ("[ERROR] AMCT(7,atc.bin):2025[a.cpp:1]calibration failed\n" + FAILED, "[ERROR] AMCT(7,atc.bin):2025"),
    ],
)
def test_a_failure_without_a_code_says_what_else_was_printed(text, summary):
    report = atc_text.parse(text)

    assert report.errors == ()
    assert report.summary.startswith(summary)
