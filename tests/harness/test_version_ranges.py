"""Conditions on versions: what they hold for, what is no condition, and CANN's ways of counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from harness.version_ranges import known_version, parse

HOLDS = [
    ("CANN >= 8", "8.0.RC1", True),
    ("CANN >= 8", "7.0.1", False),
    ("CANN >= 8", "10.0.0", True),
    ("CANN >= 8.0.0", "8.0.RC3", False),
    ("CANN >= 8.0.RC2", "8.0.RC1", False),
    ("CANN >= 8.0.RC2", "8.0.RC10", True),
    ("CANN >= 8.0.RC2", "8.0.0", True),
    ("CANN >= 7.0.0", "7.0.0.alpha003", True),
    ("CANN > 8", "8.3.RC1", False),
    ("CANN > 8", "9.0.0", True),
    ("CANN <= 8", "8.3.RC1", True),
    ("CANN < 8", "8.0.RC1", False),
    ("CANN == 5.1", "5.1.RC1", True),
    ("CANN == 5.1", "5.10.0", False),
    ("CANN >= 7, < 8", "7.0.1", True),
    ("CANN >= 7, < 8", "8.0.0", False),
    ("cann>=7,<8", "6.3.RC2", False),
    ("CANN >= 5", "20.2", False),
    ("CANN == 5.0.2", "21.0.2", True),
    ("driver >= 21", "21.0.2", True),
    ("onnxruntime >= 1.20", "1.31.1", True),
    ("torch < 2.14", "2.13.0+cpu", True),
]


@pytest.mark.parametrize(("condition", "version", "expected"), HOLDS)
def test_a_condition_is_compared_as_far_as_it_is_written(condition, version, expected):
    assert parse(condition).holds(version) is expected


@pytest.mark.parametrize(
    "text",
    ["", "CANN", "CANN 8", "CANN >= x", ">= 8", "CANN >= 8,", "CANN >= 8 or < 7", "CANN >= 8 < 9",
     "CAN >= 8", "CANN => 8", "CANN != 8",
     "CANN >= 8, < 7", "CANN > 8, <= 8", "CANN >= 8.", "CANN >= 8..1", "CANN >= 8.foo1", "CANN >= RC1"],
)  # fmt: skip
def test_another_text_is_no_condition(text):
    with pytest.raises(ValueError, match="expected"):
        parse(text)


numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(bound=numbers, version=numbers)
def test_whole_versions_of_three_numbers_compare_as_pythons_do(bound, version):
    three, other = (".".join([*text.split("."), "0", "0"][:3]) for text in (bound, version))

    # packaging's order of release numbers, an independent implementation.
    assert parse(f"torch >= {three}").holds(other) is (Version(other) >= Version(three))
    assert parse(f"torch < {three}").holds(other) is (Version(other) < Version(three))


@given(low=numbers, high=numbers, version=numbers)
def test_a_range_within_another_holds_for_no_version_that_the_other_lacks(low, high, version):
    narrow, wide = parse(f"torch >= {low}"), parse(f"torch >= {high}")

    if narrow.within(wide):
        assert wide.holds(version) or not narrow.holds(version)
    if narrow.holds(version) and wide.holds(version):
        assert narrow.meets(wide)


def test_a_version_is_looked_for_where_a_result_keeps_it():
    toolchain = {"name": "CANN", "version": "8.0.RC1", "driver": "23.0.0"}
    packages = {"tensorflow-cpu": "2.21.0", "torch": "2.13.0+cpu"}

    found = {name: known_version(name, toolchain, packages) for name in ("CANN", "driver", "tensorflow", "torch")}
    assert found == {"CANN": "8.0.RC1", "driver": "23.0.0", "tensorflow": "2.21.0", "torch": "2.13.0+cpu"}
    assert known_version("CANN", {}, {}) == ""
    assert known_version("onnxruntime", toolchain, packages) == ""
    assert known_version("CANN", {"name": "CANN", "version": "unknown"}, {}) == ""
