"""What is looked at before a costly search never says no where that search would find something."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.readme import document, figures, labels, logs, markdown, quantities, redact, sentences, vocabulary
from harness.readme import sentence_rows as clauses
from harness.readme import surroundings as around
from harness.readme.document import Line
from harness.readme.row_labels import RowReader

WORDS = vocabulary.read()
LABELS = labels.Labels(WORDS)
CELLS = figures.Cells(WORDS)
UNITS = re.compile(quantities.UNIT.pattern.replace(f"(?=[{quantities.FIRST}])", "", 1), re.IGNORECASE)
FAMILIES = re.compile(WORDS.metrics.families.pattern.replace(f"(?=[{vocabulary.FAMILIES_BEGIN}])", "", 1))


def near(*patterns: re.Pattern[str]) -> st.SearchStrategy[str]:
    """Return texts on one line that hold what one of the patterns finds, with anything around it."""
    found = st.one_of([st.from_regex(pattern) for pattern in patterns])
    around = st.text(max_size=3)
    return st.builds(lambda *parts: " ".join("".join(parts).split("\n")), around, found, around)


@given(near(UNITS))
@example("条/秒")
@example("4 帧/s")
def test_every_unit_begins_with_one_of_the_first_signs(text):
    assert UNITS.pattern != quantities.UNIT.pattern
    assert [one.span() for one in quantities.UNIT.finditer(text)] == [one.span() for one in UNITS.finditer(text)]


@given(near(FAMILIES))
def test_every_family_of_metrics_begins_with_one_of_its_letters_and_has_a_digit(text):
    families, found = WORDS.metrics.families, [one.span() for one in FAMILIES.finditer(text)]

    assert FAMILIES.pattern != families.pattern
    assert [one.span() for one in families.finditer(text)] == found
    assert not found or vocabulary.DIGIT.search(text)


def named(name: str) -> st.SearchStrategy[str]:
    """Return cells of a metric's name and a number, as the pattern of simple cells lets them be."""
    return st.from_regex(figures.PLAIN, fullmatch=True).map(lambda text: re.sub(r"^[A-Za-z]\w*", name, text))


@given(st.sampled_from(["top1", "mIoU", "acc", "Rank5", "AP50", "f1", "map", "ap", "auc", "WER"]).flatmap(named))
@example("12 ms")
@settings(max_examples=300)
def test_a_simple_cell_is_read_at_once_as_it_would_be_piece_by_piece(text):
    plain = vocabulary.fold(text).strip().strip("*`").strip()
    at_once = CELLS.simple(plain)

    if at_once:
        assert at_once.figures == tuple(figures.grouped(list(CELLS.tokens(plain))))


@given(near(logs.AVERAGE, logs.KEY_VALUE, logs.COCO, logs.CHECKPOINT, logs.SUMMARY))
@example("(AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.375")
@settings(max_examples=300)
def test_no_line_of_a_log_is_passed_over(text):
    keys = [one[2] for one in logs.KEY_VALUE.finditer(text) if LABELS.read(one[2]).metrics]
    shares = [one[2] for one in logs.COCO.finditer(text) if one[2] in logs.COCO_NAMES]
    named = {match[1] for match in logs.CHECKPOINT.finditer(text) if "best" in match[1].lower()}

    assert (logs.average_time(text) is None) == (logs.AVERAGE.search(text) is None)
    assert len(list(logs.evaluation(Line(1, text), LABELS))) == len(keys) + len(shares)
    assert {name for _, name, _ in logs.checkpoints([text])} == named
    assert logs.SUMMARY.search(text) is None or "iou" in text.lower()


@pytest.mark.parametrize("name", ["a_0.751_best.pth", "a_0.751_BEST.ckpt"])
def test_a_files_best_score_is_found_in_either_case(name):
    assert [score for _, _, score in logs.checkpoints([name])] == [0.751]


@given(near(around.SOC, around.SHAPE))
def test_no_command_is_passed_over(text):
    chips = {chip.lower() for chip in around.SOC.findall(text)}

    assert len(chips) != 1 or around.commands([text]).chip
    assert not around.SHAPE.search(text) or "shape" in text


