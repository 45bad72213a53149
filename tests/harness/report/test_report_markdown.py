"""The verdicts as Markdown: the same numbers as the page, no HTML, and a summary that GitHub accepts."""

import pytest

from harness.report import markdown
from harness.report.read import read
from tests.harness import run_folders as made


def summary(folder) -> str:
    return markdown.step_summary(read(folder, {}))


def test_the_summary_has_the_urgent_cases_first(tmp_path):
    red = made.entry(made.case(batch=8), made.judgement("FAIL", note="fell"), "missed")
    made.write(tmp_path, [made.entry(), made.timed(4, 90.0), red])

    rows = [line for line in summary(tmp_path).splitlines() if line.startswith("| ") and "bs" in line]
    assert [line.split("|")[2].strip() for line in rows] == ["toy-ort-cpu-bs8", "toy-ort-cpu-bs4", "toy-ort-cpu-bs1"]
    assert "fell" in rows[0]


def test_the_summary_and_the_tables_have_the_numbers_of_the_page(tmp_path):
    made.write(tmp_path, [made.entry()])

    assert "| 81.01 % | 80.98 % |" in summary(tmp_path)
    assert "| 81.01 % (promised 80.98 %) PASS met |" in markdown.whole(tmp_path, {})


def test_what_is_not_real_is_said_in_capitals(tmp_path):
    made.write(tmp_path, [made.entry(made.case(emulated=True)), made.entry(made.case(weights="seeded"))])

    found = summary(tmp_path)
    assert "**1 of 2 cases are EMULATED: no number of theirs is an NPU's.**" in found
    assert "toy-ort-cpu-bs1-emulated **EMULATED**" in found
    assert "toy-ort-cpu-bs1-seeded **SEEDED**" in found


@pytest.mark.parametrize(
    "bad", ["<script>alert(1)</script>", "<img src=x onerror=y>", "a | b", "a\nb", "[x](javascript:y)"]
)
def test_no_text_becomes_html_or_another_cell(tmp_path, bad):
    judged = made.judgement("FAIL", note=bad)
    made.write(tmp_path, [made.entry(made.case(model=bad), judged, "missed", waived_by=bad)], environment={})

    for text in (summary(tmp_path), markdown.whole(tmp_path, {})):
        assert "<script" not in text
        assert "<img" not in text
    row = next(line for line in summary(tmp_path).splitlines() if "missed" in line)
    assert row.replace("\\|", "").count("|") == 7
    assert "[x](" not in row


def test_a_summary_stays_below_githubs_limit(tmp_path):
    long = made.judgement("FAIL", note="é" * 4000)
    made.write(tmp_path, [made.entry(made.case(batch=at), long, "missed") for at in range(1, 300)])

    found = summary(tmp_path)
    assert len(found.encode()) < 2**20
    assert found.rstrip().endswith("more cases")


def test_secrets_are_cut_from_the_tables(tmp_path):
    made.write(tmp_path, [made.entry(judged=made.judgement("FAIL", note="https://h.example/x?sig=abc123"))])

    assert "abc123" not in markdown.whole(tmp_path, {}) + summary(tmp_path)
