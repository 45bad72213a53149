"""A draft's text is TOML, whatever a README says; questions and notes are comments."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from harness.drafts.page import Number, Page, Question, toml

SCALARS = (
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@given(VALUES)
def test_a_value_is_read_back_as_it_was(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}\n") == {"x": value}


@given(st.text(), st.text())
def test_no_question_or_note_can_become_a_field(question: str, note: str) -> None:
    page = Page()

    page.field("x", 1, Question("x", question), note)

    assert tomllib.loads(page.text) == {"x": 1}


def test_a_number_keeps_its_printed_decimals() -> None:
    assert (toml(Number(70.1, 2)), toml(Number(31.0, 0))) == ("70.10", "31")


def test_a_needed_question_says_so_and_names_its_table() -> None:
    page = Page()
    page.table("artifact")

    page.field("onnx", "a.onnx", Question("onnx", "where is it?", needed=True))

    assert page.questions == [Question("artifact.onnx", "where is it?", needed=True)]
    assert page.text == '[artifact]\n# ? needed before anything can be judged: where is it?\nonnx = "a.onnx"\n'
