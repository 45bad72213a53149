"""Other numbers in a README's tables, and nothing else changed."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.readme import parse
from harness.readme.patch import Change, changed, diff, tables_with
from tests.harness.toy_readme import README


def rows_of(data):
    return parse(data).rows


def wanted(data, *numbers):
    """Return the changes of a README's rows by their old and new numbers."""
    return [Change(next(row for row in rows_of(data) if row.value == old), new) for old, new in numbers]


def test_only_the_number_changes_with_its_unit_and_bold_kept():
    data = README.encode()

    done = changed(data, wanted(data, (300.25, 311.5)))
    assert done.data == data.replace(b"**300.25 fps**", b"**311.50 fps**")
    assert done.notes == ()


def test_a_rounded_number_has_the_decimals_of_the_old_and_an_exact_one_its_own():
    data = README.encode()
    (row,) = [row for row in rows_of(data) if row.value == 120.5]

    assert b" 118.3 |" in changed(data, [Change(row, 118.349)]).data
    assert b" 118.349 |" in changed(data, [Change(row, 118.349, decimals=0)]).data
    assert b" 118.00 |" in changed(data, [Change(row, 118.0, decimals=2)]).data


def test_a_number_that_rounds_to_itself_changes_nothing():
    data = README.encode()

    done = changed(data, wanted(data, (120.5, 120.52)))
    assert done.data == data
    assert diff("README.md", data, done.data) == b""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bytes_encoding_and_line_ends_stay(encoding, end):
    text = README.replace("\n", end).rstrip()
    data = text.encode(encoding)

    done = changed(data, wanted(data, (120.5, 99.9), (70.5, 71.25)))
    assert done.data == text.replace("120.5", "99.9").replace("70.50", "71.25").encode(encoding)


def test_a_file_of_mixed_encodings_keeps_each_line():
    parts = README.encode().split(b"\n")
    parts[2] = "说明".encode("gb18030") + b"\xff"
    data = b"\n".join(parts)

    done = changed(data, wanted(data, (120.5, 99.9)))
    assert done.data == data.replace(b"120.5", b"99.9")


def test_the_right_one_of_equal_numbers_changes():
    data = README.replace("| 1 | toyset | top1: 70.50% | 120.5 |", "| 4 | set 4 | top1: 4.00% | 4.00 |").encode()
    rate = next(row for row in rows_of(data) if row.kind == "throughput" and row.value == 4.0)

    done = changed(data, [Change(rate, 5.0)])
    assert done.data == data.replace(b"4.00% | 4.00", b"4.00% | 5.00")


def test_digits_in_a_links_address_stay():
    data = README.replace("top1: 70.50%", "[top1: 70.50%](https://example.org/70.50)").encode()

    done = changed(data, wanted(data, (70.5, 71.0)))
    assert done.data == data.replace(b"[top1: 70.50%", b"[top1: 71.00%")


def test_seconds_stay_seconds_and_thousands_keep_their_comma():
    data = README.replace("120.5", "1.250 s").replace("300.25", "1,300.5").encode()

    done = changed(data, wanted(data, (1250.0, 1311.2), (1300.5, 12345.678)))
    assert b"| 1.311 s |" in done.data
    assert b"**12,345.7 fps**" in done.data


def test_what_stands_in_no_table_is_left_and_told():
    data = b"# ToyNet\n\nOn 310P3 the throughput at batch 4 is 512.5 fps\n"
    (row,) = rows_of(data)

    done = changed(data, [Change(row, 600.0)])
    assert done.data == data
    assert done.notes == ((3, "stands in no table"),)


def test_a_best_row_that_repeated_the_number_is_told():
    data = README.replace("| Ascend310P3 | 8 | toyset | 内存不足 | |", "| 最优 | | | | 300.25 |").encode()

    done = changed(data, wanted(data, (300.25, 320.75)))
    assert done.data.count(b"300.25") == 1
    assert done.notes == ((9, "repeats a number that has changed; change it by hand"),)


def test_the_cells_of_an_html_table_change_too():
    data = (
        b"<table>\n<tr><th>chip</th><th>batch size</th><th>fps</th></tr>\n"
        b"<tr><td>310P3</td><td>1</td><td>55.5</td></tr>\n<tr><td>310P3</td><td>4</td><td>66.5</td></tr>\n</table>\n"
    )

    done = changed(data, wanted(data, (66.5, 70.31)))
    assert done.data == data.replace(b"66.5", b"70.3")
    assert tables_with(done.data, [4]) == done.data.decode().rstrip("\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False], ids=["line end at the end", "no line end at the end"])
@pytest.mark.parametrize("tool", [["patch", "-p0", "-i"], ["git", "apply"]], ids=["patch", "git"])
def test_patch_and_git_apply_the_diff(tmp_path, end, last, tool):
    data = (README if last else README.rstrip()).replace("\n", end).encode("gb18030")
    after = changed(data, wanted(data, (120.5, 99.9))).data
    (tmp_path / "README.md").write_bytes(data)
    (tmp_path / "p.diff").write_bytes(diff("README.md", data, after))

    subprocess.run([*tool, "p.diff"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "README.md").read_bytes() == after != data


def test_the_diff_touches_the_changed_lines_only():
    data = README.encode()

    lines = diff("zoo/README.md", data, changed(data, wanted(data, (120.5, 99.9))).data).decode().split("\n")
    touched = [line for line in lines if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]
    assert touched == [
        "-| Ascend310P3 | 1 | toyset | top1: 70.50% | 120.5 |",
        "+| Ascend310P3 | 1 | toyset | top1: 70.50% | 99.9 |",
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 99_999).map(lambda n: n / 10), st.integers(1, 9_999).map(lambda n: n / 100))
def test_a_readme_with_changed_numbers_is_read_with_the_changed_numbers(rate, share):
    data = README.encode()

    done = changed(data, wanted(data, (120.5, rate), (70.5, share)))
    values = {row.kind: row.value for row in rows_of(done.data) if row.where.line == 7}
    assert values == {"accuracy": share, "throughput": rate}


def test_the_tables_text_is_the_readmes_own():
    text = tables_with(README.encode(), [8])

    assert text == "\n".join(README.split("\n")[4:9])