@given(st.text(alphabet="|｜\\- a", max_size=6))
def test_a_line_without_a_bar_is_no_row(text):
    assert markdown.has_bar(text) or not markdown.is_row(text)


MARKED = [
    "*", "**", "_", "`", "[", "](", ")", "<", ">", "&", ";", "\\", "~~", "~", "a", "1.5", " ", "<br>", "**a**", "_b_",
    "`c`", "[d](e)", "&amp;", "&#37;", "\\*", "\\|", "<b>", "</b>", "~~f~~", "![g](h)", "<i@j.k>",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(MARKED), st.text(max_size=2)), max_size=8).map("".join))
@settings(max_examples=500)
def test_a_text_whose_signs_mark_nothing_is_what_markdown_makes_of_it(text):
    text = document.decode(text.encode("utf-8", "replace"))

    if markdown.is_unmarked(text):
        assert markdown.rendered(text).split() == text.split()


@given(st.from_regex(markdown.SIMPLE, fullmatch=True))
@example("**12.5 %**")
@example("[top-1](https://example.org/a#b)")
def test_a_link_or_a_bold_word_is_what_markdown_makes_of_it(text):
    text = document.decode(text.encode("utf-8", "replace"))

    assert markdown.simple(text) in (None, markdown.rendered(text))


BLOCKS = [
    "word", "more words", "| a | b |", "|--|--|", "", "# head", "## ", "===", "---", "- item", "  - inner", "1. # one",
    "> a", "> ```", "```", "~~~", "```sh", "    code", "\ttab", "  ```", "- ```", "***", "精度", "<table>", "\\# a",
    "[a]: b", "1. ```", "+ # a", "* ~~~", "_ _ _", "　x", " # a",
]  # fmt: skip


@given(st.lists(st.sampled_from(BLOCKS), max_size=14))
@settings(max_examples=500)
def test_lines_of_text_below_lines_of_text_change_nothing_of_what_is_code_and_heading(lines):
    text = "\n".join(lines)

    assert markdown.outline(text) == markdown.full_outline(text)


@given(near(redact.QUERY, redact.USER, redact.NAMED, redact.TOKEN))
@example("eyJhbGciOiJ.eyJzdWIi.abcd")
@example("xoxb-0123456789")
@example("提取码：q7x9")
@settings(max_examples=300)
def test_what_may_hide_nothing_hides_nothing(text):
    assert redact.may_hide(text) or redact.cut(text) == text


@given(near(labels.BATCH, clauses.EXACT, clauses.RATED))
@settings(max_examples=300)
def test_a_line_that_tells_nothing_has_nothing_that_a_result_needs(text):
    needed = [pattern for pattern in (labels.BATCH, clauses.EXACT, clauses.RATED) if pattern.search(text)]

    assert not needed or sentences.TELLING.search(text)


BEST = ["最优", "best", "best bs", "batch", "bs4", "a", "_", "性能最佳", " "]


@given(st.lists(st.sampled_from(BEST), min_size=1, max_size=4))
def test_no_cell_with_a_word_for_the_best_is_passed_over(cells):
    one_by_one = any(len(text) < 24 and WORDS.best.has(text) and not LABELS.read(text).metrics for text in cells)

    assert RowReader(LABELS, ()).has_best(cells) == one_by_one


HEADERS = ["Top1", "mAP", "mIoU", "acc bs4", "top-1", "loss", "epoch", "Model", "310P/T4 top1", "score"]


@given(st.lists(st.sampled_from(HEADERS), min_size=2))
def test_a_bare_table_begins_with_two_metrics_or_with_models_and_one(headers):
    lines = [Line(1, "  ".join(headers)), Line(2, "  ".join("0.5" for _ in headers))]
    metrics = sum(LABELS.read(header).kind == "accuracy" for header in headers)
    enough = metrics > (0 if headers[0] == "Model" else 1)

    assert (logs.bare_table(lines, 0, LABELS) is not None) == (enough and len(headers) <= 12)
