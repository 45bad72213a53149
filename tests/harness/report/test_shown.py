"""What is shown of a text: no secret, no absolute path, nothing that a terminal or an editor would obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.readme.redact import CUT
from harness.report.shown import shown, shown_words

# Made up, in the forms that their makers publish.
SECRETS = [
    "https://bucket.example.com/a.om?AccessKeyId=AB12&Signature=Zm9vYmFy",
    "https://me:hunter22@example.com/a.om",
    "token=abcdef0123456789",
    "password: hunter22",
    "Authorization: Bearer abc.def",
    "提取码：a1b2",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "hf_0123456789abcdefghijABCD",
    "AKIA0123456789ABCDEF",
]
HIDDEN = ("Signature=", "hunter22", "abcdef0123456789", "abc.def", "a1b2", "0123456789")


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_cut_out(text):
    found = shown(f"see {text} for more")

    assert CUT in found
    assert not any(secret in found for secret in HIDDEN)
    assert found.startswith("see ")
    assert found.endswith(" for more")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me/runs/7/logs/atc.log", "…/logs/atc.log"),
        ("--cache-dir=/data/one/two/store", "--cache-dir=…/two/store"),
        ("File '/usr/lib/python3/site.py'", "File '…/python3/site.py'"),
        ("https://example.com/a/b/c", "https://example.com/a/b/c"),
        ("31.2 images/s at 1/2", "31.2 images/s at 1/2"),
        ("tests/gates/test_parity.py", "tests/gates/test_parity.py"),
        ("max|a−b| / max|b| 4e-07", "max|a−b| / max|b| 4e-07"),
    ],
)
def test_only_absolute_paths_are_shortened(text, expected):
    assert shown(text) == expected


def test_what_a_terminal_obeys_is_left_out():
    assert shown("a\x1b[31mred\x1b[0m\x07 \u202edesrever") == "ared desrever"
    assert shown("two\nlines\tand a tab") == "two\nlines\tand a tab"


def test_the_value_of_a_secret_option_is_cut():
    assert shown_words(["omgate", "--api-token", "abc", "--model", "x"]) == [
        "omgate",
        "--api-token",
        CUT,
        "--model",
        "x",
    ]


@given(st.text())
def test_what_is_shown_once_stays_so(text):
    assert shown(shown(text)) == shown(text)
