"""The words of AscendCL's errors, which change with the version of CANN."""

import re
from pathlib import Path

import pytest

from harness.emulator import acl_messages, prefix

STAMP = r"\[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} "


@pytest.mark.parametrize(
    ("cann", "head"),
    [
        ((6, 0), r"EL0004: Failed to allocate memory\."),
        ((7, 0), r"EL0004: Failed to allocate memory\."),
        ((8, 0), rf"EL0004: {STAMP}Failed to allocate memory\."),
        ((8, 5), rf"{STAMP}Memory_Allocation_Failure\(EL0004\): Failed to allocate memory requested by GE module\."),
    ],
)
def test_out_of_memory_begins_as_that_cann_writes_it(cann: tuple[int, int], head: str) -> None:
    lines = acl_messages.out_of_memory(4096, cann).splitlines()

    assert re.fullmatch(head, lines[0])
    assert lines[1:4] == [
        "        Possible Cause: Available memory is insufficient.",
        "        Solution: Close applications not in use.",
        "        TraceBack (most recent call last):",
    ]
    assert lines[-1].startswith("        alloc device memory failed, runtime result = 207001[FUNC:")


@pytest.mark.parametrize(("named", "read"), [("6.0.RC1", (6, 0)), ("8.0.RC3", (8, 0))])
def test_the_version_is_that_of_the_prefix(named: str, read: tuple[int, int], tmp_path: Path) -> None:
    prefix.make(tmp_path / "prefix", ("Ascend310P3",), {"OMGATE_EMULATE_CANN": named})

    assert acl_messages.cann_version(tmp_path / "prefix") == read


def test_a_folder_that_is_no_prefix_has_no_version(tmp_path: Path) -> None:
    assert acl_messages.cann_version(tmp_path) == (0, 0)


def test_an_oom_and_a_damaged_om_share_no_sign() -> None:
    damaged = acl_messages.not_loaded("expected 10 bytes of model, got 9")

    assert not re.search("EL0004|207001|allocat", damaged)
    assert "545001" in damaged
